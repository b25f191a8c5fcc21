"""Weights that nothing could ever teach: of what they compute, only its length is read."""

from __future__ import annotations

from lpc.diagnostics import Diagnostic, Report, error
from lpc.ir.network import Network
from lpc.ir.ops import operation_of
from lpc.ir.program import Objective
from lpc.passes.scope import SOUND


@error("LP204")
class LostValues(Diagnostic):
    """`position` reads how many positions its input has, not what stands there. Weights that lead to the objective through
    it alone have no part in what is predicted, and no gradient.
    """

    title = "what `{operation}` computes is lost"
    label = "only `position` reads it, and that counts positions"
    help = (
        "give `position` what `{operation}` is given, and add the two: `(x -> {operation}(...)) + (x -> position(...))`"
    )
    bad = SOUND.replace("flatten -> linear(64)", "reshape(8, 8) -> linear(16) -> position(4) -> flatten")
    good = SOUND.replace(
        "image -> flatten -> linear(64)",
        "((image -> reshape(8, 8) -> linear(4)) + (image -> reshape(8, 8) -> position(4))) -> flatten",
    )
    operation: str


def report_lost(network: Network, objective: Objective, report: Report) -> None:
    """Report each operation with weights that leads to the objective, but by no path on which values are read."""
    output = network.block(objective.block).output
    reached, read = _upstream(network, output, lengths=True), _upstream(network, output, lengths=False)
    for node in network.nodes.values():
        if any(weight.trained for weight in node.weights) and node.name in reached - read:
            report.add(LostValues(span=node.span, operation=node.kind))


def _upstream(network: Network, output: str, *, lengths: bool) -> frozenset[str]:
    """Nodes that lead to an output, itself included. `lengths`: also where only the length of what they give is read."""
    found: set[str] = set()
    waiting = [output]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            node = network.nodes[name]
            if lengths or node.kind == "data" or operation_of(node.kind).reads_values:
                waiting.extend(node.inputs)
    return frozenset(found)
