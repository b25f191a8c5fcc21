"""Cuts into stages against brute force."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpc.ir.program import Program
from lpc.passes.dump import dump
from lpc.passes.partition import balanced_cuts, crossings, weight
from tests.passes.running import program_of

CHAIN = """network deep
data x: f32[20], y: class[5] = synthetic(examples = 50)
block first = x -> linear(40) -> relu
block layer[6] = first -> linear(30) -> relu
block readout = layer -> linear(5)
objective cross_entropy(readout, y)
learn all with mono_forward
"""
TRAIN = "train epochs = 1, batch = 10\n"


def heaviest(weights: Sequence[float], cuts: Sequence[int]) -> float:
    return max(sum(weights[a:b]) for a, b in pairwise([0, *cuts, len(weights)]))


def obeys(cuts: Sequence[int], pins: Sequence[int | None]) -> bool:
    stage_of = [sum(cut <= at for cut in cuts) for at in range(len(pins))]
    return all(pin is None or pin == stage for pin, stage in zip(pins, stage_of, strict=True))


@st.composite
def partitions(draw: st.DrawFn) -> tuple[list[float], list[int], int, list[int | None]]:
    count = draw(st.integers(1, 8))
    stages = draw(st.integers(1, count))
    weights = draw(st.lists(st.integers(0, 9).map(float), min_size=count, max_size=count).filter(any))
    crossing = [0, *draw(st.lists(st.integers(0, 5), min_size=count - 1, max_size=count - 1))]
    pin = st.none() | st.none() | st.integers(0, stages - 1)
    return weights, crossing, stages, draw(st.lists(pin, min_size=count, max_size=count))


@given(partitions())
def test_cuts_are_the_best_there_are(drawn: tuple[list[float], list[int], int, list[int | None]]) -> None:
    """The heaviest stage as light as can be, then the fewest bytes across; none where the pins cannot hold."""
    weights, crossing, stages, pins = drawn
    every = [c for c in combinations(range(1, len(weights)), stages - 1) if obeys(c, pins)]
    found = balanced_cuts(weights, crossing, stages, pins)
    if not every:
        assert found is None
        return
    assert found is not None and tuple(found) in every
    best = min((heaviest(weights, cuts), sum(crossing[cut] for cut in cuts)) for cuts in every)
    assert (heaviest(weights, found), sum(crossing[cut] for cut in found)) == best


@pytest.mark.parametrize("balance", ["time", "flops", "memory"])
@pytest.mark.parametrize("stages", [1, 2, 3, 8])
def test_blocks_of_a_program(stages: int, balance: str) -> None:
    program = program_of(f"{CHAIN}place stages = {stages}, balance = {balance}\n{TRAIN}")
    assert [len(stage) > 0 for stage in program.stages] == [True] * stages
    names = [block.name for block in program.network.blocks] if program.network else []
    assert [name for stage in program.stages for name in stage] == names
    weights = [weight(program.costs.blocks[name], balance) for name in names]
    every = combinations(range(1, len(names)), stages - 1)
    cuts = [names.index(stage[0]) for stage in program.stages[1:]]
    assert heaviest(weights, cuts) == pytest.approx(min(heaviest(weights, other) for other in every))


def test_pins_hold() -> None:
    program = program_of(f"{CHAIN}place stages = 2\nplace layer[2] on stage 2\n{TRAIN}")
    assert program.stages == (("first", "layer_1"), (*(f"layer_{k}" for k in range(2, 7)), "readout"))


def test_what_crosses_a_cut() -> None:
    """The outputs that are made before it and read behind it, once each."""
    program: Program = program_of(
        "network graph\ndata x: f32[20], y: class[5] = synthetic(examples = 50)\n"
        "block a = x -> linear(10)\nblock b = a -> linear(20)\nblock c = concat(a, b) -> linear(30)\n"
        f"block readout = concat(c, a) -> linear(5)\nobjective cross_entropy(readout, y)\nlearn all with backprop\n{TRAIN}"
    )
    row = 4 * 10  # bytes of one number of a batch
    assert crossings(program, ["a", "b", "c", "readout"], program.costs) == [0, 10 * row, 30 * row, 40 * row]


def test_the_dump_pins_what_was_found() -> None:
    """It gives the same stages again."""
    program = program_of(f"{CHAIN}place stages = 3\n{TRAIN}")
    text = dump(program)
    assert "place layer[" in text or "place first" in text
    assert program_of(text).stages == program.stages
