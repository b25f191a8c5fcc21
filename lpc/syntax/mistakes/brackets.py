"""Brackets that do not match, and what stands between things: commas, `=`, `->`."""

from __future__ import annotations

import re

from lpc.diagnostics import Diagnostic, Edit, error
from lpc.source import Span
from lpc.syntax.examples import SOUND
from lpc.syntax.mistakes.failure import Failure
from lpc.syntax.words import PEOPLE


@error("LP014")
class UnclosedBracket(Diagnostic):
    """Every bracket is closed inside its clause. The place shown second is where the text stops making sense with the
    bracket open: the closing one belongs before it.
    """

    title = "this `{bracket}` is never closed"
    label = "opened here"
    bad = SOUND.replace("linear(10)", "linear(10")
    good = SOUND
    bracket: str


_CLOSES = {"(": "RPAR", "[": "RSQB", "{": "RBRACE"}


def unclosed_bracket(failure: Failure) -> Diagnostic | None:
    inside = [at for at in failure.scan.unclosed if failure.clause.start <= at < failure.span.end]
    if not inside:
        return None
    bracket = failure.source.text[inside[-1]]
    if failure.kind != "$END" and _CLOSES[bracket] not in failure.accepts:
        return None
    return UnclosedBracket(
        span=Span(inside[-1], inside[-1] + 1),
        bracket=bracket,
        related=((failure.span, f"{PEOPLE[_CLOSES[bracket]]} expected here, or before"),),
    )


@error("LP015")
class UnmatchedBracket(Diagnostic):
    """A closing bracket needs an opening one of its kind before it in the same clause."""

    title = "this `{bracket}` closes nothing"
    label = "no `{opening}` is open here"
    bad = SOUND.replace("linear(10)", "linear(10))")
    good = SOUND
    bracket: str
    opening: str


def unmatched_bracket(failure: Failure) -> Diagnostic | None:
    if failure.span.start not in failure.scan.unmatched:
        return None
    opening = {")": "(", "]": "[", "}": "{"}[failure.text]
    return UnmatchedBracket(span=failure.span, bracket=failure.text, opening=opening)


@error("LP021")
class WrongEquals(Diagnostic):
    """A name gets its value by a single `=`, everywhere: in clauses, in options and in arguments. A colon stands only
    between a name of a `data` clause and its type.
    """

    title = "a value is given with `=`"
    label = "write `=`"
    bad = SOUND.replace("epochs = 1", "epochs: 1")
    good = SOUND


def wrong_equals(failure: Failure) -> Diagnostic | None:
    span = failure.span
    if failure.kind == "EQUAL" and failure.previous == "=" and failure.previous_span.end == span.start:
        span = failure.previous_span.to(span)
    elif failure.kind == "COLON" and failure.rest.startswith(":="):
        span = Span(span.start, span.start + 2)
    elif failure.kind != "COLON" or "EQUAL" not in failure.accepts:
        return None
    return WrongEquals(span=span, edit=Edit(span, "="))


@error("LP022")
class MissingComma(Diagnostic):
    """Arguments, options and the items of a list are separated by commas."""

    title = "a `,` is missing before {found}"
    label = "begins another item"
    bad = SOUND.replace("epochs = 1, ", "epochs = 1 ")
    good = SOUND
    found: str


def missing_comma(failure: Failure) -> Diagnostic | None:
    if "COMMA" not in failure.accepts or failure.kind not in ("NAME", "NUMBER", "QUANTITY", "STRING", "LSQB", "LPAR"):
        return None
    bracketed = failure.accepts & {"RPAR", "RSQB"}
    named = failure.kind == "NAME" and re.match(r"\w+\s*(?:=|with\b|on\b)", failure.rest)
    measured = failure.source.text.startswith("measure", failure.clause.start) and "\n" not in failure.gap
    if not (bracketed or named or measured):
        return None
    end = failure.previous_span.end
    return MissingComma(span=failure.span, found=failure.found, edit=Edit(Span(end, end), ","))


@error("LP023")
class NoOperation(Diagnostic):
    """What stands on the right of `->` is an operation or a `def`, by name or as a call: its value on the left becomes
    the first argument. Sums and numbers have no such place.
    """

    title = "after `->` comes an operation, not {found}"
    label = "expected an operation or a `def`"
    help = "`x -> f(a)` means f(x, a); a sum stands on the left: `(x + y) -> f`"
    bad = SOUND.replace("-> linear(10)", "-> 10")
    good = SOUND
    found: str


def no_operation(failure: Failure) -> Diagnostic | None:
    if failure.previous != "->" or failure.kind not in ("NUMBER", "QUANTITY", "STRING", "LPAR", "LSQB", "MINUS"):
        return None
    return NoOperation(span=failure.span, found=failure.found) if "NUMBER" not in failure.accepts else None
