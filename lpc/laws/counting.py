"""The law of costs: products that the cost model reads off a step, against those that torch counts in the script."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from lpc.codegen.order import Turn, turns
from lpc.codegen.segments import spell
from lpc.ir.network import Network
from lpc.ir.op import Operation
from lpc.ir.ops import operation_of
from lpc.ir.step import Node, Unit, used_ports, walk
from lpc.ir.types import Tensor
from lpc.laws.agreement import Broken
from lpc.laws.subject import GeneralLaw, Subject, checks
from lpc.passes.cost import node_flops
from lpc.rules import general

UNCOUNTED = frozenset({"attention", "gcn", "depthwise_conv"})
"""Operations whose modelled count is not of products alone, or whose gradient torch miscounts: that of a grouped convolution's
weight as if there were one group.
"""


class Products(TorchDispatchMode):
    """Counts what torch itself counts, products and convolutions; `FlopCounterMode` fails at `torch.autograd.grad`."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0

    def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        count = flop_registry.get(func._overloadpacket)  # noqa: SLF001 - as torch's own counter does
        if count is not None:
            self.flops += count(*args, **(kwargs or {}), out_val=made)
        return made


@checks(general.COSTS)
def costs(subject: Subject) -> None:
    network = subject.network
    nodes = [node for block in network.blocks for node in network.nodes_of(block)]
    uncounted = sorted(
        {
            n.kind
            for n in nodes
            if _is_uncounted(operation_of(n.kind)) or (n.kind.startswith("conv") and n.arguments["groups"] != 1)
        }
    )
    subject.needs(not uncounted, f"torch does not count {', '.join(uncounted)} apart")
    taken = turns(subject.program)
    subject.needs(taken, "nothing is trained")
    steps = subject.batches[: subject.program.protocol.steps if subject.program.protocol else None]
    rows = sum(len(next(iter(batch.values()))) for batch in steps)
    for mode, text in subject.scripts.items():
        counted: dict[str, int] = {}

        @contextmanager
        def guard(_net: nn.Module, phase: str, counted: dict[str, int] = counted) -> Generator[None]:
            with Products() as products:
                yield
            counted[phase] = counted.get(phase, 0) + products.flops

        subject.run(text, guard=guard)
        for turn in taken:
            subject.compared += 1
            least, most = (rows * flops for flops in modelled(network, turn))
            if not least <= counted[turn.name] <= most:
                raise Broken(f"{mode}: {turn.name} takes {counted[turn.name]} operations, {least} are modelled")


def _is_uncounted(operation: Operation) -> bool:
    return operation.name in UNCOUNTED or not operation.differentiable or operation.definition is not None


def modelled(network: Network, turn: Turn) -> tuple[int, int]:
    """What the model says of products in a turn, an example: at least, and with what is pulled once more.

    A value to which an explicit vjp pulled is a leaf: the last backward call goes through the unit again, down to there, and
    nobody reads what comes out.
    """
    nodes = turn.phase.nodes
    used = used_ports(nodes, [turn.phase.scores] if turn.phase.scores is not None else [])
    unit_of = _only_products(network)
    least = products(nodes, used, unit_of)
    spelling = spell(turn.printed.nodes)
    again = {forward.index for segment in spelling.segments for forward in segment.forwards} & {*spelling.leaves}
    forwards = [node for node in walk(nodes) if node.index in again and node.unit is not None]
    units = [(unit_of(node.unit), node.outputs[0].streams) for node in forwards if node.unit is not None]
    more = [(unit.inner_pull_flops + unit.input_pull_flops) * streams for unit, streams in units]
    return least, least + sum(more)


def products(nodes: Sequence[Node], used: set[tuple[int, int]], unit_of: Callable[[Unit], Unit] = lambda u: u) -> int:
    """What the model says of products in a step, an example. `unit_of`: a unit as if it held nothing but products."""
    total = 0
    for node in nodes:
        if node.body is not None:
            count = node.attributes["count"]
            assert isinstance(count, int)
            total += count * products(node.body.nodes, used, unit_of)
        elif node.primitive in ("fwd", "vjp", "feedback", "outer"):
            total += node_flops(node if node.unit is None else _with_unit(node, unit_of(node.unit)), used)
    return total


def _with_unit(node: Node, unit: Unit) -> Node:
    return replace(node, unit=unit)


def _only_products(network: Network) -> Callable[[Unit], Unit]:
    """A unit's costs without those of its operations that are no products."""

    def only(unit: Unit) -> Unit:
        forward = weights = inner = inputs = 0
        weighted: set[str] = set()
        for node in map(network.node, unit.operations):
            operation = operation_of(node.kind)
            types = tuple(network.node(name).type for name in node.inputs)
            assert isinstance(node.type, Tensor)
            above = any(name in weighted for name in node.inputs)
            if above or any(weight.trained for weight in node.weights):
                weighted.add(node.name)
            if operation.linear and operation.flops(types, node.type, node.arguments):
                continue
            pull = operation.input_pull_flops(types, node.type, node.arguments)
            forward += operation.flops(types, node.type, node.arguments)
            weights += operation.weight_pull_flops(types, node.type, node.arguments)
            inner, inputs = (inner + pull, inputs) if above else (inner, inputs + pull)
        return replace(
            unit,
            flops=unit.flops - forward,
            weight_pull_flops=unit.weight_pull_flops - weights,
            inner_pull_flops=unit.inner_pull_flops - inner,
            input_pull_flops=unit.input_pull_flops - inputs,
        )

    return only


LAWS: tuple[GeneralLaw, ...] = (costs,)
