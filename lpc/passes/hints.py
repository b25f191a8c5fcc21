"""Warnings that the text alone gives: names nothing uses, sums that may not mean what they seem to."""

from __future__ import annotations

from collections.abc import Iterator

from lpc.diagnostics import Diagnostic, Report, warning
from lpc.ir.ops import activation, norm
from lpc.passes.scope import SOUND
from lpc.passes.spines import bare_pipe, leftmost, walk
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.walk import walk as walk_nodes


@warning("LP903")
class UnusedLet(Diagnostic):
    """A `let` that nothing names has no effect, whatever `--set` makes of it."""

    title = "`{name}` is never used"
    label = "has no effect"
    bad = "network example\nlet width = 64\n" + SOUND.partition("\n")[2]
    good = "network example\nlet width = 64\n" + SOUND.partition("\n")[2].replace("linear(64)", "linear(width)")
    name: str


@warning("LP904")
class UnusedFunction(Diagnostic):
    """A function that no block uses adds nothing to the network; nor does one that only another unused function names."""

    title = "function `{name}` is never used"
    label = "has no effect"
    bad = "network example\ndef bend(x) = x -> gelu\n" + SOUND.partition("\n")[2]
    good = "network example\ndef bend(x) = x -> gelu\n" + SOUND.partition("\n")[2].replace("-> relu", "-> bend")
    name: str


@warning("LP905")
class SumEndsInActivation(Diagnostic):
    """`->` binds tighter than `+`, so in `x + a -> relu` only `a` goes through `relu`. Residual networks usually mean the sum:
    `(x + a) -> relu`. Parentheses say which, and `lpc fmt` writes them.
    """

    title = "only `{operand}` goes through `{operation}` here, not the sum"
    label = "read as `... + ({operand} -> ... -> {operation})`"
    help = (
        "write `(... + {operand}) -> {operation}` for the sum, or parentheses around the pipeline to keep this reading"
    )
    bad = SOUND.replace("relu\n", "relu\nblock more = hidden + hidden -> linear(64) -> relu\n").replace(
        "hidden -> linear(10)", "more -> linear(10)"
    )
    good = SOUND.replace("relu\n", "relu\nblock more = (hidden + (hidden -> linear(64))) -> relu\n").replace(
        "hidden -> linear(10)", "more -> linear(10)"
    )
    operand: str
    operation: str


def unused_names(file: tree.File, report: Report) -> None:
    """Warn of lets and functions that no clause names, those of variants and claims included."""
    used = {name for clause in file.clauses for name in _names(clause)}
    for clause in file.clauses:
        if isinstance(clause, tree.Let) and clause.name not in used:
            report.add(UnusedLet(span=clause.name_span, name=clause.name))
        elif isinstance(clause, tree.Def) and clause.name not in used:
            report.add(UnusedFunction(span=clause.name_span, name=clause.name))


def _names(clause: tree.Clause) -> Iterator[str]:
    """The names a clause uses; in a function, not those its parameters hide."""
    hidden = {parameter.name for parameter in clause.parameters} if isinstance(clause, tree.Def) else set()
    for node in walk_nodes(clause):
        match node:
            case tree.Name(name) | tree.Indexed(name) | tree.Range(name):
                if name not in hidden:
                    yield name
            case tree.Pipe(_, tree.Name(name)) | tree.Call(name):
                yield name
            case tree.Claim(limit=limit) if limit is not None:
                yield limit[0]
                yield from (n.name for n in walk(limit[1]) if isinstance(n, tree.Name))
            case _:
                pass


def ambiguous_sums(file: tree.File, source: Source, report: Report) -> None:
    """Warn of sums whose last operand, without parentheses, ends in an activation or a norm."""
    for clause in file.clauses:
        match clause:
            case tree.Block(expr=expr) | tree.Def(body=expr):
                for node in walk(expr):
                    if isinstance(node, tree.Binary) and node.operator == "+":
                        _check_sum(node, source, report)
            case _:
                pass


def _check_sum(binary: tree.Binary, source: Source, report: Report) -> None:
    operand = binary.right
    if not isinstance(operand, tree.Pipe) or not isinstance(operand.right, tree.Name | tree.Call):
        return
    if not bare_pipe(operand) or not _shapes_activity(operand.right.name):
        return
    name = source.snippet(leftmost(operand).span)
    report.add(SumEndsInActivation(span=operand.span, operand=name, operation=operand.right.name))


def _shapes_activity(name: str) -> bool:
    """Whether an operation is an activation or a norm."""
    return any(entry.name == name for family in (activation, norm) for entry in family.ENTRIES)
