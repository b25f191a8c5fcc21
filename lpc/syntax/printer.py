"""The tree as documents: each node printed from what it is, with the parentheses that its reader needs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.build import number_value
from lpc.syntax.layout import Align, Doc, Fill, Item, Text, concat
from lpc.syntax.scan import Comment

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"})
_NUMBER = re.compile(r"[0-9][0-9.eE+-]*")
ATOM = 5


def level(node: tree.Expr) -> int:
    """How tightly an expression holds together: sum 1, product 2, sign 3, pipeline 4, all else 5."""
    match node:
        case tree.Binary(operator):
            return 1 if operator in "+-" else 2
        case tree.Negative():
            return 3
        case tree.Number(value) if value < 0:
            return 3
        case tree.Pipe():
            return 4
        case _:
            return ATOM


def number_text(value: int | float) -> str:
    """The shortest text of a number: `16`, `0.001`, `1e-5`, `2.0`."""
    mantissa, e, exponent = repr(value).partition("e")
    return f"{mantissa}e{int(exponent)}" if e else "1e999" if mantissa == "inf" else mantissa


class Printer:
    """Documents of expressions and clauses. Comments are taken in order, each before the first part that follows it;
    with the source at hand, numbers keep the spelling that their writer gave them.
    """

    def __init__(self, comments: Sequence[Comment] = (), source: Source | None = None) -> None:
        self._comments = comments
        self._next = 0
        self._source = source

    def take(self, before: int) -> tuple[Comment, ...]:
        """The comments not yet printed that begin before an offset."""
        start = self._next
        while self._next < len(self._comments) and self._comments[self._next].span.start < before:
            self._next += 1
        return tuple(self._comments[start : self._next])

    def take_trailing(self, before: int) -> tuple[Comment, ...]:
        """The next comment, where it stands at the end of a line of code and begins before an offset."""
        if self._next < len(self._comments) and not self._comments[self._next].own_line:
            return self.take(min(before, self._comments[self._next].span.start + 1))
        return ()

    def pending(self, before: int) -> bool:
        return self._next < len(self._comments) and self._comments[self._next].span.start < before

    # -- expressions --

    def expr(self, node: tree.Expr, least: int = 0) -> Doc:
        """The document of an expression, in parentheses where it holds together less tightly than `least`."""
        if level(node) < least:
            return concat("(", Align(self.expr(node)), ")")
        match node:
            case tree.Number(value):
                return Text(self._number(node, value))
            case tree.Quantity(value, unit):
                return Text(self._number(node, value, unit) + unit)
            case tree.String(text):
                return Text(f'"{text.translate(_ESCAPES)}"')
            case tree.Name(name):
                return Text(name)
            case tree.Indexed(name, first, last):
                return concat(name, self._index(first, last))
            case tree.ListExpr(items):
                return concat("[", self._sequence([(item, "", item) for item in items], node.span.end), "]")
            case tree.Call(name, arguments):
                given = [(a, "" if a.name is None else f"{a.name} = ", a.value) for a in arguments]
                return concat(f"{name}(", self._sequence(given, node.span.end), ")")
            case tree.Negative(operand):
                return concat("-", self.expr(operand, ATOM))
            case tree.Binary():
                return self._binary(node)
            case tree.Pipe():
                return self._pipe(node)

    def _number(self, node: tree.Node, value: int | float, unit: str = "") -> str:
        if self._source is not None:
            written = self._source.snippet(node.span).strip("() \t\r\n").removesuffix(unit)
            if _NUMBER.fullmatch(written) and _reads_as(written, value):
                return written
        return number_text(value)

    def _index(self, first: tree.Expr, last: tree.Expr | None) -> Doc:
        return concat("[", self.expr(first), *(() if last is None else ("..", self.expr(last))), "]")

    def _sequence(self, items: Sequence[tuple[tree.Node, str, tree.Expr | None]], end: int = 0) -> Doc:
        """Things with commas between: each a node, what stands before its expression, and the expression. `end` is the
        offset after the bracket that closes them.
        """
        parts: list[Item] = []
        for index, (node, prefix, value) in enumerate(items):
            comments = self.take(node.span.start)
            comma = "," if index < len(items) - 1 else ""
            parts.append(Item(concat(prefix, *(() if value is None else (self.expr(value),)), comma), comments))
        if last := self.take(end):
            parts.append(Item(Text(""), last))
        return Align(Fill(parts))

    def _binary(self, node: tree.Binary) -> Doc:
        """A row of operators of one level; pipelines and signs right of an operator always get their parentheses."""
        row_level = level(node)
        row: list[tree.Binary] = []
        first: tree.Expr = node
        while isinstance(first, tree.Binary) and level(first) == row_level:
            row.append(first)
            first = first.left
        least = ATOM if row_level == 2 and isinstance(first, tree.Pipe) else row_level
        items = [Item(self.expr(first, least))]
        for binary in reversed(row):
            comments = self.take(binary.right.span.start)
            tight = ATOM if level(binary.right) in (3, 4) else row_level + 1
            items.append(Item(concat(f"{binary.operator} ", self.expr(binary.right, tight)), comments))
        return Align(Fill(items, hang=4))

    def _pipe(self, node: tree.Pipe) -> Doc:
        """`source -> stage -> stage`: later lines begin under the first arrow, or under a source that is a sum."""
        stages: list[tree.Expr] = []
        source: tree.Expr = node
        while isinstance(source, tree.Pipe):
            stages.append(source.right)
            source = source.left
        head = self.expr(source, 4)
        items: list[Item] = []
        for stage in reversed(stages):
            comments = self.take(stage.span.start)
            items.append(Item(concat("-> ", self.expr(stage, ATOM)), comments))
        if level(source) == ATOM:
            return concat(head, " ", Align(Fill(items)))
        return Align(Fill((Item(head), *items), hang=4))

    # -- clauses --

    def clause(self, node: tree.Clause) -> Doc:
        """The document of a clause; of a variant only its head: what it holds goes line by line."""
        match node:
            case tree.Network(name):
                return Text(f"network {name}")
            case tree.Let(name, value):
                return self._definition(Text(f"let {name}"), value)
            case tree.Def(name, parameters, body):
                listed = [(p, p.name if p.default is None else f"{p.name} = ", p.default) for p in parameters]
                return self._definition(concat(f"def {name}(", self._sequence(listed), ")"), body)
            case tree.Block(name, count, value):
                head = Text(f"block {name}") if count is None else concat(f"block {name}", self._index(count, None))
                return self._definition(head, value)
            case tree.Data(bindings, source):
                return concat("data ", self._sequence([_binding(b) for b in bindings]), " = ", self._use(source))
            case tree.Objective(loss):
                return concat("objective ", self._use(loss))
            case tree.Learn(selectors, rule):
                return concat("learn ", self._sequence([_selector(s) for s in selectors]), " with ", self._use(rule))
            case tree.Place(options, selectors, stage):
                if stage is None:
                    return concat("place ", self._options(options))
                return concat(
                    "place ", self._sequence([_selector(s) for s in selectors]), " on stage ", self.expr(stage)
                )
            case tree.Train(options):
                return concat("train ", self._options(options))
            case tree.Measure(items):
                return concat("measure ", self._sequence([(item, "", _bare(item)) for item in items]))
            case tree.Claim():
                return self._claim(node)
            case tree.Variant(name):
                return Text(f"variant {name}")

    def _definition(self, head: Doc, value: tree.Expr) -> Doc:
        """`head = value`, the value on the next line where both do not fit on one."""
        comments = self.take(value.span.start)
        return Fill((Item(concat(head, " =")), Item(self.expr(value), comments, own_line=True)), hang=4)

    def _options(self, options: Sequence[tree.Option]) -> Doc:
        return self._sequence([(option, f"{option.name} = ", option.value) for option in options])

    def _use(self, call: tree.Call) -> Doc:
        return self.expr(_bare(call))

    def _claim(self, node: tree.Claim) -> Doc:
        parts: list[Doc] = [Text(f"claim {node.left} {node.relation} {node.right}")]
        if node.within is not None:
            parts.append(concat("within ", self.expr(node.within)))
        if node.after is not None:
            parts.append(concat("after ", self.expr(node.after), " steps"))
        if node.up_to is not None:
            parts.append(Text(f"up to {node.up_to}"))
        for index, between in enumerate(node.ranges):
            comma = "," if index < len(node.ranges) - 1 else ""
            bounds = concat(self.expr(between.first), "..", self.expr(between.last), comma)
            parts.append(concat(f"{'' if index else 'for '}{between.name} in ", bounds))
        if node.limit is not None:
            parts.append(concat(f"as {node.limit[0]} -> ", self.expr(node.limit[1])))
        return Fill([Item(part) for part in parts], hang=4)


def _bare(call: tree.Call) -> tree.Expr:
    """A source, loss, rule or measure: no parentheses where there are no arguments."""
    return call if call.arguments else tree.Name(call.name, span=call.span)


def _selector(node: tree.Selector) -> tuple[tree.Node, str, tree.Expr]:
    named = tree.Name(node.name) if node.first is None else tree.Indexed(node.name, node.first, node.last)
    return node, "", named


def _binding(node: tree.Binding) -> tuple[tree.Node, str, tree.Expr | None]:
    if node.type is None:
        return node, node.name, None
    sizes = tree.ListExpr(node.type.sizes, span=node.type.span) if node.type.sizes else None
    return node, f"{node.name}: {node.type.kind}", sizes


def _reads_as(text: str, value: int | float) -> bool:
    try:
        read = number_value(text)
    except ValueError:
        return False
    return type(read) is type(value) and read == value
