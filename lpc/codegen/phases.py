"""The phases of a script's task: what runs in which turn, and how many operations that takes."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from lpc.codegen.functions import StepFunction
from lpc.codegen.order import Turn
from lpc.codegen.tables import names_of, table_of
from lpc.ir.network import Network
from lpc.ir.program import Program
from lpc.passes.cost import block_flops


def phases_of(
    program: Program, turns: Sequence[Turn], functions: Sequence[StepFunction], moded: Collection[str]
) -> str:
    """The phases of a task, one a turn. `moded`: the turns that have a function which says what trains and what is frozen."""
    assert program.network is not None and program.objective is not None
    texts = []
    for turn, function in zip(turns, functions, strict=True):
        columns = names_of(program.network, function.columns)
        optimizers = turn.optimizers if function.optimizers else "lambda net: {}"
        fields = [json.dumps(turn.name), columns, turn.function, optimizers]
        if turn.phase.phase.passes is not None:
            fields.append(f"passes={turn.phase.phase.passes!r}")
        if turn.phase.finish:
            fields.append(f"finish={turn.finish}")
        if turn.name in moded:
            fields.append(f"mode={turn.mode_function}")
        if turn.prefix is not None:
            fields.append(f"part=cached({turn.prefix_function})")
            if program.objective.target in turn.prefix.data:
                fields.append(f"label={len(turn.prefix.outputs) + turn.prefix.data.index(program.objective.target)!r}")
        if turn.judged:
            fields.append(f"score={turn.score_function}")
        fields.append(f"flops={turn.flops!r}")
        if turn.part_flops:
            fields.append(f"part_flops={turn.part_flops!r}")
        if program.measurements.energy:
            fields += _shares(program.network, turn)
        texts.append(f"Phase({', '.join(fields)})")
    return f"({', '.join(texts)},)" if len(texts) == 1 else f"({', '.join(texts)})"


def _shares(network: Network, turn: Turn) -> list[str]:
    """Operations by block, of a step and of what is computed once."""
    step, whole = block_flops(turn.printed), block_flops(turn.phase)
    shares = {block.name: step.get(block.name, 0) for block in network.blocks}
    once = {name: whole.get(name, 0) - own for name, own in shares.items()}
    return [
        f"shares={table_of(network, shares)}",
        *([f"part_shares={table_of(network, once)}"] if turn.part_flops else []),
    ]
