"""Where two sides differ, entry by entry: in what they hold, or, up to scale, in what each step changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from lpc.laws.agreement import WITHIN, Agreement, Array, Arrays, Broken, Run, compare
from lpc.laws.sides import Entering, Side, Untried


@dataclass(frozen=True)
class Difference:
    """The largest difference of a tensor after the first step after which it has one."""

    tensor: str
    block: str
    phase: str
    step: int
    """From 1; 0 are the initial values."""
    entry: tuple[int, ...]
    """From 1, as the axes go; empty where shapes differ."""
    left: float
    right: float
    difference: float
    relative: float
    """As a part of the tensor's largest movement; infinite where it does not move."""
    shapes: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    """Where they differ."""

    def told(self, left: str, right: str, factor: float | None = None) -> str:
        """The difference in a sentence; `left` and `right` name the sides. `factor`: of the right side's changes, up to scale."""
        if self.shapes:
            one, other = (list(shape) for shape in self.shapes)
            return f"`{self.tensor}` is {one} in {left} and {other} in {right}"
        step = f"step {self.step}" + ("" if self.phase in ("train", "initial") else f" of the phase `{self.phase}`")
        entry = f"`{self.tensor}`" + (f" [{', '.join(map(str, self.entry))}]" if self.entry else "")
        if factor is not None:
            told = f"{step} changes {entry} by {self.left:.6g} in {left} and by {self.right:.6g} in {right} times {factor:.6g}"
        else:
            when = f"after {step}" if self.step else "before training"
            told = f"{when}, {entry} is {self.left:.6g} in {left} and {self.right:.6g} in {right}"
        size = f", {part(self.relative)} of its movement" if np.isfinite(self.relative) and self.step else ""
        return f"{told}: {self.difference:.2g} apart{size}"


def part(share: float) -> str:
    """A share in words: a percentage, or a power of ten where that is small."""
    return f"{100 * share:.3g} %" if share >= 1e-3 else f"{share:.1g}"


@dataclass(frozen=True)
class Found:
    """A comparison of two sides: where they agree, what was compared, and the constant factor where one was allowed."""

    agreement: Agreement
    runs: tuple[Run, Run]
    factor: float | None = None

    @property
    def holds(self) -> bool:
        return self.agreement.holds

    @property
    def largest(self) -> float:
        return 0.0 if self.agreement.worst is None else self.agreement.worst.relative

    @property
    def difference(self) -> Difference | None:
        gap = self.agreement.first
        if gap is None:
            return None
        one, other = (_state(run, gap.phase, gap.step)[gap.tensor] for run in self.runs)
        block = gap.tensor.partition(".")[0]
        made = Difference(gap.tensor, block, gap.phase, gap.step, (), 0.0, 0.0, gap.difference, gap.relative)
        if one.shape != other.shape:
            return replace(made, shapes=(one.shape, other.shape))
        at = np.unravel_index(_worst(one, other), one.shape)
        return replace(made, entry=tuple(int(i) + 1 for i in at), left=float(one[at]), right=float(other[at]))


def _state(run: Run, phase: str, step: int) -> Arrays:
    return run.before if phase == "initial" else run.states[list(run.times).index((phase, step))]


def _worst(one: Array, other: Array) -> int:
    apart = np.abs(one - other)
    return int(np.argmax(np.where(np.isfinite(apart), apart, np.inf)))


def compared(left: Side, right: Side, within: float = WITHIN, scale: bool = False, rounding: bool = True) -> Found:
    """Train both and compare what they hold after every step; up to scale, what every step changes from the same values.

    rounding: whether what it explains is allowed. Raises Untried where they have no tensor in common, or both overflow, Broken
    where they train in other steps.
    """
    if scale:
        made, expected, factor = updates(left, right)
    else:
        made, expected, factor = left.run(), right.run(), None
    if not any(name in made.before for name in expected.before):
        raise Untried(f"{left.name} and {right.name} have no tensor in common")
    if len(made.times) != len(expected.times):
        raise Broken(f"{left.name} trains in {len(made.times)} steps, {right.name} in {len(expected.times)}")
    if not (_finite(made) or _finite(expected)):
        raise Untried(f"{left.name} and {right.name} grow beyond all numbers")
    if not rounding:
        made, expected = replace(made, again=None), replace(expected, again=None)
    return Found(compare(made, expected, within=within), (made, expected), factor)


def _finite(run: Run) -> bool:
    return all(bool(np.isfinite(value).all()) for value in run.after.values())


def updates(left: Side, right: Side) -> tuple[Run, Run, float]:
    """What every step changes in the trained tensors, the left side's steps beginning where the right side's begin.

    The right side's changes are multiplied by the one factor that brings them nearest to the left side's: what remains is not
    a matter of scale. It is 1 where the right side does not move.
    """
    path = right.run()
    names = [name for name in path.before if name in left.trained & right.trained]
    entering = _entering(path, left)
    made = _changes(left.run(entering), path, names)
    expected = _changes(path, path, names)
    fitting = [(a[name], b[name]) for a, b in zip(made.states, expected.states, strict=False) for name in names]
    fitting = [(a, b) for a, b in fitting if a.shape == b.shape]
    squares = sum(float((b * b).sum()) for _, b in fitting)
    factor = sum(float((a * b).sum()) for a, b in fitting) / squares if squares else 1.0
    return (
        replace(made, again=lambda size: _changes(left.run(entering, size), path, names)),
        replace(
            _times(expected, factor),
            again=lambda size: _times(_changes(moved := right.run(jitter=size), moved, names), factor),
        ),
        factor,
    )


def _entering(path: Run, side: Side) -> Entering:
    """The values before every step of a run that a side has too."""
    befores = [path.before, *path.states[:-1]]
    own = side.run().before
    return {
        (phase, step - 1): {n: torch.tensor(v) for n, v in before.items() if n in own and own[n].shape == v.shape}
        for (phase, step), before in zip(path.times, befores, strict=True)
    }


def _changes(run: Run, path: Run, names: list[str]) -> Run:
    """A run that holds what each step of a run changes, counted from the values that a path has before the step."""
    befores = [path.before, *path.states[:-1]]
    own = [name for name in names if name in run.before]
    states = [
        {name: after[name] - before[name] if after[name].shape == before[name].shape else after[name] for name in own}
        for before, after in zip(befores, run.states, strict=False)
    ]
    zero = {name: np.zeros_like(run.before[name]) for name in own}
    return Run(zero, states, run.times[: len(states)], [], np.zeros(0))


def _times(run: Run, factor: float) -> Run:
    def scaled(arrays: Mapping[str, Array]) -> Arrays:
        return {name: factor * value for name, value in arrays.items()}

    return replace(run, states=[scaled(state) for state in run.states])
