"""A training step: a straight-line program over a few primitives, as a list of nodes whose outputs are values.

| primitive  | inputs -> outputs                                    | meaning                                                        |
| ---------- | ---------------------------------------------------- | -------------------------------------------------------------- |
| `input`    | -> batch                                             | a name of the data, or the objective's target                   |
| `fwd`      | batches -> batch                                     | evaluate a unit: a block, a part of one, a head a rule added    |
| `vjp`      | fwd output, cotangent -> gradients, cotangents       | pull a cotangent through one forward; `via` replaces weights    |
| `loss`     | batches -> number                                    | a loss of the catalogue (`lpc.ir.losses`)                       |
| `grad`     | loss -> batch                                        | its gradient with respect to one of its arguments               |
| `map`      | values -> value                                      | a function of the catalogue (`lpc.ir.functions`), not derived   |
| `feedback` | batch, matrix -> batch                               | multiply by a matrix that is no forward weight                  |
| `outer`    | batch, batch -> matrix                               | sum over the batch of products                                  |
| `sample`   | batch -> batch                                       | random numbers from a named generator                           |
| `relax`    | states -> states                                     | repeat a body a fixed number of times                           |
| `solve`    | matrix, matrix, number -> matrix                     | ridge regression from accumulated products                      |
| `get`      | -> matrix                                            | read a parameter or buffer                                      |
| `put`      | matrix ->                                            | write a buffer                                                  |
| `update`   | gradients ->                                         | hand gradients to the optimizer                                 |
| `cross`    | value -> value                                       | a signal that leaves its block other than forward (named)       |

Meaning of order: `update` and `put` take effect at the end of the step, whatever their place. A value that is not fed to a
`vjp` is not differentiated, so there is no stop-gradient. A pair (two streams) is one value of `streams = 2`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal

from lpc.ir.op import Law

SignalKind = Literal["scalar", "output", "cotangent", "state"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value is. `batch`: a row an example (a pair has two); `fixed`: a tensor without batch axis (a number has shape
    `()`); `gradients`: one tensor for each trained parameter of a unit.
    """

    form: Literal["batch", "fixed", "gradients"]
    shape: tuple[int, ...] = ()
    streams: int = 1
    dtype: Literal["f32", "i64", "f64"] = "f32"

    @property
    def size(self) -> int:
        """Elements an example (`batch`), or in all (`fixed`)."""
        return prod(self.shape) * (self.streams if self.form == "batch" else 1)


NUMBER = Kind("fixed")
GRADIENTS = Kind("gradients")


@dataclass(frozen=True)
class Added:
    """A tensor a rule adds to a block: `BLOCK.RULE.NAME`. Fixed ones (`trained=False`) are buffers that no optimizer sees."""

    name: str
    block: str
    shape: tuple[int, ...]
    law: Law
    trained: bool
    summary: str
    dtype: Literal["f32", "f64"] = "f32"

    @property
    def size(self) -> int:
        return prod(self.shape)


@dataclass(frozen=True)
class Unit:
    """What `fwd` evaluates: a block of the network, a part of one, or a linear head that a rule added to one (`head` is its
    weight).
    """

    name: str
    """The block's; `BLOCK.lower` of a part; the weight's of a head."""
    block: str
    inputs: tuple[tuple[int, ...], ...]
    output: tuple[int, ...]
    parameters: tuple[tuple[str, int], ...]
    """State name and size of each trained parameter."""
    flops: int
    weight_pull_flops: int
    """Of the gradients of its parameters, once cotangents have reached its operations."""
    inner_pull_flops: int
    """Of carrying a cotangent down to its lowest operation with parameters."""
    input_pull_flops: int
    """Of carrying it on from there to the inputs."""
    head: Added | None = None
    part: str = ""
    """`lower`, `activation` or `upper`, where it is a part of its block (`lpc.rules.units`)."""
    operations: tuple[str, ...] = ()
    """Names of the network's operations it evaluates, in order; a head has none."""
    reads: tuple[str, ...] = ()
    """Names of the operations and data outside it whose values it is given, in the order of `inputs`."""
    gives: str = ""
    """The operation whose output is its own."""
    batch_coupled: bool = False
    statistics: bool = False
    """It keeps running statistics, which its first forward of a step moves."""
    random: bool = False
    differentiable: bool = True
    depth: int = 1
    """Operations inside, each of which leaves a tensor behind when it is recorded for a gradient."""
    kept: int = 0
    """Elements an example that a recorded forward keeps until its gradient was taken."""

    @property
    def size(self) -> int:
        return sum(n for _, n in self.parameters)

    @property
    def learner(self) -> str:
        """The name of the unit that is updated where this one's parameters are: a part's block, else itself."""
        return self.block if self.part else self.name


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """One line of a step. `block` is the block whose learning it belongs to, for comments, costs and rolling."""

    index: int
    primitive: str
    inputs: tuple[Value, ...]
    outputs: tuple[Kind, ...]
    attributes: Mapping[str, object]
    block: str
    unit: Unit | None = None
    body: Body | None = None
    name: str = ""
    """What the rule calls its value; a hint for the printer."""

    def attribute(self, name: str) -> object:
        return self.attributes[name]


@dataclass(frozen=True, eq=False, slots=True)
class Value:
    """One output of a node. Arithmetic on values records `map` nodes."""

    node: Node
    port: int
    tape: Tape

    def __repr__(self) -> str:
        """By its node's number alone: written out, what a node reads doubles at every line of a step."""
        return f"%{self.node.index}.{self.port}"

    @property
    def kind(self) -> Kind:
        return self.node.outputs[self.port]

    @property
    def key(self) -> tuple[int, int]:
        return self.node.index, self.port

    def __add__(self, other: Value) -> Value:
        return self.tape.arithmetic("add", self, other)

    def __sub__(self, other: Value) -> Value:
        return self.tape.arithmetic("subtract", self, other)

    def __mul__(self, factor: float) -> Value:
        return self.tape.scaled(self, factor)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Value:
        return self.tape.scaled(self, 1 / divisor)

    def __neg__(self) -> Value:
        return self.tape.scaled(self, -1.0)


@dataclass(frozen=True, eq=False, slots=True)
class Body:
    """The body of a `relax`: nodes over the loop's own states, and the states' next values."""

    states: tuple[Value, ...]
    nodes: tuple[Node, ...]
    results: tuple[Value, ...]


@dataclass(eq=False)
class Tape:
    """Where nodes are recorded. Loop bodies are recorded apart, on the same numbering."""

    nodes: list[Node] = field(default_factory=list)
    count: int = 0
    block: str = ""

    def record(
        self,
        primitive: str,
        inputs: Sequence[Value],
        outputs: Sequence[Kind],
        *,
        unit: Unit | None = None,
        body: Body | None = None,
        name: str = "",
        block: str | None = None,
        **attributes: Any,
    ) -> tuple[Value, ...]:
        owner = self.block if block is None else block
        node = Node(self.count, primitive, tuple(inputs), tuple(outputs), attributes, owner, unit, body, name)
        self.count += 1
        self.nodes.append(node)
        return tuple(Value(node, port, self) for port in range(len(outputs)))

    def arithmetic(self, function: str, a: Value, b: Value) -> Value:
        if a.kind != b.kind:
            raise TypeError(f"{function} of {a.kind} and {b.kind}")
        return self.record("map", (a, b), (a.kind,), function=function)[0]

    def scaled(self, value: Value, factor: float) -> Value:
        return self.record("map", (value,), (value.kind,), function="scale", factor=float(factor))[0]

    def loop(
        self, count: int, states: Sequence[Value], names: Sequence[str], body: Callable[..., Sequence[Value]]
    ) -> tuple[Value, ...]:
        """Record `relax`: the body is traced once, on values that stand for the states."""
        outer, self.nodes = self.nodes, []
        inner = tuple(self.record("state", (), (s.kind,), name=n)[0] for s, n in zip(states, names, strict=True))
        placeholders = len(self.nodes)
        results = tuple(body(*inner))
        nodes, self.nodes = self.nodes[placeholders:], outer
        made = Body(inner, tuple(live(nodes, results)), results)
        return self.record("relax", states, [s.kind for s in states], body=made, count=count)


SILENT = Tape()
"""The tape of values that readers of a step make themselves, to name outputs; nothing is recorded on it."""


def walk(nodes: Sequence[Node]) -> Iterator[Node]:
    """All nodes, those of loop bodies before the loop that holds them."""
    for node in nodes:
        if node.body is not None:
            yield from walk(node.body.nodes)
        yield node


def reads(node: Node) -> Iterator[Value]:
    """Every value a node reads, also from within its body."""
    yield from node.inputs
    if node.body is not None:
        for inner in node.body.nodes:
            yield from reads(inner)
        yield from node.body.results


def live(nodes: Sequence[Node], roots: Sequence[Value], frozen: Collection[str] = ()) -> list[Node]:
    """Dead-code removal: the nodes that an effect (`update`, `put`, `record`) or a root needs.

    Rests on the law `a value nobody reads changes nothing`. Whether the *outputs* of a node are used is decided per port
    later, so the input gradient of a first block is never computed. Blocks in `frozen` keep their batch-norm statistics.
    """
    wanted = {value.node.index for value in roots}
    kept: list[Node] = []
    for node in reversed(nodes):
        if _acts(node, frozen) or node.index in wanted:
            kept.append(node)
            wanted.update(value.node.index for value in reads(node))
    return kept[::-1]


def _acts(node: Node, frozen: Collection[str]) -> bool:
    """Whether a node matters though nobody reads it: it writes, or it moves batch-norm statistics."""
    if node.primitive == "fwd":
        moves = node.unit is not None and node.unit.statistics and node.unit.block not in frozen
        return moves and node.attributes.get("statistics") == "update"
    return node.primitive in ("update", "put", "record")


def used_ports(nodes: Sequence[Node], roots: Sequence[Value]) -> set[tuple[int, int]]:
    """Which outputs anybody reads."""
    used = {value.key for value in roots}
    for node in nodes:
        used.update(value.key for value in reads(node))
    return used


def _shown(attribute: object) -> str:
    return attribute.name if isinstance(attribute, Added) else str(attribute)


def show(nodes: Sequence[Node], indent: int = 0) -> str:
    """A step as text: `lpc explain --after lower` and internal errors print it."""
    lines = []
    for node in nodes:
        outputs = ", ".join(f"%{node.index}.{port}" for port in range(len(node.outputs)))
        inputs = ", ".join(f"%{v.node.index}.{v.port}" for v in node.inputs)
        unit = f" {node.unit.name}" if node.unit else ""
        attributes = "".join(
            f" {k}={_shown(v)}" for k, v in node.attributes.items() if isinstance(v, (int, float, str, Added))
        )
        lines.append(
            " " * indent + (f"{outputs} = " if outputs else "") + f"{node.primitive}{unit}({inputs}){attributes}"
        )
        if node.body is not None:
            lines.append(show(node.body.nodes, indent + 4))
            results = ", ".join(f"%{value.node.index}.{value.port}" for value in node.body.results)
            lines.append(" " * (indent + 4) + f"next {results}")
    return "\n".join(lines)
