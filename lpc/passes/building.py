"""From expressions to nodes: operations applied to tensors, with arguments checked and shapes inferred."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from lpc.diagnostics import Diagnostic, Edit, Report, error, nearest
from lpc.ir.network import Node
from lpc.ir.op import Arguments, Operation
from lpc.ir.ops import names
from lpc.ir.types import Label, Tensor, Type, Unknown
from lpc.passes.arguments import Resolved, resolve, split_inputs
from lpc.passes.arithmetic import OF_TYPES, asks_types, combine, negated
from lpc.passes.blocks import written
from lpc.passes.folding import unknown_name
from lpc.passes.graph import FAILED, Bound, Graph, Value, call_key
from lpc.passes.scope import SOUND
from lpc.passes.searches import SEARCH
from lpc.passes.signatures import Signature
from lpc.passes.spines import as_call, bare_pipe, leftmost, operands, stages, unsigned
from lpc.passes.values import describe, hole, is_hole
from lpc.source import Span
from lpc.syntax import tree

MOST_HINTS = 100
"""Mistakes after which near names are no longer looked for: among thousands of names that takes long."""
PIPE_FIRST = "`->` binds tighter than `+`: `(a + b) -> operation` pipes the sum"
BY_POSITION = "position"
"""The operation that, without an input in a sum, takes the source of the sum's first operand: it reads positions only."""


@error("LP117")
class UnknownOperation(Diagnostic):
    """What a pipeline goes through is an operation of lpc, of a package that adds some, or a function of the program.
    `lpc ops` lists operations with their arguments.
    """

    title = "there is no operation or function named `{name}`"
    label = "not an operation"
    help = "did you mean `{nearest}`?"
    bad = SOUND.replace("relu", "rleu")
    good = SOUND
    name: str
    nearest: str = ""


@error("LP118")
class NotATensor(Diagnostic):
    """Blocks, data, pipelines of them and sums of those are tensors. Numbers and words are arguments of operations."""

    title = "a tensor is needed here, found {found}"
    label = "not a tensor"
    help = "{advice}"
    bad = SOUND.replace("image -> flatten -> linear(64) -> relu", "image -> flatten -> linear(64) + 1")
    good = SOUND
    found: str
    advice: str = ""


@error("LP119")
class WrongInputs(Diagnostic):
    """An operation takes as many tensors as its entry says: what is piped into it, and those among its arguments."""

    title = "`{operation}` takes {takes}, found {found}"
    label = "{found} here"
    help = "{advice}"
    bad = SOUND.replace("block readout", "block both = add(hidden)\nblock readout").replace(
        "hidden -> linear(10)", "both -> linear(10)"
    )
    good = SOUND.replace("block readout", "block both = add(hidden, hidden)\nblock readout").replace(
        "hidden -> linear(10)", "both -> linear(10)"
    )
    operation: str
    takes: str
    found: str
    advice: str = ""


@error("LP201")
class NotOfType(Diagnostic):
    """`classes(label)` is the number of classes of a label (or of different tokens), `size(x)` how many numbers an example
    of x has. Both take the name of data, of a block, or of a function's tensor.
    """

    title = "`{function}` {problem}"
    label = "{found}"
    bad = SOUND.replace("linear(10)", "linear(classes(image))")
    good = SOUND.replace("linear(10)", "linear(classes(label))")
    function: str
    problem: str
    found: str


class Builder:
    """Builds the nodes of one block, or of the objective's target."""

    def __init__(self, graph: Graph, owner: str, renamed: Mapping[str, str] | None = None) -> None:
        self.graph = graph
        self.owner = owner
        self.renamed = renamed or {}
        """In a chain, the name that stands for the block before."""
        self.inputs: dict[str, None] = {}
        self.made: list[str] = []
        self._count: Counter[str] = Counter()

    @property
    def report(self) -> Report:
        return self.graph.report

    def block(self, expr: tree.Expr, span: Span) -> Value:
        """The value of a block's expression; a node of its own even where the expression is a name only."""
        value = self.tensor(expr, {})
        if value.node is not None and value.node not in self.made:
            return self._apply(tree.Call("identity", (), name_span=span, span=span), [value], {})
        return value

    def tensor(self, expr: tree.Expr, bound: Bound) -> Value:
        match expr:
            case tree.Name():
                return self._name(expr, bound)
            case tree.Indexed():
                return self._indexed(expr)
            case tree.Pipe():
                head, pipes = stages(expr)
                value = self.tensor(head, bound)
                for pipe in pipes:
                    value = self._call(as_call(pipe.right), value, bound)
                return value
            case tree.Binary():
                return self._sum(expr, bound)
            case tree.Call(name) if name not in OF_TYPES and name != SEARCH:
                return self._call(expr, None, bound)
            case tree.Negative():
                operand, _ = unsigned(expr)
                if self._is_tensor(operand, bound):
                    return self._no_tensor(expr, "a minus sign before a tensor", "`x -> scale(-1)` is minus x")
            case _:
                pass
        return self._no_tensor(expr, describe(expr), "")

    # -- names --

    def _name(self, expr: tree.Name, bound: Bound) -> Value:
        name = expr.name
        if is_hole(expr):
            return FAILED
        if name in bound:
            return bound[name]
        if name in self.graph.members or name in self.graph.values:
            return self._read(self.renamed.get(name) or self.graph.members.get(name, (name,))[-1])
        if self.graph.silent:
            return FAILED
        if name in self.graph.scope.functions or self.graph.operation(name) is not None:
            kind = "a function" if name in self.graph.scope.functions else "an operation"
            return self._no_tensor(expr, f"{kind}, `{name}`", f"tensors are piped into it: `x -> {name}`")
        known = (*self.graph.scope.data, *self.graph.scope.blocks, *bound)
        hinting = len(self.report.diagnostics) < MOST_HINTS
        self.report.add(unknown_name(expr.span, name, "block or data", known, hinting=hinting))
        return FAILED

    def _read(self, name: str) -> Value:
        self.inputs.setdefault(name)
        return self.graph.values[name]

    def _indexed(self, expr: tree.Indexed) -> Value:
        name, first = expr.name, expr.first
        members = self.graph.members.get(name)
        if name in self.graph.values and members is None:
            return self._no_tensor(expr, f"`{name}[...]`, and `{name}` is data, not a chain", f"write `{name}`")
        if members is None:
            return self._name(tree.Name(name, span=expr.span), {})
        if expr.last is not None:
            return self._no_tensor(expr, "a range of blocks", f"name one of them: `{name}[{len(members)}]`")
        if is_hole(first):
            return FAILED
        if (before := self.renamed.get(written(expr))) is not None:
            return self._read(before)
        number = first.value if isinstance(first, tree.Number) and isinstance(first.value, int) else 0
        if members == (name,):
            return self._no_tensor(expr, f"`{name}[...]`, and `{name}` is one block, not a chain", f"write `{name}`")
        if not 1 <= number <= len(members):
            return self._no_tensor(
                expr, f"`{name}[{describe(first)}]`", f"the chain has `{name}[1]` to `{name}[{len(members)}]`"
            )
        return self._read(members[number - 1])

    def _no_tensor(self, expr: tree.Expr, found: str, advice: str) -> Value:
        if not is_hole(expr):
            self.report.add(NotATensor(span=expr.span, found=found, advice=advice))
        return FAILED

    def _is_tensor(self, expr: tree.Expr, bound: Bound) -> bool:
        begin = leftmost(expr)
        match begin:
            case tree.Name(name):
                return name in bound or name in self.graph.members or name in self.graph.values or is_hole(begin)
            case tree.Call(name):
                return name not in OF_TYPES and name != SEARCH
            case _:
                return isinstance(begin, tree.Indexed) or isinstance(expr, tree.Pipe)

    # -- sums --

    def _sum(self, expr: tree.Binary, bound: Bound) -> Value:
        first, operators = operands(expr)
        values = [self.tensor(first, bound)]
        for binary in operators:
            if binary.operator != "+":
                advice = {
                    "*": "`mul(a, b)` multiplies tensors, `x -> scale(2)` by a number",
                    "-": "`a + (b -> scale(-1))` is a minus b",
                    "/": "`x -> scale(0.5)` is a half of x",
                }[binary.operator]
                return self._no_tensor(binary, f"`{binary.operator}` between tensors", advice)
            values.append(self._operand(binary.right, first, bound))
        call = tree.Call("add", (), name_span=expr.span, span=expr.span)
        return self._apply(call, values, bound, PIPE_FIRST if bare_pipe(expr.right) else "")

    def _operand(self, expr: tree.Expr, first: tree.Expr, bound: Bound) -> Value:
        begin = leftmost(first)
        if (
            isinstance(expr, tree.Call)
            and expr.name == BY_POSITION
            and BY_POSITION not in self.graph.scope.functions
            and isinstance(begin, tree.Name | tree.Indexed)
            and not any(argument.name is None and self._is_tensor(argument.value, bound) for argument in expr.arguments)
        ):
            return self._call(expr, self.tensor(begin, bound), bound)
        return self.tensor(expr, bound)

    # -- calls --

    def _call(self, call: tree.Call, piped: Value | None, bound: Bound) -> Value:
        function = self.graph.scope.functions.get(call.name)
        values = [] if piped is None else [piped]
        if function is not None:
            values += [self.tensor(argument.value, bound) for argument in call.arguments]
            parameters = [parameter.name for parameter in function.parameters]
            return self.tensor(function.body, dict(zip(parameters, values, strict=False)))
        return self._apply(call, values, bound)

    def _apply(self, call: tree.Call, given: list[Value], bound: Bound, advice: str = "") -> Value:
        """Apply an operation to the tensors given and those among its arguments. `advice`: what helps where they do not fit."""
        known = self.graph.operation(call.name)
        if known is None:
            return self._unknown_operation(call)
        operation, signature = known
        more, arguments = split_inputs(
            call.arguments, operation.inputs[1], bool(given), lambda expr: self._is_tensor(expr, bound)
        )
        values = [*given, *(self.tensor(argument.value, bound) for argument in more)]
        resolved = self._resolve(call, arguments, signature, bound)
        if not self._count_fits(call, operation, len(values)) or not resolved.complete:
            return FAILED
        values.extend(
            self._name(tree.Name(name, span=resolved.spans.get(parameter.name, call.span)), bound)
            for parameter in signature.parameters
            if parameter.kind == "input" and isinstance(name := resolved.values[parameter.name], str)
        )
        if any(isinstance(value.type, Unknown) for value in values):
            return FAILED
        return self._node(call, operation, values, resolved.values, advice)

    def _node(
        self, call: tree.Call, operation: Operation, values: Sequence[Value], arguments: Arguments, advice: str
    ) -> Value:
        inputs = tuple(value.node for value in values if value.node is not None)
        inferred = self.graph.infer(call, operation, values, arguments, advice)
        if inferred is None:
            return FAILED
        self._count[operation.name] += 1
        number = self._count[operation.name]
        attribute = operation.name if number == 1 else f"{operation.name}{number}"
        type_, weights = inferred
        node = Node(
            f"{self.owner}.{attribute}", self.owner, operation.name, inputs, arguments, type_, weights, call.span
        )
        self.made.append(node.name)
        return self.graph.add(node)

    def _resolve(
        self, call: tree.Call, arguments: Sequence[tree.Argument], signature: Signature, bound: Bound
    ) -> Resolved:
        """The arguments' values; once for each call, unless they ask for types, which differ along a chain."""
        key = call_key(call)
        if key in self.graph.resolved:
            return self.graph.resolved[key]
        made = resolve(arguments, signature, call.span, self.report, lambda expr: self._evaluate(expr, bound))
        if not any(asks_types(argument.value) for argument in arguments) and (call.arguments or made.complete):
            self.graph.resolved[key] = made
        return made

    def _count_fits(self, call: tree.Call, operation: Operation, count: int) -> bool:
        least, most = operation.inputs
        if least <= count and (most is None or count <= most):
            return True
        takes = f"{least} tensors or more" if most is None else "one tensor" if most == 1 else f"{most} tensors"
        found = "none" if count == 0 else "one" if count == 1 else f"{count}"
        advice = f"pipe one into it: `x -> {call.name}`" if count == 0 and least == 1 else ""
        self.report.add(WrongInputs(span=call.span, operation=call.name, takes=takes, found=found, advice=advice))
        return False

    def _unknown_operation(self, call: tree.Call) -> Value:
        hinting = len(self.report.diagnostics) < MOST_HINTS
        near = nearest(call.name, (*names(), *self.graph.scope.functions)) if hinting else ""
        edit = Edit(call.name_span, near) if near else None
        self.report.add(UnknownOperation(span=call.name_span, name=call.name, nearest=near, edit=edit))
        return FAILED

    # -- values that types give --

    def _evaluate(self, expr: tree.Expr, bound: Bound) -> tree.Expr:
        """A folded value with `classes(...)` and `size(...)` replaced by their numbers."""
        match expr:
            case tree.Call(name) if name in OF_TYPES:
                return self._of_type(expr, bound)
            case tree.Binary(operator, left, right):
                a, b = self._evaluate(left, bound), self._evaluate(right, bound)
                return combine(operator, a, b, expr.span, self.report)
            case tree.Negative(operand):
                return negated(self._evaluate(operand, bound), expr.span, self.report)
            case tree.ListExpr(items):
                return tree.ListExpr(tuple(self._evaluate(item, bound) for item in items), span=expr.span)
            case _:
                return expr

    def _of_type(self, call: tree.Call, bound: Bound) -> tree.Expr:
        arguments = [argument.value for argument in call.arguments]
        if len(arguments) != 1 or not isinstance(arguments[0], tree.Name | tree.Indexed):
            found = describe(arguments[0]) if len(arguments) == 1 else f"{len(arguments)} arguments"
            self.report.add(NotOfType(span=call.span, function=call.name, problem="takes one name", found=found))
            return hole(call.span)
        before = dict(self.inputs)
        value = self.tensor(arguments[0], bound)
        self.inputs = before
        if isinstance(value.type, Unknown):
            return hole(call.span)
        count = _classes(value.type) if call.name == "classes" else _size(value.type)
        if count is None:
            needs = "needs a label" if call.name == "classes" else "needs a tensor"
            found = f"{describe(arguments[0])} is {value.type}"
            self.report.add(NotOfType(span=call.span, function=call.name, problem=needs, found=found))
            return hole(call.span)
        return tree.Number(count, span=call.span)


def _classes(type_: Type) -> int | None:
    return type_.classes if isinstance(type_, Label | Tensor) else None


def _size(type_: Type) -> int | None:
    return type_.size if isinstance(type_, Label | Tensor) else None
