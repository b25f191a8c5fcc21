"""The general answers: what was expected at this place, and what was found."""

from __future__ import annotations

from lpc.diagnostics import Diagnostic, Edit, error, nearest
from lpc.syntax.examples import SOUND
from lpc.syntax.mistakes.failure import Failure
from lpc.syntax.words import PEOPLE, expected


@error("LP010")
class Unexpected(Diagnostic):
    """The text stops being a program at this word. The message lists everything that could stand here instead; where
    a word of the language is near to the one found, it is proposed.
    """

    title = "expected {expected}, found {found}"
    label = "did you mean `{nearest}`?"
    bad = SOUND.replace("with", "wiht")
    good = SOUND
    expected: str
    found: str
    nearest: str = ""


@error("LP011")
class Unfinished(Diagnostic):
    """A clause ends where the next clause keyword stands, or with the file. This one ends too early. Line ends mean
    nothing: a clause may go on over as many lines as it likes.
    """

    title = "this clause ends where {expected} should follow"
    label = "expected {expected} here"
    help = "{hint}"
    bad = SOUND.replace(" 16", "")
    good = SOUND
    expected: str
    hint: str = ""


def unexpected(failure: Failure) -> Diagnostic:
    accepts = failure.accepts
    what = "an operation" if failure.previous == "->" and "NUMBER" not in accepts else expected(accepts - {"$END"})
    if failure.kind == "$END":
        hint = "delete the `,` if nothing follows" if failure.previous == "," else ""
        return Unfinished(span=failure.span, expected=what, hint=hint)
    words = [PEOPLE[terminal].strip("`") for terminal in accepts if PEOPLE[terminal].startswith("`")]
    near = nearest(failure.text, [word for word in words if word.isidentifier()]) if failure.kind == "NAME" else ""
    edit = Edit(failure.span, near) if near else None
    return Unexpected(span=failure.span, expected=what, found=failure.found, nearest=near, edit=edit)
