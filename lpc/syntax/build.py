"""From grammar rules to the tree: one method a rule of `grammar/lp.lark`, called bottom-up while Lark parses.

Nothing here reports: values that cannot be (a unit nobody knows, a number beyond float64) are kept as they are and
found by `validate.py`, so that the one cached parser holds no state.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lpc.source import Span
from lpc.syntax import tree

if TYPE_CHECKING:
    from lark import Token

Parts = list[Any]
"""The children of a rule: Lark's tokens, nodes, and tuples of nodes."""

_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(.+)")
_ESCAPE = re.compile(r'\\(["\\nt])')
_ESCAPED = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}
_LONGEST_INTEGER = 18
"""Digits of the largest power of ten below 2**63: longer integers are read as floats beyond every range."""


def number_value(text: str) -> int | float:
    """The value of a number's text: an int exactly when it has neither point nor exponent; infinite when out of range."""
    if not text.isdigit():
        return float(text)
    digits = text.lstrip("0") or "0"
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float("inf")


def string_value(text: str) -> str:
    """The value of a string's text, quotes included; a backslash before any other character stands for itself."""
    inner = text[1:-1]
    return _ESCAPE.sub(lambda match: _ESCAPED[match[1]], inner) if "\\" in inner else inner


def _token_span(token: Token) -> Span:
    return Span(token.start_pos or 0, token.end_pos or 0)


def _span(parts: Parts) -> Span:
    first, last = parts[0], parts[-1]
    start = first.span.start if isinstance(first, tree.Node) else first.start_pos
    end = last.span.end if isinstance(last, tree.Node) else last.end_pos
    return Span(start, end)


def _nodes(parts: Parts) -> tuple[Any, ...]:
    return tuple(part for part in parts if isinstance(part, tree.Node))


def _first_tuple(parts: Parts) -> tuple[Any, ...]:
    return next((part for part in parts if isinstance(part, tuple)), ())


class Builder:
    """The callbacks. Brackets, commas and keywords are kept among the parts: they bound the spans."""

    # -- clauses --

    def file(self, parts: Parts) -> tree.File:
        return tree.File(tuple(parts), span=_span(parts) if parts else Span(0, 0))

    def network(self, parts: Parts) -> tree.Network:
        return tree.Network(str(parts[1]), name_span=_token_span(parts[1]), span=_span(parts))

    def let(self, parts: Parts) -> tree.Let:
        return tree.Let(str(parts[1]), parts[3], name_span=_token_span(parts[1]), span=_span(parts))

    def define(self, parts: Parts) -> tree.Def:
        return tree.Def(
            str(parts[1]), _first_tuple(parts), parts[-1], name_span=_token_span(parts[1]), span=_span(parts)
        )

    def data(self, parts: Parts) -> tree.Data:
        return tree.Data(parts[1], parts[3], span=_span(parts))

    def block(self, parts: Parts) -> tree.Block:
        count = parts[3] if len(parts) > 4 else None
        return tree.Block(str(parts[1]), count, parts[-1], name_span=_token_span(parts[1]), span=_span(parts))

    def objective(self, parts: Parts) -> tree.Objective:
        return tree.Objective(parts[1], span=_span(parts))

    def learn(self, parts: Parts) -> tree.Learn:
        return tree.Learn(parts[1], parts[3], span=_span(parts))

    def place(self, parts: Parts) -> tree.Place:
        return tree.Place(parts[1], span=_span([parts[0], parts[1][-1]]))

    def pin(self, parts: Parts) -> tree.Place:
        return tree.Place((), parts[1], parts[4], span=_span(parts))

    def train(self, parts: Parts) -> tree.Train:
        return tree.Train(parts[1], span=_span([parts[0], parts[1][-1]]))

    def measure(self, parts: Parts) -> tree.Measure:
        return tree.Measure(_nodes(parts), span=_span(parts))

    def variant(self, parts: Parts) -> tree.Variant:
        return tree.Variant(str(parts[1]), _nodes(parts), name_span=_token_span(parts[1]), span=_span(parts))

    def claim(self, parts: Parts) -> tree.Claim:
        """`CLAIM left relation right` and five optional parts, each a tuple of its children, empty when absent."""
        keyword, left, relation, right, within, after, up_to, ranges, limit = parts
        return tree.Claim(
            str(left),
            "=" if relation == "=" else "!=",
            str(right),
            within=within[1] if within else None,
            after=after[1] if after else None,
            up_to=str(up_to[2]) if up_to else None,
            ranges=_nodes(list(ranges)),
            limit=(str(limit[1]), limit[3]) if limit else None,
            span=_span([keyword, next(part[-1] for part in (limit, ranges, up_to, after, within, (right,)) if part)]),
        )

    # -- parts of clauses --

    def within(self, parts: Parts) -> tuple[Any, ...]:
        return tuple(parts)

    after = up_to = ranges = limit = within

    def claim_range(self, parts: Parts) -> tree.Range:
        return tree.Range(str(parts[0]), parts[2], parts[4], span=_span(parts))

    def parameters(self, parts: Parts) -> tuple[Any, ...]:
        return _nodes(parts)

    def parameter(self, parts: Parts) -> tree.Parameter:
        return tree.Parameter(str(parts[0]), parts[2] if len(parts) > 1 else None, span=_span(parts))

    def bindings(self, parts: Parts) -> tuple[Any, ...]:
        return _nodes(parts)

    def binding(self, parts: Parts) -> tree.Binding:
        return tree.Binding(str(parts[0]), parts[2] if len(parts) > 1 else None, span=_span(parts))

    def type_expr(self, parts: Parts) -> tree.TypeExpr:
        return tree.TypeExpr(str(parts[0]), _nodes(parts), span=_span(parts))

    def selectors(self, parts: Parts) -> tuple[Any, ...]:
        return _nodes(parts)

    def selector(self, parts: Parts) -> tree.Selector:
        if len(parts) == 1:
            return tree.Selector(str(parts[0]), span=_span(parts))
        first, last, end = parts[1]
        return tree.Selector(str(parts[0]), first, last, span=Span(parts[0].start_pos, end))

    def options(self, parts: Parts) -> tuple[Any, ...]:
        return _nodes(parts)

    def option(self, parts: Parts) -> tree.Option:
        return tree.Option(str(parts[0]), parts[2], name_span=_token_span(parts[0]), span=_span(parts))

    # -- expressions --

    def binary(self, parts: Parts) -> tree.Binary:
        return tree.Binary(str(parts[1]), parts[0], parts[2], span=_span(parts))  # type: ignore[arg-type]

    def negative(self, parts: Parts) -> tree.Negative:
        return tree.Negative(parts[1], span=_span(parts))

    def pipe(self, parts: Parts) -> tree.Pipe:
        return tree.Pipe(parts[0], parts[2], span=_span(parts))

    def number(self, parts: Parts) -> tree.Number:
        return tree.Number(number_value(str(parts[0])), span=_token_span(parts[0]))

    def quantity(self, parts: Parts) -> tree.Quantity:
        match = _QUANTITY.fullmatch(str(parts[0]))
        assert match is not None
        return tree.Quantity(number_value(match[1]), match[2], span=_token_span(parts[0]))

    def string(self, parts: Parts) -> tree.String:
        return tree.String(string_value(str(parts[0])), span=_token_span(parts[0]))

    def name(self, parts: Parts) -> tree.Name:
        return tree.Name(str(parts[0]), span=_token_span(parts[0]))

    def indexed(self, parts: Parts) -> tree.Indexed:
        first, last, end = parts[1]
        return tree.Indexed(str(parts[0]), first, last, span=Span(parts[0].start_pos, end))

    def index(self, parts: Parts) -> tuple[Any, Any, int]:
        return parts[1], parts[3] if len(parts) > 3 else None, parts[-1].end_pos

    def list_expr(self, parts: Parts) -> tree.ListExpr:
        return tree.ListExpr(_nodes(parts), span=_span(parts))

    def group(self, parts: Parts) -> tree.Node:
        """The expression inside, its span widened to the parentheses where it is more than one word."""
        inner: tree.Node = parts[1]
        return replace(inner, span=_span(parts))

    def call(self, parts: Parts) -> tree.Call:
        return tree.Call(str(parts[0]), _first_tuple(parts), name_span=_token_span(parts[0]), span=_span(parts))

    use = call

    def arguments(self, parts: Parts) -> tuple[Any, ...]:
        return _nodes(parts)

    def positional(self, parts: Parts) -> tree.Argument:
        return tree.Argument(None, parts[0], span=_span(parts))

    def named(self, parts: Parts) -> tree.Argument:
        return tree.Argument(str(parts[0]), parts[2], name_span=_token_span(parts[0]), span=_span(parts))
