"""From a source text to the tree of a `.lp` file; mistakes go to the report, and what could be read is returned."""

from __future__ import annotations

from typing import cast

from lark.exceptions import UnexpectedInput

from lpc.diagnostics import Diagnostic, Report, error
from lpc.source import Source, Span
from lpc.syntax import tree
from lpc.syntax.grammar import parser


@error("LP010")
class UnexpectedToken(Diagnostic):
    """The text stops being a program at this place."""

    title = "this is not what the language expects here"
    label = "unexpected"
    bad = "network a\nblock = 3\n"
    good = "network a\nlet b = 3\n"


def parse(source: Source, report: Report) -> tree.File:
    """The tree of a program. Never raises for bad input: mistakes are added to the report."""
    try:
        return cast(tree.File, parser().parse(source.text, start="file"))
    except UnexpectedInput as failure:
        at = failure.pos_in_stream or 0
        report.add(UnexpectedToken(span=Span(at, at + 1)))
        return tree.File(())
