"""What a folded expression is worth to a parameter: its value, or a diagnostic and a `Hole`.

Values are folded before they come here: numbers, quantities, strings, names, lists. A value that an earlier mistake left
open (`HOLE`) is passed over in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lpc.diagnostics import Diagnostic, Edit, Report, error, nearest
from lpc.ir.program import Setting
from lpc.passes.signatures import Parameter
from lpc.source import Span
from lpc.syntax import tree
from lpc.syntax.words import UNITS

HOLE = "?"
"""The name of the stand-in for an expression that was already reported; no program can spell it."""


def hole(span: Span) -> tree.Name:
    return tree.Name(HOLE, span=span)


def is_hole(expr: tree.Node) -> bool:
    return isinstance(expr, tree.Name) and expr.name == HOLE


def relocated(value: tree.Expr, span: Span) -> tree.Expr:
    """A folded value as if it were written at another place, so that messages point to where it is used."""
    match value:
        case tree.Number(number):
            return tree.Number(number, span=span)
        case tree.Quantity(number, unit):
            return tree.Quantity(number, unit, span=span)
        case tree.String(text):
            return tree.String(text, span=span)
        case tree.Name(name):
            return tree.Name(name, span=span)
        case tree.ListExpr(items):
            return tree.ListExpr(items, span=span)
        case _:
            return value


class Hole:
    """The value of a hole."""


PROGRAM = """network example
data image, label = digits()
block hidden = image -> flatten -> {hidden} -> relu
block readout = hidden -> linear(10)
objective cross_entropy(readout, label)
train epochs = 1, batch = 64
"""


def example(hidden: str) -> str:
    return PROGRAM.format(hidden=hidden)


@error("LP114")
class WrongValue(Diagnostic):
    """An argument takes values of one kind. Names stand for numbers only where a `let` declares them."""

    title = "`{name}` of `{callee}` takes {expected}, found {found}"
    label = "not {expected}"
    notes = ("`{name}`: {summary}",)
    help = "{advice}"
    bad = example('linear("64")')
    good = example("linear(64)")
    callee: str
    name: str
    expected: str
    found: str
    summary: str = ""
    advice: str = ""


@error("LP115")
class OutOfRange(Diagnostic):
    """A number outside the range in which the argument means something."""

    title = "`{name}` of `{callee}` must be {bounds}, found {found}"
    label = "out of range"
    notes = ("`{name}`: {summary}",)
    bad = example("dropout(1.5)")
    good = example("dropout(0.5)")
    callee: str
    name: str
    bounds: str
    found: str
    summary: str = ""


@error("LP116")
class UnknownWord(Diagnostic):
    """An argument that takes words takes only its own. Words are written without quotes."""

    title = "`{name}` of `{callee}` takes {expected}, found `{found}`"
    label = "not one of them"
    notes = ("`{name}`: {summary}",)
    help = "did you mean `{nearest}`?"
    bad = example("linear(64, bias = yes)")
    good = example("linear(64, bias = true)")
    callee: str
    name: str
    expected: str
    found: str
    summary: str = ""
    nearest: str = ""


def read(
    expr: tree.Expr, parameter: Parameter, callee: str, report: Report, *, single: bool = False
) -> Setting | Hole | tree.Call:
    """The value of a folded expression for a parameter, or a Hole when it does not fit (then it was reported).

    `single`: one element of a variadic `sizes`. A parameter of kind `call` gives the call itself.
    """
    if is_hole(expr) or (isinstance(expr, tree.ListExpr) and any(map(is_hole, expr.items))):
        return Hole()
    match expr:
        case tree.Name(name) if name in parameter.all_words:
            return _word(name, parameter, expr.span)
        case tree.Call(name) if parameter.kind == "call" and name in parameter.words:
            return expr
        case _:
            pass
    value = _READERS[parameter.kind](expr, single)
    if value is None:
        report.add(_misread(expr, parameter, callee))
        return Hole()
    if bad := _outside(value, parameter):
        report.add(
            OutOfRange(
                span=expr.span,
                callee=callee,
                name=parameter.name,
                bounds=_bounds(parameter),
                found=bad,
                summary=parameter.summary,
            )
        )
        return Hole()
    if parameter.kind in ("words", "names") and parameter.words and isinstance(value, tuple):
        for word in value:
            if word not in parameter.words:
                report.add(_unknown_word(expr.span, str(word), parameter, callee))
                return Hole()
    return value


def _word(name: str, parameter: Parameter, span: Span) -> Setting | tree.Call:
    match parameter.kind:
        case "bool":
            return name == "true"
        case "call":
            return tree.Call(name, (), name_span=span, span=span)
        case "words":
            return (name,)
        case _:
            return name


def _whole(expr: tree.Expr) -> int | None:
    return expr.value if isinstance(expr, tree.Number) and isinstance(expr.value, int) else None


def _real(expr: tree.Expr, _single: bool) -> Setting:
    match expr:
        case tree.Number(value):
            return float(value)
        case tree.Quantity(value, "%"):
            return value / 100
        case _:
            return None


def _share(expr: tree.Expr, _single: bool) -> Setting:
    return expr.value / 100 if isinstance(expr, tree.Quantity) and expr.unit == "%" else _whole(expr)


def _bytes(expr: tree.Expr, _single: bool) -> Setting:
    if isinstance(expr, tree.Quantity):
        dimension, factor = UNITS.get(expr.unit, ("", 0.0))
        return round(expr.value * factor) if dimension == "bytes" else None
    return _whole(expr)


def _watts(expr: tree.Expr, _single: bool) -> Setting:
    dimension, factor = UNITS.get(expr.unit, ("", 0.0)) if isinstance(expr, tree.Quantity) else ("", 0.0)
    return expr.value * factor if isinstance(expr, tree.Quantity) and dimension == "watts" else None


def _sizes(expr: tree.Expr, single: bool) -> Setting:
    items = (expr,) if single else expr.items if isinstance(expr, tree.ListExpr) else ()
    sizes = tuple(_whole(item) for item in items)
    return None if not sizes or None in sizes else sizes


def _names(expr: tree.Expr, _single: bool) -> Setting:
    items = expr.items if isinstance(expr, tree.ListExpr) else (expr,)
    names = tuple(item.name for item in items if isinstance(item, tree.Name))
    return names if len(names) == len(items) else None


def _text(expr: tree.Expr, _single: bool) -> Setting:
    return expr.value if isinstance(expr, tree.String) else None


def _texts(expr: tree.Expr, _single: bool) -> Setting:
    items = expr.items if isinstance(expr, tree.ListExpr) else (expr,)
    texts = tuple(item.value for item in items if isinstance(item, tree.String))
    return texts if texts and len(texts) == len(items) else None


_READERS: Mapping[str, Callable[[tree.Expr, bool], Setting]] = {
    "int": lambda expr, _: _whole(expr),
    "float": _real,
    "bool": lambda _expr, _single: None,
    "word": lambda _expr, _single: None,
    "call": lambda _expr, _single: None,
    "words": _names,
    "names": _names,
    "text": _text,
    "texts": _texts,
    "sizes": _sizes,
    "input": lambda expr, _: expr.name if isinstance(expr, tree.Name) else None,
    "share": _share,
    "bytes": _bytes,
    "watts": _watts,
}


def _misread(expr: tree.Expr, parameter: Parameter, callee: str) -> Diagnostic:
    if isinstance(expr, tree.Name | tree.Call) and parameter.kind in ("word", "call", "bool"):
        return _unknown_word(expr.span, expr.name, parameter, callee)
    advice = ""
    if isinstance(expr, tree.Number) and isinstance(expr.value, float):
        if parameter.kind == "int" and expr.value.is_integer():
            advice = f"write `{int(expr.value)}`"
        elif parameter.kind == "share" and 0 < expr.value < 1:
            advice = f"write `{expr.value * 100:g}%`"
    if isinstance(expr, tree.Number) and parameter.kind == "watts":
        advice = f"write `{expr.value}W`"
    if isinstance(expr, tree.String) and expr.value in parameter.words:
        advice = f"words are written without quotes: `{expr.value}`"
    return WrongValue(
        span=expr.span,
        callee=callee,
        name=parameter.name,
        expected=parameter.expected,
        found=describe(expr),
        summary=parameter.summary,
        advice=advice,
    )


def _unknown_word(span: Span, found: str, parameter: Parameter, callee: str) -> Diagnostic:
    near = nearest(found, parameter.all_words)
    return UnknownWord(
        span=span,
        callee=callee,
        name=parameter.name,
        expected=parameter.expected,
        found=found,
        summary=parameter.summary,
        nearest=near,
        edit=Edit(span, near) if near else None,
    )


def describe(expr: tree.Expr) -> str:
    """What an expression is, in words, for messages."""
    match expr:
        case tree.Number(value):
            return f"{value}"
        case tree.Quantity(value, unit):
            return f"{value}{unit}"
        case tree.String():
            return "a string"
        case tree.Name(name) | tree.Indexed(name):
            return f"`{name}`"
        case tree.ListExpr():
            return "a list"
        case tree.Call(name):
            return f"`{name}(...)`"
        case tree.Pipe():
            return "a pipeline"
        case _:
            return "an expression"


def _outside(value: Setting, parameter: Parameter) -> str:
    """The first number out of bounds, as text; empty when all are inside. A percentage is a share between 0 and 1."""
    numbers: tuple[Setting, ...] = value if isinstance(value, tuple) else (value,)
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | float):
            continue
        if parameter.kind == "share" and isinstance(number, float):
            if not 0 < number < 1:
                return f"{number * 100:g}%"
            continue
        p = parameter
        if (
            (p.least is not None and number < p.least)
            or (p.most is not None and number > p.most)
            or (p.above is not None and number <= p.above)
            or (p.below is not None and number >= p.below)
            or number in (float("inf"), float("-inf"))
        ):
            return f"{number}"
    return ""


def _bounds(p: Parameter) -> str:
    parts = [
        f"at least {p.least:g}" if p.least is not None else "",
        f"above {p.above:g}" if p.above is not None else "",
        f"at most {p.most:g}" if p.most is not None else "",
        f"below {p.below:g}" if p.below is not None else "",
        "between 0% and 100%" if p.kind == "share" else "",
    ]
    return " and ".join(filter(None, parts)) or "a finite number"
