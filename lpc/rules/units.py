"""Units: what one forward evaluation of a block, or of a part of it, is and costs, read off the operation catalogue.

A block has three parts, cut where one value is all that what follows reads:

    image -> conv(8) -> relu -> max_pool(2)
    '-- lower ----'    '----'   '--------' upper
                     activation

`lower` holds every weight, and what leads up to the activation; `activation` acts number by number; `upper` is what is left. A rule
that adds something to pre-activations, or evaluates an activation without its derivative, works on parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from lpc.ir.network import Block, Network, Node
from lpc.ir.op import Operation
from lpc.ir.ops import operation_of
from lpc.ir.step import Unit
from lpc.ir.types import Label, Tensor

PARTS = ("lower", "activation", "upper")


@dataclass(frozen=True)
class Parts:
    """A block in up to three units. One that does not end in an activation is `lower`, whole."""

    lower: Unit
    activation: Unit | None = None
    upper: Unit | None = None


def unit_of(network: Network, block: Block) -> Unit:
    """What one forward evaluation of a block is and costs."""
    return _unit(network, block, "", network.nodes_of(block), sources(network, block), block.output)


def parts_of(network: Network, block: Block) -> Parts:
    """The block in parts; their costs add up to its own."""
    found = cut(network, block)
    if found is None:
        return Parts(unit_of(network, block))
    nodes, (lower, activation) = network.nodes_of(block), found
    first, second = nodes[lower - 1].name, nodes[activation - 1].name
    return Parts(
        _unit(network, block, "lower", nodes[:lower], sources(network, block), first),
        _unit(network, block, "activation", nodes[lower:activation], (first,), second),
        _unit(network, block, "upper", nodes[activation:], (second,), block.output) if nodes[activation:] else None,
    )


def sources(network: Network, block: Block) -> tuple[str, ...]:
    """The operations and data outside a block that it reads, in the order of the block's inputs."""
    return tuple(network.block(name).output if network.has_block(name) else name for name in block.inputs)


def cut(network: Network, block: Block) -> tuple[int, int] | None:
    """How many of a block's operations are `lower`, and how many are that and `activation`; None where it has no activation.

    The activation is the first run, after the last weight, of operations that act number by number on what came just before.
    """
    nodes = network.nodes_of(block)
    if not nodes or nodes[-1].name != block.output:
        return None
    last_weight = max((at for at, node in enumerate(nodes) if node.weights), default=len(nodes))
    cuts = [at for at in range(last_weight, len(nodes)) if _is_all_that_is_read(nodes, at)]
    for at in cuts:
        end = at + 1
        while end < len(nodes) and _acts_number_by_number(network, nodes[end]):
            end += 1
        whole = [other for other in cuts if at < other < end]
        if whole:
            return at + 1, whole[-1] + 1
    return None


def _is_all_that_is_read(nodes: Sequence[Node], at: int) -> bool:
    """Whether what comes after an operation reads it and later ones only."""
    later = {node.name for node in nodes[at:]}
    return all(name in later for node in nodes[at + 1 :] for name in node.inputs)


def _acts_number_by_number(network: Network, node: Node) -> bool:
    """A black box that keeps the shape counts: that is what a device's non-linearity is to lpc."""
    operation = operation_of(node.kind)
    alike = all(network.node(name).type == node.type for name in node.inputs)
    return alike and (operation.elementwise or not operation.differentiable)


def _unit(network: Network, block: Block, part: str, nodes: Sequence[Node], reads: tuple[str, ...], gives: str) -> Unit:
    """Some neighbouring operations of a block as a unit. reads, gives: as `Unit` has them."""
    flops = weight_pull = inner_pull = input_pull = kept = 0
    weighted: set[str] = set()
    """Operations that have parameters, or read something here that has."""
    for node in nodes:
        operation = operation_of(node.kind)
        types = tuple(network.node(name).type for name in node.inputs)
        assert isinstance(node.type, Tensor)
        flops += operation.flops(types, node.type, node.arguments)
        weight_pull += operation.weight_pull_flops(types, node.type, node.arguments)
        pull = operation.input_pull_flops(types, node.type, node.arguments)
        if any(name in weighted for name in node.inputs):
            inner_pull += pull
        else:
            input_pull += pull
        if any(weight.trained for weight in node.weights) or any(name in weighted for name in node.inputs):
            weighted.add(node.name)
        kept += 0 if operation.shape_only else node.type.size
    given = network.node(gives).type
    assert isinstance(given, Tensor)
    kinds: list[Operation] = [operation_of(node.kind) for node in nodes]
    return Unit(
        f"{block.name}.{part}" if part else block.name,
        block.name,
        tuple(t.shape if isinstance(t := network.node(name).type, (Tensor, Label)) else () for name in reads),
        given.shape,
        tuple((f"{node.name}.{w.name}", prod(w.shape)) for node in nodes for w in node.weights if w.trained),
        flops,
        weight_pull,
        inner_pull,
        input_pull,
        part=part,
        operations=tuple(node.name for node in nodes),
        reads=reads,
        gives=gives,
        batch_coupled=any(kind.batch_coupled for kind in kinds),
        statistics=any(kind.again_call is not None for kind in kinds),
        random=any(kind.random for kind in kinds),
        differentiable=all(kind.differentiable for kind in kinds),
        depth=len(nodes),
        kept=kept,
    )
