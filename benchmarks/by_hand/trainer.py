"""What can be timed: something with a step, put on endless batches."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from benchmarks.compare import Step


class Trainer(Protocol):
    def step(self, x: Tensor, y: Tensor) -> None:
        """Learn from one batch: x [batch, inputs], y [batch]."""


def on(trainer: Trainer, batches: Sequence[tuple[Tensor, Tensor]]) -> Step:
    """The trainer's step on one batch after another, for ever."""
    endless = itertools.cycle(batches)
    return lambda: trainer.step(*next(endless))
