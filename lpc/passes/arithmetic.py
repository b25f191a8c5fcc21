"""Arithmetic on numbers of a program: exact between integers, refused where a number could not be meant."""

from __future__ import annotations

from math import isfinite
from typing import Literal

from lpc.diagnostics import Diagnostic, Report, error
from lpc.passes.scope import SOUND
from lpc.passes.values import describe, hole, is_hole
from lpc.source import Span
from lpc.syntax import tree

Operator = Literal["+", "-", "*", "/"]
LARGEST = 2**63
"""Integers stay below this, as the tensors' sizes must."""
OF_TYPES = ("classes", "size")
"""Functions whose value only the types of data and blocks can tell."""


def _with_let(value: str) -> str:
    return SOUND.replace("\n", f"\nlet width = {value}\n", 1).replace("linear(64)", "linear(width)")


@error("LP121")
class InexactDivision(Diagnostic):
    """Integers are sizes and counts, so dividing them has to come out even: a half channel is a mistake. Write one of the
    two with a point (`7.0 / 2`) where a fraction is meant.
    """

    title = "{left} / {right} is not a whole number"
    label = "leaves a remainder of {remainder}"
    help = "write `{left}.0 / {right}` if a fraction is meant"
    bad = _with_let("100 / 3")
    good = _with_let("99 / 3")
    left: int
    right: int
    remainder: int


@error("LP122")
class NotANumber(Diagnostic):
    """`+ - * /` in arguments and lets work on numbers and on lets that are numbers. Quantities, strings and lists are given
    as they are. Tensors are added with `+`, and multiplied with `mul(a, b)`.
    """

    title = "`{operator}` needs numbers, found {found}"
    label = "not a number"
    bad = _with_let('"64" * 2')
    good = _with_let("64 * 2")
    operator: str
    found: str


@error("LP123")
class NumberOutOfReach(Diagnostic):
    """The result is no number a program can use: a division by zero, or beyond 64 bits."""

    title = "{left} {operator} {right} {problem}"
    label = "{problem}"
    bad = _with_let("64 / 0")
    good = _with_let("64 / 2")
    left: str
    operator: str
    right: str
    problem: str


def is_symbolic(expr: tree.Expr) -> bool:
    """Whether a folded expression waits for types: `classes(label)`, and arithmetic on it."""
    match expr:
        case tree.Call(name):
            return name in OF_TYPES
        case tree.Binary() | tree.Negative():
            return True
        case _:
            return False


def asks_types(expr: tree.Expr) -> bool:
    """Whether a folded value, or an item of a list, waits for types."""
    return is_symbolic(expr) or (isinstance(expr, tree.ListExpr) and any(map(is_symbolic, expr.items)))


def combine(operator: Operator, left: tree.Expr, right: tree.Expr, span: Span, report: Report) -> tree.Expr:
    """The value of `left operator right`, both folded; symbolic when either is, a hole after a mistake."""
    if is_hole(left) or is_hole(right):
        return hole(span)
    for side in (left, right):
        if not isinstance(side, tree.Number) and not is_symbolic(side):
            report.add(NotANumber(span=side.span, operator=operator, found=describe(side)))
            return hole(span)
    if isinstance(left, tree.Number) and isinstance(right, tree.Number):
        return _exact(operator, left, right, span, report)
    return tree.Binary(operator, left, right, span=span)


def negated(operand: tree.Expr, span: Span, report: Report) -> tree.Expr:
    """The value of `-operand`."""
    if is_hole(operand):
        return hole(span)
    if isinstance(operand, tree.Number):
        return tree.Number(-operand.value, span=span)
    if is_symbolic(operand):
        return tree.Negative(operand, span=span)
    report.add(NotANumber(span=operand.span, operator="-", found=describe(operand)))
    return hole(span)


def _exact(operator: Operator, left: tree.Number, right: tree.Number, span: Span, report: Report) -> tree.Expr:
    a, b = left.value, right.value
    problem, value = "", 0.0 if isinstance(a, float) or isinstance(b, float) else 0
    try:
        if operator == "+":
            value = a + b
        elif operator == "-":
            value = a - b
        elif operator == "*":
            value = a * b
        elif isinstance(a, int) and isinstance(b, int):
            value, remainder = divmod(a, b)
            if remainder:
                report.add(InexactDivision(span=span, left=a, right=b, remainder=remainder))
                return hole(span)
        else:
            value = a / b
    except ZeroDivisionError:
        problem = "divides by zero"
    except OverflowError:
        problem = "is too large"
    if not problem and (not isfinite(value) or (isinstance(value, int) and abs(value) >= LARGEST)):
        problem = "is too large"
    if problem:
        report.add(NumberOutOfReach(span=span, left=f"{a}", operator=operator, right=f"{b}", problem=problem))
        return hole(span)
    return tree.Number(value, span=span)
