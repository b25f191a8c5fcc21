"""A user's program at reduced sizes: the same blocks, rules and options, on fewer units, in float64.

What is checked on it does not depend on sizes, and is checked a thousand times faster, and shown in fewer numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lpc.diagnostics import Report
from lpc.ir.program import Program
from lpc.ir.types import Label, Tensor
from lpc.passes.pipeline import run
from lpc.passes.spines import map_calls
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.format import format_file
from lpc.syntax.parse import parse

WIDTHS = (6, 12, 24, 48)
"""What sizes are cut down to, the first that gives a program which lpc accepts."""
LENGTH = 3
"""What chains are cut down to."""
BATCH = 6
"""The most examples in a batch."""


def reduced(program: Program) -> Program:
    """The program, all of whose passes ran without an error, with fewer units; itself in float64 where none can be spared."""
    assert program.network is not None and program.objective is not None
    assigned = run(replace(program, file=parse(program.source, Report())), Report(), "assign").file
    target = program.network.type_of(program.objective.target)
    kept = frozenset(
        {target.classes} if isinstance(target, Label) else target.shape if isinstance(target, Tensor) else ()
    )
    for file in _candidates(assigned, kept):
        report, source = Report(), Source(program.source.name, format_file(file))
        made = run(Program(source, parse(source, report)), report)
        if not report.errors:
            return made
    return program


def _candidates(file: tree.File, kept: frozenset[int]) -> Iterator[tree.File]:
    for width in WIDTHS:
        for length in (LENGTH, None):
            yield _cut(file, width, length, kept)
    yield _cut(file, None, None, kept)


def _cut(file: tree.File, width: int | None, length: int | None, kept: frozenset[int]) -> tree.File:
    """The file with sizes above `width` cut to it, but for those that the target has; one size stays one size."""

    def cut(call: tree.Call) -> tree.Call:
        return replace(call, arguments=tuple(replace(a, value=_least(a.value, width, kept)) for a in call.arguments))

    clauses: list[tree.Clause] = []
    for clause in file.clauses:
        if isinstance(clause, tree.Block):
            count = clause.count if clause.count is None else _least(clause.count, length, frozenset())
            clause = replace(clause, count=count, expr=map_calls(clause.expr, cut))  # noqa: PLW2901
        elif isinstance(clause, tree.Def):
            clause = replace(clause, body=map_calls(clause.body, cut))  # noqa: PLW2901
        elif isinstance(clause, tree.Train):
            clause = replace(clause, options=_exactly(clause.options))  # noqa: PLW2901
        clauses.append(clause)
    return tree.File(tuple(clauses))


def _least(value: tree.Expr, most: int | None, kept: frozenset[int]) -> tree.Expr:
    if isinstance(value, tree.ListExpr):
        return replace(value, items=tuple(_least(item, most, kept) for item in value.items))
    if most is None or not isinstance(value, tree.Number) or not isinstance(value.value, int) or value.value in kept:
        return value
    return replace(value, value=min(value.value, most))


def _exactly(options: tuple[tree.Option, ...]) -> tuple[tree.Option, ...]:
    """Training options in float64, in small batches, with what is about stopping left out."""
    values = {option.name: option for option in options if option.name not in ("patience", "precision", "batch")}
    given: dict[str, tree.Expr] = {"batch": tree.Number(BATCH), "precision": tree.Name("f64")}
    return (*values.values(), *(tree.Option(name, value) for name, value in given.items()))
