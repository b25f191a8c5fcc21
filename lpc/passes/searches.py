"""`search(...)`: a range or a choice to tune, checked, recorded, and replaced by one value that stands for it."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, sqrt

from lpc.diagnostics import Diagnostic, Report, error, warning
from lpc.ir.program import Search, Setting
from lpc.passes.scope import SOUND
from lpc.passes.values import describe, hole, is_hole, relocated
from lpc.syntax import tree

SEARCH = "search"
_WORDS = ("log", "int")


def _searching(value: str) -> str:
    return SOUND.replace("\n", f"\nlet width = {value}\n", 1).replace("linear(64)", "linear(width)")


@error("LP124")
class BadSearch(Diagnostic):
    """`search(a, b)` is a range between two numbers, with `log` for a logarithmic one and `int` for whole numbers; integer
    bounds make integers. `search(a, b, c)` and `search([a, b])` are choices.
    """

    title = "{problem}"
    label = "in this search"
    help = "{advice}"
    bad = _searching("search(64)")
    good = _searching("search(64, 1024, log)")
    problem: str
    advice: str = ""


@error("LP125")
class MisplacedSearch(Diagnostic):
    """What is searched must be a value with a place of its own, so that `--set` and tuning can name it: a `let`, or the
    whole value of an argument or option. Give a search inside a larger expression a `let` of its own.
    """

    title = "`search(...)` must be the whole value of a `let`, an argument or an option"
    label = "part of something larger"
    help = "name it: `let k = search(...)`, and write `k` here"
    bad = _searching("2 * search(32, 64)")
    good = _searching("search(64, 128)")


@warning("LP911")
class SearchStandIn(Diagnostic):
    """Only tuning tries the values of a search. Elsewhere one value stands for it: the first of a choice, the middle of a
    range (the geometric middle with `log`).
    """

    title = "one value stands for each `search(...)`: {values}"
    label = "stands in: {first}"
    help = "`--set {place}=...` sets another"
    bad = _searching("search(32, 64, 128)")
    good = _searching("32")
    values: str
    first: str
    place: str


def resolve(call: tree.Call, items: Sequence[tree.Expr], place: str, report: Report) -> tuple[tree.Expr, Search | None]:
    """The value that stands for a search, and its record. `items`: its arguments, folded."""
    if any(is_hole(item) for item in items):
        return hole(call.span), None
    named = next((argument for argument in call.arguments if argument.name), None)
    if named is not None:
        return _bad(
            call, f"`search` has no argument `{named.name}`", "it takes values, and the words `log` and `int`", report
        )
    words = [item.name for item in items if isinstance(item, tree.Name) and item.name in _WORDS]
    values = [item for item in items if not (isinstance(item, tree.Name) and item.name in _WORDS)]
    if len(values) == 1 and isinstance(values[0], tree.ListExpr):
        return _choice(call, values[0].items, words, place, report)
    if len(values) == 2:
        return _range(call, values, words, place, report)
    if len(values) > 2:
        return _choice(call, values, words, place, report)
    return _bad(
        call,
        "a search needs two values at least",
        "write a range `search(1, 10)` or a choice `search([1, 10])`",
        report,
    )


def _bad(call: tree.Call, problem: str, advice: str, report: Report) -> tuple[tree.Expr, None]:
    report.add(BadSearch(span=call.span, problem=problem, advice=advice))
    return hole(call.span), None


def _choice(
    call: tree.Call, items: Sequence[tree.Expr], words: list[str], place: str, report: Report
) -> tuple[tree.Expr, Search | None]:
    if words:
        return _bad(
            call,
            f"`{words[0]}` belongs to a range of two numbers",
            "a choice lists its values, and nothing else",
            report,
        )
    settings = [setting(item) for item in items]
    for item, value in zip(items, settings, strict=True):
        if value is None:
            return _bad(
                call, f"a choice lists numbers, words, strings and quantities, found {describe(item)}", "", report
            )
    if not items:
        return _bad(call, "a choice needs one value at least", "write `search([64, 128])`", report)
    record = Search(place, tuple(settings), None, None, False, False, settings[0], call.span, _texts(items))
    return relocated(items[0], call.span), record


def _texts(items: Sequence[tree.Expr]) -> tuple[str, ...]:
    from lpc.syntax.format import print_expr  # a check prints no program, but for this

    return tuple(print_expr(item) for item in items)


def _range(
    call: tree.Call, items: Sequence[tree.Expr], words: list[str], place: str, report: Report
) -> tuple[tree.Expr, Search | None]:
    low, high = items
    if not (isinstance(low, tree.Number) and isinstance(high, tree.Number)):
        found = low if not isinstance(low, tree.Number) else high
        return _bad(
            call, f"a range needs two numbers, found {describe(found)}", "a choice of two is `search([a, b])`", report
        )
    a, b = low.value, high.value
    if not (isfinite(a) and isfinite(b)) or a >= b:
        return _bad(call, f"a range goes from a smaller number to a larger one, found {a} to {b}", "", report)
    if "log" in words and a <= 0:
        return _bad(call, f"a logarithmic range needs bounds above 0, found {a}", "", report)
    whole = float(a).is_integer() and float(b).is_integer()
    if "int" in words and not whole:
        return _bad(call, f"a range of whole numbers needs whole bounds, found {a} to {b}", "", report)
    integer = "int" in words or (isinstance(a, int) and isinstance(b, int))
    middle: int | float = sqrt(a) * sqrt(b) if "log" in words else a + (b - a) / 2
    middle = min(max(round(middle), int(a)), int(b)) if integer else float(f"{middle:.12g}")
    record = Search(place, None, float(a), float(b), "log" in words, integer, middle, call.span)
    return tree.Number(middle, span=call.span), record


def setting(expr: tree.Expr) -> Setting:
    """The plain value of a choice's item; None when it has none."""
    match expr:
        case tree.Number(value) | tree.String(value):
            return value
        case tree.Name(name):
            return name
        case tree.Quantity(value, unit):
            return f"{value}{unit}"
        case _:
            return None


def say_once(searches: Sequence[Search], report: Report) -> None:
    """One warning for all searches of a program, with what stands for each."""
    if searches:
        values = ", ".join(f"{search.place} = {search.stand_in}" for search in searches)
        first = searches[0]
        report.add(SearchStandIn(span=first.span, values=values, first=f"{first.stand_in}", place=first.place))
