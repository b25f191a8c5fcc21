"""The energy of an NVIDIA board, through NVML: its counter, else its power sampled. What works is found out by trying."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import Any

import torch

from lpc.runtime.counter import EnergyCounter, EnergyReading, update_period
from lpc.runtime.sampled import SampledPower


class NvmlBoard:
    """What NVML knows of torch's `device`, found by UUID: NVML's indices do not heed CUDA_VISIBLE_DEVICES."""

    def __init__(self, nvml: Any, device: torch.device) -> None:
        self.nvml, self.uuid = nvml, f"GPU-{torch.cuda.get_device_properties(device).uuid}"
        self.handle = nvml.nvmlDeviceGetHandleByUUID(self.uuid)

    def energy(self) -> EnergyReading:
        """NVML counts millijoules, since the driver was loaded."""
        return EnergyReading(1000 * int(self.nvml.nvmlDeviceGetTotalEnergyConsumption(self.handle)))

    def watts(self) -> float:
        """On Ampere and newer the mean of the last second."""
        return float(self.nvml.nvmlDeviceGetPowerUsage(self.handle)) / 1000

    def is_exclusive(self) -> bool | None:
        """Whether nobody else is on the board. In a container NVML gives the host's pids: a single one may be this process."""
        with suppress(Exception):
            if self.nvml.nvmlDeviceGetMigMode(self.handle)[0]:
                return False
        with suppress(Exception):
            pids = [process.pid for process in self.nvml.nvmlDeviceGetComputeRunningProcesses(self.handle)]
            return False if len(pids) > 1 else True if pids == [os.getpid()] else None
        return None


def open_nvml(device: torch.device) -> EnergyCounter:
    """The counter of the board under `device`, else one made of its power, else why there is neither."""
    if device.type != "cuda" or torch.version.hip:
        return EnergyCounter("gpu", note=f"no NVIDIA board in a run on {'ROCm' if torch.version.hip else device.type}")
    found = EnergyCounter("gpu", torch.cuda.get_device_name(device))
    try:
        import pynvml

        pynvml.nvmlInit()
        board = NvmlBoard(pynvml, device)
    except ImportError:
        return replace(found, note="no NVML binding", cure="pip install nvidia-ml-py")
    except Exception as error:
        return replace(found, note=f"NVML: {error}", cure="see whether nvidia-smi -L lists this device")
    with suppress(Exception):
        limit = pynvml.nvmlDeviceGetPowerManagementLimit(board.handle) / 1000
        conditions = {"gpu_power_limit_w": limit, "gpu_driver": pynvml.nvmlSystemGetDriverVersion()}
        found = replace(found, limit_w=4 * limit, conditions=conditions)
    found = replace(found, device=f"{found.device} {board.uuid}", scope="board", is_exclusive=board.is_exclusive)
    try:
        if (period := update_period(board.energy, patience=1.0, nap=0.002)) is not None:
            return replace(found, source="nvml-counter", resolution_s=period, read=board.energy)
        refused = "the energy counter does not move"
    except Exception as error:
        refused = f"no energy counter: {error}"
    try:
        period = update_period(board.watts, patience=1.0, nap=0.002) or 1.0
    except Exception as error:
        return replace(found, scope=None, note=f"{refused}; no power: {error}")
    power = SampledPower(board.watts, max(0.02, min(period / 2, 0.1)))
    found = replace(found, source="nvml-power-average", resolution_s=max(period, 1.0), note=refused)
    return replace(found, read=power.read, close=power.stop.set)
