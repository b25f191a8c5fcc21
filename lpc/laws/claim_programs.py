"""A refuted claim as a program of its own: the values that refute it written in, and all that it does not need left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lpc.diagnostics import ProgramError, Report
from lpc.ir.program import Claim
from lpc.laws.claim_trial import Trial
from lpc.laws.claims import ClaimResult, claims_of
from lpc.laws.ranges import Point
from lpc.laws.shrinking import shrunk, sound
from lpc.laws.sides import Deadline, Untried
from lpc.passes.check import Overrides
from lpc.passes.completion import literal
from lpc.source import NOWHERE, Source
from lpc.syntax import tree
from lpc.syntax.format import format_file
from lpc.syntax.parse import parse

SIZES = frozenset({"steps", "epochs", "batch", "seed", "precision", "patience"})
"""Options of `train` that are no manner of learning."""


def counterexample_program(
    source: Source, tested: ClaimResult, *, overrides: Overrides = (), budget_s: float = 10.0
) -> str:
    """The text of a small program whose one claim is refuted as `tested` says; "" where the claim was not refuted.

    Rules and optimizers stay, and with them what the claim is about. A claim that two sides differ is refuted by any network too
    small to learn, so its program is not made smaller.
    """
    if tested.counterexample is None:
        return ""
    seed = tested.counterexample.seed
    file = _alone(parse(source, Report()), tested.claim, tested.counterexample.values)
    deadline = Deadline.within(budget_s)

    def fails(candidate: tree.File) -> bool:
        return _refuted(candidate, seed, overrides, deadline)

    def accepts(candidate: tree.File) -> bool:
        return _manner(candidate) == manner and sound(candidate)

    manner = _manner(file)
    shrinks = tested.claim.relation == "=" and fails(file)
    return format_file(shrunk(file, fails, budget_s, accepts) if shrinks else file)


def _manner(file: tree.File) -> Sequence[object]:
    """How a program and its variants learn: rules and optimizers, and which of their arguments are written."""
    found: list[object] = []
    for clause in file.clauses:
        match clause:
            case tree.Variant(name, clauses):
                found.append((name, _manner(tree.File(clauses))))
            case tree.Learn(_, rule):
                found.append((rule.name, [argument.name for argument in rule.arguments]))
            case tree.Train(options):
                found += [
                    (option.name, option.value.name) if isinstance(option.value, tree.Call | tree.Name) else option.name
                    for option in options
                    if option.name not in SIZES
                ]
            case _:
                pass
    return found


def _refuted(file: tree.File, seed: int, overrides: Overrides, deadline: Deadline) -> bool:
    """Whether the one claim of a program fails for some initial values and examples, while there is time."""
    source = Source("counterexample.lp", format_file(file))
    try:
        claims = claims_of(source, overrides)
        if len(claims) != 1 or claims[0].left == claims[0].right:
            return False
        outcome = Trial(source, parse(source, Report()), claims[0], tuple(overrides), deadline).outcome({}, seed)
    except (ProgramError, Untried):
        return False
    return not outcome.holds and not outcome.problem


def _alone(file: tree.File, claim: Claim, values: Point) -> tree.File:
    """The program with one claim and the variants that it names, some lets and the batch size as they are to be."""
    lets = {clause.name for clause in file.clauses if isinstance(clause, tree.Let)}
    kept: list[tree.Clause] = []
    for clause in file.clauses:
        if isinstance(clause, tree.Claim):
            if clause.span == claim.span:
                kept.append(replace(clause, ranges=()))
        elif not isinstance(clause, tree.Variant) or clause.name in (claim.left, claim.right):
            kept.append(_valued(clause, values, lets))
    if "batch" in values and "batch" not in lets:
        kept = [_batched(clause, values["batch"]) for clause in kept]
    return tree.File(tuple(kept))


def _valued(clause: tree.Clause, values: Point, lets: set[str]) -> tree.Clause:
    if isinstance(clause, tree.Let) and clause.name in values:
        return replace(clause, value=literal(values[clause.name], NOWHERE))
    if isinstance(clause, tree.Variant):
        inside = (
            part for part in clause.clauses if not (isinstance(part, tree.Let) and part.name in values.keys() & lets)
        )
        return replace(clause, clauses=tuple(inside))
    return clause


def _batched(clause: tree.Clause, batch: int | float) -> tree.Clause:
    """`batch` given in the base, and in no variant."""
    if isinstance(clause, tree.Variant):
        inside = (_without(part) for part in clause.clauses)
        return replace(clause, clauses=tuple(part for part in inside if part is not None))
    if isinstance(clause, tree.Train):
        options = (
            replace(option, value=literal(batch, NOWHERE)) if option.name == "batch" else option
            for option in clause.options
        )
        return replace(clause, options=tuple(options))
    return clause


def _without(clause: tree.Clause) -> tree.Clause | None:
    if not isinstance(clause, tree.Train):
        return clause
    kept = tuple(option for option in clause.options if option.name != "batch")
    return replace(clause, options=kept) if kept else None
