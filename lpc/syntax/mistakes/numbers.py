"""Numbers, quantities and names that are nearly right."""

from __future__ import annotations

import re

from lpc.diagnostics import Diagnostic, Edit, error
from lpc.source import Span
from lpc.syntax.examples import SOUND
from lpc.syntax.mistakes.failure import Failure
from lpc.syntax.words import UNITS


@error("LP019")
class BarePoint(Diagnostic):
    """A number has digits on both sides of its point, so that `1..64` can be a range."""

    title = "a number has digits on both sides of its point"
    label = "write `{mended}`"
    bad = SOUND.replace("batch = 32", "batch = 32, optimizer = sgd(lr = .5)")
    good = SOUND.replace("batch = 32", "batch = 32, optimizer = sgd(lr = 0.5)")
    mended: str


def bare_point(failure: Failure) -> Diagnostic | None:
    if failure.kind != "CHARACTER" or failure.text != ".":
        return None
    point = failure.span.start
    before = failure.previous if failure.previous_span.end == point else ""
    after = re.compile(r"[0-9]*(?:[eE][+-]?[0-9]+)?").match(failure.source.text, point + 1)
    digits = after[0] if after else ""
    if before.isdigit():
        span, mended = Span(failure.previous_span.start, point + 1 + len(digits)), f"{before}.0{digits}"
    elif digits[:1].isdigit():
        span, mended = Span(point, point + 1 + len(digits)), f"0.{digits}"
    else:
        return None
    return BarePoint(span=span, mended=mended, edit=Edit(span, mended))


@error("LP020")
class SpacedUnit(Diagnostic):
    """A quantity is one word, so that a unit cannot be taken for a name: `2GiB`, `250W`, `100ms`, `10%`."""

    title = "a unit follows its number without a space"
    label = "write `{mended}`"
    bad = SOUND.replace("20%", "20 %")
    good = SOUND
    mended: str


def spaced_unit(failure: Failure) -> Diagnostic | None:
    if failure.text not in UNITS or not failure.previous.replace(".", "").isdigit():
        return None
    span, mended = failure.previous_span.to(failure.span), failure.previous + failure.text
    return SpacedUnit(span=span, mended=mended, edit=Edit(span, mended))


@error("LP025")
class NameBeginsWithDigit(Diagnostic):
    """Names become names in the training script, so they follow its rule: a letter or `_`, then letters, digits, `_`."""

    title = "a name begins with a letter or `_`"
    label = "begins with a digit"
    bad = SOUND.replace("let width", "let 2nd")
    good = SOUND


def name_begins_with_digit(failure: Failure) -> Diagnostic | None:
    if failure.kind not in ("NUMBER", "QUANTITY") or failure.previous not in _NAMING:
        return None
    return NameBeginsWithDigit(span=failure.span)


_NAMING = ("network", "let", "def", "data", "block", "variant")
