"""What the compiler made of a program, as plain data: the answer of `lpc explain`. Costs are modelled, for one step on one batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lpc.ir.network import Block
from lpc.ir.op import Value
from lpc.ir.program import Choice, Program, RuleUse, Setting
from lpc.ir.types import Type
from lpc.passes.cost import BlockCost, Costs
from lpc.passes.selectors import chains_of, shortest
from lpc.rules import registry
from lpc.rules.tracer import Region
from lpc.source import NOWHERE
from lpc.syntax import tree


@dataclass(frozen=True)
class Named:
    """A name with its type."""

    name: str
    type: str


@dataclass(frozen=True)
class OperationFacts:
    """One operation of a block; arguments as the language writes them."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    arguments: dict[str, str]
    type: str
    parameters: int


@dataclass(frozen=True)
class BlockFacts:
    """One block: what it computes, how it learns and why so, what a step of it costs, and where it runs.

    `state_bytes`: parameters, gradients, optimizer state and what the rule adds. `activation_bytes`: what is kept for its
    gradient, and what it hands on.
    """

    name: str
    shown: str
    """As a program names it: `layer[3]` for `layer_3`."""
    line: int
    inputs: tuple[Named, ...]
    operations: tuple[OperationFacts, ...]
    type: str
    parameters: int
    rule: str
    arguments: dict[str, str]
    why: str
    rule_parameters: int
    flops: int
    bytes: int
    state_bytes: int
    activation_bytes: int
    stage: int


@dataclass(frozen=True)
class RegionFacts:
    """Blocks that are trained together by one instance of a rule."""

    blocks: tuple[str, ...]
    shown: str
    rule: str
    arguments: dict[str, str]
    summary: str
    local: bool
    """Gradients stop at each of its blocks; else they stop where the region begins."""
    why: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class SearchFacts:
    """A `search(...)` and the value that stands for it."""

    place: str
    line: int
    stand_in: str


@dataclass(frozen=True)
class Explanation:
    """A whole program, explained. `memory_bytes` is what `auto` compares with a budget."""

    program: str
    file: str
    variant: str | None
    batch: int | None
    clauses: tuple[str, ...]
    """Everything but blocks and `learn` lines, as text, with defaults written out."""
    data: tuple[Named, ...]
    blocks: tuple[BlockFacts, ...]
    regions: tuple[RegionFacts, ...]
    stages: tuple[tuple[str, ...], ...]
    phases: tuple[str, ...]
    choices: tuple[Choice, ...]
    searches: tuple[SearchFacts, ...]
    parameters: int
    rule_parameters: int
    flops: int
    bytes: int
    memory_bytes: int
    transient_bytes: int

    def as_json(self) -> dict[str, Any]:
        return {"version": 1, **asdict(self)}


def explain(program: Program) -> Explanation:
    """Explain a program that has been through the whole pipeline."""
    assert program.network is not None and program.data is not None and program.protocol is not None
    costs: Costs = program.costs
    stage_of = {name: number for number, stage in enumerate(program.stages, start=1) for name in stage}
    blocks = tuple(
        _block(program, block, costs.blocks[block.name], stage_of[block.name]) for block in program.network.blocks
    )
    searches = tuple(
        SearchFacts(found.place, program.source.line_number(found.span.start), written(found.stand_in))
        for found in program.searches
    )
    return Explanation(
        program=program.name,
        file=program.source.name,
        variant=program.variant,
        batch=program.protocol.batch,
        clauses=tuple(_clauses(program)),
        data=tuple(Named(name, str(type_)) for name, type_ in program.data.bindings),
        blocks=blocks,
        regions=tuple(_region(program, region) for region in program.regions),
        stages=program.stages,
        phases=tuple(phase.phase.name for phase in program.plan.phases),
        choices=program.choices,
        searches=searches,
        parameters=sum(block.parameters for block in blocks),
        rule_parameters=sum(block.rule_parameters for block in blocks),
        flops=round(costs.step.flops),
        bytes=round(costs.step.bytes),
        memory_bytes=costs.memory,
        transient_bytes=costs.transient_at_once,
    )


def _block(program: Program, block: Block, cost: BlockCost, stage: int) -> BlockFacts:
    network, use = program.network, program.uses[block.name]
    assert network is not None
    operations = tuple(
        OperationFacts(
            node.name,
            node.kind,
            node.inputs,
            {name: written(value) for name, value in node.arguments.items()},
            str(node.type),
            sum(_size(weight.shape) for weight in node.weights if weight.trained),
        )
        for node in network.nodes_of(block)
    )
    return BlockFacts(
        name=block.name,
        shown=str(block),
        line=program.source.line_number(block.span.start),
        inputs=tuple(Named(name, str(network.type_of(name))) for name in block.inputs),
        operations=operations,
        type=str(block.type),
        parameters=sum(operation.parameters for operation in operations),
        rule=use.rule,
        arguments={name: written(value) for name, value in use.arguments},
        why=_why(program, use),
        rule_parameters=cost.rule_parameters,
        flops=round(cost.step.flops),
        bytes=round(cost.step.bytes),
        state_bytes=cost.state_bytes,
        activation_bytes=cost.kept_bytes + cost.output_bytes,
        stage=stage,
    )


def _size(shape: Sequence[int]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total


def _why(program: Program, use: RuleUse) -> str:
    """Who gave a block its rule."""
    line = program.source.line_number(use.span.start)
    place = "" if use.span == NOWHERE else f" on line {line}"
    return f"chosen by `auto`{place}" if use.auto else f"named{place}"


def _region(program: Program, region: Region) -> RegionFacts:
    first = region.run.blocks[0].name
    use = program.uses[first]
    names = tuple(block.name for block in region.run)
    return RegionFacts(
        blocks=names,
        shown=shown_blocks(program, names),
        rule=region.rule.name,
        arguments={name: written(value) for name, value in use.arguments},
        summary=registry.find(use.rule).summary,
        local=region.rule.learns_alone(),
        why=_why(program, use),
        notes=(*region.rule.notes(region.run), *region.rule.departures(region.run)),
    )


def shown_blocks(program: Program, names: Sequence[str]) -> str:
    """Blocks as a `learn` line would name them: `layer[1..5], readout`."""
    return ", ".join(map(_selector, shortest(names, chains_of(program.file), NOWHERE)))


def _selector(selector: tree.Selector) -> str:
    bounds = [str(bound.value) for bound in (selector.first, selector.last) if isinstance(bound, tree.Number)]
    return f"{selector.name}[{'..'.join(bounds)}]" if bounds else selector.name


def _clauses(program: Program) -> Iterator[str]:
    """The clauses that are shown as they are, defaults written out."""
    from lpc.syntax.format import print_clause

    for clause in program.file.clauses:
        if isinstance(clause, tree.Data | tree.Objective | tree.Train | tree.Measure):
            yield print_clause(clause)


def written(value: Value | Setting | Type) -> str:
    """A value as the language writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(written, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
