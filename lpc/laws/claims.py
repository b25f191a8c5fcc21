"""Whether the claims of a program hold: both sides trained side by side, at as many values as there is room for."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from lpc.diagnostics import ProgramError, Report
from lpc.ir.program import Claim, Program
from lpc.laws.claim_trial import Outcome, Trial
from lpc.laws.differences import Difference, part
from lpc.laws.ranges import Point, points, smallest
from lpc.laws.sides import Deadline, OutOfTime, Untried
from lpc.passes.check import Overrides
from lpc.passes.pipeline import run
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.format import format_file
from lpc.syntax.parse import parse

REFUSED = 5
"""How many values are looked at for each one that is to be tried, where lpc refuses some."""
WITHOUT_RANGE = 3
"""How many initial values and examples a claim without a range is tried on."""

Verdict = Literal["holds", "refuted", "not tried"]


@dataclass(frozen=True)
class Budget:
    """How much is tried: values a claim at most, and seconds for all claims together.

    first: seconds that the first value of a claim may take, whatever the others may.
    """

    examples: int = 20
    seconds: float = 30.0
    first: float = math.inf


@dataclass(frozen=True)
class Counterexample:
    """The smallest values for which a claim does not hold, and what it looks like there."""

    values: Point
    """Of the lets that have a range, and of `batch`."""
    rows: tuple[tuple[int, ...], tuple[int, ...]]
    """Examples of every batch, on each side."""
    seed: int
    shown: str
    difference: Difference | None = None
    """Where the sides differ first, if that is what refutes the claim."""

    def __str__(self) -> str:
        rows = _rows(self.rows[0])
        rows = rows if self.rows[0] == self.rows[1] else f"{rows} on the left, {_rows(self.rows[1])} on the right"
        return f"{self.shown}\n(batches of {rows}; seed = {self.seed})"


@dataclass(frozen=True)
class ClaimResult:
    """What came of a claim."""

    claim: Claim
    text: str
    line: int
    verdict: Verdict
    examples: int
    """At how many values it was tried, those at which it failed included."""
    steps: int
    steps_from: str
    """Who says how many steps: `after`, `train`, or nobody."""
    largest: float
    """The largest difference of a tensor, as a part of its movement; in a limit, at the smallest size."""
    seconds: float
    alone: tuple[str, ...] = ()
    """Tensors that only one side has, left out."""
    factor: float | None = None
    """Up to scale: the left side's steps are so many times the right side's."""
    order: float | None = None
    """In a limit: the order fitted, the smallest of all values."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """Why values were passed over, and how many."""
    counterexample: Counterexample | None = None

    @property
    def reason(self) -> str:
        """Why it was not tried, if it was not."""
        return self.passed_over.most_common(1)[0][0] if self.verdict == "not tried" and self.passed_over else ""

    def __str__(self) -> str:
        """In a few lines, as a terminal shows it."""
        if self.verdict == "not tried":
            return f"{self.text}\n  not tried: {self.reason}"
        counted = f"{self.examples} value{'s' * (self.examples != 1)} of {self.steps} steps"
        if over := sum(self.passed_over.values()):
            counted += f", {over} passed over: {self.passed_over.most_common(1)[0][0]}"
        if self.counterexample is None:
            return f"{self.text}\n  holds ({counted}; largest difference {part(self.largest)})"
        at = ", ".join(f"{name} = {_number(value)}" for name, value in self.counterexample.values.items())
        shown = str(self.counterexample).replace("\n", "\n  ")
        return f"{self.text}\n  refuted{f' at {at}' if at else ''}: {shown}"


def _number(value: int | float) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _rows(rows: Sequence[int]) -> str:
    if len(set(rows)) == 1:
        return f"{rows[0]} example{'s' * (rows[0] != 1)}"
    return f"{', '.join(map(str, rows[:-1]))} and {rows[-1]} examples"


def check_claims(
    source: Source, *, budget: Budget | None = None, seed: int = 1, overrides: Overrides = ()
) -> list[ClaimResult]:
    """Test every claim of a program, in order. Raises ProgramError where it has errors."""
    room = budget or Budget()
    claims, ends = claims_of(source, overrides), time.monotonic() + room.seconds
    tested = []
    for left, claim in zip(range(len(claims), 0, -1), claims, strict=True):
        share = Budget(room.examples, max(0.0, ends - time.monotonic()) / left, room.first)
        tested.append(check_claim(source, claim, budget=share, seed=seed, overrides=overrides))
    return tested


def claims_of(source: Source, overrides: Overrides = ()) -> tuple[Claim, ...]:
    """The claims of a program. Raises ProgramError where it has errors."""
    report = Report()
    file = parse(source, report)
    program = Program(source, file, None, tuple(overrides))
    if not report.errors:
        program = run(program, report, until="expand")
    if report.errors:
        raise ProgramError(report.errors)
    return program.claims


def check_claim(
    source: Source, claim: Claim, *, budget: Budget | None = None, seed: int = 1, overrides: Overrides = ()
) -> ClaimResult:
    """Test one claim of a program that has no errors; the rest of what `check_claims` says holds here too.

    The first value has a time of its own. A value that fails is made smaller, for as long again.
    """
    room, began = budget or Budget(), time.monotonic()
    trial = Trial(source, parse(source, Report()), claim, tuple(overrides), Deadline.within(room.first))
    tally, rest = _Tally(), Deadline.within(room.seconds)
    wanted = room.examples if claim.ranges else min(room.examples, WITHOUT_RANGE)
    chosen = islice(points(claim.ranges, seed), REFUSED * wanted) if claim.ranges else [{}] * wanted
    for number, point in enumerate(chosen):
        try:
            if tally.examples == wanted or tally.attempt(trial, point, seed + number) is False:
                break
        except OutOfTime as problem:
            if not tally.examples:
                tally.passed_over[str(problem)] += 1
            break
        trial.deadline = rest
    if tally.last is not None and not tally.last.holds:
        tally.failing = _smallest(trial, tally.last, room.seconds)
    return tally.result(trial, time.monotonic() - began)


def _smallest(trial: Trial, failing: Outcome, seconds: float) -> Outcome:
    """The outcome at the smallest values that fail with the same initial values and examples as some that do."""
    found = {tuple(failing.point.values()): failing}

    def fails(smaller: Point) -> bool:
        try:
            made = trial.outcome(smaller, failing.seed)
        except Untried:
            return False
        found[tuple(smaller.values())] = made
        return not made.holds

    trial.deadline = Deadline.within(seconds)
    least = smallest(failing.point, trial.claim.ranges, fails, lambda: time.monotonic() < trial.deadline.until)
    return found[tuple(least.values())]


@dataclass
class _Tally:
    """Outcomes as they come."""

    examples: int = 0
    largest: float = 0.0
    order: float | None = None
    last: Outcome | None = None
    failing: Outcome | None = None
    passed_over: Counter[str] = field(default_factory=Counter)

    def attempt(self, trial: Trial, point: Point, seed: int) -> bool | None:
        """Whether the claim holds at some values; None where it cannot be tried there. Raises OutOfTime where the time is up."""
        try:
            made = trial.outcome(point, seed)
        except OutOfTime:
            raise
        except Untried as problem:
            self.passed_over[str(problem)] += 1
            return None
        self.examples += 1
        self.last = made
        if made.found is not None:
            self.largest = max(self.largest, made.found.largest)
        if made.tendency is not None:
            self.largest = max(self.largest, made.tendency.last)
            self.order = min(made.tendency.order, self.order if self.order is not None else made.tendency.order)
        return made.holds

    def result(self, trial: Trial, seconds: float) -> ClaimResult:
        claim, outcome = trial.claim, self.failing or self.last
        steps, steps_from = trial.steps() if outcome is not None else (0, "")
        found = outcome.found if outcome is not None else None
        return ClaimResult(
            claim=claim,
            text=written(trial.file, claim),
            line=trial.source.line_number(claim.span.start),
            verdict="refuted" if self.failing else "holds" if self.examples else "not tried",
            examples=self.examples,
            steps=steps,
            steps_from=steps_from,
            largest=self.largest,
            seconds=seconds,
            alone=found.agreement.alone if found is not None else (),
            factor=found.factor if found is not None else None,
            order=self.order,
            passed_over=self.passed_over,
            counterexample=None if self.failing is None else _counterexample(claim, self.failing),
        )


def written(file: tree.File, claim: Claim) -> str:
    """A claim in one line, as `lpc fmt` writes it."""
    clause = next(clause for clause in file.clauses if clause.span == claim.span)
    return " ".join(format_file(tree.File((clause,))).split())


def _counterexample(claim: Claim, failing: Outcome) -> Counterexample:
    difference = failing.found.difference if failing.found is not None else None
    return Counterexample(failing.point, failing.rows, failing.seed, _shown(claim, failing, difference), difference)


def _shown(claim: Claim, failing: Outcome, difference: Difference | None) -> str:
    """What an outcome shows, in a sentence."""
    if failing.problem:
        return failing.problem
    if failing.tendency is not None:
        assert claim.limit is not None
        name, to = claim.limit
        told = f"as {name} -> {_number(to)}, {failing.tendency}"
        return told if claim.relation == "=" else f"{told}: the two tend to the same"
    assert failing.found is not None
    if difference is not None:
        return difference.told(claim.left, claim.right, failing.found.factor)
    times = "" if failing.found.factor is None else f" times {failing.found.factor:.6g}"
    same = f"the two hold the same after every step{times} (largest difference {part(failing.found.largest)} of a movement)"
    return same if claim.within is None else f"{same}, within {_number(claim.within)}"
