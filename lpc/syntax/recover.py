"""Several syntax errors in one go: cut a broken file at its clause keywords and parse each clause alone.

The whole-file parser alone says what a program is; this runs only when it has refused, and can never change that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from lark.exceptions import UnexpectedInput
from lark.utils import TextSlice

from lpc.diagnostics import Report
from lpc.source import Source, Span
from lpc.syntax import tree
from lpc.syntax.foreign import another_language
from lpc.syntax.grammar import parser
from lpc.syntax.mistakes import explain
from lpc.syntax.mistakes.clauses import reserved_word
from lpc.syntax.mistakes.failure import Failure
from lpc.syntax.scan import Scan
from lpc.syntax.validate import MAX_MISTAKES, TooManyMistakes

BATCH = 64
"""Clauses parsed together first: Lark counts the lines before each slice, which a long file would pay once a clause."""


def recover(source: Source, scan: Scan, raised: UnexpectedInput, report: Report) -> tree.File:
    """The clauses that parse; one diagnostic for each that does not, at most MAX_MISTAKES, or one for the whole file
    where it is of another language.
    """
    if (foreign := another_language(source)) is not None:
        report.add(foreign)
        return tree.File(())
    clauses: list[tree.Clause] = []
    count = 0
    parts = _parts(source, scan)
    for span, found in parts:
        if not isinstance(found, UnexpectedInput):
            clauses += found
            continue
        if count == MAX_MISTAKES:
            report.add(TooManyMistakes(span=Span(span.start, span.start + 1), count=count))
            break
        count += 1
        failure = Failure.of(source, scan, span, found)
        if (reserved := reserved_word(failure)) is not None:
            _, following = next(parts)
            if isinstance(following, UnexpectedInput):  # neither half makes sense: the keyword was meant as a name
                report.add(reserved)
                continue
            clauses += following
        report.add(explain(failure))
        if "BLOCK" in failure.accepts:  # the clause was whole, and something foreign follows it
            whole = _clauses(source, Span(span.start, failure.span.start))
            clauses += () if isinstance(whole, UnexpectedInput) else whole
    if not count:  # every clause parses alone: the file's own error is all there is to say
        report.add(explain(Failure.of(source, scan, Span(0, len(source.text)), raised)))
    return tree.File(tuple(clauses), span=Span(0, len(source.text)))


def _parts(source: Source, scan: Scan) -> Iterator[tuple[Span, tuple[tree.Clause, ...] | UnexpectedInput]]:
    """Every clause with what parsing it gives; sound clauses many at a time."""
    starts = [0, *scan.cuts] if not scan.cuts or source.text[: scan.cuts[0]].strip() else [*scan.cuts]
    spans = [Span(start, end) for start, end in zip(starts, [*starts[1:], len(source.text)], strict=True)]
    for first in range(0, len(spans), BATCH):
        batch = spans[first : first + BATCH]
        together = batch[0].to(batch[-1])
        found = _clauses(source, together)
        if isinstance(found, UnexpectedInput):
            yield from ((span, _clauses(source, span)) for span in batch)
        else:
            yield together, found


def _clauses(source: Source, span: Span) -> tuple[tree.Clause, ...] | UnexpectedInput:
    try:
        return cast(tree.File, parser().parse(TextSlice(source.text, span.start, span.end))).clauses
    except UnexpectedInput as raised:
        return raised
