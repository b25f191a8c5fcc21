"""The two protocols of a comparison, as settings of the `train` clause.

`matched`: every arm makes the same number of data passes, or as many as take the baseline's time, energy or operations; nothing
stops early. `converged`: every training unit (the network, or each block that is trained by itself) stops by one rule.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from lpc.ir.program import Program

Match = Literal["passes", "time", "energy", "flops"]
PATIENCE = 10
"""Epochs without improvement, under `converged`, where neither the program nor the user says."""


@dataclass(frozen=True)
class Length:
    """Epochs or steps of each training unit."""

    kind: Literal["epochs", "steps"]
    count: int


@dataclass(frozen=True)
class Protocol:
    """`budget`: of the whole network under `matched`, the cap of each unit under `converged`."""

    name: Literal["matched", "converged"]
    budget: Length
    match: Match = "passes"
    patience: int | None = None

    def settings(self, length: Length, program: Program) -> tuple[tuple[str, str], ...]:
        """What makes a program keep to it. Under `matched` a `patience` still keeps the best epoch, and ends nothing."""
        assert program.protocol is not None
        made = [(f"train.{length.kind}", str(length.count))]
        if self.name == "converged":
            made.append(("train.patience", str(self.patience)))
        elif program.protocol.patience is not None:
            made.append(("train.patience", str(length.count)))
        return tuple(made)

    def text(self, baseline: str) -> str:
        """For a table's head."""
        kind = self.budget.kind if self.budget.count != 1 else self.budget.kind.removesuffix("s")
        if self.name == "converged":
            epochs = "1 epoch" if self.patience == 1 else f"{self.patience} epochs"
            return f"converged: each training unit stops after {epochs} without better validation, or at {self.budget.count} {kind}"
        counted = f"{self.budget.count} {'data pass' if self.budget.count == 1 else 'data passes'}"
        if self.budget.kind == "steps":
            counted = f"{self.budget.count} {kind}"
        if self.match == "passes":
            return f"matched: {counted} each, shared out among training units"
        what = {"time": "training time", "energy": "energy", "flops": "operations, modelled,"}[self.match]
        found = "" if self.match == "flops" else ", as the warm-up took them"
        return f"matched: as many passes as take the {what} of {counted} of {baseline}{found}"


def shared_out(budget: Length, units: int, fixed: int) -> Length:
    """A budget of passes divided among training units, rounded up; passes that a rule makes anyway count."""
    left = budget.count - fixed if budget.kind == "epochs" else budget.count
    return Length(budget.kind, max(1, math.ceil(left / max(1, units))))


def costing(target: float, unit: float, fixed: float, kind: Literal["epochs", "steps"]) -> Length:
    """The length of each training unit that comes closest to a target, where one more epoch of all units costs `unit`."""
    return Length(kind, max(1, round((target - fixed) / unit)))
