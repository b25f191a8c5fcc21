"""The energy of an AMD board, through `amdsmi`: its counter, where it moves. On some boards it stands still, and is refused."""

from __future__ import annotations

import io
import os
from contextlib import redirect_stdout, suppress
from dataclasses import replace
from typing import Any

import torch

from lpc.runtime.counter import EnergyCounter, EnergyReading, update_period


class AmdBoard:
    """What amdsmi knows of torch's `device`, found by its place on the PCI bus: amdsmi's indices do not heed HIP_VISIBLE_DEVICES."""

    def __init__(self, amdsmi: Any, device: torch.device) -> None:
        found: Any = torch.cuda.get_device_properties(device)  # these three from torch 2.8 on
        self.amdsmi, self.place = amdsmi, f"{found.pci_domain_id:04x}:{found.pci_bus_id:02x}:{found.pci_device_id:02x}"
        places = {amdsmi.amdsmi_get_gpu_device_bdf(handle): handle for handle in amdsmi.amdsmi_get_processor_handles()}
        mine = [handle for place, handle in places.items() if place.lower().startswith(self.place)]
        if len(mine) != 1:
            raise RuntimeError(f"{len(mine)} boards at {self.place}")
        self.handle = mine[0]

    def energy(self) -> EnergyReading:
        """An accumulator, and how many microjoules its unit is; before ROCm 6.2.1 the accumulator was called power."""
        found = self.amdsmi.amdsmi_get_energy_count(self.handle)
        units = found["energy_accumulator"] if "energy_accumulator" in found else found["power"]
        return EnergyReading(round(units * found["counter_resolution"]))

    def exclusive(self) -> bool | None:
        with suppress(Exception):
            pids = [process["pid"] for process in self.amdsmi.amdsmi_get_gpu_process_list(self.handle)]
            return False if len(pids) > 1 else True if pids == [os.getpid()] else None
        return None


def open_amd(device: torch.device) -> EnergyCounter:
    """The counter of the board under `device`, or why there is none."""
    found = EnergyCounter("gpu", torch.cuda.get_device_name(device))
    try:
        with redirect_stdout(io.StringIO()):  # without its library the binding prints a complaint
            import amdsmi

            amdsmi.amdsmi_init()
        board = AmdBoard(amdsmi, device)
    except ImportError:
        return replace(found, note="no amdsmi binding", cure="pip install amdsmi, in the version of the ROCm installed")
    except Exception as error:
        return replace(found, note=f"amdsmi: {error}", cure="see whether amd-smi list names this device")
    found = replace(found, device=f"{found.device} {board.place}", exclusive=board.exclusive)
    try:
        period = update_period(board.energy, patience=1.0, nap=0.002)
    except Exception as error:
        return replace(found, note=f"no energy counter: {error}")
    if period is None:
        return replace(found, note="the energy counter does not move")
    return replace(found, source="amdsmi-counter", scope="board", resolution_s=period, read=board.energy)
