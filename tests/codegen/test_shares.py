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
        shares, step = block_flops(turn.phase), block_flops(turn.printed)
        assert sum(step.values()) == turn.flops
        assert sum(shares.values()) == turn.flops + turn.part_flops
        assert shares.keys() <= {block.name for block in program.regions[0].run.network.blocks}


def test_what_is_computed_once_is_no_part_of_a_step() -> None:
    """8 x 8 pixels to 100, frozen, to 10 classes: 12 800 operations an example once, and 2 000 + 2 000 in each step."""
    text = "network n\ndata image, label = digits()\nblock a = image -> flatten -> linear(100, bias = false)\n"
    text += "block readout = a -> linear(10, bias = false)\nobjective cross_entropy(readout, label)\n"
    text += "learn all with random_features\ntrain epochs = 2, batch = 64\nmeasure energy\n"
    (turn,) = turns(lpc.load(text, name="n.lp"))
    assert turn.part_flops == 2 * 64 * 100
    assert 4_000 <= turn.flops < 4_200
    made = lpc.compile(text, name="n.lp").text
    assert f"flops={turn.flops},\n" in made
    assert "part_flops=12800,\n" in made
    assert 'part_shares={"a": 12800, "readout": 0},\n' in made


def test_only_a_program_that_measures_energy_has_them() -> None:
    text = "network n\ndata image, label = digits()\nblock readout = image -> flatten -> linear(10)\n"
    text += "objective cross_entropy(readout, label)\nlearn all with backprop\ntrain epochs = 1, batch = 64\n"
    assert "shares={" not in lpc.compile(text, name="n.lp").text
    assert 'shares={"readout":' in lpc.compile(text + "measure energy\n", name="n.lp").text
