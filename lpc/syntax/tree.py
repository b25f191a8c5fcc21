"""The tree of a `.lp` file: frozen dataclasses, a span on every node, spans ignored by `==`.

In short:

    file  = clause*                          expr = number | quantity | string | name | list | call
    clause = network | let | def | data             | indexed | pipe | binary | negative
           | block | objective | learn | place
           | train | measure | variant | claim
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal

from lpc.source import NOWHERE, Span


@dataclass(frozen=True, kw_only=True, eq=False)
class Node:
    """Base of all nodes. Trees are compared and hashed with a stack of their own: they may be hundreds of nodes deep."""

    span: Span = field(default=NOWHERE, compare=False, repr=False)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        stack: list[tuple[object, object]] = [(self, other)]
        while stack:
            a, b = stack.pop()
            if type(a) is not type(b):
                return False
            if isinstance(a, Node):
                stack += [(getattr(a, name), getattr(b, name)) for name in compared(type(a))]
            elif isinstance(a, tuple) and isinstance(b, tuple):
                if len(a) != len(b):
                    return False
                stack += zip(a, b, strict=True)
            elif a != b:
                return False
        return True

    def __hash__(self) -> int:
        leaves: list[object] = []
        stack: list[object] = [self]
        while stack:
            part = stack.pop()
            if isinstance(part, Node):
                leaves.append(type(part).__name__)
                stack += [getattr(part, name) for name in compared(type(part))]
            elif isinstance(part, tuple):
                leaves.append(len(part))
                stack += part
            else:
                leaves.append(part)
        return hash(tuple(leaves))


_COMPARED: dict[type[Node], tuple[str, ...]] = {}


def compared(kind: type[Node]) -> tuple[str, ...]:
    """The fields of a node class that say what the program is: all but the spans."""
    if kind not in _COMPARED:
        _COMPARED[kind] = tuple(f.name for f in fields(kind) if f.compare)
    return _COMPARED[kind]


# -- expressions --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Number(Node):
    """`3`, `0.1`, `1e-3`; `value` is an int exactly when the text has neither point nor exponent."""

    value: int | float


@dataclass(frozen=True, eq=False)
class Quantity(Node):
    """`10%`, `2GiB`, `250W`, `100ms`: a number and its unit, `%` included."""

    value: int | float
    unit: str


@dataclass(frozen=True, eq=False)
class String(Node):
    """`"wine.csv"`, escapes undone."""

    value: str


@dataclass(frozen=True, eq=False)
class Name(Node):
    """A name in an expression: a block, data, a let, a parameter of a def, an operation without arguments, or a word."""

    name: str


@dataclass(frozen=True, eq=False)
class ListExpr(Node):
    """`[a, b]`."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, eq=False)
class Argument(Node):
    """One argument of a call: positional when `name` is None."""

    name: str | None
    value: Expr
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Call(Node):
    """`linear(64, bias = false)`."""

    name: str
    arguments: tuple[Argument, ...]
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Indexed(Node):
    """`layer[2]`, or `body[1..2]` where `last` is not None (both ends included, counted from 1)."""

    name: str
    first: Expr
    last: Expr | None = None


@dataclass(frozen=True, eq=False)
class Pipe(Node):
    """`left -> right`: the value of `left` becomes the first argument of `right` (a Name or a Call)."""

    left: Expr
    right: Expr


@dataclass(frozen=True, eq=False)
class Binary(Node):
    """`left + right`, and the other three."""

    operator: Literal["+", "-", "*", "/"]
    left: Expr
    right: Expr


@dataclass(frozen=True, eq=False)
class Negative(Node):
    """`-operand`."""

    operand: Expr


Expr = Number | Quantity | String | Name | ListExpr | Call | Indexed | Pipe | Binary | Negative


# -- types in the data clause -------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class TypeExpr(Node):
    """`f32[1, 28, 28]`, `class[10]`, `i64[128]`, `edges` (no sizes)."""

    kind: str
    sizes: tuple[Expr, ...] = ()


@dataclass(frozen=True, eq=False)
class Binding(Node):
    """One name of a data clause, and its type where written."""

    name: str
    type: TypeExpr | None = None


# -- clauses ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Network(Node):
    """`network NAME`."""

    name: str
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Let(Node):
    """`let NAME = value`."""

    name: str
    value: Expr
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Parameter(Node):
    """A parameter of a `def`, with its default where it has one."""

    name: str
    default: Expr | None = None


@dataclass(frozen=True, eq=False)
class Def(Node):
    """`def NAME(x, p, q = 1) = body`."""

    name: str
    parameters: tuple[Parameter, ...]
    body: Expr
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Data(Node):
    """`data a, b = SOURCE(...)`."""

    bindings: tuple[Binding, ...]
    source: Call


@dataclass(frozen=True, eq=False)
class Block(Node):
    """`block NAME = expr`, or `block NAME[count] = expr` for a chain."""

    name: str
    count: Expr | None
    expr: Expr
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Objective(Node):
    """`objective LOSS(block, target)`."""

    loss: Call


@dataclass(frozen=True, eq=False)
class Selector(Node):
    """`hidden`, `layer[2]`, `body[1..2]`, `all`, `rest`."""

    name: str
    first: Expr | None = None
    last: Expr | None = None


@dataclass(frozen=True, eq=False)
class Learn(Node):
    """`learn SELECTORS with RULE(...)`; a rule without parentheses is a Call without arguments."""

    selectors: tuple[Selector, ...]
    rule: Call


@dataclass(frozen=True, eq=False)
class Option(Node):
    """`name = value` of `train`, `place`, `measure`."""

    name: str
    value: Expr
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Place(Node):
    """`place stages = 2, balance = time`: options; `place head on stage 1`: selectors and `stage`."""

    options: tuple[Option, ...] = ()
    selectors: tuple[Selector, ...] = ()
    stage: Expr | None = None


@dataclass(frozen=True, eq=False)
class Train(Node):
    """`train epochs = 3, batch = 64`."""

    options: tuple[Option, ...]


@dataclass(frozen=True, eq=False)
class Measure(Node):
    """`measure energy, memory, carbon(intensity = 385)`: each item a Call, without arguments where none are written."""

    items: tuple[Call, ...]


@dataclass(frozen=True, eq=False)
class Range(Node):
    """`width in 1..64` of a claim."""

    name: str
    first: Expr
    last: Expr


@dataclass(frozen=True, eq=False)
class Claim(Node):
    """`claim A = B within T after K steps up to scale for w in 1..64 as beta -> 0`; absent parts are None or empty."""

    left: str
    relation: Literal["=", "!="]
    right: str
    within: Expr | None = None
    after: Expr | None = None
    up_to: str | None = None
    ranges: tuple[Range, ...] = ()
    limit: tuple[str, Expr] | None = None


@dataclass(frozen=True, eq=False)
class Variant(Node):
    """Holds `learn place train measure let` clauses."""

    name: str
    clauses: tuple[Clause, ...]
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


Clause = Network | Let | Def | Data | Block | Objective | Learn | Place | Train | Measure | Claim | Variant


@dataclass(frozen=True, eq=False)
class File(Node):
    """A whole program."""

    clauses: tuple[Clause, ...]
