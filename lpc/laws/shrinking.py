"""Making a program smaller for as long as something holds of it: one greedy way down, every stop a program that lpc accepts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from lpc.diagnostics import Report
from lpc.ir.program import Program
from lpc.ir.types import Label, Tensor
from lpc.laws.rewriting import numbered, replaced
from lpc.passes.pipeline import run
from lpc.passes.spines import names_in
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.format import format_file
from lpc.syntax.parse import parse

Holds = Callable[[tree.File], bool]
Files = Iterator[tree.File]


def shrunk(file: tree.File, fails: Holds, budget_s: float = 10.0, accepts: Holds | None = None) -> tree.File:
    """The smallest program that was found for which `fails` still holds, on the way down from one for which it does.

    accepts: what a candidate must be besides; left out, without errors in its base and in every variant. Ends when nothing
    can be taken away, or after `budget_s` seconds, at any time with a program that was tried.
    """
    ends, accepted = time.monotonic() + budget_s, accepts or sound
    known: set[tree.File] = {file}

    def wanted(candidate: tree.File) -> bool:
        if candidate in known:
            return False
        known.add(candidate)
        return accepted(candidate) and fails(candidate)

    best, changed = file, True
    while changed:
        changed = False
        for way in WAYS:
            at = 0
            while time.monotonic() < ends:
                # Candidates after one that was taken are those of the smaller program, from the same place on.
                found = next(((n, c) for n, c in enumerate(way(best)) if n >= at and _within(ends) and wanted(c)), None)
                if found is None:
                    break
                (at, best), changed = found, True
    return best


def _within(ends: float) -> bool:
    return time.monotonic() < ends


def sound(file: tree.File) -> bool:
    """Whether lpc finds no error in a program, its variants included."""
    report, source = Report(), Source("shrunk.lp", format_file(file))
    parsed = parse(source, report)
    variants = [clause.name for clause in file.clauses if isinstance(clause, tree.Variant)]
    for variant in (None, *variants):
        if not report.errors:
            run(Program(source, parsed, variant), report, until="lower")
    return not report.errors


# -- ways to make a program smaller: the candidates of each are in order, those that take most away first ----------


def without_clauses(file: tree.File) -> Files:
    """One clause less, of the program or of a variant; blocks apart."""
    for at in reversed(range(len(file.clauses))):
        clause = file.clauses[at]
        if not isinstance(clause, tree.Block | tree.Network):
            yield tree.File((*file.clauses[:at], *file.clauses[at + 1 :]))
        if isinstance(clause, tree.Variant):
            for inside in range(len(clause.clauses)):
                kept = (*clause.clauses[:inside], *clause.clauses[inside + 1 :])
                yield _with(file, at, replace(clause, clauses=kept))


def without_blocks(file: tree.File) -> Files:
    """One block less: who read it reads what it read."""
    tensors = {binding.name for clause in file.clauses if isinstance(clause, tree.Data) for binding in clause.bindings}
    tensors |= {clause.name for clause in file.clauses if isinstance(clause, tree.Block)}
    for at in reversed(range(len(file.clauses))):
        clause = file.clauses[at]
        if isinstance(clause, tree.Block):
            rest = tree.File((*file.clauses[:at], *file.clauses[at + 1 :]))
            for source in dict.fromkeys(name for name in names_in(clause.expr) if name in tensors):
                yield _rewired(rest, clause.name, source)


def _rewired(file: tree.File, name: str, source: str) -> tree.File:
    """A name read as another, and selected no more; lines that select nothing are gone."""
    changes: dict[int, tree.Node] = {}
    for number, node in numbered(file, lambda node: isinstance(node, tree.Name | tree.Indexed)):
        if isinstance(node, tree.Name | tree.Indexed) and node.name == name:
            changes[number] = tree.Name(source)
    return tree.File(tuple(_unselected(replaced(file, changes).clauses, name)))


def _unselected(clauses: Sequence[tree.Clause], name: str) -> Iterator[tree.Clause]:
    for clause in clauses:
        if isinstance(clause, tree.Variant):
            yield replace(clause, clauses=tuple(_unselected(clause.clauses, name)))
        elif isinstance(clause, tree.Learn | tree.Place) and clause.selectors:
            kept = tuple(selector for selector in clause.selectors if selector.name != name)
            if kept:
                yield replace(clause, selectors=kept)
        else:
            yield clause


def without_chains(file: tree.File) -> Files:
    """A chain is a block."""
    for at, clause in enumerate(file.clauses):
        if isinstance(clause, tree.Block) and clause.count is not None:
            single = tree.File(tuple(_with(file, at, replace(clause, count=None)).clauses))
            inside = numbered(single, lambda node: isinstance(node, tree.Indexed | tree.Selector))
            named = {
                number: tree.Name(node.name) if isinstance(node, tree.Indexed) else tree.Selector(clause.name)
                for number, node in inside
                if isinstance(node, tree.Indexed | tree.Selector) and node.name == clause.name
            }
            yield replaced(single, named)


def without_operations(file: tree.File) -> Files:
    """An operation of a pipeline less, or one operand of a sum or of a call that takes several tensors in its place."""
    for number, node in numbered(file, lambda node: isinstance(node, tree.Pipe | tree.Binary | tree.Call)):
        match node:
            case tree.Pipe(left):
                yield replaced(file, {number: left})
            case tree.Binary(_, left, right):
                yield replaced(file, {number: left})
                yield replaced(file, {number: right})
            case tree.Call(name, arguments) if name in ("add", "mul", "concat"):
                for argument in arguments:
                    yield replaced(file, {number: argument.value})
            case _:
                pass


def without_lets(file: tree.File) -> Files:
    """A let written out where it is used."""
    for at, clause in enumerate(file.clauses):
        if isinstance(clause, tree.Let):
            rest = tree.File((*file.clauses[:at], *file.clauses[at + 1 :]))
            used = numbered(rest, lambda node, name=clause.name: isinstance(node, tree.Name) and node.name == name)  # type: ignore[misc]
            yield replaced(rest, dict.fromkeys((number for number, _ in used), clause.value))


def without_arguments(file: tree.File) -> Files:
    """An argument, an option, a selector, a measure or a part of a claim less."""
    for number, node in numbered(file, lambda node: type(node) in LISTS):
        for name, least in LISTS.get(type(node), ()):
            parts = getattr(node, name)
            for at in reversed(range(len(parts))):
                if len(parts) > least:
                    made = replace(node, **{name: (*parts[:at], *parts[at + 1 :])})  # type: ignore[arg-type]
                    yield replaced(file, {number: made})


def with_smaller_numbers(file: tree.File) -> Files:
    """A whole number is smaller: everywhere where it stands, or in one place."""
    found = numbered(file, lambda node: isinstance(node, tree.Number) and isinstance(node.value, int))
    places = [(number, int(node.value)) for number, node in found if isinstance(node, tree.Number)]
    for value in sorted({value for _, value in places if value > 1}, reverse=True):
        everywhere = [number for number, other in places if other == value]
        groups = [everywhere, *([number] for number in everywhere if len(everywhere) > 1)]
        for group in groups:
            for less in dict.fromkeys((1, 2, value // 2, value - 1)):
                if less < value:
                    yield replaced(file, dict.fromkeys(group, tree.Number(less)))


def with_made_up_data(file: tree.File) -> Files:
    """The data are made up, of the same types: these can be smaller than those of a published set."""
    data = next((clause for clause in file.clauses if isinstance(clause, tree.Data)), None)
    if data is None or data.source.name == "synthetic":
        return
    source = Source("shrunk.lp", format_file(file))
    use = run(Program(source, parse(source, Report())), Report(), until="bind").data
    types = dict(use.bindings) if use is not None else {}
    if len(types) == len(data.bindings) and all(isinstance(type_, Tensor | Label) for type_ in types.values()):
        bindings = tuple(tree.Binding(name, _written(type_)) for name, type_ in types.items())
        made = tree.Data(bindings, tree.Call("synthetic", ()))
        yield tree.File(tuple(made if clause is data else clause for clause in file.clauses))


def _written(type_: object) -> tree.TypeExpr:
    if isinstance(type_, Label):
        return tree.TypeExpr("class", (tree.Number(type_.classes),))
    assert isinstance(type_, Tensor)
    return tree.TypeExpr(type_.dtype, tuple(map(tree.Number, type_.shape)))


LISTS: dict[type[tree.Node], Sequence[tuple[str, int]]] = {
    tree.Call: [("arguments", 0)],
    tree.Train: [("options", 1)],
    tree.Place: [("options", 1)],
    tree.Learn: [("selectors", 1)],
    tree.Measure: [("items", 1)],
    tree.TypeExpr: [("sizes", 1)],
    tree.Claim: [("ranges", 0)],
    tree.Data: [("bindings", 1)],
}
"""Fields of nodes of which parts can be left out, and how many must stay."""

WAYS: Sequence[Callable[[tree.File], Files]] = (
    without_clauses,
    without_blocks,
    without_chains,
    without_operations,
    with_made_up_data,
    without_lets,
    without_arguments,
    with_smaller_numbers,
)


def _with(file: tree.File, at: int, clause: tree.Clause) -> tree.File:
    return tree.File((*file.clauses[:at], clause, *file.clauses[at + 1 :]))
