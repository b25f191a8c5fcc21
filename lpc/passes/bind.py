"""`bind`: names become blocks and data, expressions become nodes, and every node gets its type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lpc.diagnostics import Diagnostic, Report, error, warning
from lpc.ir.network import Block, Network, Node
from lpc.ir.program import DataUse, Objective, Program
from lpc.ir.types import Unknown
from lpc.passes.blocks import in_order, sources, written
from lpc.passes.building import Builder
from lpc.passes.clauses import missing, only
from lpc.passes.contract import Fact, pass_
from lpc.passes.data_clause import use_data
from lpc.passes.folding import TooLarge
from lpc.passes.graph import FAILED, Graph
from lpc.passes.lost import report_lost
from lpc.passes.objective import use_objective
from lpc.passes.scope import SOUND, Scope, scope_of
from lpc.passes.selectors import member
from lpc.passes.values import is_hole
from lpc.syntax import tree

MOST_NODES = 1_000_000
"""Operations of a whole network."""


@error("LP135")
class ChainSource(Diagnostic):
    """The expression of a chain names one block or data name, as often as it likes. In the first block that name is what
    it says; from the second on it stands for the block before.
    """

    title = "chain `{name}` reads {found}, so nothing says what its next block is fed with"
    label = "a chain reads exactly one block or data name"
    help = "join what it reads in a block of its own, and let the chain begin there"
    bad = SOUND.replace(
        "block hidden = image", "block first = image -> flatten\nblock hidden[3] = first + (image -> flatten)"
    )
    good = SOUND.replace("block hidden = image", "block hidden[3] = image")
    name: str
    found: str


@warning("LP907")
class UnusedBlock(Diagnostic):
    """A block that neither the objective nor another block reads has no part in what the network predicts."""

    title = "block `{name}` leads nowhere"
    label = "no block and no objective reads it"
    bad = SOUND.replace("block readout", "block side = hidden -> linear(3)\nblock readout")
    good = SOUND
    name: str


@pass_(needs={Fact.NAMES}, gives={Fact.TYPES, Fact.BLOCKS}, tolerant=True)
def bind(program: Program, report: Report) -> Program:
    """Resolve names, check arguments, infer types, and build the network.

    Before: a plain text (`expand`).
    After: `data`, `network` and `objective` are there; every node has its type. What a mistake touches is `Unknown`.
    Errors: names (LP101, LP106-LP108), arguments (LP110-LP119), chains (LP135), shapes (LP200-LP204), data
    (LP500-LP509), the objective (LP430-LP433).
    """
    scope = scope_of(program.file, Report())
    clause = only(program.file, tree.Data, report)
    data = use_data(clause, report) if clause else None
    graph = Graph(scope, report, silent=data is None)
    _add_data(graph, data)
    if not scope.blocks:
        missing(program.file, tree.Block, report)
    blocks = _build_blocks(graph)
    stated = only(program.file, tree.Objective, report)
    objective = use_objective(stated, graph, report) if stated else None
    chains = {name: len(graph.members[name]) for name, block in scope.blocks.items() if block.count is not None}
    network = Network.build(graph.nodes, blocks, chains)
    if objective is not None:
        _warn_unused(network, objective, scope, report)
        report_lost(network, objective, report)
    return replace(program, data=data, network=network, objective=objective)


def _add_data(graph: Graph, data: DataUse | None) -> None:
    for name, type_ in data.bindings if data else ():
        binding = graph.scope.data[name]
        if isinstance(type_, Unknown):
            graph.values[name] = FAILED
        else:
            graph.values[name] = graph.add(Node(name, "", "data", (), {}, type_, span=binding.span))


def _build_blocks(graph: Graph) -> list[Block]:
    """All blocks in the order they are computed."""
    scope = graph.scope
    for name, block in scope.blocks.items():
        length = block.count.value if isinstance(block.count, tree.Number) else 1
        chained = block.count is not None and not is_hole(block.count)
        graph.members[name] = tuple(member(name, k) for k in range(1, int(length) + 1)) if chained else (name,)
    order, circular = in_order(scope, graph.report)
    for name in circular:
        graph.values |= dict.fromkeys(graph.members[name], FAILED)
    built: list[Block] = []
    for name in order:
        built.extend(_build(scope.blocks[name], graph, graph.members[name]))
        if len(graph.nodes) > MOST_NODES:
            limit = f"{MOST_NODES:,}".replace(",", " ")
            graph.report.add(TooLarge(span=scope.blocks[name].name_span, what="the network", limit=limit))
            graph.values |= dict.fromkeys((m for n in order for m in graph.members[n] if m not in graph.values), FAILED)
            break
    return built


def _build(clause: tree.Block, graph: Graph, members: Sequence[str]) -> list[Block]:
    """The block, or the blocks of a chain."""
    chained = clause.count is not None
    renamed: dict[str, str] = {}
    source = _chain_source(clause, graph) if chained else ""
    if source is None:
        graph.values |= dict.fromkeys(members, FAILED)
        return []
    built: list[Block] = []
    for number, name in enumerate(members, start=1):
        builder = Builder(graph, name, renamed)
        value = builder.block(clause.expr, clause.name_span)
        graph.values[name] = value
        output, type_ = (value.node or "", value.type)
        position = (clause.name, number) if chained else None
        built.append(Block(name, tuple(builder.inputs), tuple(builder.made), output, type_, clause.span, position))
        if value.node is None or len(graph.nodes) > MOST_NODES:
            graph.values |= dict.fromkeys(members[number:], FAILED)
            break
        renamed = {source: name} if source else {}
    return built


def _chain_source(clause: tree.Block, graph: Graph) -> str | None:
    """The one name a chain reads, as it is written; None, reported, where there is not exactly one."""
    found = dict.fromkeys(written(name) for name in sources(clause.expr, graph.scope))
    if len(found) == 1:
        return next(iter(found))
    before = len(graph.report.errors)
    if not found:  # perhaps because of a name that does not exist, which says more
        Builder(graph, clause.name).tensor(clause.expr, {})
    if not graph.silent and not is_hole(clause.expr) and len(graph.report.errors) == before:
        shown = " and ".join(f"`{name}`" for name in found) or "no block or data"
        graph.report.add(ChainSource(span=clause.name_span, name=clause.name, found=shown))
    return None


def _warn_unused(network: Network, objective: Objective, scope: Scope, report: Report) -> None:
    """Warn of blocks and chains whose output nothing reads."""
    for block in network.blocks:
        inside = block.chain is not None and block.chain[1] < network.chains[block.chain[0]]
        if not inside and block.name != objective.block and not network.consumers(block.name):
            name = block.chain[0] if block.chain else block.name
            report.add(UnusedBlock(span=scope.blocks[name].name_span, name=name))
