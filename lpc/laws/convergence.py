"""How fast runs come near a limit: differences at a few sizes of a parameter, and the order that fits them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lpc.laws.agreement import FLOOR, Broken, Run, largest
from lpc.laws.validation import ALLOWANCE, JITTERS

SIZES: tuple[float, ...] = tuple(10 ** (-1 - k / 2) for k in range(5))
"""1e-1 to 1e-3."""
SMALLER = (1e-4, 1e-5, 1e-6)
"""Tried besides across kinks: the smaller a nudge, the more rarely it crosses one."""
ROUNDING = 1e-10
"""Relative differences below this are rounding, and say nothing of an order."""
SLOWER = 1.5
"""A difference that shrinks so much less than the one before it, or the second by no more than this, may be rounding: then
rounding is measured.
"""
SLACK = 0.1
"""How far below a stated order the fitted one may be: the next term of the expansion is not zero."""


@dataclass(frozen=True)
class Family:
    """Runs by the size of a parameter, and what they tend to as it goes to 0."""

    at: Callable[[float], Run | Any]
    limit: Run | Any


@dataclass(frozen=True)
class Tendency:
    """Relative differences by size, those down to the rounding floor, and the order fitted to them."""

    sizes: tuple[float, ...]
    differences: tuple[float, ...]
    order: float
    """Infinite where the differences are rounding from the start."""
    where: str = ""
    """Which tensor the last difference is of, and after which step."""

    @property
    def last(self) -> float:
        return self.differences[-1] if self.differences else 0.0

    def reaches(self, order: float) -> bool:
        return self.order >= order - SLACK

    def __str__(self) -> str:
        shown = ", ".join(f"{d:.1g} at {s:.2g}" for s, d in zip(self.sizes, self.differences, strict=True))
        return f"differences of {shown}{self.where and f', the last of {self.where},'} shrink by order {self.order:.2f}"


def tendency(family: Family) -> Tendency:
    """Differences from the limit at `SIZES`, until they are rounding, and the slope of their logarithms."""
    return fitted(lambda size: (family.at(size), family.limit))


def fitted(pair: Callable[[float], tuple[Run, Run]], *, across_kinks: bool = False) -> Tendency:
    """The same of pairs of runs that should tend to each other; the second of a pair is what distances are measured by.

    Differences at its end that are less than rounding makes of their own runs are no part of the row; where fewer than two are left
    then, they speak against no order.

    across_kinks: for networks whose activations may have some. A difference that is all of one kink shrinks by no order while it
    is crossed, and then is gone: so sizes are smaller, and a row that ends below `ROUNDING` goes on with just that.
    """
    row: list[tuple[float, Far, Run]] = []
    gone: list[float] = []
    for size in (*SIZES, *SMALLER) if across_kinks else SIZES:
        made, limit = pair(size)
        found = farthest(made, limit)
        slower = _slower([far.distance for _, far, _ in row], found.distance)
        if found.distance < ROUNDING:
            gone = [size] if across_kinks else []
            break
        if slower and found.distance < ALLOWANCE * noise(made):
            break
        row.append((size, found, made))
    seen = len(row)
    while row and row[-1][1].distance < noise(row[-1][2]):
        row.pop()
    sizes, differences = tuple(size for size, _, _ in row), tuple(far.distance for _, far, _ in row)
    order = math.inf if len(row) < 2 <= seen else _order(sizes, differences)
    if gone and len(row) == seen and row:
        order = max(order, _order((*sizes, *gone), (*differences, ROUNDING)))
    return Tendency(sizes, differences, order, row[-1][1].where if row else "")


def _slower(differences: Sequence[float], found: float) -> bool:
    """Whether a difference shrank so little that it may be rounding."""
    if len(differences) < 2:
        return bool(differences) and found * SLOWER > differences[0]
    return found * differences[-2] > SLOWER * differences[-1] ** 2


def _order(sizes: Sequence[float], differences: Sequence[float]) -> float:
    """The least-squares slope over all sizes, or over the smaller half where the larger are not small enough yet."""
    if len(sizes) < 2:
        return math.inf if not sizes else math.inf if differences[0] < math.sqrt(ROUNDING) else 0.0
    x, y = np.log(sizes), np.log(differences)
    whole = float(np.polyfit(x, y, 1)[0])
    half = float(np.polyfit(x[-3:], y[-3:], 1)[0]) if len(sizes) > 3 else whole
    return max(whole, half)


def noise(run: Run) -> float:
    """How far rounding moves a run, as `farthest` measures it; 0 where that is not known or not finite."""
    least = run.moved(JITTERS[:1])
    found = farthest(least[0], run).distance if least else 0.0
    return found if math.isfinite(found) else 0.0


@dataclass(frozen=True)
class Far:
    """The largest difference of two runs, and which tensor after which step has it."""

    distance: float
    where: str = ""


def farthest(made: Run, limit: Run) -> Far:
    """The largest difference of any shared tensor after any step, as a part of the limit's largest movement of that tensor, or,
    where that moves by less than rounding does, of any.
    """
    movements = {name: limit.movement(name) for name in limit.before if name in made.before}
    if not movements or not limit.states or len(made.states) != len(limit.states):
        raise Broken("a run and its limit have no steps or no tensors in common")
    if unlike := [name for name in movements if made.before[name].shape != limit.before[name].shape]:
        raise Broken(f"`{unlike[0]}` has another shape in a run than in its limit")
    scale = max(movements.values())
    if scale <= FLOOR:
        if moving := [name for name in movements if made.movement(name) > FLOOR]:
            raise Broken(f"`{moving[0]}` moves, and nothing does in the limit")
        return Far(0.0)
    found = [
        (largest(one[name] - other[name]) / (size if size > FLOOR else scale), name, phase, step)
        for one, other, (phase, step) in zip(made.states, limit.states, limit.times, strict=True)
        for name, size in movements.items()
    ]
    most, name, phase, step = max(found, key=lambda each: each[0])
    return Far(most, f"`{name}` after step {step}{'' if phase == 'train' else f' of {phase}'}")
