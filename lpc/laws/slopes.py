"""Central differences: whether a move is against the gradient of a loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lpc.laws.agreement import Arrays, Run

SLOPE = 1e-5
"""What central differences in float64 may miss a slope by, as a part of what the move and the direction allow."""
ROUNDING = 1e-9
"""What the rounding of two losses makes of a slope at the widths below: smaller slopes say nothing."""
STEPS = (1e-5, 1e-6, 1e-7)
"""Of several widths the best one counts: a kink may lie inside the wider ones, rounding spoils the narrower ones."""


@dataclass(frozen=True)
class Slope:
    """A loss's slope in a random direction, by differences and by the move that was made."""

    by_differences: float
    by_move: float
    size: float

    @property
    def relative(self) -> float:
        apart = max(0.0, abs(self.by_differences - self.by_move) - ROUNDING)
        return apart / self.size if self.size else apart

    def __str__(self) -> str:
        return f"its slope in a random direction is {self.by_differences:.6g}, its update says {self.by_move:.6g}"


def slope(loss: Callable[[Arrays], float], once: Run, names: Sequence[str]) -> Slope:
    """The slope of a loss at where a run began, along one random direction of some tensors; the run took one step of rate 1."""
    rng = np.random.default_rng(0)
    way = {name: rng.standard_normal(once.before[name].shape) for name in names}
    length = float(np.sqrt(sum(float((v * v).sum()) for v in way.values()))) or 1.0
    by_move = -sum(float((once.moves[name] * v).sum()) for name, v in way.items()) / length
    size = float(np.sqrt(sum(float((once.moves[name] ** 2).sum()) for name in names)))
    found = []
    for width in STEPS:
        up, down = ({n: once.before[n] + sign * width / length * v for n, v in way.items()} for sign in (1, -1))
        found.append(Slope((loss(up) - loss(down)) / (2 * width), by_move, size))
    return min(found, key=lambda each: each.relative)
