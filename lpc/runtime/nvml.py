"""The energy of an NVIDIA board, through NVML: its counter, else its power sampled. What works is found out by trying."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import Any

import torch

from lpc.runtime.counter import EnergyCounter, EnergyReading, update_period
from lpc.runtime.sampled import SampledPower


class Board:
    """What NVML knows of torch's `device`, found by UUID: NVML's indices do not heed CUDA_VISIBLE_DEVICES."""

    def __init__(self, nvml: Any, device: torch.device) -> None:
        self.nvml, self.uuid = nvml, torch.cuda.get_device_properties(device).uuid
        try:
            self.handle = nvml.nvmlDeviceGetHandleByUUID(f"GPU-{self.uuid}")
        except nvml.NVMLError:  # a MIG instance: the energy is the whole board's
            instance = nvml.nvmlDeviceGetHandleByUUID(f"MIG-{self.uuid}")
            self.handle = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(instance)

    def energy(self) -> EnergyReading:
        """NVML counts millijoules, since the driver was loaded."""
        return EnergyReading(1000 * int(self.nvml.nvmlDeviceGetTotalEnergyConsumption(self.handle)))

    def instant_watts(self) -> float:
        field = self.nvml.nvmlDeviceGetFieldValues(self.handle, [self.nvml.NVML_FI_DEV_POWER_INSTANT])[0]
        if field.nvmlReturn:
            raise self.nvml.NVMLError(field.nvmlReturn)
        return float(field.value.uiVal) / 1000

    def average_watts(self) -> float:
        """On Ampere and newer the mean over the last second."""
        return float(self.nvml.nvmlDeviceGetPowerUsage(self.handle)) / 1000

    def conditions(self) -> dict[str, str | float]:
        with suppress(Exception):
            watts = self.nvml.nvmlDeviceGetPowerManagementLimit(self.handle) / 1000
            return {"gpu_power_limit_w": watts, "gpu_driver": self.nvml.nvmlSystemGetDriverVersion()}
        return {}

    def is_exclusive(self) -> bool | None:
        """No other process, no MIG. In a container NVML gives the host's pids: a single one may be this process."""
        with suppress(Exception):
            if self.nvml.nvmlDeviceGetMigMode(self.handle)[0]:
                return False
        with suppress(Exception):
            pids = [process.pid for process in self.nvml.nvmlDeviceGetComputeRunningProcesses(self.handle)]
            return False if len(pids) > 1 else True if pids == [os.getpid()] else None
        return None


def open_nvml(device: torch.device) -> EnergyCounter:
    """The first instrument of the board under `device` that works; or why none does."""
    if device.type != "cuda":
        return EnergyCounter("gpu", "", f"the run is on {device.type}")
    name = torch.cuda.get_device_name(device)
    try:
        import pynvml

        pynvml.nvmlInit()
        board = Board(pynvml, device)
    except ImportError:
        return EnergyCounter("gpu", name, "no NVML binding", "pip install nvidia-ml-py")
    except Exception as error:
        return EnergyCounter("gpu", name, f"NVML: {error}", "see whether nvidia-smi -L lists this device")
    found = EnergyCounter("gpu", f"{name} {board.uuid}", scope="board", is_exclusive=board.is_exclusive)
    if conditions := board.conditions():
        found = replace(found, conditions=conditions, limit_w=4 * float(conditions["gpu_power_limit_w"]))
    refused = []
    try:
        if (period := update_period(board.energy, patience=1.0, nap=0.002)) is not None:
            return replace(found, source="nvml-counter", read=board.energy, resolution_s=period)
        refused.append("the energy counter does not move")
    except Exception as error:
        refused.append(f"no energy counter: {error}")
    for source, watts, finest in (("instant", board.instant_watts, 0.02), ("average", board.average_watts, 1.0)):
        try:
            period = update_period(watts, patience=1.0, nap=0.002) or 1.0
        except Exception as error:
            refused.append(f"no {source} power: {error}")
            continue
        sampled = SampledPower(watts, max(0.02, min(period / 2, 0.1)))
        found = replace(found, source=f"nvml-power-{source}", read=sampled.read, close=sampled.stop.set)
        return replace(found, resolution_s=max(period, finest), note="; ".join(refused))
    return replace(found, scope=None, note="; ".join(refused))
