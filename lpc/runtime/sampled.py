"""Energy from power: for devices that tell watts and no joules."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from lpc.runtime.counter import EnergyReading


class SampledPower:
    """Watts, read every `period` seconds by a daemon thread, integrated by trapezoids."""

    def __init__(self, watts: Callable[[], float], period: float) -> None:
        self.watts, self.period = watts, period
        self.joules, self.samples, self.hole = 0.0, 0, 0.0
        self.last: tuple[float, float] | None = None
        self.lock, self.stop = threading.Lock(), threading.Event()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        while not self.stop.wait(self.period):
            with suppress(Exception):  # the next sample spans the hole, and `read` minds its length
                self.sample()

    def sample(self) -> None:
        with self.lock:
            now, watts = time.monotonic(), self.watts()
            if self.last is not None:
                elapsed = now - self.last[0]
                self.joules += elapsed * (self.last[1] + watts) / 2
                self.hole = max(self.hole, elapsed)
            self.last, self.samples = (now, watts), self.samples + 1

    def read(self) -> EnergyReading:
        """Takes a sample first, so that every window has one at either end."""
        self.sample()
        with self.lock:
            doubt = f"no power sample for {self.hole:.1f} s" if self.hole > 1 + 10 * self.period else ""
            reading = EnergyReading(round(self.joules * 1e6), self.samples, doubt)
            self.samples, self.hole = 0, 0.0
        return reading
