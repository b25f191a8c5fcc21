"""Clauses that begin with no keyword, names that are keywords, parts of a claim out of order."""

from __future__ import annotations

import re

from lpc.diagnostics import Diagnostic, Edit, error, nearest
from lpc.source import Span
from lpc.syntax.examples import SOUND
from lpc.syntax.mistakes.failure import Failure
from lpc.syntax.words import KEYWORDS


@error("LP012")
class UnknownClause(Diagnostic):
    """Each clause begins with one of twelve words: `network let def data block objective learn place train measure
    variant claim`. What stands here begins none, and cannot go on with the clause before it.
    """

    title = "no clause begins with {found}"
    label = "did you mean `{nearest}`?"
    notes = ("a clause begins with one of: " + " ".join(KEYWORDS),)
    help = "{hint}"
    bad = SOUND.replace("block", "blok")
    good = SOUND
    found: str
    nearest: str = ""
    hint: str = ""


_SYNONYMS = {
    "model": "network",
    "const": "let",
    "function": "def",
    "dataset": "data",
    "layer": "block",
    "module": "block",
    "loss": "objective",
    "rule": "learn",
    "epochs": "train",
    "optimizer": "train",
    "stages": "place",
    "metrics": "measure",
    "assert": "claim",
}


def unknown_clause(failure: Failure) -> Diagnostic | None:
    """What begins a line where a clause may begin, and is no keyword; further on in a line only what is near to one."""
    if "BLOCK" not in failure.accepts or failure.kind == "$END":
        return None
    word = failure.text if failure.kind == "NAME" else ""
    near = nearest(word.lower(), KEYWORDS) or _SYNONYMS.get(word.lower(), "")
    line_start = failure.source.text.rfind("\n", 0, failure.span.start) + 1
    alone = not failure.source.text[line_start : failure.span.start].strip()
    defines = bool(word) and re.match(r"\w+\s*=(?!=)", failure.rest) is not None
    if failure.before and not (alone and (near or defines or "PLUS" not in failure.accepts)):
        return None
    hint = f"to define it, write `let {word} = ...` or `block {word} = ...`" if defines and not near else ""
    edit = Edit(failure.span, near) if near else None
    return UnknownClause(span=failure.span, found=failure.found, nearest=near, hint=hint, edit=edit)


@error("LP013")
class ReservedWord(Diagnostic):
    """The twelve words that begin clauses are reserved: `network let def data block objective learn place train measure
    variant claim`. Every other word of the language may be a name as well, even `stage` or `with`.
    """

    title = "`{word}` begins a clause and cannot be a name"
    label = "reserved"
    help = "choose another name, `{word}_` or `my_{word}` say"
    bad = SOUND.replace("let width", "let data")
    good = SOUND
    word: str


def reserved_word(failure: Failure) -> Diagnostic | None:
    """A clause that ends where a name should stand, when the next keyword stands on the same line."""
    text, at = failure.source.text, failure.clause.end
    if failure.kind != "$END" or "NAME" not in failure.accepts or "\n" in text[failure.span.end : at]:
        return None
    word = next((word for word in KEYWORDS if text.startswith(word, at)), "")
    return ReservedWord(span=Span(at, at + len(word)), word=word) if word else None


@error("LP028")
class ClaimOrder(Diagnostic):
    """What a claim goes on with comes in one order: `within` a tolerance, `after` some steps, `up to scale`, `for` names
    in ranges, `as` a `let` goes to a limit. Each at most once.
    """

    title = "`{word}` cannot stand here in a claim"
    label = "out of order, or a second time"
    help = "the order is: within, after, up to scale, for, as"
    bad = (
        SOUND + "variant tied { learn all with feedback_alignment }\nclaim base = tied for width in 1..4 within 1e-6\n"
    )
    good = (
        SOUND + "variant tied { learn all with feedback_alignment }\nclaim base = tied within 1e-6 for width in 1..4\n"
    )
    word: str


def claim_order(failure: Failure) -> Diagnostic | None:
    begins = failure.source.text.startswith("claim", failure.clause.start)
    if not begins or failure.text not in ("within", "after", "up", "for", "as") or "NAME" in failure.accepts:
        return None
    return ClaimOrder(span=failure.span, word=failure.text)
