"""How code is changed for the worse: small changes of a function's text, each of a kind that people make.

A change replaces one stretch of the source, so that the rest of the file, and the line that shows it, stay as written.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

Function = ast.FunctionDef
COMPOSED = (ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.UnaryOp, ast.Lambda, ast.NamedExpr)
COSMETIC = frozenset({"name", "summary", "comment", "quiet"})
"""Keyword arguments that are about words in scripts and tables."""

ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"), ast.BitOr: ("|", "&"),
}  # fmt: skip
COMPARED: dict[type[ast.cmpop], tuple[str, tuple[str, ...]]] = {
    ast.Eq: ("==", ("!=",)), ast.NotEq: ("!=", ("==",)), ast.Is: ("is", ("is not",)), ast.IsNot: ("is not", ("is",)),
    ast.In: ("in", ("not in",)), ast.NotIn: ("not in", ("in",)), ast.Lt: ("<", ("<=", ">=")), ast.LtE: ("<=", ("<", ">")),
    ast.Gt: (">", (">=", "<=")), ast.GtE: (">=", (">", "<")),
}  # fmt: skip
EXCHANGED = {
    "add": "subtract", "subtract": "add", "softmax": "sparsemax", "sparsemax": "softmax", "per_example": "averaged",
    "averaged": "per_example", "sweep_labels": "write_neutral_label",
}  # fmt: skip
"""Functions that a step maps over values, and others that take and give the same."""
SPELLED: Sequence[tuple[str, str]] = (
    (r"\.detach\(\)", ""), (r"\.T\b", ""), (r"(?<=[} ])\+(?= )", "-"), (r"(?<= )-(?= )", "+"), (r"(?<=[\"(])-(?=\{)", ""),
    (r"\.flatten\(1\)", ""), (r"\.requires_grad_\(\)", ""), (r"retain_graph=True", "retain_graph=False"),
    (r"again=True", "again=False"), (r"step=step", "step=0"), (r"\.copy_\(", ".add_("), (r"\+=", "-="),
    (r"torch\.no_grad\(\)", "torch.enable_grad()"), (r"(?<=\} )\*(?= \{)", "/"),
)  # fmt: skip
"""In the text of scripts: what is left out of it, or replaced."""
NEVER_ALIKE = frozenset({"s", "run"})
"""Arguments that nothing else could be in place of: exchanging them fails at once."""
ACTIVATIONS = frozenset(
    {"fwd", "part", "head", "forward", "map", "grad", "loss", "feedback", "cross", "value_of", "get"}
)
"""Methods of a recorder that make a value."""


@dataclass(frozen=True)
class Change:
    """One change: what kind it is, and the bytes of the source that it replaces."""

    operator: str
    line: int
    start: int
    end: int
    new: str

    def applied(self, source: bytes) -> bytes:
        return source[: self.start] + self.new.encode() + source[self.end :]


def changes(source: bytes, functions: Sequence[Function]) -> list[Change]:
    """Every change of some functions that is Python, and another program than the source: each program once."""
    seen, found = {ast.dump(ast.parse(source))}, []
    for function in functions:
        for change in _Changer(source, function).all():
            try:
                made = ast.dump(ast.parse(change.applied(source)))
            except SyntaxError:
                continue
            if made not in seen:
                seen.add(made)
                found.append(change)
    return found


class _Changer:
    def __init__(self, source: bytes, function: Function) -> None:
        self.source, self.function = source, function
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.parents = {child: node for node in ast.walk(function) for child in ast.iter_child_nodes(node)}

    # -- text -------------------------------------------------------------------------------------------------------

    def begin(self, node: ast.expr | ast.stmt | ast.keyword) -> int:
        return self.starts[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr | ast.stmt | ast.keyword) -> int:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self.starts[node.end_lineno - 1] + node.end_col_offset

    def text(self, node: ast.expr | ast.stmt | ast.keyword) -> str:
        return self.source[self.begin(node) : self.end(node)].decode()

    def atom(self, node: ast.expr) -> str:
        return f"({self.text(node)})" if isinstance(node, COMPOSED) else self.text(node)

    def replaced(self, operator: str, node: ast.expr | ast.stmt, new: str) -> Change:
        return Change(operator, node.lineno, self.begin(node), self.end(node), new)

    def between(self, operator: str, left: ast.expr, right: ast.expr, old: str, new: str) -> Iterator[Change]:
        """Another sign between two expressions."""
        start, end = self.end(left), self.begin(right)
        gap = self.source[start:end].decode()
        if old in gap:
            yield Change(operator, left.lineno, start, end, gap.replace(old, new, 1))

    # -- changes ----------------------------------------------------------------------------------------------------

    def all(self) -> Iterator[Change]:
        skipped = self._left_alone()
        for node in ast.walk(self.function):
            if node not in skipped and node is not self.function:
                yield from self._statement(node) if isinstance(node, ast.stmt) else self._expression(node)

    def _statement(self, node: ast.stmt) -> Iterator[Change]:
        match node:
            case ast.If() | ast.While():
                yield self._negated(node.test)
            case ast.For():
                yield from self._loop(node.iter)
            case (
                ast.Expr() | ast.AugAssign() | ast.Continue() | ast.Assign(targets=[ast.Subscript() | ast.Attribute()])
            ):
                yield self.replaced("statement dropped", node, "pass")
            case _:
                pass

    def _expression(self, node: ast.AST) -> Iterator[Change]:
        match node:
            case ast.BinOp():
                yield from self._arithmetic(node)
            case ast.UnaryOp():
                yield self.replaced("sign or negation dropped", node, self.atom(node.operand))
            case ast.Compare() if len(node.ops) == 1:
                yield from self._comparison(node)
            case ast.BoolOp():
                yield from self._boolean(node)
            case ast.IfExp():
                yield self._negated(node.test)
            case ast.comprehension():
                yield from self._loop(node.iter)
                for test in node.ifs:
                    yield self._negated(test)
                    yield self.replaced("condition dropped", test, "True")
            case ast.Constant() | ast.JoinedStr():
                yield from self._constant(node)
            case ast.Call():
                yield from self._call(node)
            case _:
                yield from self._name(node)

    def _name(self, node: ast.AST) -> Iterator[Change]:
        match node:
            case ast.Attribute(attr="hidden" | "blocks", ctx=ast.Load()):
                other = {"hidden": "blocks", "blocks": "hidden"}[node.attr]
                yield self.replaced("other blocks", node, f"{self.text(node.value)}.{other}")
            case ast.Name(ctx=ast.Load()):
                yield from self._other_value(node)
            case ast.Tuple() if len(node.elts) == 2 and not self._unpacks_vjp(node):
                yield from self._swapped("order of a pair", *node.elts)
            case _:
                pass

    def _negated(self, test: ast.expr) -> Change:
        return self.replaced("condition negated", test, f"not ({self.text(test)})")

    def _left_alone(self) -> set[ast.AST]:
        """Docstrings, annotations, assertions, and words about errors."""
        found: list[ast.AST] = list(self.function.decorator_list)
        for node in ast.walk(self.function):
            match node:
                case ast.Expr(value=ast.Constant(value=str())) | ast.Assert() | ast.Raise():
                    found.append(node)
                case ast.AnnAssign():
                    found.append(node.annotation)
                case ast.FunctionDef():
                    arguments = [*node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
                    found += [a.annotation for a in arguments if a is not None and a.annotation is not None]
                    found += [] if node.returns is None else [node.returns]
                case ast.keyword(arg=str(name)) if name in COSMETIC:
                    found.append(node)
                case _:
                    pass
        return {inner for node in found for inner in ast.walk(node)}

    def _arithmetic(self, node: ast.BinOp) -> Iterator[Change]:
        if type(node.op) not in ARITHMETIC:
            return
        sign, other = ARITHMETIC[type(node.op)]
        yield from self.between(f"{sign} to {other}", node.left, node.right, sign, other)
        yield self.replaced("term or factor dropped", node, self.atom(node.left))
        if isinstance(node.op, ast.Add | ast.Mult | ast.BitOr):
            yield self.replaced("term or factor dropped", node, self.atom(node.right))

    def _comparison(self, node: ast.Compare) -> Iterator[Change]:
        sign, others = COMPARED[type(node.ops[0])]
        for other in others:
            yield from self.between(f"{sign} to {other}", node.left, node.comparators[0], sign, other)

    def _boolean(self, node: ast.BoolOp) -> Iterator[Change]:
        sign, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in pairwise(node.values):
            yield from self.between(f"{sign} to {other}", left, right, f" {sign} ", f" {other} ")
        for dropped in node.values:
            kept = f" {sign} ".join(self.atom(value) for value in node.values if value is not dropped)
            yield self.replaced("condition dropped", node, f"({kept})" if len(node.values) > 2 else kept)

    def _loop(self, over: ast.expr) -> Iterator[Change]:
        """The first or the last left out."""
        text = self.text(over)
        yield self.replaced("loop without its first", over, f"list({text})[1:]")
        yield self.replaced("loop without its last", over, f"list({text})[:-1]")

    def _constant(self, node: ast.Constant | ast.JoinedStr) -> Iterator[Change]:
        if isinstance(node, ast.JoinedStr) or isinstance(node.value, str):
            if isinstance(self.parents.get(node), ast.JoinedStr):
                return
            text = self.text(node)
            for pattern, new in SPELLED:
                for found in re.finditer(pattern, text):
                    yield self.replaced("spelling", node, text[: found.start()] + new + text[found.end() :])
        elif isinstance(node.value, bool):
            yield self.replaced("flag", node, str(not node.value))
        elif isinstance(node.value, int):
            for other in (node.value + 1, node.value - 1):
                yield self.replaced("off by one", node, str(other) if other >= 0 else f"({other})")
        elif isinstance(node.value, float):
            for factor in (2.0, -1.0, 0.0):
                yield self.replaced("wrong constant", node, repr(factor * node.value))

    def _call(self, node: ast.Call) -> Iterator[Change]:
        for left, right in pairwise(node.args):
            yield from self._swapped("arguments swapped", left, right)
        for keyword in node.keywords:
            if keyword.arg is not None and keyword.arg not in COSMETIC:
                given: list[ast.expr | ast.keyword] = [*node.args, *node.keywords]
                before = [self.end(argument) for argument in given if self.end(argument) <= self.begin(keyword)]
                start = max([self.end(node.func) + 1, *before])
                yield Change("argument dropped", keyword.value.lineno, start, self.end(keyword), "")
        match node:
            case ast.Call(func=ast.Name(id="reversed" | "sorted"), args=[only]):
                yield self.replaced("order dropped", node, f"list({self.text(only)})")
            case ast.Call(func=ast.Name(id="max" | "min" as name)):
                yield self.replaced("max and min", node.func, {"max": "min", "min": "max"}[name])
            case ast.Call(func=ast.Name(id="any" | "all" as name)):
                yield self.replaced("any and all", node.func, {"any": "all", "all": "any"}[name])
            case ast.Call(func=ast.Attribute(attr="map"), args=[ast.Constant(value=str(name)) as word, first, *_]):
                yield self.replaced("function left out", node, self.atom(first))
                if name in EXCHANGED:
                    yield self.replaced("other function", word, f'"{EXCHANGED[name]}"')
            case _:
                pass

    def _swapped(self, operator: str, left: ast.expr, right: ast.expr) -> Iterator[Change]:
        kinds = {type(side) for side in (left, right)}
        names = {side.id for side in (left, right) if isinstance(side, ast.Name)}
        if len(kinds) > 1 or names & NEVER_ALIKE:
            return
        gap = self.source[self.end(left) : self.begin(right)].decode()
        new = self.text(right) + gap + self.text(left)
        yield Change(operator, left.lineno, self.begin(left), self.end(right), new)

    def _unpacks_vjp(self, node: ast.Tuple) -> bool:
        """Gradients where cotangents belong, and the reverse, are no value that anything takes."""
        parent = self.parents.get(node)
        return (
            isinstance(parent, ast.Assign)
            and isinstance(parent.value, ast.Call)
            and "vjp" in self.text(parent.value.func)
        )

    def _other_value(self, node: ast.Name) -> Iterator[Change]:
        """A value of the step where another one of its kind was meant: a stale activation, a swapped stream."""
        kinds = self._kinds()
        for other in sorted(kinds):
            if node.id in kinds and other != node.id and kinds[other] == kinds[node.id]:
                yield self.replaced("other value", node, other)

    def _kinds(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for node in ast.walk(self.function):
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=value)
                    | ast.AnnAssign(target=ast.Name(id=name), value=value)
                ):
                    kind = self._kind(value)
                    if kind:
                        found[name] = kind
                case ast.Assign(targets=[ast.Tuple(elts=[ast.Name(id=first), _])], value=ast.Call(func=func)) if (
                    "vjp" in self.text(func)
                ):
                    found[first] = "gradients"
                case _:
                    pass
        return {name: kind for name, kind in found.items() if name != "_"}

    def _kind(self, value: ast.expr | None) -> str:
        match value:
            case ast.Call(func=ast.Attribute(attr=method)) if method in ACTIVATIONS:
                return "table" if method == "forward" else "value"
            case ast.Dict():
                return "table"
            case ast.IfExp(body=body):
                return self._kind(body)
            case _:
                return ""
