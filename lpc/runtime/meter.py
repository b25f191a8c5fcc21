"""Joules and seconds of a run, phase by phase: energy counters, read where one phase ends and the next begins."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from lpc.runtime.amd import open_amd
from lpc.runtime.apportion import apportioned
from lpc.runtime.conditions import processor_conditions
from lpc.runtime.counter import EnergyCounter, EnergyReading
from lpc.runtime.ledger import EnergyLedger, summed
from lpc.runtime.nvml import open_nvml
from lpc.runtime.rapl import POWERCAP, open_rapl


class Meter:
    """The clock of a program that measures energy. Only `enter` waits for the device and reads the counters, once each.

    A counter that fails ends no run: its figure is null, with the reason.
    """

    def __init__(self, counters: Sequence[EnergyCounter], device: torch.device, clock: Callable[[], float]) -> None:
        self.device, self.clock = device, clock
        self.ledgers: dict[str, EnergyLedger] = {}
        for counter in counters:
            index = sum(key.startswith(counter.domain) for key in self.ledgers)
            self.ledgers[f"{counter.domain} {index}"] = EnergyLedger(counter)
        self.spent: dict[str, float] = dict.fromkeys(("setup", "data", "train", "validate", "checkpoint", "test"), 0.0)
        self.phase, self.since, self.lost_s, self.overhead_s = "setup", 0.0, 0.0, 0.0
        self.checked = True  # whether counters need not be held against sampled power
        self.whole, self.closed = True, False
        self.conditions = self.look_around()
        for ledger, reading in self.look()[1]:
            ledger.last = reading

    def look_around(self) -> dict[str, Any]:
        found: dict[str, Any] = processor_conditions()
        for ledger in self.ledgers.values():
            found |= ledger.counter.conditions()
        return found

    def look(self) -> tuple[float, list[tuple[EnergyLedger, EnergyReading | None]]]:
        """Seconds since the last look, and a reading of every counter; the time is that half-way through the readings."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        before = self.clock()
        readings = [(ledger, ledger.read(self.clock, self.phase == "train")) for ledger in self.ledgers.values()]
        after = self.clock()
        self.overhead_s += after - before
        last, self.since = self.since, (before + after) / 2
        return self.since - last, readings

    def enter(self, phase: str) -> None:
        """Closes the open window and opens the next, of `phase`: setup, data, train, validate, checkpoint or test."""
        seconds, readings = self.look()
        for ledger, reading in readings:
            ledger.book(self.phase, seconds, reading)
        self.spent[self.phase] += seconds
        self.phase = phase
        for ledger in self.ledgers.values() if phase == "train" and not self.checked else ():
            ledger.begin_check()

    def idle(self, seconds: float) -> None:
        """Measures the power of a device that has nothing to do; the open window begins anew.

        Who asks for this wants to know well: the first pass over the data is then measured by two instruments, where there are two.
        """
        time.sleep(seconds)
        elapsed, readings = self.look()
        for ledger, reading in readings:
            if (energy := ledger.advance(elapsed, reading)) is not None:
                ledger.account["idle"] = {"microjoules": energy, "seconds": elapsed}
        self.checked = False

    def seconds(self) -> dict[str, float]:
        """By phase, up to the last `enter`, earlier parts of a resumed run included."""
        return dict(self.spent)

    def joules(self) -> float | None:
        """Of all that is measured, up to the last `enter`; None if nothing is."""
        known = [joules for ledger in self.ledgers.values() if (joules := ledger.joules()) is not None]
        return sum(known) if known else None

    def totals(self) -> dict[str, Any]:
        """For a checkpoint. Taken after `close`, it says that nothing was left uncounted."""
        accounts = {key: copy.deepcopy(ledger.account) for key, ledger in self.ledgers.items()}
        whole = self.whole and self.closed
        own = {"seconds": self.seconds(), "lost_s": self.lost_s, "overhead_s": self.overhead_s}
        return {**own, "whole": whole, "accounts": accounts}

    def restore(self, totals: Mapping[str, Any], lost_s: float = 0.0) -> None:
        """Goes on from what an earlier process saved; `lost_s`: how long it ran after that, where known."""
        self.spent = summed(totals["seconds"], self.spent)
        self.lost_s, self.whole = totals["lost_s"] + lost_s, totals["whole"]
        self.overhead_s += totals["overhead_s"]
        for key, account in totals["accounts"].items():
            gone = EnergyCounter(key.split()[0], note="gone after a restart")
            ledger = self.ledgers.setdefault(key, EnergyLedger(gone))
            ledger.account = summed(account, ledger.account)

    def close(self) -> None:
        """Ends the last window; nothing is counted any more. May be called twice."""
        if not self.closed:
            self.closed = True
            try:
                self.enter(self.phase)
            except RuntimeError:  # a lost device: training says so, the meter only that a window is missing
                self.whole = False
            changed = {k: v for k, v in self.look_around().items() if self.conditions.get(k) != v}
            self.conditions["changed"] = changed  # and what it was at the end
            for ledger in self.ledgers.values():
                ledger.end()

    def result(self, work: Iterable[tuple[Mapping[str, int], int]] = ()) -> dict[str, Any]:
        """The `energy` of result.json; `work` as `apportioned` takes it. What is not known is null."""
        domains, window_s = [], sum(self.spent.values())
        for key, ledger in self.ledgers.items():
            found = ledger.result(window_s + self.lost_s)
            domains.append({"domain": key.split()[0], "index": int(key.split()[1]), **found})
            domains[-1]["complete"] = found["complete"] and self.whole
        known = [found for found in domains if found["joules"] is not None]
        deviations = [found["uncertainty"]["joules"] for found in known]
        phases = {}
        for phase, seconds in self.spent.items():
            joules = [found["phases"][phase]["joules"] for found in known if phase in found["phases"]]
            phases[phase] = {"seconds": seconds, "joules": sum(joules) if joules else None}
        notes = [] if self.whole else ["interrupted: something between the last reading and the end is not counted"]
        if known and self.overhead_s > 0.005 * window_s:
            notes.append(f"reading the meters took {self.overhead_s / window_s:.1%} of the time")
        return {
            "schema": 1,
            "domains": domains,
            "totals": {
                "measured_joules": self.joules(),
                "uncertainty_joules": math.hypot(*deviations) if known else None,
                "estimated_joules": None,
                "contains": sorted({found["domain"] for found in known}),
                "missing": sorted({found["domain"] for found in domains if found["joules"] is None}),
                "window_s": window_s,
                "overhead_s": self.overhead_s,
            },
            "phases": {"method": "boundaries", **phases},
            "blocks": apportioned(phases["train"]["joules"], work),
            "conditions": self.conditions,
            "notes": notes,
        }


def open_meter(device: torch.device, idle_seconds: float = 0.0, powercap: Path | None = None) -> Meter:
    """A meter of all that can be measured, in the phase `setup`. Takes a second or two: it measures the counters' periods."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)  # now this process is on the device, and in the list of its processes
    board = open_amd(device) if device.type == "cuda" and torch.version.hip else open_nvml(device)
    meter = Meter([board, *open_rapl(powercap or POWERCAP)], device, time.monotonic)
    if idle_seconds > 0:
        meter.idle(idle_seconds)
    return meter
