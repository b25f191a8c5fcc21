"""How many bytes of activations are alive at once, read off a step.

Every value lives from the line that makes it to the last that needs it; what a recorded forward keeps, to its last vjp.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import accumulate

from lpc.ir.step import Kind, Node, Unit, Value, reads, walk

NOT_MADE = frozenset({"input", "get", "cross", "state", "loss", "record", "update", "put"})
"""Primitives that make no tensor of a batch's size of their own."""

Life = tuple[int, int, int]
"""First and last line, and bytes."""


def kept_bytes(unit: Unit, kind: Kind, batch: int) -> int:
    """What a recorded forward keeps for its gradient: what its operations gave, the output among it."""
    return 4 * batch * kind.streams * max(unit.kept, kind.size // kind.streams)


def bytes_of(kind: Kind, batch: int) -> int:
    """A value in memory. Gradients count as state."""
    if kind.form == "gradients":
        return 0
    return (8 if kind.dtype in ("f64", "i64") else 4) * kind.size * (batch if kind.form == "batch" else 1)


def pulled_last(nodes: Sequence[Node]) -> dict[int, int]:
    """Of every forward that is recorded, the last line that pulls a cotangent through it."""
    found: dict[int, int] = {}
    for line, node in enumerate(nodes):
        for inner in walk([node]):
            if inner.primitive == "vjp":
                found[inner.inputs[0].node.index] = line
    return found


def peak_bytes(
    nodes: Sequence[Node], given: Sequence[Value], data: Collection[str], batch: int, *, summed: bool = False
) -> int:
    """Most bytes alive at once in some lines of a step, data apart.

    given: values that live on after the last line. What the lines read from others counts from the first reading to the last.
    summed: every graph lives to the end, as under one backward call for all of them; else each to its last vjp.
    """
    pulled = pulled_last(nodes)
    if summed:
        pulled = dict.fromkeys(pulled, len(nodes))
    needed = _needed_to(nodes, given, pulled)
    lives: list[Life] = []
    for line, node in enumerate(nodes):
        lives += _lives(node, line, pulled, needed, batch)
    lives += _from_outside(nodes, needed, data, batch)
    changes = [0] * (len(nodes) + 2)
    for first, last, size in lives:
        changes[first] += size
        changes[last + 1] -= size
    return max(accumulate(changes))


def _needed_to(nodes: Sequence[Node], given: Sequence[Value], pulled: dict[int, int]) -> dict[tuple[int, int], int]:
    """The last line that needs each value; a recorded forward needs its inputs as long as its graph lives."""
    needed = {value.key: len(nodes) for value in given}
    for line in range(len(nodes) - 1, -1, -1):
        node = nodes[line]
        until = pulled.get(node.index, line)
        if node.primitive == "cross":
            until = max(until, needed.get((node.index, 0), line))
        for value in reads(node):
            needed[value.key] = max(needed.get(value.key, 0), until)
    return needed


def _lives(node: Node, line: int, pulled: dict[int, int], needed: dict[tuple[int, int], int], batch: int) -> list[Life]:
    """What one line makes: its outputs, what a graph keeps, and for a loop all that one round makes."""
    if node.primitive in NOT_MADE:
        return []
    found: list[Life] = []
    start = line
    if node.unit is not None and node.primitive == "fwd" and node.index in pulled:
        found.append((line, pulled[node.index], kept_bytes(node.unit, node.outputs[0], batch)))
        start = pulled[node.index] + 1
    if node.body is not None:
        inner_pulled, inside = pulled_last(node.body.nodes), 0
        for inner in node.body.nodes:
            if inner.index in inner_pulled and inner.unit is not None:
                inside += kept_bytes(inner.unit, inner.outputs[0], batch)
            elif inner.primitive not in NOT_MADE:
                inside += sum(bytes_of(kind, batch) for kind in inner.outputs)
        found.append((line, line, inside))
    for port, kind in enumerate(node.outputs):
        last = needed.get((node.index, port), -1)
        if last >= start and kind.form == "batch":
            found.append((start, last, bytes_of(kind, batch)))
    return found


def _from_outside(
    nodes: Sequence[Node], needed: dict[tuple[int, int], int], data: Collection[str], batch: int
) -> list[Life]:
    """Values that the lines read and do not make."""
    own = {node.index for node in nodes if node.primitive != "input"}
    first: dict[tuple[int, int], tuple[int, Value]] = {}
    for line, node in enumerate(nodes):
        own.update(inner.index for inner in walk([node]))
        own.update(state.node.index for inner in walk([node]) if inner.body for state in inner.body.states)
        for value in reads(node):
            if value.node.index not in own or value.node.primitive == "input":
                first.setdefault(value.key, (line, value))
    return [
        (line, needed[key], bytes_of(value.kind, batch))
        for key, (line, value) in first.items()
        if value.kind.form == "batch" and value.node.attributes.get("source") not in data
    ]
