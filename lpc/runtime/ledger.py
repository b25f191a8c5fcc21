"""What one energy counter counted in a run, phase by phase, and what can be said of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from lpc.runtime.counter import EnergyCounter, EnergyReading
from lpc.runtime.sampled import SampledPower

SENSOR_ERROR = {
    "none": 0.0,
    "rapl": 0.03,
    "nvml-counter": 0.02,
    "nvml-power-instant": 0.05,
    "nvml-power-average": 0.05,
    "amdsmi-counter": 0.05,
}
"""Relative error of an instrument, one standard deviation: assumed, none of them was held against a wall meter."""
STILL = 20
"""Of its periods a counter may keep still, and no longer: nothing that runs draws no power."""
CHECK_S = 5.0
"""The shortest window in which a counter is held against the power sampled meanwhile."""


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
        self.power: SampledPower | None = None
        instrument = {name: getattr(counter, name) for name in ("device", "source", "scope", "resolution_s")}
        self.account: dict[str, Any] = {
            "instruments": [instrument],
            "phases": {},  # of each its windows, microjoules, seconds
            "idle": {"microjoules": 0, "seconds": 0.0},
            "starts": 1,  # of counting: one a process, and one after every lost window
            "samples": 0,
            "overhead_s": 0.0,
            "exclusive": [counter.exclusive()],
            "throttled": {"asked": 0, "slowed": 0},
            "gaps": [],  # between the counter and its device's power, relative
            "notes": {},  # and how often
        }

    def note(self, text: str) -> None:
        self.account["notes"] = summed(self.account["notes"], {text: 1})

    def read(self, clock: Callable[[], float], training: bool = False) -> EnergyReading | None:
        """A reading, or None: training goes on whatever a driver does. After three failures in a row it is asked no more.

        `training`: it ends a window of training, so that it matters whether the device is slowed down.
        """
        if self.counter.read is None or self.failures == 3:
            return None
        start, reading = clock(), None
        try:
            reading, self.failures = self.counter.read(), 0
            self.account["samples"] += reading.samples
            if training and (slowed := self.counter.throttled()) is not None:
                self.account["throttled"] = summed(self.account["throttled"], {"asked": 1, "slowed": int(slowed)})
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
        energy = reading.microjoules - first.microjoules
        # A counter that lags may put one more of its periods into a window.
        most = 1e6 * self.counter.limit_w * (seconds + (self.counter.resolution_s or 0.0))
        if reading.doubt:
            self.note(f"lost a window: {reading.doubt}")
        elif energy < 0:
            self.note("lost a window: the counter went back (was the driver reloaded?)")
        elif energy == 0 and seconds > STILL * (self.counter.resolution_s or 0.1):
            self.note("lost a window: the counter did not move")
        elif energy > most:
            self.note("lost a window: more energy than the device can draw")
        else:
            return energy
        return None

    def book(self, phase: str, seconds: float, reading: EnergyReading | None) -> None:
        """Ends a window, with the reading that begins the next."""
        energy = self.advance(seconds, reading)
        self.end_check(seconds, energy)
        if energy is None:
            self.account["starts"] += 1
        else:
            row = {"windows": 1, "microjoules": energy, "seconds": seconds}
            self.account["phases"] = summed(self.account["phases"], {phase: row})

    def begin_check(self) -> None:
        """From now on sample the device's power beside the counter, where it tells both."""
        if self.counter.watts is not None and not self.account["gaps"]:
            self.power = SampledPower(self.counter.watts, 0.05)
            with suppress(Exception):
                self.power.read()

    def end_check(self, seconds: float, energy: int | None) -> None:
        """Hold what the counter counted against the power of the same window: a sensor that looks a quarter of the time errs."""
        power, self.power = self.power, None
        if power is None:
            return
        power.stop.set()
        with suppress(Exception):
            expected = power.read().microjoules
            if energy and expected and seconds >= CHECK_S:
                gap = energy / expected - 1
                self.account["gaps"].append(gap)
                if abs(gap) > 0.1:
                    self.note(f"the counter and the power sampled beside it are {abs(gap):.0%} apart")

    def end(self) -> None:
        """A counter that has gone by the end has no total."""
        if 0 < self.failures < 3:
            self.failures = 3
            self.note("given up: it could not be read at the end")
        self.account["exclusive"].append(self.counter.exclusive())
        self.counter.close()

    def joules(self) -> float | None:
        """None where nothing was measured, or the counter was given up."""
        rows = self.account["phases"].values()
        return sum(row["microjoules"] for row in rows) / 1e6 if rows and self.failures < 3 else None

    def remarks(self, used: Mapping[str, Any], exclusive: bool | None) -> list[str]:
        """All that is unusual about the figure, or why there is none."""
        account = self.account
        found = [note for note in (self.counter.note, self.counter.cure) if note]
        found += [text if times == 1 else f"{text} ({times} times)" for text, times in account["notes"].items()]
        if used["source"].startswith("nvml-power") and account["samples"] < 60:
            found.append("fewer than 60 samples of power")
        if exclusive is False and used["scope"] == "board":
            found.append("another process was on the board, or MIG has cut it up: all of the board is counted")
        names = [f"{each['source']} of {each['device']}" for each in account["instruments"] if each["source"] != "none"]
        if account["phases"] and len(set(names)) > 1:
            found.append(f"counted by {', then '.join(dict.fromkeys(names))}")
        return found

    def result(self, elapsed: float) -> dict[str, Any]:
        """One of the domains in result.json: joules, watts, seconds. Not known is null, never 0."""
        account, joules = self.account, self.joules()
        rows = account["phases"] if joules is not None else {}
        used = [found for found in account["instruments"] if found["source"] != "none" or not rows][-1]
        window_s = sum(row["seconds"] for row in rows.values())
        lost_s, idle, asked = max(0.0, round(elapsed - window_s, 6)), account["idle"], account["throttled"]["asked"]
        idle_w = idle["microjoules"] / 1e6 / idle["seconds"] if idle["seconds"] else None
        exclusive = False if False in account["exclusive"] else None if None in account["exclusive"] else True
        error = max([SENSOR_ERROR[used["source"]], *(abs(gap) for gap in account["gaps"])])
        total = {"windows": account["starts"], "microjoules": (joules or 0.0) * 1e6, "seconds": window_s}
        return {
            **used,
            "joules": joules,
            "uncertainty": energy_deviation(total, total, used["resolution_s"], error) if rows else None,
            "window_s": window_s,
            "lost_s": lost_s,
            "complete": lost_s == 0,
            "samples": account["samples"],
            "overhead_s": account["overhead_s"],
            "idle_w": idle_w,
            "idle_s": idle["seconds"],
            "net_joules": None if joules is None or idle_w is None else joules - idle_w * window_s,
            "exclusive": exclusive,
            "throttled_share": account["throttled"]["slowed"] / asked if asked else None,
            "power_gap": max(account["gaps"], key=abs, default=None),
            "phases": {
                phase: {
                    "joules": row["microjoules"] / 1e6,
                    "window_s": row["seconds"],
                    "uncertainty": energy_deviation(row, total, used["resolution_s"], error),
                }
                for phase, row in rows.items()
            },
            "note": "; ".join(self.remarks(used, exclusive)),
        }


def energy_deviation(
    row: Mapping[str, float], total: Mapping[str, float], resolution_s: float | None, error: float
) -> dict[str, Any]:
    """One standard deviation of the energy of `row`, a part of `total` or all of it; `error` is the instrument's, relative.

    A window begins and ends anywhere between two updates of the counter, u seconds apart: u·P/√6 at mean power P. Between
    phases, the counter's lag charges u/2 seconds of the power of one to the other.
    """
    u, joules, rest_s = resolution_s or 0.0, row["microjoules"] / 1e6, total["seconds"] - row["seconds"]
    watts = joules / max(row["seconds"], 1e-9)
    rest_w = (total["microjoules"] / 1e6 - joules) / rest_s if rest_s > 0 else watts
    random = u * watts * math.sqrt(row["windows"] / 6)
    systematic = error * joules + row["windows"] * u / 2 * abs(watts - rest_w)
    method = (
        f"ends u*P/sqrt(6), u = {u:.2g} s; instrument {error:.0%}, assumed or as far as it is from the power sampled"
    )
    return {"joules": math.hypot(random, systematic), "random": random, "systematic": systematic, "method": method}
