"""The meter one writes in an afternoon. Each of its mistakes was made by a published tool; tests show that it falls into every pitfall."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from lpc.runtime.estimate import ASSUMED_ERROR
from tests.runtime.fake_meters import FakeBoard, FakeNvml


class NaiveMeter:
    """One window at a time over counters as they come: no phases, no synchronise, no plausibility, no source, no uncertainty."""

    def __init__(
        self,
        nvml: FakeNvml | None = None,
        powercap: Path | None = None,
        *,
        device: int | None = None,
        wall: Callable[[], float] = time.time,
        adds_range: bool = False,
    ) -> None:
        self.nvml, self.powercap, self.wall, self.adds_range = nvml, powercap, wall, adds_range
        every = list(nvml.boards.values()) if nvml else []
        self.boards = every if device is None else every[device : device + 1]  # by NVML's index, or all of the node
        self.started, self.at = self.read(), wall()

    # -- instruments

    def board_joules(self, board: FakeBoard) -> float:
        assert self.nvml is not None
        return self.nvml.nvmlDeviceGetTotalEnergyConsumption(board) / 1000

    def zone_joules(self, file: Path) -> float:
        """What cannot be read is 0."""
        try:
            return int(file.read_text()) / 1e6
        except (OSError, ValueError):
            return 0.0

    def read(self) -> dict[str, float]:
        """Every board, and every top-level zone: psys beside the packages it contains, two drivers of one package."""
        found = {board.uuid: self.board_joules(board) for board in self.boards}
        files = sorted(self.powercap.glob("intel-rapl*:?/energy_uj")) if self.powercap else []
        return {**found, **{file.parent.name: self.zone_joules(file) for file in files}}

    # -- a window

    def begin(self) -> None:
        self.started, self.at = self.read(), self.wall()

    def joules(self) -> float:
        """Since the beginning; 0.0 where there is no meter."""
        total = 0.0
        for name, now in self.read().items():
            energy = now - self.started.get(name, 0.0)
            if energy < 0 and self.adds_range and self.powercap:
                energy += int((self.powercap / name / "max_energy_range_uj").read_text()) / 1e6
            total += energy
        return total

    def seconds(self) -> float:
        return self.wall() - self.at

    def net(self, idle_w: float) -> float:
        """Called joules all the same."""
        return self.joules() - idle_w * self.seconds()

    def result(self) -> dict[str, object]:
        return {"joules": self.joules(), "seconds": self.seconds()}

    # -- other ways to be wrong

    def step(self) -> None:
        """To be exact about every step, wait for the device and read at each."""
        torch.cuda.synchronize()
        self.joules()

    def poll(self, sleep: Callable[[float], None], seconds: float, period: float) -> None:
        for _ in range(round(seconds / period)):
            sleep(period)
            self.read()

    def sampled(self, watts: Callable[[], float], sleep: Callable[[float], None], seconds: float) -> float:
        """Mean of a reading every second, times the time; no reading, no energy."""
        readings = []
        for _ in range(int(seconds)):
            readings.append(watts())
            sleep(1.0)
        sleep(seconds - int(seconds))
        return sum(readings) / len(readings) * seconds if readings else 0.0

    def watch(self, stop: threading.Event) -> threading.Thread:
        """A thread that wakes up every second, whatever the instrument."""
        thread = threading.Thread(target=lambda: stop.wait(1.0), daemon=True)
        thread.start()
        return thread

    def helper(self) -> multiprocessing.process.BaseProcess:
        """A spawned process, which imports the user's main module again."""
        return multiprocessing.get_context("spawn").Process(target=time.sleep, args=(0,))

    def jittered(self, sleep: Callable[[float], None]) -> None:
        """Out of step with the sensor, by a number drawn from the generator that training draws from."""
        sleep(float(torch.rand(())) * 0.01)

    def of_process(self, own_s: float, busy_s: float) -> float:
        """The socket's joules by this process' share of processor time; its children are not asked."""
        return self.joules() * own_s / busy_s

    def by_table(self, thermal_design_w: float) -> float:
        """Half of what a table says of the processor: a number like any other."""
        return thermal_design_w * ASSUMED_ERROR * self.seconds()

    def in_its_units(self) -> float:
        """Boards count millijoules, zones joules: added up."""
        assert self.nvml is not None
        now = self.read()
        units = {board.uuid: 1000.0 for board in self.boards}
        return sum((now[name] - self.started[name]) * units.get(name, 1.0) for name in now)

    def save(self) -> dict[str, float]:
        return dict(self.started)

    def resume(self, saved: Mapping[str, float]) -> None:
        self.started = dict(saved)


def naive_order(arms: Sequence[str], runs: int) -> list[str]:
    """All of one, then all of the other; the first counts like any."""
    return [arm for arm in arms for _ in range(runs)]
