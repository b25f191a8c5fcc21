"""Regions: maximal runs of neighbouring blocks under one instance of a rule, and whether the rule can train them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lpc.ir.network import Block, Network
from lpc.ir.program import Objective, RuleUse
from lpc.ir.step import Unit, walk
from lpc.ir.types import Label
from lpc.rules import registry
from lpc.rules.rule import Illegal, Rule
from lpc.rules.run import Run, RunBlock
from lpc.rules.tracer import Region, trace_step
from lpc.rules.units import unit_of


@dataclass(frozen=True, eq=False)
class Workshop:
    """A network and its objective, with what every region needs of a block worked out once."""

    network: Network
    objective: Objective
    units: Mapping[str, Unit]

    @staticmethod
    def of(network: Network, objective: Objective) -> Workshop:
        return Workshop(network, objective, {block.name: unit_of(network, block) for block in network.blocks})

    def region(self, use: RuleUse, blocks: Sequence[Block]) -> Region:
        """The region of some blocks, in topological order, under a use of a rule."""
        members = tuple(
            RunBlock(
                block,
                self.units[block.name],
                block.name == self.objective.block,
                all(name in self.network.data for name in block.inputs),
            )
            for block in blocks
        )
        return Region(rule_of(use), Run(use.rule, members, self.network, self.objective))


def rule_of(use: RuleUse) -> Rule:
    """The rule with the arguments of a use."""
    return registry.find(use.rule).make(dict(use.arguments))


def same(a: RuleUse, b: RuleUse) -> bool:
    """Whether two blocks under these uses belong to one instance."""
    return a.rule == b.rule and a.arguments == b.arguments and _settings(a) == _settings(b)


def _settings(use: RuleUse) -> object:
    return use.optimizer and (use.optimizer.kind, tuple(sorted(use.optimizer.arguments.items())))


def form(shop: Workshop, uses: Mapping[str, RuleUse]) -> list[Region]:
    """All regions of a network, in topological order of their first blocks."""
    runs: list[list[Block]] = []
    run_of: dict[str, list[Block]] = {}
    for block in shop.network.blocks:
        joined: list[Block] | None = None
        for name in block.inputs:
            if name in run_of and same(uses[name], uses[block.name]):
                joined = _join(joined, run_of[name], runs, run_of)
        if joined is None:
            joined = []
            runs.append(joined)
        joined.append(block)
        run_of[block.name] = joined
    position = {block.name: at for at, block in enumerate(shop.network.blocks)}
    for run in runs:
        run.sort(key=lambda block: position[block.name])
    ordered = sorted(runs, key=lambda run: position[run[0].name])
    return [shop.region(uses[run[0].name], run) for run in ordered]


def _join(
    a: list[Block] | None, b: list[Block], runs: list[list[Block]], run_of: dict[str, list[Block]]
) -> list[Block]:
    """Two runs become one, the later into the earlier."""
    if a is None or a is b:
        return b
    for block in b:
        run_of[block.name] = a
    a += b
    runs[:] = [run for run in runs if run is not b]
    return a


def enclosed(shop: Workshop, regions: Sequence[Region]) -> list[tuple[Region, Region]]:
    """Pairs of regions that each wait for the other: a run with blocks of another rule between its own."""
    if len(regions) < 2:
        return []
    import networkx as nx

    owner = {block.name: at for at, region in enumerate(regions) for block in region.run}
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(regions)))
    for block in shop.network.blocks:
        for name in block.inputs:
            if name in owner and owner[name] != owner[block.name]:
                graph.add_edge(owner[name], owner[block.name])
    knots = [sorted(found) for found in nx.strongly_connected_components(graph) if len(found) > 1]
    return [(regions[knot[0]], regions[knot[1]]) for knot in sorted(knots)]


def topological(shop: Workshop, regions: Sequence[Region]) -> list[Region]:
    """The regions so that each comes after those it reads; ties in order of declaration."""
    if len(regions) < 2:
        return list(regions)
    import networkx as nx

    owner = {block.name: at for at, region in enumerate(regions) for block in region.run}
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(regions)))
    graph.add_edges_from(
        (owner[name], owner[block.name])
        for block in shop.network.blocks
        for name in block.inputs
        if name in owner and owner[name] != owner[block.name]
    )
    return [regions[at] for at in nx.lexicographical_topological_sort(graph)]


def objections(region: Region) -> Iterator[Illegal]:
    """Everything that stands against a rule on a run, with what would make it legal. Nothing: the rule can train it."""
    rule, run = region.rule, region.run
    found = False
    for illegal in (*_declared_needs(rule, run), *rule.illegal(run)):
        found = True
        yield illegal
    if not found:
        yield from _black_boxes(region)


def _declared_needs(rule: Rule, run: Run) -> Iterator[Illegal]:
    first = run.blocks[0].name
    if rule.needs_error and run.output is None:
        reason = f"the error arises at `{run.objective.block}`, which learns by another rule, so none reaches `{run.blocks[-1]}`"
        yield Illegal(
            first,
            reason,
            f"learn every block from `{first}` to `{run.objective.block}` with {rule.name}, or use a local rule",
        )
    elif rule.needs_error:
        leads = {run.objective.block}
        for block in reversed(run):
            if any(reader in leads for reader in run.network.consumers(block.name)):
                leads.add(block.name)
        for block in run:
            if block.name not in leads:
                yield Illegal(
                    block.name,
                    f"no path of {rule.name} blocks leads from it to `{run.objective.block}`",
                    "use a local rule for it",
                )
    if rule.needs_label and not isinstance(run.target, Label):
        yield Illegal(
            first,
            f"it needs a class label, and the target is {run.target}",
            "use another rule, or an objective on a class label",
        )
    elif rule.needs_label and run.positions:
        yield Illegal(
            first, "it needs one label an example, and the target has one at each position", "use another rule"
        )


def _black_boxes(region: Region) -> Iterator[Illegal]:
    """Blocks without a derivative that the rule would differentiate: read off its step."""
    opaque = {block.name for block in region.run if not block.unit.differentiable}
    if not opaque:
        return
    for phase in region.rule.phases(region.run):
        for node in walk(trace_step(region, phase)):
            unit = node.unit
            if node.primitive == "vjp" and unit is not None and not unit.differentiable and unit.block in opaque:
                opaque.discard(unit.block)
                whole = "this rule differentiates its blocks"
                reason = f"this rule differentiates its {unit.part} part" if unit.part else whole
                yield Illegal(
                    unit.block,
                    f"it holds an operation without derivative, and {reason}",
                    "put the operation into a block of its own, under a rule that never differentiates it",
                )
