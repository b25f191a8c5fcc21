"""The dump of a program is a program: it parses, checks, and says the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpc.diagnostics import Report
from lpc.ir.program import Program
from lpc.passes.dump import dump
from lpc.source import Source
from lpc.syntax.parse import parse
from tests.passes.checking import FRONT, checked, sound
from tests.passes.programs import programs

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.lp"))
VARIANTS = st.sampled_from([None, "other"])


def meaning(program: Program) -> object:
    """What a program says, places in the text apart."""
    network, objective = program.network, program.objective
    assert network is not None
    assert objective is not None
    assert program.data is not None
    assert program.protocol is not None
    nodes = [network.node(name) for name in network.graph.nodes]
    return {
        "name": program.name,
        "data": (program.data.source, dict(program.data.arguments), program.data.bindings),
        "nodes": [(n.name, n.owner, n.kind, n.inputs, dict(n.arguments), n.type, n.weights) for n in nodes],
        "blocks": [(b.name, b.inputs, b.nodes, b.output, b.type, b.chain) for b in network.blocks],
        "objective": (objective.loss, objective.block, objective.target),
        "protocol": {k: v for k, v in vars(program.protocol).items() if k != "span"},
        "measurements": program.measurements,
        "placement": (program.placement.stages, program.placement.balance, dict(program.placement.pins)),
        "uses": dict(program.uses),
    }


def front(text: str, variant: str | None = None) -> Program:
    program, report = checked(text, variant=variant)
    assert [f"{d.code} {d.title_text} {d.note_texts}" for d in report.errors] == []
    return program


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("after", [p.name for p in FRONT])
def test_examples_mean_the_same_after_every_pass(path: Path, after: str) -> None:
    text = path.read_text()
    dumped, report = checked(text, until=after)
    assert report.errors == []
    assert meaning(front(dump(dumped))) == meaning(front(text))


@given(programs(), VARIANTS, st.sampled_from([p.name for p in FRONT]))
@settings(max_examples=150)
def test_a_dump_means_what_its_program_means(text: str, variant: str | None, after: str) -> None:
    dumped, report = checked(text, variant=variant, until=after)
    assert report.errors == []
    shown = dump(dumped)
    again = front(shown)
    assert meaning(again) == meaning(front(text, variant))
    assert dump(checked(shown, until=after)[0]) == shown


@given(programs())
@settings(max_examples=50)
def test_a_dump_is_plain(text: str) -> None:
    report = Report()
    shown = dump(checked(text, until="expand")[0])
    parse(Source("dump.lp", shown), report)
    assert report.diagnostics == []
    first_words = {line.split()[0] for line in shown.splitlines() if line and not line.startswith(" ")}
    assert first_words <= {"network", "data", "def", "block", "objective", "learn", "place", "train", "measure"}
    assert "search" not in shown


def test_a_function_stays_only_where_its_tensor_is_used_twice() -> None:
    text = """network example
def bend(x, by) = x -> linear(by) -> relu
def add_bent(x, by) = x + (x -> bend(by))
data image, label = digits()
block once = image -> flatten -> bend(64) -> bend(32)
block named = once -> add_bent(32)
block twice = named -> tanh -> add_bent(32) -> add_bent(32)
block other = twice -> relu -> add_bent(32)
block readout = other -> linear(10)
objective cross_entropy(readout, label)
train epochs = 1, batch = 8
"""
    shown = dump(checked(text, until="expand")[0])
    assert shown.count("def ") == 1
    assert "def add_bent(x) = x + (x -> linear(32, bias = true) -> relu)" in shown
    assert "block named = once + (once -> linear(32, bias = true) -> relu)" in " ".join(shown.split())
    network = sound(text).network
    assert network is not None
    assert network.block("twice").nodes == tuple(
        f"twice.{name}" for name in ("tanh", "linear", "relu", "add", "linear2", "relu2", "add2")
    )
    # The function's tensor is one node, whatever the body does with it.
    assert network.node("twice.add").inputs == ("twice.tanh", "twice.relu")
    assert network.node("twice.add2").inputs == ("twice.add", "twice.relu2")
