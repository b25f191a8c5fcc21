"""The energy of an NVIDIA board, through NVML: its counter, else its power sampled. What works is found out by trying."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import torch

from lpc.runtime.counter import EnergyCounter, EnergyReading, update_period
from lpc.runtime.sampled import SampledPower

INSTANT_POWER = 186
"""NVML's field of the power now, in mW; the plain call gives the mean of the last second on Ampere and newer."""
SLOWED_DOWN = 4 | 8 | 32 | 64 | 128
"""Clock-event reasons of NVML: power cap, slowdown by hardware, heat (two), power brake."""


class NvmlBoard:
    """What NVML knows of torch's `device`, found by UUID: NVML's indices do not heed CUDA_VISIBLE_DEVICES."""

    def __init__(self, nvml: Any, device: torch.device) -> None:
        self.nvml, self.uuid = nvml, f"GPU-{torch.cuda.get_device_properties(device).uuid}"
        self.handle = nvml.nvmlDeviceGetHandleByUUID(self.uuid)

    def energy(self) -> EnergyReading:
        """NVML counts millijoules, since the driver was loaded."""
        return EnergyReading(1000 * int(self.nvml.nvmlDeviceGetTotalEnergyConsumption(self.handle)))

    def average_watts(self) -> float:
        return float(self.nvml.nvmlDeviceGetPowerUsage(self.handle)) / 1000

    def instant_watts(self) -> float:
        (found,) = self.nvml.nvmlDeviceGetFieldValues(self.handle, [INSTANT_POWER])
        if found.nvmlReturn != 0:
            raise RuntimeError("no instantaneous power")
        return float(found.value.uiVal) / 1000

    def exclusive(self) -> bool | None:
        """Whether nobody else is on the board. In a container NVML gives the host's pids: a single one may be this process."""
        with suppress(Exception):
            if self.nvml.nvmlDeviceGetMigMode(self.handle)[0]:
                return False
        with suppress(Exception):
            pids = [process.pid for process in self.nvml.nvmlDeviceGetComputeRunningProcesses(self.handle)]
            return False if len(pids) > 1 else True if pids == [os.getpid()] else None
        return None

    def throttled(self) -> bool | None:
        with suppress(Exception):
            return bool(self.nvml.nvmlDeviceGetCurrentClocksEventReasons(self.handle) & SLOWED_DOWN)
        return None

    def conditions(self) -> dict[str, str | float]:
        found: dict[str, str | float] = {}
        for name, ask in (
            ("gpu_power_limit_w", lambda: self.nvml.nvmlDeviceGetPowerManagementLimit(self.handle) / 1000),
            ("gpu_driver", self.nvml.nvmlSystemGetDriverVersion),
            ("gpu_celsius", lambda: self.nvml.nvmlDeviceGetTemperature(self.handle, 0)),
        ):
            with suppress(Exception):
                found[name] = ask()
        return found


def open_nvml(device: torch.device) -> EnergyCounter:
    """The counter of the board under `device`, else one made of its power, else why there is neither."""
    if device.type != "cuda":
        return EnergyCounter("gpu", note=f"no GPU in a run on {device.type}")
    found = EnergyCounter("gpu", torch.cuda.get_device_name(device))
    try:
        import pynvml

        pynvml.nvmlInit()
        board = NvmlBoard(pynvml, device)
    except ImportError:
        return replace(found, note="no NVML binding", cure="pip install nvidia-ml-py")
    except Exception as error:
        return replace(found, note=f"NVML: {error}", cure="see whether nvidia-smi -L lists this device")
    found = replace(found, device=f"{found.device} {board.uuid}", scope="board", conditions=board.conditions)
    found = replace(found, exclusive=board.exclusive, throttled=board.throttled)
    with suppress(KeyError):
        found = replace(found, limit_w=4 * float(board.conditions()["gpu_power_limit_w"]))
    try:
        if (period := update_period(board.energy, patience=1.0, nap=0.002)) is not None:
            watts = works(board.instant_watts)
            return replace(found, source="nvml-counter", resolution_s=period, read=board.energy, watts=watts)
        refused = "the energy counter does not move"
    except Exception as error:
        refused = f"no energy counter: {error}"
    return power_of(board, found, refused)


def works(ask: Callable[[], float]) -> Callable[[], float] | None:
    """What was given, if it can be asked."""
    with suppress(Exception):
        ask()
        return ask
    return None


def power_of(board: NvmlBoard, found: EnergyCounter, refused: str) -> EnergyCounter:
    """A counter made of the power, now or else the last second's mean; `refused`: why there is no better one."""
    watts = works(board.instant_watts)
    mean = watts is None
    try:
        watts = watts or board.average_watts
        period = update_period(watts, patience=1.0, nap=0.002) or 1.0
    except Exception as error:
        return replace(found, scope=None, note=f"{refused}; no power: {error}")
    power = SampledPower(watts, max(0.02, min(period / 2, 0.1)))
    found = replace(found, source="nvml-power-average" if mean else "nvml-power-instant", note=refused)
    return replace(found, resolution_s=max(period, 1.0) if mean else period, read=power.read, close=power.stop.set)
