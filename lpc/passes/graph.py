"""The network while it is built: nodes so far, the values of names, and types, inferred once for equal uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from lpc.diagnostics import Diagnostic, Report, error
from lpc.ir.network import Node
from lpc.ir.op import Arguments, Misfit, Operation, Weight
from lpc.ir.ops import find
from lpc.ir.types import UNKNOWN, Tensor, Type
from lpc.passes.arguments import Resolved
from lpc.passes.scope import SOUND, Scope
from lpc.passes.signatures import Signature, of_operation
from lpc.syntax import tree

LARGEST_EXAMPLE, LARGEST_WEIGHT = 2**31, 2**40


@error("LP200")
class ShapeMisfit(Diagnostic):
    """Shapes are followed through every operation, without the axis of examples. An operation says what it can take; the
    notes say what it was given, and where that comes from.
    """

    title = "`{operation}` {problem}"
    label = "does not fit"
    help = "{advice}"
    bad = SOUND.replace("flatten -> linear(64)", "linear(64)")
    good = SOUND
    operation: str
    problem: str
    advice: str = ""


@error("LP203")
class TooManyNumbers(Diagnostic):
    """An example of 2³¹ numbers has 8 GiB, a weight of 2⁴⁰ numbers 4 TiB: a size with some digits too many, most likely."""

    title = "`{operation}` makes {what} of {count} numbers"
    label = "more than a machine holds"
    bad = SOUND.replace("linear(64)", "linear(64000000000)")
    good = SOUND
    operation: str
    what: str
    count: str


@dataclass(frozen=True)
class Value:
    """A tensor under construction: the node that gives it (None after a mistake) and its type."""

    node: str | None
    type: Type


FAILED = Value(None, UNKNOWN)
Bound = Mapping[str, Value]


@dataclass
class Graph:
    """What is built so far: nodes in order, and the value of each data name and block."""

    scope: Scope
    report: Report
    nodes: list[Node] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)
    members: dict[str, Sequence[str]] = field(default_factory=dict)
    """Blocks of each chain, from the first; of a block, the block."""
    producers: dict[str, Node] = field(default_factory=dict)
    operations: dict[str, tuple[Operation, Signature] | None] = field(default_factory=dict)
    resolved: dict[int | str, Resolved] = field(default_factory=dict)
    """By the identity of a call in the program's text, or by name where it has no arguments."""
    inferred: dict[tuple[int | str, tuple[Type, ...]], tuple[Type, tuple[Weight, ...]]] = field(default_factory=dict)
    silent: bool = False
    """Unknown names were explained by something else, and are passed over."""

    def add(self, node: Node) -> Value:
        self.nodes.append(node)
        self.producers[node.name] = node
        return Value(node.name, node.type)

    def infer(
        self, call: tree.Call, operation: Operation, values: Sequence[Value], arguments: Arguments, advice: str = ""
    ) -> tuple[Type, tuple[Weight, ...]] | None:
        """The type and weights of an operation's use; None, reported with some advice, where inputs or arguments do not fit."""
        types = tuple(value.type for value in values)
        key = (call_key(call), types) if call_key(call) in self.resolved else None
        if key in self.inferred:
            return self.inferred[key]
        try:
            inferred = operation.infer(types, arguments), operation.weights(types, arguments)
        except Misfit as misfit:
            self._report_misfit(call, str(misfit), values, advice)
            return None
        if large := _too_large(*inferred):
            what, count = large
            self.report.add(TooManyNumbers(span=call.span, operation=call.name, what=what, count=f"{count:.2g}"))
            return None
        if key is not None:
            self.inferred[key] = inferred
        return inferred

    def _report_misfit(self, call: tree.Call, problem: str, values: Sequence[Value], advice: str) -> None:
        notes, related = [], []
        for value in values:
            if value.node is None:
                continue
            producer = self.producers[value.node]
            notes.append(f"`{value.node}` gives {value.type}")
            if producer.span != call.span:
                related.append((producer.span, f"gives {value.type}"))
        self.report.add(
            ShapeMisfit(
                span=call.span,
                operation=call.name,
                problem=problem,
                advice=advice,
                detail=tuple(dict.fromkeys(notes)),
                related=tuple(dict.fromkeys(related)),
            )
        )

    def operation(self, name: str) -> tuple[Operation, Signature] | None:
        if name not in self.operations:
            found = find(name)
            self.operations[name] = (found, of_operation(found)) if found else None
        return self.operations[name]


def _too_large(type_: Type, weights: Sequence[Weight]) -> tuple[str, int] | None:
    """What of an operation no machine holds, and how many numbers it has."""
    if isinstance(type_, Tensor) and type_.size > LARGEST_EXAMPLE:
        return "an example", type_.size
    largest = max((prod(weight.shape) for weight in weights), default=0)
    return ("a weight", largest) if largest > LARGEST_WEIGHT else None


def call_key(call: tree.Call) -> int | str:
    """What uses of one call in the text have in common; calls without arguments are alike wherever they stand."""
    return id(call) if call.arguments else call.name
