"""Blocks cut at their activations."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given

from lpc.ir.program import Program
from lpc.ir.step import Unit, show
from lpc.laws.strategies import legal, programs
from lpc.rules.units import parts_of, unit_of
from lpc.syntax import tree
from tests.rules.running import compiled

HEAD = "network cut\ndata x: f32[2, 8, 8], y: class[3] = synthetic(examples = 20)\n"
TAIL = (
    "block readout = hidden -> flatten -> linear(3)\nobjective cross_entropy(readout, y)\nlearn all with backprop\n"
    "train epochs = 1, batch = 4\n"
)


def names(unit: Unit | None) -> list[str]:
    return [] if unit is None else [name.partition(".")[2] for name in unit.operations]


@pytest.mark.parametrize(
    ("written", "lower", "activation", "upper"),
    [
        ("x -> flatten -> linear(8) -> tanh", "flatten linear", "tanh", ""),
        ("x -> conv(4) -> relu -> max_pool(2)", "conv", "relu", "max_pool"),
        ("x -> conv(4) -> max_pool(2) -> relu -> flatten", "conv max_pool", "relu", "flatten"),
        ("(x + (x -> conv(2, padding = 1))) -> relu", "conv add", "relu", ""),
        ("x + (x -> conv(2, padding = 1) -> relu)", "conv relu add", "", ""),
        ("x -> flatten -> linear(8) -> relu -> linear(8) -> gelu", "flatten linear relu linear2", "gelu", ""),
        ("x -> conv(4) -> group_norm(2) -> silu", "conv group_norm", "silu", ""),
        ("x -> flatten -> linear(8)", "flatten linear", "", ""),
        ("x -> flatten -> linear(8) -> softmax", "flatten linear softmax", "", ""),
        ("x -> relu", "relu", "", ""),
        ('x -> flatten -> linear(8) -> opaque("lab:Box", out = [8])', "flatten linear", "opaque", ""),
        ('x -> flatten -> linear(8) -> opaque("lab:Box", out = [4])', "flatten linear opaque", "", ""),
        ("x -> flatten -> linear(8) -> swish(1) -> flatten", "flatten linear", "scale sigmoid mul", "flatten2"),
    ],
)
def test_where_a_block_is_cut(written: str, lower: str, activation: str, upper: str) -> None:
    swish = "def swish(z, b) = mul(z, z -> scale(b) -> sigmoid)\n"
    text = f"{HEAD}{swish if 'swish' in written else ''}block hidden = {written}\n{TAIL}"
    text = text.replace("learn all", "learn hidden with cascaded_forward\nlearn readout") if "opaque" in text else text
    program = compiled(text.replace("conv(4)", "conv(4, kernel = 3)").replace("conv(2,", "conv(2, kernel = 3,"))
    assert program.network is not None
    parts = parts_of(program.network, program.network.block("hidden"))
    found = [names(part) for part in (parts.lower, parts.activation, parts.upper)]
    assert found == [lower.split(), activation.split(), upper.split()]


@given(programs())
def test_parts_add_up_to_their_block(file: tree.File) -> None:
    program: Program = legal(file)
    assert program.network is not None
    for block in program.network.blocks:
        whole = unit_of(program.network, block)
        parts = parts_of(program.network, block)
        units = [unit for unit in (parts.lower, parts.activation, parts.upper) if unit is not None]
        assert sum((unit.operations for unit in units), ()) == whole.operations
        assert parts.lower.parameters == whole.parameters and not any(unit.parameters for unit in units[1:])
        assert (units[0].inputs, units[-1].output) == (whole.inputs, whole.output)
        for one, other in pairwise(units):
            assert (other.reads, other.inputs) == ((one.gives,), (one.output,))
        assert sum(unit.flops for unit in units) == whole.flops
        assert sum(unit.kept for unit in units) == whole.kept
        assert {unit.learner for unit in units} == {block.name}


def test_steps_show_parts() -> None:
    text = f"{HEAD}block hidden = x -> flatten -> linear(8) -> tanh\n{TAIL}"
    (phase,) = compiled(text.replace("with backprop", "with dual_propagation")).plan.phases
    shown = show(phase.nodes)
    for line in ("fwd hidden.lower(%", "fwd hidden.activation(%", "vjp hidden.lower(%", "update hidden(%"):
        assert line in shown
