"""What the grammar lets through and the language does not: one network, no repetition, values that can be."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from lpc.diagnostics import Diagnostic, Edit, Report, error, nearest
from lpc.source import Source, Span
from lpc.syntax import tree
from lpc.syntax.examples import SOUND
from lpc.syntax.walk import walk
from lpc.syntax.words import SELECTOR_WORDS, UNITS, VARIANT_KEYWORDS

LONGEST_NAME = 100
MAX_MISTAKES = 20


@error("LP030")
class NoNetwork(Diagnostic):
    """A program begins with `network NAME`. The name is that of the training script and of what it writes."""

    title = "the program has no `network` clause"
    label = "expected `network NAME`"
    help = "begin with `network NAME`; `lpc new NAME` writes a first program"
    bad = SOUND.replace("network a\n", "")
    good = SOUND


@error("LP031")
class SecondNetwork(Diagnostic):
    """A file holds one network. Other ways to train the same network are variants of it; another network is another
    file.
    """

    title = "a file holds one network, and this is the second"
    label = "the second"
    help = "put it into a file of its own; ways to train one network are variants: `variant NAME {{ learn ... }}`"
    bad = SOUND + "network b\n"
    good = SOUND


@error("LP032")
class Repeated(Diagnostic):
    """An option, an argument, a parameter or a name is given once. Were the last one to win, a program could say one
    thing and do another.
    """

    title = "the {kind} `{name}` is given twice"
    label = "the second time"
    bad = SOUND.replace("batch = 32", "batch = 32, epochs = 2")
    good = SOUND
    kind: str
    name: str


@error("LP033")
class NotInVariant(Diagnostic):
    """A variant is the same network trained or placed another way, so that results can be compared: it may hold
    `learn place train measure let`, and nothing that changes the network or its data but by a `let`.
    """

    title = "a variant cannot hold `{keyword}`"
    label = "not in a variant"
    help = "a variant may hold: learn, place, train, measure, let"
    bad = SOUND + "variant wide { block c = x -> linear(20) }\n"
    good = SOUND + "variant wide { let width = 32 }\n"
    keyword: str


@error("LP034")
class ReservedName(Diagnostic):
    """In `learn` and `place`, `all` means every block and `rest` those not named; in a claim, `base` is the program
    without a variant. Blocks and variants need other names.
    """

    title = "`{name}` cannot name a {kind}"
    label = "has a meaning of its own in selectors and claims"
    bad = SOUND + "variant base { learn all with mono_forward }\n"
    good = SOUND + "variant local { learn all with mono_forward }\n"
    name: str
    kind: str


@error("LP035")
class UnknownUnit(Diagnostic):
    """A number with letters behind it is a quantity, and its unit must be known: `%`; bytes; watts; seconds; joules."""

    title = "there is no unit `{unit}`"
    label = "did you mean `{nearest}`?"
    notes = ("units: " + " ".join(UNITS),)
    help = "{hint}"
    bad = SOUND.replace("20%", "20percent")
    good = SOUND
    unit: str
    nearest: str = ""
    hint: str = ""


@error("LP036")
class NumberTooLarge(Diagnostic):
    """Whole numbers have at most 18 digits, and others must lie in the range of a 64-bit float."""

    title = "this number is too large"
    label = "beyond 64 bits"
    bad = SOUND.replace("= 16", "= 1e999")
    good = SOUND


@error("LP037")
class UnknownEscape(Diagnostic):
    """In a string a backslash stands before `"`, another backslash, `n` (a new line) or `t` (a tab). Paths are written
    with `/` on every system.
    """

    title = "there is no escape `{escape}` in strings"
    label = "write two backslashes for one, or `/` in a path"
    bad = SOUND.replace("digits(validation = 20%)", 'text("data\\poems.txt")')
    good = SOUND
    escape: str


@error("LP038")
class PositionalAfterNamed(Diagnostic):
    """Arguments without a name come first: their order says what they are."""

    title = "an argument without a name comes before those with one"
    label = "no name, after a named one"
    bad = SOUND.replace("linear(10)", "linear(bias = true, 10)")
    good = SOUND.replace("linear(10)", "linear(10, bias = true)")


@error("LP039")
class NameTooLong(Diagnostic):
    """The names of networks, variants and blocks become those of files, classes and columns. A hundred characters are
    more than anybody reads, and fewer than a file system refuses.
    """

    title = "this name has more than {limit} characters"
    label = "{length} characters"
    bad = SOUND.replace("network a", "network " + "a" * (LONGEST_NAME + 1))
    good = SOUND
    limit: int
    length: int


@error("LP026")
class TooManyMistakes(Diagnostic):
    """After twenty errors the rest of the file is not looked at: so many have one cause, which the first ones show better
    than the hundredth.
    """

    title = "more than {count} errors; what follows is not looked at"
    label = "not looked at from here on"
    bad = SOUND + "let z = = 1\n" * (MAX_MISTAKES + 1)
    good = SOUND
    count: int


def validate(file: tree.File, source: Source, report: Report, whole: bool = True) -> None:
    """Report what the grammar cannot refuse, MAX_MISTAKES at most. `whole` is False where clauses are missing that did
    not parse.
    """
    found = chain(_networks(file, whole), chain.from_iterable(_check(node, source) for node in walk(file)))
    for count, diagnostic in enumerate(found):
        if count == MAX_MISTAKES:
            report.add(TooManyMistakes(span=diagnostic.span, count=count))
            break
        report.add(diagnostic)


def _networks(file: tree.File, whole: bool) -> Iterator[Diagnostic]:
    networks = [clause for clause in file.clauses if isinstance(clause, tree.Network)]
    if whole and not networks:
        start = file.clauses[0].span.start if file.clauses else 0
        yield NoNetwork(span=Span(start, start))
    for second in networks[1:]:
        yield SecondNetwork(span=second.span, related=((networks[0].span, "the first"),))


def _check(node: tree.Node, source: Source) -> Iterator[Diagnostic]:
    match node:
        case tree.Number() | tree.Quantity():
            yield from _check_number(node, source)
        case tree.String():
            yield from _check_escapes(node, source)
        case tree.Call():
            yield from _check_arguments(node)
        case tree.Def():
            yield from _check_names("parameter", ((p.name, p.span) for p in node.parameters))
        case tree.Data():
            yield from _check_names("name", ((b.name, b.span) for b in node.bindings))
        case tree.Train() | tree.Place():
            yield from _check_names("option", ((option.name, option.name_span) for option in node.options))
        case tree.Measure():
            yield from _check_names("measure", ((item.name, item.span) for item in node.items))
        case tree.Claim():
            yield from _check_names("range of", ((r.name, r.span) for r in node.ranges))
        case tree.Network() | tree.Block():
            yield from _check_name(node)
        case tree.Variant():
            yield from _check_name(node)
            yield from _check_variant(node)
        case _:
            pass


def _check_number(node: tree.Number | tree.Quantity, source: Source) -> Iterator[Diagnostic]:
    if math.isinf(node.value):
        yield NumberTooLarge(span=node.span)
    if isinstance(node, tree.Quantity) and node.unit not in UNITS:
        yield _unknown_unit(node, source)


def _check_name(node: tree.Network | tree.Block | tree.Variant) -> Iterator[Diagnostic]:
    if node.name in SELECTOR_WORDS and not isinstance(node, tree.Network):
        yield ReservedName(span=node.name_span, name=node.name, kind=type(node).__name__.lower())
    if len(node.name) > LONGEST_NAME:
        yield NameTooLong(span=node.name_span, limit=LONGEST_NAME, length=len(node.name))


def _check_variant(node: tree.Variant) -> Iterator[Diagnostic]:
    for clause in node.clauses:
        keyword = type(clause).__name__.lower()
        if keyword not in VARIANT_KEYWORDS:
            start = clause.span.start
            yield NotInVariant(span=Span(start, start + len(keyword)), keyword=keyword)


def _check_names(kind: str, names: Iterable[tuple[str, Span]]) -> Iterator[Diagnostic]:
    seen: dict[str, Span] = {}
    for name, span in names:
        if name in seen:
            yield Repeated(span=span, kind=kind, name=name, related=((seen[name], "the first time"),))
        seen.setdefault(name, span)


def _check_arguments(call: tree.Call) -> Iterator[Diagnostic]:
    named = [argument for argument in call.arguments if argument.name is not None]
    yield from _check_names("argument", ((argument.name or "", argument.name_span) for argument in named))
    for argument in call.arguments:
        if argument.name is None and named and argument.span.start > named[0].span.start:
            yield PositionalAfterNamed(span=argument.span, related=((named[0].span, "a named one"),))
            return


_DIGITS = re.compile(r"[0-9_]+")


def _unknown_unit(node: tree.Quantity, source: Source) -> UnknownUnit:
    text = source.snippet(node.span).strip("() \t\r\n")
    if node.unit.startswith("_") and _DIGITS.fullmatch(text):
        plain = text.replace("_", "")
        hint = f"numbers have no `_`: write {plain}"
        return UnknownUnit(span=node.span, unit=node.unit, hint=hint, edit=Edit(node.span, plain))
    near = next((unit for unit in UNITS if unit.lower() == node.unit.lower()), "") or nearest(node.unit, UNITS)
    return UnknownUnit(span=node.span, unit=node.unit, nearest=near)


_BACKSLASH = re.compile(r"\\(.)")


def _check_escapes(node: tree.String, source: Source) -> Iterator[Diagnostic]:
    for match in _BACKSLASH.finditer(source.text, node.span.start, node.span.end):
        if match[1] not in '"\\nt':
            yield UnknownEscape(span=Span(*match.span()), escape=match[0])
