"""A clock that stands still until told; bindings of boards and a powercap tree that follow it: meters without hardware."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lpc.runtime.counter import EnergyCounter, EnergyReading
from lpc.runtime.meter import Meter


class FakeTime:
    """Stands for the module `time` where the runtime reads it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.listeners: list[Callable[[float], None]] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for listener in self.listeners:
            listener(seconds)


class NVMLError(Exception):
    pass


@dataclass
class FakeBoard:
    """A board that draws `watts`; its counter shows whole ticks only, its power is what it is.

    `seen`: what its sensor makes of the power, of which the counter is then the sum; `mean`: what the averaged power says.
    """

    uuid: str
    watts: float = 200.0
    seen: Callable[[], float] | None = None
    mean: Callable[[], float] | None = None
    has_instant: bool = False
    reasons: int = 0
    celsius: int = 40
    tick_s: float = 0.1
    start_mj: int = 5_000_000
    has_counter: bool = True
    has_power: bool = True
    fault: Exception | None = None
    mig: bool = False
    pids: list[int] = field(default_factory=lambda: [os.getpid()])
    limit_w: float = 400.0
    joules: float = 0.0
    shown: float = 0.0
    age: float = 0.0
    calls: dict[str, int] = field(default_factory=dict)

    def pass_time(self, seconds: float) -> None:
        """Power is constant meanwhile, so the joules at the last tick are known exactly."""
        watts = self.watts if self.seen is None else self.seen()
        ticks = math.floor((self.age + seconds) / self.tick_s + 1e-9)
        if ticks > math.floor(self.age / self.tick_s + 1e-9):
            self.shown = self.joules + watts * (ticks * self.tick_s - self.age)
        self.joules += watts * seconds
        self.age += seconds


class FakeNvml:
    """The names of the binding that the meter uses, and no others."""

    NVMLError = NVMLError

    def __init__(self, time: FakeTime, *boards: FakeBoard) -> None:
        self.boards = {board.uuid: board for board in boards}
        for board in boards:
            time.listeners.append(board.pass_time)

    def nvmlInit(self) -> None:
        pass

    def nvmlSystemGetDriverVersion(self) -> str:
        return "570.00"

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> FakeBoard:
        if uuid not in self.boards:
            raise NVMLError("Not Found")
        return self.boards[uuid]

    def asked(self, board: FakeBoard, what: str, supported: bool = True) -> None:
        board.calls[what] = board.calls.get(what, 0) + 1
        if board.fault is not None:
            raise board.fault
        if not supported:
            raise NVMLError("Not Supported")

    def nvmlDeviceGetTotalEnergyConsumption(self, board: FakeBoard) -> int:
        self.asked(board, "energy", board.has_counter)
        return board.start_mj + round(board.shown * 1000)

    def nvmlDeviceGetPowerUsage(self, board: FakeBoard) -> int:
        self.asked(board, "power", board.has_power)
        return round((board.watts if board.mean is None else board.mean()) * 1000)

    def nvmlDeviceGetFieldValues(self, board: FakeBoard, fields: list[int]) -> list[Any]:
        assert fields == [186]
        self.asked(board, "instant")
        return [
            SimpleNamespace(
                nvmlReturn=3 * (not board.has_instant), value=SimpleNamespace(uiVal=round(board.watts * 1000))
            )
        ]

    def nvmlDeviceGetCurrentClocksEventReasons(self, board: FakeBoard) -> int:
        return board.reasons

    def nvmlDeviceGetTemperature(self, board: FakeBoard, sensor: int) -> int:
        return board.celsius

    def nvmlDeviceGetPowerManagementLimit(self, board: FakeBoard) -> int:
        return round(board.limit_w * 1000)

    def nvmlDeviceGetMigMode(self, board: FakeBoard) -> list[int]:
        return [int(board.mig), int(board.mig)]

    def nvmlDeviceGetComputeRunningProcesses(self, board: FakeBoard) -> list[Any]:
        return [SimpleNamespace(pid=pid) for pid in board.pids]


class FakeAmdsmi:
    """The names of AMD's binding that the meter uses; boards by their place on the PCI bus, which stands for their handle."""

    def __init__(
        self, time: FakeTime, *boards: FakeBoard, unit_uj: float = 15.3, key: str = "energy_accumulator"
    ) -> None:
        self.boards = {board.uuid: board for board in boards}
        self.unit_uj, self.key, self.says = unit_uj, key, ""
        for board in boards:
            time.listeners.append(board.pass_time)

    def amdsmi_init(self) -> None:
        if self.says:
            print(self.says)

    def amdsmi_get_processor_handles(self) -> list[FakeBoard]:
        return list(self.boards.values())

    def amdsmi_get_gpu_device_bdf(self, board: FakeBoard) -> str:
        return board.uuid

    def amdsmi_get_energy_count(self, board: FakeBoard) -> dict[str, float]:
        board.calls["energy"] = board.calls.get("energy", 0) + 1
        if board.fault is not None:
            raise board.fault
        return {self.key: round(board.shown * 1e6 / self.unit_uj), "counter_resolution": self.unit_uj, "timestamp": 0}

    def amdsmi_get_gpu_process_list(self, board: FakeBoard) -> list[dict[str, Any]]:
        return [{"pid": pid, "name": "python"} for pid in board.pids]


class FakePowercap:
    """Zones `PROVIDER:N[:M]` in a folder, flat as in sysfs; `watts` by zone, counters that wrap at `range_uj`."""

    def __init__(self, root: Path, time: FakeTime) -> None:
        self.root = root
        self.watts: dict[str, float] = {}
        self.microjoules: dict[str, int] = {}
        self.ranges: dict[str, int] = {}
        time.listeners.append(self.pass_time)

    def add(self, zone: str, name: str, watts: float, start_uj: int = 0, range_uj: int = 262_143_328_850) -> Path:
        folder = self.root / zone
        folder.mkdir(parents=True)
        (folder / "name").write_text(f"{name}\n")
        (folder / "max_energy_range_uj").write_text(f"{range_uj}\n")
        self.watts[zone], self.microjoules[zone], self.ranges[zone] = watts, start_uj, range_uj
        self.pass_time(0.0)
        return folder

    def pass_time(self, seconds: float) -> None:
        for zone, watts in self.watts.items():
            self.microjoules[zone] = (self.microjoules[zone] + round(watts * seconds * 1e6)) % self.ranges[zone]
            (self.root / zone / "energy_uj").write_text(f"{self.microjoules[zone]}\n")


@dataclass
class FakeMachine:
    """A machine under test: its clock, its boards as torch and NVML see them, its powercap tree."""

    time: FakeTime
    powercap: FakePowercap
    monkeypatch: pytest.MonkeyPatch
    syncs: int = 0

    def synchronize(self, device: torch.device) -> None:
        self.syncs += 1

    def install(self, *boards: FakeBoard, visible: str | None = None) -> FakeNvml:
        """Boards for NVML; torch sees the one whose UUID is `visible` (the first if not given)."""
        nvml = FakeNvml(self.time, *boards)
        uuid = (visible or boards[0].uuid).removeprefix("GPU-")
        self.monkeypatch.setitem(sys.modules, "pynvml", nvml)
        self.monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(uuid=uuid))
        self.monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Fake GPU")
        self.monkeypatch.setattr(torch.cuda, "synchronize", self.synchronize)
        return nvml

    def install_amd(self, *boards: FakeBoard, bus: int = 0xC1, **more: Any) -> FakeAmdsmi:
        """Boards for amdsmi; torch is one for ROCm, and sees the board on that bus."""
        amdsmi = FakeAmdsmi(self.time, *boards, **more)
        place = SimpleNamespace(pci_domain_id=0, pci_bus_id=bus, pci_device_id=0)
        self.monkeypatch.setitem(sys.modules, "amdsmi", amdsmi)
        self.monkeypatch.setattr(torch.version, "hip", "6.4")
        self.monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: place)
        self.monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Fake AMD")
        self.monkeypatch.setattr(torch.cuda, "synchronize", self.synchronize)
        return amdsmi


def fake_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    """A machine without boards or zones, until they are added."""
    time = FakeTime()
    for module in ("counter", "sampled", "rapl", "meter"):
        monkeypatch.setattr(f"lpc.runtime.{module}.time", time)
    return FakeMachine(time, FakePowercap(tmp_path / "powercap", time), monkeypatch)


def domain(meter: Meter, name: str) -> dict[str, Any]:
    """The first of that name."""
    found: dict[str, Any] = next(found for found in meter.result()["domains"] if found["domain"] == name)
    return found


def scripted(readings: list[int | Exception], time: FakeTime | None = None, **more: Any) -> EnergyCounter:
    """A counter whose readings are written down beforehand."""
    rest: Iterator[int | Exception] = iter(readings)

    def read() -> EnergyReading:
        value = next(rest)
        if isinstance(value, Exception):
            raise value
        return EnergyReading(value)

    return EnergyCounter("gpu", "board", source="nvml-counter", resolution_s=0.1, read=read, **more)
