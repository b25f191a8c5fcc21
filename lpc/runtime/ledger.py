"""What one energy counter counted in a run, phase by phase."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lpc.runtime.counter import EnergyCounter, EnergyReading

SENSOR_ERROR = {"rapl": 0.03, "nvml-counter": 0.02, "nvml-power-instant": 0.05, "nvml-power-average": 0.05}
"""Relative error of an instrument, one standard deviation: assumed, none of them was held against a wall meter."""


class EnergyLedger:
    """Books windows of one counter by phase. Those whose readings cannot be believed are lost, never filled in.

    Energy is whole microjoules, and one reading serves the window it ends and the one it begins: phases sum to the total.
    """

    def __init__(self, counter: EnergyCounter) -> None:
        self.counter, self.failures = counter, 0
        self.last: EnergyReading | None = None
        self.instrument = {name: getattr(counter, name) for name in ("device", "source", "scope", "resolution_s")}
        self.phases: dict[str, list[float]] = {}  # windows, microjoules, seconds
        self.sums = {
            "samples": 0,
            "lost_s": 0.0,
            "overhead_s": 0.0,
            "starts": 1,
        }  # one start a process, and a lost window
        self.idle_w: float | None = None
        self.exclusive = [counter.is_exclusive()]
        self.notes = [note for note in (counter.note, counter.cure) if note]

    def note(self, text: str) -> None:
        if text not in self.notes and len(self.notes) < 9:
            self.notes.append(text)

    def read(self, clock: Callable[[], float]) -> EnergyReading | None:
        """A reading, or None. Training goes on whatever a driver does; after three failures in a row it is asked no more."""
        if self.counter.read is None or self.failures == 3:
            return None
        start, reading = clock(), None
        try:
            reading, self.failures = self.counter.read(), 0
            self.sums["samples"] += reading.samples
        except Exception as error:
            self.failures += 1
            self.note(f"{'lost a window' if self.failures < 3 else 'given up'}: {error}")
        self.sums["overhead_s"] += clock() - start
        return reading

    def window(self, seconds: float, reading: EnergyReading | None) -> int | None:
        """Microjoules since the last reading, `seconds` ago; None where the two cannot both be believed."""
        first, self.last = self.last, reading
        if first is None or reading is None:
            return None
        energy, wraps_at = reading.microjoules - first.microjoules, self.counter.wraps_at
        if energy < 0 and wraps_at:
            energy += wraps_at
        # A counter that lags may put one more of its periods into a window.
        most = 1e6 * self.counter.limit_w * (seconds + (self.counter.resolution_s or 0.0))
        if energy < 0:
            self.note("lost a window: the counter went back (was the driver reloaded?)")
        elif energy > most:
            self.note(f"lost a window: {energy / 1e6:.3g} J in {seconds:.3g} s is more than the device can draw")
        elif wraps_at and energy + wraps_at <= most:
            self.note(f"lost a window: in {seconds:.0f} s the counter may have wrapped more than once")
        else:
            return energy
        return None

    def book(self, phase: str, seconds: float, reading: EnergyReading | None) -> None:
        """Ends a window, with the reading that begins the next."""
        energy = self.window(seconds, reading)
        if energy is None:
            self.sums["lost_s"] += seconds
            self.sums["starts"] += 1
        else:
            self.add(phase, (1, energy, seconds))

    def rest(self, seconds: float, reading: EnergyReading | None) -> None:
        """The power of a device that has done nothing for `seconds`."""
        energy = self.window(seconds, reading)
        self.idle_w = None if energy is None else energy / 1e6 / seconds

    def add(self, phase: str, row: Sequence[float]) -> None:
        self.phases[phase] = [a + b for a, b in zip(self.phases.get(phase, (0, 0, 0.0)), row, strict=True)]

    def joules(self) -> float | None:
        """None where nothing was measured, or the counter was given up."""
        return sum(row[1] for row in self.phases.values()) / 1e6 if self.phases and self.failures < 3 else None

    def result(self) -> dict[str, Any]:
        """One of the domains in result.json: joules, watts, seconds, standard deviations. Not known is null, never 0.

        A window begins and ends anywhere between two updates of the counter, u seconds apart: u·P/√6 at mean power P.
        Between phases, the counter's lag charges u/2 seconds of the power of one to the other.
        """
        joules, seconds = self.joules(), sum(row[2] for row in self.phases.values())
        u, error = self.instrument["resolution_s"] or 0.0, SENSOR_ERROR.get(self.instrument["source"], 0.0)
        phases, uncertainty, net = {}, None, None
        if joules is not None:
            for phase, (windows, microjoules, window_s) in self.phases.items():
                own = microjoules / 1e6
                watts, others = own / max(window_s, 1e-9), (joules - own) / max(seconds - window_s, 1e-9)
                lag = windows * u / 2 * abs(watts - others) if len(self.phases) > 1 else 0.0
                deviation = math.hypot(u * watts * math.sqrt(windows / 6), error * own + lag)
                phases[phase] = {"joules": own, "window_s": window_s, "uncertainty": deviation}
            random, systematic = u * joules / max(seconds, 1e-9) * math.sqrt(self.sums["starts"] / 6), error * joules
            uncertainty = {"joules": math.hypot(random, systematic), "random": random, "systematic": systematic}
            uncertainty["method"] = f"ends u*P/sqrt(6), u = {u:.2g} s; instrument {error:.0%}, assumed"
            net = None if self.idle_w is None else joules - self.idle_w * seconds
        return {
            **self.instrument,
            "joules": joules,
            "uncertainty": uncertainty,
            "window_s": seconds,
            **self.sums,
            "idle_w": self.idle_w,
            "net_joules": net,
            "exclusive": False if False in self.exclusive else None if None in self.exclusive else True,
            "phases": phases,
            "note": "; ".join(self.notes),
        }

    def save(self) -> dict[str, Any]:
        """For a checkpoint: all that another process can go on from. The last reading is not: counters start anew."""
        kept = ("instrument", "phases", "sums", "idle_w", "exclusive", "notes")
        return copy.deepcopy({name: getattr(self, name) for name in kept})

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Adds what an earlier process counted."""
        if self.counter.read is None:
            self.instrument = saved["instrument"]
        elif saved["phases"] and saved["instrument"]["device"] != self.instrument["device"]:
            self.note(f"begun on {saved['instrument']['device']}")
        for phase, row in saved["phases"].items():
            self.add(phase, row)
        self.sums = {name: amount + saved["sums"][name] for name, amount in self.sums.items()}
        self.idle_w = saved["idle_w"] if self.idle_w is None else self.idle_w
        self.exclusive += saved["exclusive"]
        for text in saved["notes"]:
            self.note(text)
