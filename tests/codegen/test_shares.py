"""What the energy of training is given to blocks by."""

from __future__ import annotations

from pathlib import Path

import pytest

import lpc
from lpc.codegen.order import turns
from lpc.passes.cost import block_flops

EXAMPLES = sorted((Path(__file__).parent.parent.parent / "examples").glob("*.lp"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_blocks_operations_sum_to_the_step_s(path: Path) -> None:
    program = lpc.load(path.read_text(encoding="utf-8"), name=path.name)
    for turn in turns(program):
        shares = block_flops(turn.phase)
        assert sum(shares.values()) == turn.flops
        assert shares.keys() <= {block.name for block in program.regions[0].run.network.blocks}


def test_only_a_program_that_measures_energy_has_them() -> None:
    text = "network n\ndata image, label = digits()\nblock readout = image -> flatten -> linear(10)\n"
    text += "objective cross_entropy(readout, label)\nlearn all with backprop\ntrain epochs = 1, batch = 64\n"
    assert "shares={" not in lpc.compile(text, name="n.lp").text
    assert 'shares={"readout":' in lpc.compile(text + "measure energy\n", name="n.lp").text
