"""Clauses a program needs, and how many of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from lpc.diagnostics import Diagnostic, Report, error
from lpc.passes.scope import SOUND
from lpc.source import Span
from lpc.syntax import tree


@error("LP106")
class MissingClause(Diagnostic):
    """A program says where its examples come from, which blocks there are, what their output is scored by, and how long to
    train. None of these has a default.
    """

    title = "the program has no `{keyword}` clause"
    label = "nothing says {what}"
    help = "write, as an example: `{shown}`"
    bad = SOUND.replace("objective cross_entropy(readout, label)\n", "")
    good = SOUND
    keyword: str
    what: str
    shown: str


@error("LP107")
class RepeatedClause(Diagnostic):
    """A program has one source of data and one objective. Several inputs come from one source: `data a, b, label = ...`."""

    title = "a second `{keyword}` clause"
    label = "a program has one"
    bad = SOUND + "objective mse(readout, label)\n"
    good = SOUND
    keyword: str


NEEDED: Mapping[type[tree.Clause], tuple[str, str, str]] = {
    tree.Data: ("data", "where examples come from", "data image, label = digits(validation = 20%)"),
    tree.Block: ("block", "what is computed", "block hidden = image -> flatten -> linear(64) -> relu"),
    tree.Objective: ("objective", "what the output is scored by", "objective cross_entropy(readout, label)"),
    tree.Train: ("train", "how long to train", "train epochs = 10, batch = 64, seed = 1"),
}

C = TypeVar("C", tree.Data, tree.Objective)


def only(file: tree.File, kind: type[C], report: Report) -> C | None:
    """The one clause of a kind; none or a second one is reported."""
    found = [clause for clause in file.clauses if isinstance(clause, kind)]
    for second in found[1:]:
        report.add(RepeatedClause(span=second.span, keyword=NEEDED[kind][0], related=((found[0].span, "the first"),)))
    if not found:
        missing(file, kind, report)
    return found[0] if found else None


def missing(file: tree.File, kind: type[tree.Clause], report: Report) -> None:
    """Report a clause that is not there, at the program's name."""
    keyword, what, shown = NEEDED[kind]
    span = next((clause.span for clause in file.clauses if isinstance(clause, tree.Network)), Span(0, 0))
    report.add(MissingClause(span=span, keyword=keyword, what=what, shown=shown))
