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
    reached, read = ({network.block(objective.block).output} for _ in range(2))
    for node in reversed(list(network.nodes.values())):
        if node.name in reached:
            reached.update(node.inputs)
        if node.name in read and (node.kind == "data" or operation_of(node.kind).reads_values):
            read.update(node.inputs)
    lost = reached - read
    for node in network.nodes.values():
        if node.name in lost and any(weight.trained for weight in node.weights):
            report.add(LostValues(span=node.span, operation=node.kind))
