"""A chain of blocks as one block, to see that where blocks are cut does not matter to a rule that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lpc.ir.network import Network
from lpc.passes.spines import names_in, stages
from lpc.rules.law import Inapplicable
from lpc.syntax import tree


def joined_clauses(clauses: Sequence[tree.Clause], network: Network) -> tuple[tree.Clause, ...]:
    """The clauses with all blocks written as one, under the last one's name. Raises Inapplicable where that is no pipeline."""
    blocks = [clause for clause in clauses if isinstance(clause, tree.Block)]
    whole: tree.Expr | None = None
    for block, below in zip(blocks, [None, *blocks], strict=False):
        if block.count is not None or not isinstance(block.expr, tree.Pipe):
            raise Inapplicable(
                "its blocks cannot be written as one: there is a chain, or one that is no single pipeline"
            )
        head, pipes = stages(block.expr)
        values = [name for name in names_in(block.expr) if name in network.data or network.has_block(name)]
        if not isinstance(head, tree.Name) or len(values) != 1 or (below is not None and head.name != below.name):
            raise Inapplicable("the blocks do not follow each other one by one")
        whole = whole or head
        for pipe in pipes:
            whole = replace(pipe, left=whole)
    assert whole is not None
    kept = [clause for clause in clauses if clause not in blocks[:-1]]
    return tuple(replace(clause, expr=whole) if clause is blocks[-1] else clause for clause in kept)


def joined_names(parts: Network, whole: Network) -> Mapping[str, str]:
    """State names of the joined block to those of its parts, in order."""
    apart = [name for block in parts.blocks for name, _ in parts.weights(block)]
    together = [name for block in whole.blocks for name, _ in whole.weights(block)]
    return dict(zip(together, apart, strict=True))
