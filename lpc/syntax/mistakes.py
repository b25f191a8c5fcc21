"""What to say when the parser stops: a sentence for each of the commonest mistakes, else what was expected here.

A recogniser looks at a `Failure` and gives a diagnostic or None; `explain` asks them in order. What each says is shown
by its class's `bad` program, which is a test.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from lark import Token
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from lpc.diagnostics import Diagnostic, Edit, error, nearest
from lpc.source import Source, Span
from lpc.syntax.scan import Scan
from lpc.syntax.words import KEYWORDS, PEOPLE, UNITS, expected

SOUND = """network a
let width = 16
data x, y = digits(validation = 20%)
block b = x -> flatten -> linear(10)
objective cross_entropy(b, y)
learn all with backprop
train epochs = 1, batch = 32
"""
"""A program without mistakes: each `good` example is this one."""


@dataclass(frozen=True)
class Failure:
    """Where the parser stopped, with what before it, and what would have let it go on."""

    source: Source
    scan: Scan
    clause: Span
    """The clause that does not parse."""
    span: Span
    kind: str
    """The terminal that stands there: `$END` at the clause's end, `CHARACTER` where no terminal begins."""
    accepts: frozenset[str]
    before: tuple[re.Match[str], ...]
    """The clause's last tokens before this place."""

    @property
    def text(self) -> str:
        return self.source.snippet(self.span)

    @property
    def rest(self) -> str:
        """What follows on the same line, this token included."""
        end = self.source.text.find("\n", self.span.start)
        return self.source.text[self.span.start : end if end >= 0 else None].rstrip("\r")

    @property
    def previous(self) -> str:
        return self.before[-1][0] if self.before else ""

    @property
    def previous_span(self) -> Span:
        return Span(*self.before[-1].span()) if self.before else self.span

    @property
    def found(self) -> str:
        """What stands here, quoted; long texts are cut."""
        shown = self.text if len(self.text) <= 30 else f"{self.text[:29]}…"
        return f"`{shown}`"


_TOKEN = re.compile(r'#[^\n]*|"(?:[^"\\\n]|\\[^\n])*"|[0-9]+(?:\.[0-9]+)?[A-Za-z0-9_%]*|[A-Za-z_][A-Za-z0-9_]*|->|!=|\.\.|[^\s]')


def failure(source: Source, scan: Scan, clause: Span, raised: UnexpectedInput) -> Failure:
    """A Lark exception in words that recognisers understand."""
    interactive = getattr(raised, "interactive_parser")
    accepts = frozenset(interactive.accepts())
    if isinstance(raised, UnexpectedToken) and isinstance(raised.token, Token) and raised.token.type != "$END":
        start = raised.token.start_pos or 0
        span, kind = Span(start, start + len(raised.token)), str(raised.token.type)
    elif isinstance(raised, UnexpectedCharacters):
        start = raised.pos_in_stream
        span, kind = Span(start, start + 1), "CHARACTER"
    else:
        start, span, kind = clause.end, Span(clause.end, clause.end), "$END"
    before = [match for match in _TOKEN.finditer(source.text, clause.start, start) if match[0][0] != "#"]
    if kind == "$END" and before:
        span = Span(before[-1].end(), before[-1].end())
    return Failure(source, scan, clause, span, kind, accepts, tuple(before[-3:]))


def explain(failure: Failure) -> Diagnostic:
    """The diagnostic for a place at which the parser stopped."""
    for recogniser in _RECOGNISERS:
        if (diagnostic := recogniser(failure)) is not None:
            return diagnostic
    return _unexpected(failure)


# -- the general answers -----------------------------------------------------------------------------------------


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


def _unexpected(failure: Failure) -> Diagnostic:
    accepts = failure.accepts
    what = "an operation" if failure.previous == "->" and "NUMBER" not in accepts else expected(accepts - {"$END"})
    if failure.kind == "$END":
        hint = "delete the `,` if nothing follows" if failure.previous == "," else ""
        return Unfinished(span=failure.span, expected=what, hint=hint)
    words = [PEOPLE[terminal].strip("`") for terminal in accepts if PEOPLE[terminal].startswith("`")]
    near = nearest(failure.text, [word for word in words if word.isidentifier()]) if failure.kind == "NAME" else ""
    edit = Edit(failure.span, near) if near else None
    return Unexpected(span=failure.span, expected=what, found=failure.found, nearest=near, edit=edit)


# -- characters --------------------------------------------------------------------------------------------------


@error("LP016")
class UnclosedString(Diagnostic):
    """A string ends with `"` on the line on which it begins. A quote inside a string is written `\\"`."""

    title = "this string is never closed"
    label = 'no `"` before the line ends'
    bad = SOUND.replace("digits(validation = 20%)", 'text("a.txt)')
    good = SOUND.replace("digits(validation = 20%)", 'csv("a.csv", target = "y")').replace("x, y", "x: f32[4], y: class[3]").replace("linear(10)", "linear(3)")


def _unclosed_string(failure: Failure) -> Diagnostic | None:
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


def _wrong_quotes(failure: Failure) -> Diagnostic | None:
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
    **{"，": ",", "（": "(", "）": ")", "［": "[", "］": "]", "＝": "=", "：": ":", "＋": "+"},
    **{"≠": "!=", "…": "..", "|": "->"},
}
_HINTS = {
    ";": "delete it: a clause ends where the next one begins",
    "\\": "delete it: a clause may go on over several lines",
    "^": "there is no power; write the product out",
}


def _strange_character(failure: Failure) -> Diagnostic | None:
    if failure.kind != "CHARACTER":
        return None
    char, span = failure.text, failure.span
    meant = _LOOKALIKES.get(char, "")
    if char == ">" and failure.previous in ("=", "-") or char == "|" and failure.rest.startswith("|>"):
        span = Span(span.start, span.start + 2) if char == "|" else failure.previous_span.to(span)
        meant = "->"
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


def _foreign_comment(failure: Failure) -> Diagnostic | None:
    opener = failure.source.text[failure.span.start : failure.span.start + 2]
    start = failure.span.start
    if failure.kind in ("SLASH", "STAR") and failure.previous == "/" and failure.previous_span.end == start:
        start -= 1
    elif not (opener in ("//", "/*") or (failure.kind == "CHARACTER" and failure.text == "%")):
        return None
    end = failure.span.start + len(failure.rest.rstrip())
    marker = Span(start, start + (1 if failure.text == "%" else 2))
    return ForeignComment(span=Span(start, end), edit=Edit(marker, "#"))


# -- numbers and names -------------------------------------------------------------------------------------------


@error("LP019")
class BarePoint(Diagnostic):
    """A number has digits on both sides of its point, so that `1..64` can be a range."""

    title = "a number has digits on both sides of its point"
    label = "write `{mended}`"
    bad = SOUND.replace("let width = 16", "let rate = .5")
    good = SOUND.replace("let width = 16", "let rate = 0.5")
    mended: str


def _bare_point(failure: Failure) -> Diagnostic | None:
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
    """A quantity is one word: `2GiB`, `250W`, `100ms`, `10%`."""

    title = "a unit follows its number without a space"
    label = "write `{mended}`"
    bad = SOUND.replace("20%", "20 %")
    good = SOUND
    mended: str


def _spaced_unit(failure: Failure) -> Diagnostic | None:
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
    good = SOUND.replace("let width", "let second")


def _name_begins_with_digit(failure: Failure) -> Diagnostic | None:
    if failure.kind not in ("NUMBER", "QUANTITY") or failure.accepts != {"NAME"} or failure.previous == "->":
        return None
    return NameBeginsWithDigit(span=failure.span)


# -- clauses -----------------------------------------------------------------------------------------------------


@error("LP012")
class UnknownClause(Diagnostic):
    """Each clause begins with one of twelve words: `network let def data block objective learn place train measure
    variant claim`. What stands here begins none, and cannot go on with the clause before it.
    """

    title = "no clause begins with {found}"
    label = "did you mean `{nearest}`?"
    notes = ("a clause begins with one of: " + " ".join(KEYWORDS),)
    bad = SOUND.replace("block", "blok")
    good = SOUND
    found: str
    nearest: str = ""


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


def _unknown_clause(failure: Failure) -> Diagnostic | None:
    if "BLOCK" not in failure.accepts or failure.kind == "$END":
        return None
    near = ""
    if failure.kind == "NAME":
        near = nearest(failure.text.lower(), KEYWORDS) or _SYNONYMS.get(failure.text.lower(), "")
    line_start = failure.source.text.rfind("\n", 0, failure.span.start) + 1
    alone = not failure.source.text[line_start : failure.span.start].strip()
    if failure.before and not (near and alone):
        return None
    edit = Edit(failure.span, near) if near else None
    return UnknownClause(span=failure.span, found=failure.found, nearest=near, edit=edit)


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
    bad = SOUND + "variant tied { learn all with feedback_alignment }\nclaim base = tied for width in 1..4 within 1e-6\n"
    good = SOUND + "variant tied { learn all with feedback_alignment }\nclaim base = tied within 1e-6 for width in 1..4\n"
    word: str


def _claim_order(failure: Failure) -> Diagnostic | None:
    begins = failure.source.text.startswith("claim", failure.clause.start)
    if not begins or failure.text not in ("within", "after", "up", "for", "as") or "NAME" in failure.accepts:
        return None
    return ClaimOrder(span=failure.span, word=failure.text)


# -- brackets and separators -------------------------------------------------------------------------------------


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


def _unclosed_bracket(failure: Failure) -> Diagnostic | None:
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


def _unmatched_bracket(failure: Failure) -> Diagnostic | None:
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


def _wrong_equals(failure: Failure) -> Diagnostic | None:
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


def _missing_comma(failure: Failure) -> Diagnostic | None:
    if "COMMA" not in failure.accepts or failure.kind not in ("NAME", "NUMBER", "QUANTITY", "STRING", "LSQB", "LPAR"):
        return None
    bracketed = failure.accepts & {"RPAR", "RSQB"}
    option = failure.kind == "NAME" and re.match(r"\w+\s*=", failure.rest)
    if not (bracketed or option):
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


def _no_operation(failure: Failure) -> Diagnostic | None:
    if failure.previous != "->" or failure.kind not in ("NUMBER", "QUANTITY", "STRING", "LPAR", "LSQB", "MINUS"):
        return None
    return NoOperation(span=failure.span, found=failure.found) if "NUMBER" not in failure.accepts else None


_RECOGNISERS: tuple[Callable[[Failure], Diagnostic | None], ...] = (
    _unclosed_string,
    _wrong_quotes,
    _bare_point,
    _spaced_unit,
    _foreign_comment,
    _wrong_equals,
    _unmatched_bracket,
    _claim_order,
    _name_begins_with_digit,
    _no_operation,
    _unclosed_bracket,
    _missing_comma,
    _unknown_clause,
    _strange_character,
)
