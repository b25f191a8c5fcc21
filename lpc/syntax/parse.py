"""From a source text to the tree of a `.lp` file; mistakes go to the report, and what could be read is returned."""

from __future__ import annotations

from typing import cast

from lark.exceptions import UnexpectedInput

from lpc.diagnostics import Diagnostic, Report, error
from lpc.source import Source, Span
from lpc.syntax import tree
from lpc.syntax.examples import SOUND
from lpc.syntax.grammar import parser
from lpc.syntax.read import check_characters
from lpc.syntax.scan import MAX_DEPTH, scan
from lpc.syntax.validate import validate


@error("LP005")
class TooDeep(Diagnostic):
    """Brackets around an expression and operators in a row, `->` among them, may come to 200 together. A deeper
    expression is hardly one that somebody can read; a `def` or another block gives a part of it a name, and a chain,
    `block layer[1000] = ...`, repeats a block.
    """

    title = "this expression is nested more than {limit} deep"
    label = "brackets and operators in a row come to {limit} here"
    help = "give a part of it a name with `def`, or cut the pipeline into blocks"
    bad = SOUND.replace("linear(10)", "relu -> " * MAX_DEPTH + "linear(10)")
    good = SOUND
    limit: int


def parse(source: Source, report: Report) -> tree.File:
    """The tree of a program. Never raises for bad input: mistakes are added to the report.

    After a syntax error the tree holds the clauses that could be read; what they name may be missing.
    """
    if not check_characters(source, report):
        return tree.File(())
    looked = scan(source.text)
    if looked.too_deep is not None:
        report.add(TooDeep(span=Span(looked.too_deep, looked.too_deep + 1), limit=MAX_DEPTH))
        return tree.File(())
    try:
        file = cast(tree.File, parser().parse(source.text))
    except UnexpectedInput as raised:
        from lpc.syntax.recover import recover  # a sound program starts quicker without

        file = recover(source, looked, raised, report)
        validate(file, source, report, whole=False)
        return file
    validate(file, source, report)
    return file
