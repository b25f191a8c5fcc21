"""Characters that begin no word: strings, quotes, foreign comments, signs that only look like the language's."""

from __future__ import annotations

import re

from lpc.diagnostics import Diagnostic, Edit, error
from lpc.source import Span
from lpc.syntax.examples import SOUND
from lpc.syntax.mistakes.failure import Failure


@error("LP016")
class UnclosedString(Diagnostic):
    r"""A string ends with `"` on the line on which it begins. A quote inside a string is written `\"`."""

    title = "this string is never closed"
    label = 'no `"` before the line ends'
    bad = SOUND.replace("digits(validation = 20%)", 'text("a.txt)')
    good = SOUND


def unclosed_string(failure: Failure) -> Diagnostic | None:
    if failure.kind != "CHARACTER" or failure.text != '"':
        return None
    return UnclosedString(span=Span(failure.span.start, failure.span.start + len(failure.rest.rstrip())))


@error("LP017")
class WrongQuotes(Diagnostic):
    """Strings stand in straight double quotes, as in most languages; there is one way to write them, so that all
    programs look alike.
    """

    title = "strings stand in double quotes"
    label = "not a quote of the language"
    help = "write `{mended}`"
    bad = SOUND.replace("digits(validation = 20%)", "text('a.txt')")
    good = SOUND
    mended: str = ""


_QUOTED = re.compile("['`‘’“”„«]([^'`‘’“”«»\"\n]*)(['`‘’“”»])")


def wrong_quotes(failure: Failure) -> Diagnostic | None:
    if failure.kind != "CHARACTER" or failure.text not in "'`‘’“”„«»":
        return None
    quoted = _QUOTED.match(failure.source.text, failure.span.start)
    if quoted is None:
        return WrongQuotes(span=failure.span)
    mended = f'"{quoted[1]}"'
    return WrongQuotes(span=Span(*quoted.span()), mended=mended, edit=Edit(Span(*quoted.span()), mended))


@error("LP018")
class StrangeCharacter(Diagnostic):
    """No word of the language holds this character outside strings and comments. Names are made of the letters a to z
    and A to Z, digits and `_`. Characters that only look like one of the language's own come with texts copied from
    papers and word processors.
    """

    title = "{what} is no part of the language"
    label = "did you mean {meant}?"
    help = "{hint}"
    bad = SOUND.replace("x -> flatten ->", "x → flatten ->")
    good = SOUND
    what: str
    meant: str = ""
    hint: str = ""


_LOOKALIKES = {
    **dict.fromkeys("→⟶➝➔⇒↦", "->"),
    **dict.fromkeys("−–—‐‑", "-"),
    **dict.fromkeys("×·∗∙", "*"),
    **dict.fromkeys("÷∕", "/"),
    "，": ",",
    "（": "(",
    "）": ")",
    "［": "[",
    "］": "]",
    "＝": "=",
    "：": ":",
    "＋": "+",
    "≠": "!=",
    "…": "..",
    "|": "->",
}
_HINTS = {
    ";": "delete it: a clause ends where the next one begins",
    "\\": "delete it: a clause may go on over several lines",
    "^": "there is no power; write the product out",
}


def strange_character(failure: Failure) -> Diagnostic | None:
    char, span = failure.text, failure.span
    meant = _LOOKALIKES.get(char, "")
    if failure.rest.startswith(("=>", "|>")):
        span, meant = Span(span.start, span.start + 2), "->"
    elif failure.kind != "CHARACTER":
        return None
    elif char == ">" and failure.previous in ("=", "-"):
        span, meant = failure.previous_span.to(span), "->"
    hint = _HINTS.get(char, "")
    if char.isspace() or not char.isprintable():
        hint = "put a plain space in its place"
    elif char.isalnum():
        hint = "names are made of a to z, A to Z, 0 to 9 and `_`"
    return StrangeCharacter(
        span=span,
        what=f"`{failure.source.snippet(span)}`" if char.isprintable() else f"the character U+{ord(char):04X}",
        meant=f"`{meant}`" if meant else "",
        hint=hint,
        edit=Edit(span, meant) if meant else None,
    )


@error("LP024")
class ForeignComment(Diagnostic):
    """A comment begins with `#` and goes to the end of its line. There is no other kind."""

    title = "comments begin with `#`"
    label = "not a comment here"
    bad = SOUND.replace("learn", "// who learns how\nlearn")
    good = SOUND.replace("learn", "# who learns how\nlearn")


def foreign_comment(failure: Failure) -> Diagnostic | None:
    opener = failure.source.text[failure.span.start : failure.span.start + 2]
    start = failure.span.start
    if failure.kind in ("SLASH", "STAR") and failure.previous == "/" and failure.previous_span.end == start:
        start -= 1
    elif not (opener in ("//", "/*") or (failure.kind == "CHARACTER" and failure.text == "%")):
        return None
    end = failure.span.start + len(failure.rest.rstrip())
    marker = Span(start, start + (1 if failure.text == "%" else 2))
    return ForeignComment(span=Span(start, end), edit=Edit(marker, "#"))
