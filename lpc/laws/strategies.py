"""Hypothesis strategies: networks, programs and their data. Small trees of `.lp` files, most of them legal.

They shrink well: blocks fall away, sizes go to 1, operations to `identity`, options to their defaults. A program that lpc
refuses is not a legal one, and a property passes over it:

    @given(programs(rules=["my_rule"]), st.data())
    def test_my_rule(file, data):
        program = legal(file)
        batches = data.draw(data_for(program))
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from hypothesis import assume, event, note
from hypothesis import strategies as st
from torch import Tensor

from lpc.diagnostics import Report
from lpc.ir.network import Network
from lpc.ir.program import Program
from lpc.ir.types import Label
from lpc.ir.types import Tensor as TensorType
from lpc.laws.drawn_networks import networks
from lpc.laws.training import learn_clauses, train_clauses
from lpc.passes.pipeline import run
from lpc.rules import registry
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.format import format_file
from lpc.syntax.parse import parse

__all__ = ["batches", "data_for", "least_rows", "legal", "networks", "programs"]

Batch = dict[str, Tensor]


@st.composite
def programs(
    draw: st.DrawFn,
    rules: Collection[str] | None = None,
    ops: Collection[str] | None = None,
    blocks: int = 4,
    awkward: bool = True,
    chains: bool = False,
    published: bool = False,
) -> tree.File:
    """Programs with all clauses there must be, in float64. `lpc.laws.whole` has those with all there can be.

    rules: names of the rules to draw from; left out, all of lpc's own. They may mix.
    ops, blocks, awkward, chains, published: as `networks` takes them.
    """
    names = list(rules or registry.BUILT_IN)
    labelled = all(registry.find(name).needs_label for name in names)
    drawn = draw(networks(ops, blocks, awkward, labelled, chains, published))
    clauses = [clause for clause in drawn.clauses if isinstance(clause, tree.Block)]
    scored = isinstance(drawn.clauses[-1], tree.Objective) and drawn.clauses[-1].loss.name == "cross_entropy"
    positions = any(isinstance(clause, tree.Data) and clause.source.name == "text" for clause in drawn.clauses)
    learn = draw(learn_clauses(clauses, names, scored and not positions))
    return tree.File((*drawn.clauses, *learn, draw(train_clauses())))


def legal(file: tree.File) -> Program:
    """The program with its steps, compiled from the tree's text, which is shown where the property fails; ends the example where lpc
    refuses it.
    """
    report = Report()
    source = Source("drawn.lp", format_file(file))
    parsed = parse(source, report)
    assert parsed == file, f"reads otherwise than it was written:\n{source.text}"
    program = run(Program(source, parsed), report)
    note(source.text)
    for diagnostic in report.errors:
        event(f"refused: {diagnostic.code}")
    assume(not report.errors)
    return program


@st.composite
def data_for(draw: st.DrawFn, program: Program, steps: int = 3) -> list[Batch]:
    """Up to `steps` batches of the types the program declares, by name; the last has fewer examples than the others."""
    rows = draw(st.integers(3, 6))
    last = draw(st.integers(least_rows(program), rows - 1))
    seed = draw(st.integers(0, 2**16))
    return batches(program, [rows] * draw(st.integers(0, steps - 1)) + [last], seed)


def least_rows(program: Program) -> int:
    """How many examples a batch must have: two, where it is normalised by its own statistics."""
    network = program.network
    assert network is not None
    kinds = {node.kind for block in network.blocks for node in network.nodes_of(block)}
    return 2 if "batch_norm" in kinds else 1


def batches(program: Program, sizes: Sequence[int], seed: int) -> list[Batch]:
    """Batches of so many examples each, of the types the program declares, by name."""
    assert program.network is not None and program.data is not None
    generator = torch.Generator().manual_seed(seed)
    return [{name: _values(program.network, name, size, generator) for name in program.data.names} for size in sizes]


def _values(network: Network, name: str, rows: int, generator: torch.Generator) -> Tensor:
    type_ = network.node(name).type
    if isinstance(type_, Label):
        return torch.randint(0, type_.classes, (rows, *type_.shape), generator=generator)
    assert isinstance(type_, TensorType)
    if type_.dtype == "i64":
        return torch.randint(0, network.tokens(name) or 1, (rows, *type_.shape), generator=generator)
    return torch.rand((rows, *type_.shape), generator=generator, dtype=torch.float64)
