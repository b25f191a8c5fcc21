"""Rules become steps: which phases, what is added, what is left out."""

from __future__ import annotations

import pytest

from lpc.ir.step import Node, walk
from lpc.rules.tracer import Traced
from tests.passes.running import program_of

TEXT = (
    "network example\ndata x: f32[2, 8, 8], y: class[5] = synthetic(examples = 50)\n"
    "block first = x -> conv(4, kernel = 3) -> batch_norm -> relu\nblock second = first -> flatten -> linear(8) -> relu\n"
    "block readout = second -> linear(5)\nobjective cross_entropy(readout, y)\n{}\ntrain epochs = 1, batch = 10\n"
)


def plan(learn: str) -> Traced:
    traced = program_of(TEXT.format(learn)).plan
    assert isinstance(traced, Traced)
    return traced


def evaluated(nodes: tuple[Node, ...]) -> list[str]:
    return [node.unit.name for node in walk(nodes) if node.primitive == "fwd" and node.unit is not None]


@pytest.mark.parametrize(
    ("learn", "phases"),
    [
        ("learn all with backprop", ["train"]),
        ("learn all with cascaded_forward", ["statistics", "train"]),
        ("learn all with cascaded_forward(predictor = least_squares)", ["statistics", "fit"]),
        ("learn all with cascaded_forward(blocks = dfa)", ["blocks", "train"]),
        ("learn all with cascaded_forward(blocks = dfa, predictor = least_squares)", ["blocks", "fit"]),
        ("learn first with cascaded_forward\nlearn rest with backprop", ["statistics", "train"]),
    ],
)
def test_phases_of_all_rules_run_together(learn: str, phases: list[str]) -> None:
    assert [phase.phase.name for phase in plan(learn).phases] == phases


@pytest.mark.parametrize(
    ("learn", "added"),
    [
        ("learn all with backprop", {}),
        (
            "learn all with mono_forward",
            {"first.mono_forward.projection": (5, 144), "second.mono_forward.projection": (5, 8)},
        ),
        (
            "learn all with feedback_alignment",
            {"second.feedback_alignment.linear": (8, 144), "readout.feedback_alignment.linear": (5, 8)},
        ),
        ("learn all with feedback_alignment(feedback = transpose)", {}),
        (
            "learn all with direct_feedback_alignment",
            {"first.direct_feedback_alignment.feedback": (5, 144), "second.direct_feedback_alignment.feedback": (5, 8)},
        ),
        ("learn all with cascaded_forward", {"first.cascaded_forward.weight": (5, 144)}),
        (
            "learn all with cascaded_forward(blocks = dfa)",
            {"first.cascaded_forward.weight": (5, 144), "first.cascaded_forward.feedback": (5, 144)},
        ),
        ("learn all with predictive_coding", {}),
        ("learn all with forward_forward", {}),
    ],
)
def test_what_rules_add(learn: str, added: dict[str, tuple[int, ...]]) -> None:
    assert {tensor.name: tensor.shape for tensor in plan(learn).added} == added


def test_what_nobody_reads_is_left_out() -> None:
    """No input gradient of the first block; no run of the output block where every label is tried."""
    (phase,) = plan("learn all with backprop").phases
    read = {value.key for node in phase.nodes for value in node.inputs}
    first = next(n for n in phase.nodes if n.primitive == "vjp" and n.unit is not None and n.unit.name == "first")
    assert (first.index, 0) in read and (first.index, 1) not in read
    assert "readout" not in evaluated(plan("learn all with forward_forward").phases[0].nodes)
    assert "readout" in evaluated(plan("learn all with forward_forward(predict = head)").phases[0].nodes)


def test_prediction_runs_what_it_needs() -> None:
    last, summed = (plan(f"learn all with mono_forward(predict = {word})") for word in ("last", "sum"))
    assert evaluated(last.prediction_nodes) == ["first", "second", "readout"]
    heads = ["first", "first.mono_forward.projection", "second", "second.mono_forward.projection", "readout"]
    assert evaluated(summed.prediction_nodes) == heads


def test_frozen_blocks_are_named_in_the_phases_that_must_not_move_them() -> None:
    statistics, train = plan("learn all with cascaded_forward").phases
    assert statistics.frozen == ()
    assert train.frozen == ("first", "second")
    assert not any(
        node.primitive == "update" and node.block in train.frozen
        for node in train.nodes
        if node.unit and not node.unit.head
    )
