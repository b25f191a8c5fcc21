"""Whether two runs hold the same: the first place where they do not, and the largest difference."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from lpc.laws.validation import ALLOWANCE, JITTERS, Moment

Array = NDArray[np.float64]
Arrays = Mapping[str, Array]

WITHIN = 1e-10
"""Of a tensor's largest movement: what two runs may differ by."""
FLOOR = 1e-13
"""Beyond that, for tensors that do not move, or are large against their movement."""


LOSS = "the loss of "
"""How moments name losses."""


class Broken(AssertionError):
    """A law or a claim does not hold, and what shows it."""


@dataclass(frozen=True, eq=False)
class Run:
    """What a network held from moment to moment, as arrays, by state name."""

    before: Arrays
    states: Sequence[Arrays]
    """After every step, and after every phase that ends with something of its own."""
    times: Sequence[tuple[str, int]]
    """The phase and the step of every state; steps count from 1."""
    losses: Sequence[Mapping[str, float]]
    """Of every step, by block; none where a phase ends."""
    scores: Array
    """Predictions on what was not trained on."""
    class_scores: Sequence[Array | None] = ()
    """Of every step, on its own batch, where it has some."""
    again: Callable[[float], Run] | None = None
    """The same run with everything that is computed moved by a relative size, at random."""
    _moved: dict[float, Run] = field(default_factory=dict, init=False)

    @property
    def after(self) -> Arrays:
        return self.states[-1] if self.states else self.before

    @property
    def moves(self) -> Arrays:
        return {name: self.after[name] - value for name, value in self.before.items()}

    def movement(self, name: str) -> float:
        """How far a tensor was ever from where it began: the largest entry."""
        return max((largest(state[name] - self.before[name]) for state in self.states), default=0.0)

    def moved(self, by: Sequence[float] = JITTERS) -> Sequence[Run]:
        """Runs that differ from this one by rounding alone, of some of the relative sizes."""
        if self.again is None:
            return []
        for size in by:
            if size not in self._moved:
                self._moved[size] = self.again(size)
        return [self._moved[size] for size in by]

    def renamed(self, names: Mapping[str, str]) -> Run:
        """The same under other names; what is not named keeps its own."""

        def named(arrays: Arrays) -> Arrays:
            return {names.get(name, name): value for name, value in arrays.items()}

        again = self.again
        return replace(
            self,
            before=named(self.before),
            states=[named(state) for state in self.states],
            again=None if again is None else lambda size: again(size).renamed(names),
        )


@dataclass(frozen=True)
class Gap:
    """A tensor of two runs, and how far apart it is after a step: absolute, and as a part of its largest movement."""

    tensor: str
    phase: str
    step: int
    difference: float
    relative: float
    allowed: float
    """Absolute."""

    @property
    def agrees(self) -> bool:
        return self.difference <= self.allowed

    def __str__(self) -> str:
        size = "" if not np.isfinite(self.relative) else f", {self.relative:.2g} of its movement"
        when = f"step {self.step}" if self.phase == "train" else f"step {self.step} of {self.phase}"
        return f"`{self.tensor}` differs by {self.difference:.2g}{size} (allowed {self.allowed:.1g}) after {when}"


@dataclass(frozen=True)
class Agreement:
    """What a comparison found: the first place where two runs differ, if any, and the largest relative difference."""

    first: Gap | None
    worst: Gap | None
    shared: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    """Tensors that only one of the runs has; they are left out."""

    @property
    def holds(self) -> bool:
        return self.first is None


def compare(made: Run, expected: Run, names: Collection[str] | None = None, within: float = WITHIN) -> Agreement:
    """Compare two runs step by step, tensor by tensor, in the order in which they are made.

    names: the tensors to compare; left out, all that both have. Where a tensor differs by more than it may, what rounding
    explains is allowed too. Raises Broken where the runs have no tensor in common, or other steps.
    """
    shared = [name for name in expected.before if name in made.before and (names is None or name in names)]
    alone = sorted({*made.before} ^ {*expected.before}) if names is None else []
    if not shared:
        raise Broken("they have no tensor in common")
    if len(made.times) != len(expected.times):
        raise Broken(f"one trains in {len(made.times)} steps, the other in {len(expected.times)}")
    movements = {name: max(made.movement(name), expected.movement(name)) for name in shared}
    first: Gap | None = None
    worst: Gap | None = None
    for at, (phase, step) in enumerate([("initial", 0), *expected.times]):
        one, other = (run.before if at == 0 else run.states[at - 1] for run in (made, expected))
        for name in shared:
            found = _gap(name, phase, step, one[name], other[name], movements[name], within)
            if not found.agrees:
                noise = max(_noise(run, at, name) for run in (made, expected))
                found = replace(found, allowed=found.allowed + ALLOWANCE * noise)
            if not found.agrees and first is None:
                first = found
            if worst is None or found.relative > worst.relative:
                worst = found
        if first is not None:
            break
    return Agreement(first, worst, tuple(shared), tuple(alone))


def _gap(name: str, phase: str, step: int, made: Array, expected: Array, movement: float, within: float) -> Gap:
    if made.shape != expected.shape:
        return Gap(name, phase, step, float("inf"), float("inf"), 0.0)
    difference = largest(made - expected)
    relative = difference / movement if movement else (float("inf") if difference > FLOOR else 0.0)
    return Gap(name, phase, step, difference, relative, within * movement + FLOOR)


def _noise(run: Run, at: int, name: str) -> float:
    """How far rounding moves a tensor after a step: the largest entry; 0 where a moved run is not finite."""
    kept = run.before if at == 0 else run.states[at - 1]
    noise = [largest((moved.before if at == 0 else moved.states[at - 1])[name] - kept[name]) for moved in run.moved()]
    return max((n for n in noise if np.isfinite(n)), default=0.0)


def largest(array: Array) -> float:
    """The largest entry, its sign aside; infinite where one is no number."""
    found = float(np.abs(array).max(initial=0.0))
    return found if np.isfinite(found) else float("inf")


def run_of(moments: Sequence[Moment], again: Callable[[float], Run] | None = None) -> Run:
    """Moments of the interpreter, or of a script, as arrays; losses and class scores are left out."""
    training = [m for m in moments if m.phase not in ("initial", "prediction")]
    predictions = [m.tensors["scores"] for m in moments if m.phase == "prediction"]
    scores = np.concatenate([p.detach().double().numpy() for p in predictions]) if predictions else np.zeros(0)
    return Run(
        _arrays(moments[0]),
        [_arrays(m) for m in training],
        [(m.phase, m.step + 1) for m in training],
        [{n.removeprefix(LOSS): float(v) for n, v in m.tensors.items() if n.startswith(LOSS)} for m in training],
        scores,
        [_scores(m) for m in training],
        again,
    )


def _scores(moment: Moment) -> Array | None:
    found = moment.tensors.get("the class scores")
    return None if found is None else found.detach().double().numpy()


def _arrays(moment: Moment) -> Arrays:
    kept = {name: value for name, value in moment.tensors.items() if not name.startswith("the ")}
    return {name: value.detach().double().numpy().copy() for name, value in kept.items()}
