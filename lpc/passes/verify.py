"""One check a fact: what must hold of a program where the fact is said to. Run after every pass in tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lpc.ir.network import TARGET
from lpc.ir.program import Program
from lpc.ir.types import Unknown
from lpc.passes.contract import Fact
from lpc.passes.spines import walk
from lpc.passes.values import is_hole
from lpc.syntax import tree
from lpc.syntax.walk import walk as walk_nodes

Check = Callable[[Program], None]


class Broken(Exception):
    """A fact does not hold where it is said to: a bug in the pass that gives it."""


def _that(holds: object, otherwise: str) -> None:
    if not holds:
        raise Broken(otherwise)


def names(program: Program) -> None:
    gone = (tree.Let, tree.Variant, tree.Claim)
    for clause in program.file.clauses:
        _that(not isinstance(clause, gone), f"a {type(clause).__name__} is left")
    named = {id(call) for clause in program.file.clauses for call in _no_values(clause)}
    for node in walk_nodes(program.file):
        _that(not (isinstance(node, tree.Call) and node.name == "search" and id(node) not in named), "a search is left")
        _that(not (isinstance(node, tree.Name) and is_hole(node)), "a hole is left")
        _that(not (isinstance(node, tree.Parameter) and node.default is not None), "a function has a default left")
    functions = {clause.name for clause in program.file.clauses if isinstance(clause, tree.Def)}
    used = {node.name for node in walk_nodes(program.file) if isinstance(node, tree.Name | tree.Call)}
    _that(functions <= used, "a function is left that nothing uses")
    _that(program.name, "the program has no name")


def _no_values(clause: tree.Clause) -> tuple[tree.Call, ...]:
    """Calls that name a source, a loss, a rule or a measure: a program may think that one of them is called `search`."""
    match clause:
        case tree.Data(source=call) | tree.Objective(loss=call) | tree.Learn(rule=call):
            return (call,)
        case tree.Measure(items):
            return items
        case _:
            return ()


def types(program: Program) -> None:
    network = program.network
    _that(network is not None and program.data is not None and program.objective is not None, "something is missing")
    assert network is not None and program.objective is not None
    for name in network.graph.nodes:
        node = network.node(name)
        _that(not isinstance(node.type, Unknown), f"{name} has no type")
        _that(all(source in network.graph for source in node.inputs), f"{name} reads what is not there")
    _that(network.has_block(program.objective.block), "the objective scores no block")
    _that(program.objective.target in network.graph, "the objective has no target")


def blocks(program: Program) -> None:
    network = program.network
    assert network is not None
    seen = set(network.data)
    for block in network.blocks:
        _that(block.nodes and block.output in block.nodes, f"{block.name} has no output of its own")
        _that(all(name in seen for name in block.inputs), f"{block.name} stands before what it reads")
        inside = set(block.nodes)
        outside = {network.block(name).output if network.has_block(name) else name for name in block.inputs}
        for node in network.nodes_of(block):
            _that(node.owner == block.name, f"{node.name} stands in {block.name}")
            _that(set(node.inputs) <= inside | outside, f"{node.name} reads around its block")
        seen.add(block.name)
    owned = {name for block in network.blocks for name in block.nodes}
    for name in network.graph.nodes:
        node = network.node(name)
        _that(name in owned or node.kind == "data" or node.owner == TARGET, f"{name} belongs to no block")


def protocol(program: Program) -> None:
    made = program.protocol
    _that(made is not None, "there is no protocol")
    assert made is not None
    _that((made.epochs is None) != (made.steps is None), "epochs or steps, not both")


def rules(program: Program) -> None:
    network = program.network
    assert network is not None
    _that(list(program.uses) == [block.name for block in network.blocks], "uses are not those of the blocks")
    lines = [clause for clause in program.file.clauses if isinstance(clause, tree.Learn)]
    _that(lines, "no `learn` line is written")
    for line in lines:
        for argument in line.rule.arguments:
            _that(not any(is_hole(node) for node in walk(argument.value)), "a rule has a hole")


def assigned(program: Program) -> None:
    _that(all(use.rule != "auto" for use in program.uses.values()), "a block is left to auto")


def legal(program: Program) -> None:
    network = program.network
    assert network is not None
    seen: set[str] = set()
    for region in program.regions:
        inside = {block.name for block in region.run}
        _that(not inside & seen, "a block belongs to two regions")
        for block in region.run:
            ready = all(name in seen | inside or name in network.data for name in block.inputs)
            _that(ready, f"the region of {block.name} stands before what it reads")
        seen |= inside
    _that(seen == {block.name for block in network.blocks}, "a block belongs to no region")


def steps(program: Program) -> None:
    plan = program.plan
    _that(plan is not None and plan.phases, "there are no steps")
    for phase in plan.phases:
        made: set[int] = set()
        for node in phase.nodes:
            _that(
                all(value.node.index in made for value in node.inputs), f"{node.primitive} reads what was not made yet"
            )
            made.add(node.index)


def costs(program: Program) -> None:
    network = program.network
    assert network is not None
    _that(
        program.costs is not None and set(program.costs.blocks) == {b.name for b in network.blocks},
        "a block has no cost",
    )


def stages(program: Program) -> None:
    network = program.network
    assert network is not None
    order = [block.name for block in network.blocks]
    _that([name for stage in program.stages for name in stage] == order, "stages are no cut of the blocks in order")
    _that(len(program.stages) == program.placement.stages and all(program.stages), "a stage is missing or empty")


VERIFIERS: Mapping[Fact, Check] = {
    Fact.NAMES: names,
    Fact.TYPES: types,
    Fact.BLOCKS: blocks,
    Fact.PROTOCOL: protocol,
    Fact.RULES: rules,
    Fact.ASSIGNED: assigned,
    Fact.LEGAL: legal,
    Fact.STEPS: steps,
    Fact.COST: costs,
    Fact.STAGES: stages,
}
"""The check of each fact, run after every pass in tests."""
