"""`cost`: what a step costs, read off its primitives and nothing else. Held to torch's count by the law `costs are what is counted`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lpc.diagnostics import Report
from lpc.ir.functions import FUNCTIONS
from lpc.ir.losses import LOSSES
from lpc.ir.program import Optimizer, Program
from lpc.ir.step import Added, Node, Value, reads, walk
from lpc.passes.contract import Fact, pass_
from lpc.passes.lifetime import bytes_of, kept_bytes, peak_bytes, pulled_last
from lpc.rules.tracer import Region, TracedPhase, trace_phases

FLOPS_PER_SECOND = 1e11
"""What two CPU cores reach on the products of a training step, measured."""
BYTES_PER_SECOND = 1e10
SECONDS_A_CALL = 5e-6
"""What one more operation costs before it computes anything."""
JOULES_PER_FLOP = 1e-11
JOULES_PER_BYTE = 1e-10
"""Energy is ranked by these two; joules are never printed from them."""

STATE_TENSORS = {"sgd": 0, "adam": 2, "adamw": 2, "rmsprop": 1}
"""Tensors of a parameter's size that an optimizer keeps (sgd: one with momentum)."""


@dataclass(frozen=True)
class Cost:
    """Modelled cost of some nodes for one step on one batch: operations, bytes moved, calls."""

    flops: float = 0.0
    bytes: float = 0.0
    calls: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.flops + other.flops, self.bytes + other.bytes, self.calls + other.calls)

    def __mul__(self, times: float) -> Cost:
        return Cost(self.flops * times, self.bytes * times, round(self.calls * times))

    @property
    def seconds(self) -> float:
        return max(self.flops / FLOPS_PER_SECOND, self.bytes / BYTES_PER_SECOND) + self.calls * SECONDS_A_CALL

    @property
    def energy(self) -> float:
        """A number to rank by: joules up to an unknown factor."""
        return self.flops * JOULES_PER_FLOP + self.bytes * JOULES_PER_BYTE


@dataclass(frozen=True)
class BlockCost:
    """One block's part: its step, its parameters (bytes, with gradients and optimizer state), what its rule adds."""

    step: Cost
    parameters: int
    rule_parameters: int
    state_bytes: int
    kept_bytes: int
    """Activations that its gradient needs, kept from the forward to the backward call."""
    output_bytes: int
    """What it hands to the next block, a batch."""


@dataclass(frozen=True)
class Costs:
    """A program's modelled costs, by block, for one step on one batch."""

    blocks: Mapping[str, BlockCost]
    transient_at_once: int
    """Most bytes of activations alive in any region when every backward call runs as soon as it can."""
    transient_summed: int
    """The same with one backward call at the end."""
    example_flops: int

    @property
    def state_bytes(self) -> int:
        return sum(block.state_bytes for block in self.blocks.values())

    @property
    def memory(self) -> int:
        """Parameters, gradients, optimizer state, what rules add, and the largest transient: bytes."""
        return self.state_bytes + self.transient_at_once

    @property
    def step(self) -> Cost:
        return _total(block.step for block in self.blocks.values())


@pass_(needs={Fact.STEPS, Fact.PROTOCOL}, gives={Fact.COST})
def cost(program: Program, _report: Report) -> Program:
    """Read costs off the traced steps.

    Before: steps are there. After: `program.costs` says operations, bytes and memory of every block. Errors: none.
    """
    assert program.protocol is not None
    optimizers = {name: use.optimizer or program.protocol.optimizer for name, use in program.uses.items()}
    return replace(
        program,
        costs=costs_of(
            program.regions, program.plan.phases, program.plan.added, optimizers, program.protocol.batch or 1024
        ),
    )


def costs_of(
    regions: Sequence[Region],
    phases: Sequence[TracedPhase],
    added: Sequence[Added],
    optimizers: Mapping[str, Optimizer],
    batch: int,
) -> Costs:
    """Costs of the phases that are repeated; passes done once are left out unless there is nothing else."""
    repeated = [phase for phase in phases if phase.phase.passes is None] or list(phases)
    order = [block for region in regions for block in region.run]
    tally: dict[str, _Tally] = {block.name: _Tally() for block in order}
    for phase in repeated:
        used = used_ports(phase.nodes) | {value.key for value in phase.given}
        owners = _owners(phase.nodes)
        for node in phase.nodes:
            if owners[node.index] in tally:
                tally[owners[node.index]].step += node_cost(node, batch, used)
    for tensor in added:
        tally[tensor.block].rule_parameters += tensor.size
        if not tensor.trained:
            tally[tensor.block].state_bytes += tensor.size * (8 if tensor.dtype == "f64" else 4)
    trained = {
        node.unit.learner: node.unit
        for phase in phases
        for node in phase.nodes
        if node.primitive == "update" and node.unit
    }
    for unit in trained.values():
        optimizer = optimizers[unit.block]
        kept = STATE_TENSORS[optimizer.kind] + (1 if optimizer.arguments.get("momentum") else 0)
        tally[unit.block].state_bytes += unit.size * 4 * (2 + kept)
        tally[unit.block].step += Cost(
            bytes=unit.size * 4.0 * (3 + 2 * kept), flops=unit.size * (4.0 + 6 * kept), calls=1
        )
    blocks = {}
    for block in order:
        if block.name not in trained:
            tally[block.name].state_bytes += block.unit.size * 4
        blocks[block.name] = tally[block.name].made(block.unit.size, 4 * block.width * batch)
    graphs = _kept(repeated, batch)
    blocks = {name: replace(found, kept_bytes=graphs.get(name, 0)) for name, found in blocks.items()}
    data = regions[0].run.network.data
    at_once = max(_peak(regions, phase, batch) for phase in repeated)
    summed = max(peak_bytes(phase.nodes, (), data, batch, summed=True) for phase in repeated)
    return Costs(blocks, at_once, summed, sum(example_flops(phase) for phase in repeated))


@dataclass
class _Tally:
    step: Cost = field(default_factory=Cost)
    rule_parameters: int = 0
    state_bytes: int = 0

    def made(self, parameters: int, output_bytes: int) -> BlockCost:
        return BlockCost(self.step, parameters, self.rule_parameters, self.state_bytes, 0, output_bytes)


def _total(costs: Iterable[Cost]) -> Cost:
    total = Cost()
    for one in costs:
        total += one
    return total


def used_ports(nodes: Sequence[Node]) -> set[tuple[int, int]]:
    """Outputs that somebody reads; a gradient nobody asks for costs nothing."""
    used = {value.key for node in walk(nodes) for value in node.inputs}
    return used | {value.key for node in walk(nodes) if node.body is not None for value in node.body.results}


def node_flops(node: Node, used: set[tuple[int, int]]) -> int:
    """Floating-point operations of one node, an example."""
    if node.body is not None:
        count = node.attributes["count"]
        assert isinstance(count, int)
        return count * sum(node_flops(inner, used) for inner in node.body.nodes)
    unit = node.unit
    match node.primitive:
        case "fwd" if unit is not None:
            return unit.flops * node.outputs[0].streams
        case "vjp" if unit is not None:
            weights, inputs = (node.index, 0) in used, any((node.index, p) in used for p in range(1, len(node.outputs)))
            pull = (
                unit.weight_pull_flops * weights
                + unit.inner_pull_flops * (weights or inputs)
                + unit.input_pull_flops * inputs
            )
            return pull * node.inputs[0].kind.streams
        case "map":
            return _function_flops(node)
        case "loss" | "grad":
            source = node if node.primitive == "loss" else node.inputs[0].node
            return LOSSES[str(source.attributes["loss"])].flops * source.inputs[0].kind.size
        case "feedback":
            return 2 * node.inputs[1].kind.shape[0] * node.outputs[0].size
        case "outer":
            return 2 * node.outputs[0].size
        case _:
            return 0


def _function_flops(node: Node) -> int:
    kind = node.inputs[0].kind
    return FUNCTIONS[str(node.attributes["function"])].flops * kind.size if kind.form == "batch" else 0


def example_flops(phase: TracedPhase) -> int:
    """Floating-point operations of a phase's step, an example."""
    used = used_ports(phase.nodes)
    return sum(node_flops(node, used) for node in phase.nodes)


def block_flops(phase: TracedPhase) -> dict[str, int]:
    """The same, by the block they are done for."""
    used, owners = used_ports(phase.nodes), _owners(phase.nodes)
    found: dict[str, int] = {}
    for node in phase.nodes:
        if owners[node.index]:
            found[owners[node.index]] = found.get(owners[node.index], 0) + node_flops(node, used)
    return found


def node_cost(node: Node, batch: int, used: set[tuple[int, int]]) -> Cost:
    """One node's cost for a batch: its operations, and the tensors it reads and writes."""
    if node.body is not None:
        count = node.attributes["count"]
        assert isinstance(count, int)
        return _total(node_cost(inner, batch, used) for inner in node.body.nodes) * count
    if node.primitive in ("input", "get", "cross", "record", "state", "update"):
        return Cost()
    moved = sum(bytes_of(value.kind, batch) for value in node.inputs)
    moved += sum(bytes_of(kind, batch) for port, kind in enumerate(node.outputs) if (node.index, port) in used)
    if node.unit is not None:
        moved += 4 * node.unit.size + 8 * node.unit.kept * batch
    calls = max(1, node.unit.depth) if node.unit is not None else 1
    return Cost(float(node_flops(node, used)) * batch, float(moved), calls)


def _kept(phases: Sequence[TracedPhase], batch: int) -> dict[str, int]:
    """Bytes that recorded forwards keep for their gradients, by block: in the phase where they are most."""
    most: dict[str, int] = {}
    for phase in phases:
        kept: dict[str, int] = {}
        recorded = pulled_last(phase.nodes)
        for node in phase.nodes:
            if node.index in recorded and node.unit is not None:
                kept[node.block] = kept.get(node.block, 0) + kept_bytes(node.unit, node.outputs[0], batch)
        most = {name: max(most.get(name, 0), kept.get(name, 0)) for name in {**most, **kept}}
    return most


def _peak(regions: Sequence[Region], phase: TracedPhase, batch: int) -> int:
    """Most bytes of activations alive while one region learns; regions learn one after another."""
    region_of = {block.name: at for at, region in enumerate(regions) for block in region.run}
    place = {index: region_of[name] for index, name in _owners(phase.nodes).items() if name in region_of}
    lines: list[list[Node]] = [[] for _ in regions]
    given: list[list[Value]] = [[] for _ in regions]
    for node in phase.nodes:
        mine = place.get(node.index)
        if mine is not None:
            lines[mine].append(node)
        for value in reads(node):
            others = place.get(value.node.index)
            if others is not None and others != mine:
                given[others].append(value)
    for value in phase.given:
        given[place[value.node.index]].append(value)
    data = regions[0].run.network.data
    return max(peak_bytes(own, out, data, batch) for own, out in zip(lines, given, strict=True))


def _owners(nodes: Sequence[Node]) -> dict[int, str]:
    """The block of every node; what was made before its rule came to a block belongs to the block that reads it."""
    owners: dict[int, str] = {}
    for node in reversed(nodes):
        owners[node.index] = node.block or owners.get(node.index, "")
        for value in reads(node):
            owners[value.node.index] = owners[node.index]
    return {node.index: node.block or owners[node.index] for node in nodes}


def region_costs(region: Region, optimizer: Mapping[str, Optimizer], batch: int) -> Costs:
    """The costs of one region alone, what it hands to others included: what `auto` chooses by."""
    own = [block.name for block in region.run]
    handed = [name for name in own if any(reader not in own for reader in region.run.network.consumers(name))]
    phases = trace_phases(region.run.network, region.run.objective, [region], handed)
    return costs_of([region], phases, region.rule.adds(region.run), optimizer, batch)
