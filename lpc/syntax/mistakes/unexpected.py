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


_NAMED = {
    "->": "an operation",
    "with": "a rule",
    "objective": "a loss",
    "learn": "a block",
    "place": "an option or a block",
    "train": "an option",
    "measure": "something to measure",
}
"""What a name stands for, by the word before it."""
_MEANT = {("COLON", "DOTS"): "..", ("LBRACE", "LSQB"): "["}
"""What a sign stands for where another was expected."""


def unexpected(failure: Failure) -> Diagnostic:
    accepts = failure.accepts
    what = expected(accepts - {"$END"})
    if accepts == frozenset({"NAME"}):
        what = _NAMED.get(failure.previous, what)
    if failure.kind == "$END":
        hint = "delete the `,` if nothing follows" if failure.previous == "," else ""
        return Unfinished(span=failure.span, expected=what, hint=hint)
    near = next((sign for (kind, other), sign in _MEANT.items() if failure.kind == kind and other in accepts), "")
    if failure.kind == "NAME":
        words = [PEOPLE[terminal].strip("`") for terminal in sorted(accepts)]
        near = nearest(failure.text, [word for word in words if word.isidentifier()])
    edit = Edit(failure.span, near) if near else None
    return Unexpected(span=failure.span, expected=what, found=failure.found, nearest=near, edit=edit)
