"""A claim tried at some values: both sides compiled, given examples and initial values, and compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from lpc.ir.program import Claim, Program
from lpc.laws.agreement import WITHIN, Broken, Run
from lpc.laws.convergence import Tendency, fitted
from lpc.laws.differences import Found, compared, updates
from lpc.laws.ranges import Point
from lpc.laws.sides import (
    NEVER,
    Deadline,
    Side,
    Untried,
    check_interpretable,
    compiled,
    examples_for,
    initial,
    lengthened,
    shared_start,
)
from lpc.passes.variants import BASE
from lpc.source import Source
from lpc.syntax import tree

STEPS = 3
"""How many steps are taken where neither the claim nor the program says."""
MOST_STEPS = 10
"""A program's own number of steps counts up to this."""
UNLIKE = 1e-6
"""Of a tensor's movement: what two sides that are said to differ differ by, and more."""
ORDER = 1.0
"""At which a difference goes to 0 with a `let` that goes to a limit; 0.9 where it is fitted."""


@dataclass(frozen=True)
class Outcome:
    """What a claim comes to at some values."""

    holds: bool
    point: Point
    seed: int
    rows: tuple[tuple[int, ...], tuple[int, ...]]
    found: Found | None = None
    tendency: Tendency | None = None
    problem: str = ""
    """Why the sides cannot be compared step by step, where they cannot: then they are not the same."""


@dataclass
class Trial:
    """A claim to be tried at various values."""

    source: Source
    file: tree.File
    claim: Claim
    overrides: tuple[tuple[str, str], ...]
    deadline: Deadline = NEVER
    """Where it is over, what is being tried ends in OutOfTime."""

    def __post_init__(self) -> None:
        self._compiled: Callable[[str, tuple[tuple[str, str], ...]], Program] = cache(
            lambda variant, overrides: compiled(self.source, self.file, variant, overrides)
        )

    @property
    def lets(self) -> frozenset[str]:
        return frozenset(clause.name for clause in self.file.clauses if isinstance(clause, tree.Let))

    def steps(self) -> tuple[int, str]:
        """How many steps are taken, and who says so."""
        if self.claim.after is not None:
            return self.claim.after, "after"
        protocol = self._compiled(BASE, self.overrides).protocol
        written = protocol.steps if protocol is not None else None
        return (STEPS, "") if written is None or written > MOST_STEPS else (written, "train")

    def outcome(self, point: Point, seed: int) -> Outcome:
        """What the claim comes to at some values. Raises Untried where lpc refuses one of the sides there."""
        if self.claim.limit is not None:
            return self._in_limit(point, seed)
        left, right = self.sides(point, seed)
        rows = (left.rows, right.rows)
        equal = self.claim.relation == "="
        within = self.claim.within or (WITHIN if equal else UNLIKE)
        try:
            found = compared(left, right, within, self.claim.scale, rounding=equal)
        except Broken as problem:
            return Outcome(not equal, point, seed, rows, problem=str(problem))
        return Outcome(found.holds == equal, point, seed, rows, found)

    def _in_limit(self, point: Point, seed: int) -> Outcome:
        """Differences as a `let` goes to its limit, from above, or from below where lpc refuses what is above."""
        assert self.claim.limit is not None
        name, to = self.claim.limit
        rows: list[tuple[tuple[int, ...], tuple[int, ...]]] = []

        @cache
        def runs(size: float) -> tuple[Run, Run]:
            left, right = self._near(point, name, to, size, seed)
            rows[:] = [(left.rows, right.rows)]
            return updates(left, right)[:2] if self.claim.scale else (left.run(), right.run())

        try:
            found = fitted(runs)
            if not found.reaches(ORDER):
                found = fitted(runs, across_kinks=True)
        except Broken as problem:
            raise Untried(str(problem)) from problem
        reached = found.reaches(ORDER)
        if self.claim.within is not None:
            reached = reached and found.last <= self.claim.within
        return Outcome(reached == (self.claim.relation == "="), point, seed, rows[0], tendency=found)

    def _near(self, point: Point, name: str, to: float, size: float, seed: int) -> tuple[Side, Side]:
        try:
            return self.sides({**point, name: to + size}, seed)
        except Untried as problem:
            try:
                return self.sides({**point, name: to - size}, seed)
            except Untried:
                raise problem from None

    def sides(self, point: Point, seed: int) -> tuple[Side, Side]:
        """Both sides at some values: on the same examples, from the initial values of the base."""
        self.deadline.check()
        places = tuple((name if name in self.lets else "train.batch", repr(value)) for name, value in point.items())
        given = (*self.overrides, *places)
        base, *programs = (self._compiled(name, given) for name in (BASE, self.claim.left, self.claim.right))
        for program in programs:
            check_interpretable(program)
        steps, _ = self.steps()
        left, right = (lengthened(program, steps) for program in programs)
        rows = int(point["batch"]) if "batch" in point and "batch" not in self.lets else None
        examples = examples_for(left, right, steps, seed, rows)
        start = initial(base, seed)
        return (
            Side(self.claim.left, left, seed, examples[0], shared_start(start, left, seed), deadline=self.deadline),
            Side(self.claim.right, right, seed, examples[1], shared_start(start, right, seed), deadline=self.deadline),
        )
