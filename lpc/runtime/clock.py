"""Seconds of a run by phase: setup, data, train, validate, checkpoint, test."""

from __future__ import annotations

import time
from typing import Any

import torch


class Stopwatch:
    """The clock of a program that does not measure energy; a `Meter` takes its place in one that does."""

    def __init__(self, device: torch.device, idle_seconds: float) -> None:
        self.device, self.phase, self.since = device, "setup", time.monotonic()
        self.spent: dict[str, float] = {}

    def enter(self, phase: str) -> None:
        """End one phase and begin the next."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        now = time.monotonic()
        self.spent[self.phase] = self.spent.get(self.phase, 0.0) + now - self.since
        self.phase, self.since = phase, now

    def seconds(self) -> dict[str, float]:
        """Up to the last `enter`, earlier parts of a resumed run included."""
        return dict(self.spent)

    def totals(self) -> dict[str, Any]:
        return {"seconds": self.seconds()}

    def restore(self, totals: dict[str, Any]) -> None:
        self.spent = {
            p: self.spent.get(p, 0.0) + totals["seconds"].get(p, 0.0) for p in {**totals["seconds"], **self.spent}
        }

    def joules(self) -> None:
        return None

    def result(self, work: object) -> None:
        return None

    def close(self) -> None:
        self.enter("closed")
