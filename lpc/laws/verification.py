"""`lpc verify`: everything there is to try on a program of a user's, a little of each at a time, until the time is up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from lpc.diagnostics import Report
from lpc.ir.program import Claim, Program
from lpc.laws.claim_programs import counterexample_program
from lpc.laws.claims import Budget, check_claim, claims_of, written
from lpc.laws.general import GENERAL, subjects, try_subject
from lpc.laws.reduction import reduced
from lpc.laws.shrinking import shrunk
from lpc.laws.sides import OUT_OF_TIME
from lpc.laws.stand_ins import stand_ins
from lpc.laws.strategies import batches, least_rows
from lpc.laws.subject import GeneralLaw, Subject
from lpc.laws.trial import NetworkTrial, compiled
from lpc.laws.trying import Counterexample, Tried, arrays, try_on
from lpc.passes.check import Checked, Overrides
from lpc.passes.pipeline import run
from lpc.rules import registry
from lpc.rules.law import Inapplicable, Law
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.format import format_file
from lpc.syntax.parse import parse

Attempt = Callable[[int, Tried, float], None]
"""Tries once more: the number of the round, and the seconds that are left."""

ROUNDS = 3
"""How often each thing is tried where there is time for it: each time on other data and initial values."""


CLAIM_SECONDS = 3.0
"""How long one claim is tried at various values; at the first of them, as long as there is time."""
SHRINKING_SECONDS = 5.0


@dataclass
class Check:
    """One line of the table: what is tried, of what, and what has come of it."""

    of: str
    """A variant, a rule, or the word `claim`."""
    tried: Tried
    attempt: Attempt
    rounds: int = ROUNDS
    variant: str = ""
    """Whose network a law of a rule is tried on."""

    @property
    def finished(self) -> bool:
        return self.tried.broken is not None

    @property
    def out_of_time(self) -> bool:
        return self.tried.left == OUT_OF_TIME

    @property
    def heading(self) -> str:
        """What was tried, of what, in a line."""
        where = f", in `{self.variant}`" if self.variant else ""
        return f"{self.of}{where}: {self.tried.name}"


def verify(checks: Sequence[Check], budget_s: float) -> None:
    """Try everything once, then once more, and so on; what the time does not suffice for says so.

    A check that was broken, or that is not applicable, is not tried again.
    """
    until = time.perf_counter() + budget_s
    for number in range(max((check.rounds for check in checks), default=0)):
        for check in checks:
            if check.finished or number >= check.rounds or (number and not check.tried.examples):
                continue
            left = until - time.perf_counter()
            if left <= 0:
                if not number:
                    check.tried.left = OUT_OF_TIME
                continue
            check.attempt(number, check.tried, left)


def checks_of(checked: Checked, overrides: Overrides, seed: int) -> list[Check]:
    """What there is to try on a program without errors: its claims, the laws of its rules, those of every program."""
    programs = {name: reduced(program) for name, program in checked.programs.items()}
    return [
        *claim_checks(checked, overrides, seed),
        *law_checks(programs, seed),
        *(check for name, program in programs.items() for check in program_checks(name, program, seed)),
    ]


def claim_checks(checked: Checked, overrides: Overrides, seed: int) -> Iterator[Check]:
    """The claims of the file, at the sizes that it has: a claim may be about these."""
    file = parse(checked.source, Report())
    for claim in claims_of(checked.source, overrides):
        text = written(file, claim)
        kind = "asymptotic" if claim.limit is not None else "exact"
        yield Check("claim", Tried(text, kind), _claim_attempt(checked, claim, overrides, seed), rounds=1)


def _claim_attempt(checked: Checked, claim: Claim, overrides: Overrides, seed: int) -> Attempt:
    def attempt(_number: int, tried: Tried, left: float) -> None:
        budget = Budget(seconds=min(CLAIM_SECONDS, left), first=left)
        found = check_claim(checked.source, claim, budget=budget, seed=seed + 1, overrides=overrides)
        tried.examples, tried.worst, tried.seconds = found.examples, found.largest, found.seconds
        if found.counterexample is not None:
            values = ", ".join(f"{name} = {value:g}" for name, value in found.counterexample.values.items())
            shown = f"at {values}: {found.counterexample}" if values else str(found.counterexample)
            small = counterexample_program(checked.source, found, overrides=overrides, budget_s=SHRINKING_SECONDS)
            tried.broken = Counterexample(small, f"{shown}\n\nA smaller program of which the claim is false too:")
        tried.left = found.reason

    return attempt


def program_checks(variant: str, program: Program, seed: int) -> Iterator[Check]:
    """The laws of every program, on one variant."""

    @cache
    def subject(number: int) -> Subject:
        (made,) = subjects(program, [seed + number + 1], stand_ins(program))
        return made

    def attempting(law: GeneralLaw) -> Attempt:
        return lambda number, tried, _: _shrinking(law, try_subject(law, subject(number), tried), seed + number + 1)

    for law in GENERAL:
        yield Check(variant, Tried(law.name, law.stated.kind, statement=law.stated.statement), attempting(law))


def _shrinking(law: GeneralLaw, tried: Tried, seed: int) -> None:
    """A counterexample is made as small as a few seconds allow."""
    if tried.broken is None:
        return
    least = tried.broken

    def fails(file: tree.File) -> bool:
        nonlocal least
        again = Tried(law.name, law.stated.kind)
        program = accepted(file)
        for made in subjects(program, [seed], stand_ins(program)) if program is not None else ():
            try_subject(law, made, again)
        least = again.broken or least
        return again.broken is not None

    shrunk(parse(Source("counterexample.lp", least.text), Report()), fails, SHRINKING_SECONDS)
    tried.broken = least


def law_checks(programs: Mapping[str, Program], seed: int) -> Iterator[Check]:
    """The laws of every rule that a variant uses, on the network of the first one that does."""
    first: dict[str, str] = {}
    for variant, program in programs.items():
        for use in program.uses.values():
            first.setdefault(use.rule, variant)
    for rule, variant in first.items():
        for law in registry.find(rule).laws:
            tried = Tried(law.name, law.kind, statement=law.statement)
            yield Check(rule, tried, _law_attempt(law, programs[variant], seed), variant=variant)


def _law_attempt(law: Law, program: Program, seed: int) -> Attempt:
    def attempt(number: int, tried: Tried, _left: float) -> None:
        trial = trial_of(program, seed + number)
        try_on(law, [trial], tried)
        if tried.broken is not None:
            tried.broken = _least(law, tried.broken, seed + number)

    return attempt


def _least(law: Law, broken: Counterexample, seed: int) -> Counterexample:
    """The same law broken by a smaller network, if a few seconds find one."""
    least = broken

    def fails(file: tree.File) -> bool:
        nonlocal least
        again = Tried(law.name, law.kind)
        try:
            program = compiled(file.clauses, "", until="bind")
        except Inapplicable:
            return False
        try_on(law, [trial_of(program, seed)], again)
        least = again.broken or least
        return again.broken is not None

    shrunk(
        parse(Source("counterexample.lp", broken.text), Report()), fails, SHRINKING_SECONDS, accepts=lambda _file: True
    )
    return least


def trial_of(program: Program, seed: int) -> NetworkTrial:
    """A program's network as a trial, with batches drawn by a seed: two of four examples and a smaller one."""
    kinds = tree.Network | tree.Def | tree.Data | tree.Block | tree.Objective
    clauses = tuple(c for c in parse(program.source, Report()).clauses if isinstance(c, kinds))
    made = [arrays(batch) for batch in batches(program, [4, 4, max(2, least_rows(program)), 3], seed)]
    return NetworkTrial(clauses, made[:3], made[3], seed + 1, stand_ins(program))


def accepted(file: tree.File) -> Program | None:
    """The program of a tree, all of whose passes ran; None where lpc refuses it."""
    report, source = Report(), Source("counterexample.lp", format_file(file))
    program = run(Program(source, parse(source, report)), report)
    return None if report.errors else program
