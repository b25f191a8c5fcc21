"""Trying laws: on networks that are drawn, which shrink to the smallest that breaks one, or on one network of a user's."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from lpc.laws.agreement import Broken
from lpc.laws.drawn_networks import networks
from lpc.laws.strategies import data_for
from lpc.laws.trial import NetworkTrial, compiled
from lpc.rules.law import Inapplicable, Law, Networks

FAILURES = (Broken, ArithmeticError, LookupError, TypeError, ValueError, RuntimeError, AssertionError)
"""What a rule that is wrong may end in; all of them break a law."""


@dataclass(frozen=True)
class Counterexample:
    """What broke a law: the smallest program that was found, and what it shows."""

    text: str
    shown: str

    def __str__(self) -> str:
        return f"{self.shown}\n\n{self.text}"


@dataclass
class Tried:
    """What came of trying a law."""

    name: str
    kind: str
    examples: int = 0
    """On how many networks it was tried and held."""
    comparisons: int = 0
    worst: float = 0.0
    """The largest relative difference among what should be equal."""
    seconds: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)
    """Why it was not applicable, and how often."""
    broken: Counterexample | None = None
    left: str = ""
    """Why it was not tried, where it was not."""
    statement: str = ""

    @property
    def was_tried(self) -> bool:
        return self.examples > 0 or self.broken is not None

    @property
    def verdict(self) -> str:
        if self.broken is not None:
            return "broken"
        return "holds" if self.examples else "not tried" if self.left else "not applicable"


@st.composite
def trials(draw: st.DrawFn, wanted: Networks) -> NetworkTrial:
    """Trials on random networks, small and most of them legal."""
    file = draw(
        networks(wanted.ops, wanted.blocks, awkward=False, labelled=wanted.labelled, positions=wanted.positions)
    )
    try:
        program = compiled(file.clauses, "", until="bind")
    except Inapplicable:
        reject()
    batches = [arrays(batch) for batch in draw(data_for(program))]
    unseen = arrays(draw(data_for(program, steps=1))[-1])
    return NetworkTrial(file.clauses, batches, unseen, draw(st.integers(1, 50)))


def arrays(batch: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(value) for name, value in batch.items()}


def try_law(law: Law, examples: int = 20, seed: int = 0, *, shrink: bool = True) -> Tried:
    """Try a law on random networks; a network that breaks it is shrunk before it is shown, unless told not to."""
    tried, began = Tried(law.name, law.kind, statement=law.statement), time.perf_counter()
    smallest: list[tuple[NetworkTrial, Exception]] = []

    @given(trials(law.networks))
    @seeded(seed)
    @drawing(examples, shrink=shrink)
    def attempt(trial: NetworkTrial) -> None:
        try:
            _once(tried, law, trial)
        except Inapplicable:
            reject()
        except FAILURES as problem:
            smallest[:] = [(trial, problem)]
            raise

    try:
        attempt()
    except Unsatisfiable:
        pass
    except FAILURES:
        trial, problem = smallest[0]
        tried.broken = Counterexample(trial.text, told(problem))
    tried.seconds = time.perf_counter() - began
    return tried


def drawing(examples: int, *, shrink: bool = True) -> Callable[[Any], Any]:
    """Settings for drawing so many examples, the same every time for one seed."""
    return settings(
        max_examples=examples,
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )


def try_on(law: Law, given: Sequence[NetworkTrial], tried: Tried | None = None) -> Tried:
    """Try a law on trials that are there already."""
    found, began = tried or Tried(law.name, law.kind, statement=law.statement), time.perf_counter()
    for trial in given:
        try:
            _once(found, law, trial)
        except Inapplicable:
            pass
        except FAILURES as problem:
            found.broken = Counterexample(trial.text, told(problem))
            break
    found.seconds += time.perf_counter() - began
    return found


def _once(tried: Tried, law: Law, trial: NetworkTrial) -> None:
    before = trial.compared
    try:
        law.check(trial)
        trial.needs(trial.compared > before, "there is nothing to compare")
    except Inapplicable as problem:
        tried.reasons[str(problem)] += 1
        raise
    except FAILURES:
        tried.worst = max(tried.worst, trial.worst)
        raise
    tried.examples += 1
    tried.comparisons += trial.compared - before
    tried.worst = max(tried.worst, trial.worst)


def told(problem: Exception) -> str:
    """What a failure says, in a sentence; where it happened is what was noted on its way."""
    where = "".join(f", {note}" for note in getattr(problem, "__notes__", ()))
    return (
        f"{problem}{where}" if isinstance(problem, Broken) else f"it fails: {type(problem).__name__}: {problem}{where}"
    )
