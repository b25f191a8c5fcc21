"""The frozen prefix of a step: what does not change while a phase trains, computed once and kept instead of at every pass.

Rests on the law `frozen blocks give the same in every pass`; images that are changed at random are not the same examples.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lpc.ir.step import Node, Value, reads, walk
from lpc.rules.tracer import TracedPhase

MOST_BYTES = 4 * 2**30
"""The outputs of the prefix are kept in memory up to this size, else recomputed."""


@dataclass(frozen=True, eq=False)
class Prefix:
    """The nodes computed once, what the rest of the step reads of them, and the data that it reads besides."""

    nodes: tuple[Node, ...]
    outputs: tuple[Value, ...]
    data: tuple[str, ...]

    def name(self, value: Value) -> str:
        """The name of an output: its block's, where it is no part's."""
        return value.node.name


def cut(phase: TracedPhase, examples: int | None) -> tuple[TracedPhase, Prefix] | None:
    """The step without its frozen prefix, and the prefix; None where there is none, or its outputs would not fit.

    `examples` is the size of the training part, where it is known when compiling.
    """
    if examples is None or phase.phase.passes is not None:
        return None
    differentiated = {node.inputs[0].node.index for node in walk(phase.nodes) if node.primitive == "vjp"}
    fixed: set[int] = set()
    for node in phase.nodes:
        ready = all(value.node.index in fixed or value.node.primitive == "input" for value in node.inputs)
        block = node.unit.block if node.unit is not None and node.unit.head is None else ""
        if node.primitive == "fwd" and ready and block in phase.frozen and node.index not in differentiated:
            fixed.add(node.index)
    if not fixed:
        return None
    rest = [node for node in phase.nodes if node.index not in fixed]
    read = [value for node in rest for value in reads(node)]
    outputs = {value.key: value for value in read if value.node.index in fixed}
    if sum(4 * value.kind.size for value in outputs.values()) * examples > MOST_BYTES:
        return None
    wanted = {str(value.node.attributes["source"]) for value in read if value.node.primitive == "input"}
    kept = tuple(node for node in rest if node.primitive != "input" or node.attributes["source"] in wanted)
    data = tuple(str(node.attributes["source"]) for node in kept if node.primitive == "input")
    prefix = tuple(node for node in phase.nodes if node.index in fixed or node.primitive == "input")
    ordered = tuple(outputs[key] for key in sorted(outputs))
    return replace(phase, nodes=kept), Prefix(prefix, ordered, data)
