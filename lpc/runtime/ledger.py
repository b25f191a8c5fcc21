"""What one energy counter counted in a run, phase by phase, and what can be said of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from lpc.runtime.counter import EnergyCounter, EnergyReading

SENSOR_ERROR = {"none": 0.0, "rapl": 0.03, "nvml-counter": 0.02, "nvml-power-average": 0.05}
"""Relative error of an instrument, one standard deviation: assumed, none of them was held against a wall meter."""


def summed(one: Any, other: Any) -> Any:
    """The sum of two accounts, name by name; lists are joined."""
    if isinstance(one, Mapping):
        return {**one, **other, **{name: summed(one[name], other[name]) for name in one if name in other}}
    return one + other


class EnergyLedger:
    """Books the windows of a counter by phase. Those whose readings cannot be believed are lost, never filled in.

    Energy is whole microjoules, and one reading serves the window it ends and the one it begins: phases sum to the total.
    `account` is what a checkpoint holds; the last reading is not in it, so that no counter is compared across processes.
    """

    def __init__(self, counter: EnergyCounter) -> None:
        self.counter, self.failures = counter, 0
        self.last: EnergyReading | None = None
        instrument = {name: getattr(counter, name) for name in ("device", "source", "scope", "resolution_s")}
        self.account: dict[str, Any] = {
            "instruments": [instrument],
            "phases": {},  # of each its windows, microjoules, seconds
            "idle": {"microjoules": 0, "seconds": 0.0},
            "starts": 1,  # of counting: one a process, and one after every lost window
            "samples": 0,
            "overhead_s": 0.0,
            "exclusive": [counter.is_exclusive()],
            "notes": {},  # and how often
        }

    def note(self, text: str) -> None:
        self.account["notes"] = summed(self.account["notes"], {text: 1})

    def read(self, clock: Callable[[], float]) -> EnergyReading | None:
        """A reading, or None: training goes on whatever a driver does. After three failures in a row it is asked no more."""
        if self.counter.read is None or self.failures == 3:
            return None
        start, reading = clock(), None
        try:
            reading, self.failures = self.counter.read(), 0
            self.account["samples"] += reading.samples
        except Exception as error:
            self.failures += 1
            self.note(f"{'lost a window' if self.failures < 3 else 'given up'}: {error}")
        self.account["overhead_s"] += clock() - start
        return reading

    def advance(self, seconds: float, reading: EnergyReading | None) -> int | None:
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
            self.note("lost a window: more energy than the device can draw")
        elif wraps_at and energy + wraps_at <= most:
            self.note("lost a window: so long that the counter may have wrapped twice")
        else:
            return energy
        return None

    def book(self, phase: str, seconds: float, reading: EnergyReading | None) -> None:
        """Ends a window, with the reading that begins the next."""
        energy = self.advance(seconds, reading)
        if energy is None:
            self.account["starts"] += 1
        else:
            row = {"windows": 1, "microjoules": energy, "seconds": seconds}
            self.account["phases"] = summed(self.account["phases"], {phase: row})

    def joules(self) -> float | None:
        """None where nothing was measured, or the counter was given up."""
        rows = self.account["phases"].values()
        return sum(row["microjoules"] for row in rows) / 1e6 if rows and self.failures < 3 else None

    def result(self, elapsed: float) -> dict[str, Any]:
        """One of the domains in result.json: joules, watts, seconds. Not known is null, never 0."""
        account, joules = self.account, self.joules()
        rows = account["phases"] if joules is not None else {}
        instruments = [found for found in account["instruments"] if found["source"] != "none" or not rows]
        instrument = instruments[-1]
        window_s = sum(row["seconds"] for row in rows.values())
        lost_s, idle = max(0.0, round(elapsed - window_s, 6)), account["idle"]
        idle_w = idle["microjoules"] / 1e6 / idle["seconds"] if idle["seconds"] else None
        notes = [note for note in (self.counter.note, self.counter.cure) if note]
        notes += [text if times == 1 else f"{text} ({times} times)" for text, times in account["notes"].items()]
        if instrument["source"].startswith("nvml-power") and account["samples"] < 60:
            notes.append("fewer than 60 samples of power")
        used = dict.fromkeys(f"{found['source']} of {found['device']}" for found in instruments)
        if rows and len(used) > 1:
            notes.append(f"counted by {', then '.join(used)}")
        total = {"windows": account["starts"], "microjoules": (joules or 0.0) * 1e6, "seconds": window_s}
        return {
            **instrument,
            "joules": joules,
            "uncertainty": energy_deviation(total, total, instrument) if rows else None,
            "window_s": window_s,
            "lost_s": lost_s,
            "complete": lost_s == 0,
            "samples": account["samples"],
            "overhead_s": account["overhead_s"],
            "idle_w": idle_w,
            "idle_s": idle["seconds"],
            "net_joules": None if joules is None or idle_w is None else joules - idle_w * window_s,
            "exclusive": False if False in account["exclusive"] else None if None in account["exclusive"] else True,
            "phases": {
                phase: {
                    "joules": row["microjoules"] / 1e6,
                    "window_s": row["seconds"],
                    "uncertainty": energy_deviation(row, total, instrument),
                }
                for phase, row in rows.items()
            },
            "note": "; ".join(notes),
        }


def energy_deviation(
    row: Mapping[str, float], total: Mapping[str, float], instrument: Mapping[str, Any]
) -> dict[str, Any]:
    """One standard deviation of the energy of `row`, a part of `total` or all of it.

    A window begins and ends anywhere between two updates of the counter, u seconds apart: u·P/√6 at mean power P. Between
    phases, the counter's lag charges u/2 seconds of the power of one to the other.
    """
    u, error = instrument["resolution_s"] or 0.0, SENSOR_ERROR[instrument["source"]]
    joules, rest_s = row["microjoules"] / 1e6, total["seconds"] - row["seconds"]
    watts = joules / max(row["seconds"], 1e-9)
    rest_w = (total["microjoules"] / 1e6 - joules) / rest_s if rest_s > 0 else watts
    random = u * watts * math.sqrt(row["windows"] / 6)
    systematic = error * joules + row["windows"] * u / 2 * abs(watts - rest_w)
    method = f"ends u*P/sqrt(6), u = {u:.2g} s; instrument {error:.0%}, assumed"
    return {"joules": math.hypot(random, systematic), "random": random, "systematic": systematic, "method": method}
