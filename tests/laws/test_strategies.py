"""Random programs: most are legal, their text reads back, they are varied, and they shrink to small ones."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from lpc.diagnostics import Report
from lpc.ir.program import Program
from lpc.ir.types import Label, Tensor
from lpc.laws.drawn_networks import USUAL, length
from lpc.laws.expressions import BOXES, Apply, Typed
from lpc.laws.strategies import data_for, legal, networks, programs
from lpc.passes.pipeline import run
from lpc.rules import registry
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.format import format_file
from lpc.syntax.parse import parse
from lpc.syntax.walk import walk

DRAWING = settings(max_examples=150, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))


def errors(file: tree.File) -> list[str]:
    report, source = Report(), Source("drawn.lp", format_file(file))
    run(Program(source, parse(source, report)), report)
    return [diagnostic.code for diagnostic in report.errors]


@pytest.mark.parametrize("rules", [None, *([name] for name in registry.BUILT_IN)])
def test_most_programs_are_legal(rules: list[str] | None) -> None:
    count: Counter[bool] = Counter()

    @given(programs(rules=rules))
    @DRAWING
    def draw(file: tree.File) -> None:
        count[not errors(file)] += 1

    draw()
    assert count[True] / count.total() > 0.5  # Forward-Forward takes no tokens, and no network of one block


@given(programs())
@DRAWING
def test_the_text_of_a_program_reads_back(file: tree.File) -> None:
    report = Report()
    assert parse(Source("drawn.lp", format_file(file)), report) == file
    assert not report.diagnostics


def test_a_black_box_in_a_chain_is_given_one_shape() -> None:
    """A chain's blocks are one text, which says one shape of what the box gives."""
    image = Typed(tree.Name("image"), Tensor((1, 3, 3)))
    shrinking = (
        Apply("conv", (("channels", 1), ("kernel", 2))),
        Apply("opaque", (("name", BOXES[0]), ("out", (1, 2, 2)))),
    )

    @given(st.data())
    @settings(DRAWING, max_examples=20)
    def draw(data: st.DataObject) -> None:
        assert data.draw(length(shrinking, image, True)) is None

    draw()


def test_everything_is_drawn() -> None:
    """Every operation, loss, optimizer, schedule and rule, chains, functions, sequential order, and names of all kinds."""
    seen: set[str] = set()

    @given(programs())
    @settings(DRAWING, max_examples=400)
    def draw(file: tree.File) -> None:
        for node in walk(file):
            if isinstance(node, tree.Call | tree.Name | tree.Block | tree.Def):
                seen.add(node.name)
            if isinstance(node, tree.Block) and node.count is not None:
                seen.add("a chain")
            if isinstance(node, tree.Indexed):
                seen.add("inside a chain")

    draw()
    wanted = {*(USUAL - {"add"}), "cross_entropy", "mse", "binary_cross_entropy", "sgd", "adam", "adamw", "rmsprop"}
    wanted |= {"cosine", "linear", "step", "sequential", "a chain", "inside a chain", "a_part1", *registry.BUILT_IN}
    assert not wanted - seen
    assert {"for", "forward", "net", "step"} & seen


@given(networks(ops={"conv", "relu"}, blocks=3, awkward=False, labelled=True))
@DRAWING
def test_operations_are_drawn_from_those_named(file: tree.File) -> None:
    assert sum(isinstance(clause, tree.Block) for clause in file.clauses) <= 4
    used = {
        stage.name
        for node in walk(file)
        if isinstance(node, tree.Pipe) and isinstance(stage := node.right, tree.Name | tree.Call)
    }
    functions = {clause.name for clause in file.clauses if isinstance(clause, tree.Def)}
    assert used - functions <= {"conv", "relu", "identity", "flatten", "linear"}
    objective = file.clauses[-1]
    assert isinstance(objective, tree.Objective) and objective.loss.name == "cross_entropy"


@given(programs(), st.data())
@settings(max_examples=60)
def test_batches_are_of_the_declared_types(file: tree.File, data: st.DataObject) -> None:
    program = legal(file)
    assert program.network is not None and program.data is not None
    batches = data.draw(data_for(program))
    sizes = [{len(tensor) for tensor in batch.values()} for batch in batches]
    assert all(len(found) == 1 for found in sizes)
    assert all(min(sizes[-1]) < min(found) for found in sizes[:-1])
    for batch in batches:
        assert list(batch) == list(program.data.names)
        for name, tensor in batch.items():
            type_ = program.network.node(name).type
            assert tensor.shape[1:] == type_.shape  # type: ignore[union-attr]
            assert (tensor.dtype == torch.float64) == (not isinstance(type_, Label) and type_.dtype == "f32")  # type: ignore[union-attr]


@pytest.mark.parametrize("wanted", ["relu", "batch_norm", "sequential"])
def test_programs_shrink(wanted: str) -> None:
    """The smallest program with some feature has that and the least data, and no block beside it."""

    def has(file: tree.File) -> bool:
        return any(wanted == getattr(node, "name", None) for node in walk(file)) and not errors(file)

    smallest = find(
        programs(), has, settings=settings(DRAWING, max_examples=1000, phases=[Phase.generate, Phase.shrink])
    )
    blocks = [clause for clause in smallest.clauses if isinstance(clause, tree.Block)]
    numbers = [node.value for block in blocks for node in walk(block) if isinstance(node, tree.Number)]
    assert len(blocks) <= 2 and max(numbers) <= 3, format_file(smallest)
    applied = {node.name for block in blocks for node in walk(block) if isinstance(node, tree.Call)}
    assert applied <= {wanted, "identity", "flatten", "linear"}, (
        "every other operation is gone, or nothing but `identity`"
    )


def test_what_fails_is_shown_as_a_program() -> None:
    """A property that fails shows its smallest program as one would write it."""

    @given(programs(rules=["backprop"]))
    @settings(max_examples=20, database=None, print_blob=False, suppress_health_check=list(HealthCheck))
    def fails(file: tree.File) -> None:
        raise AssertionError(legal(file).source.name)

    with pytest.raises(AssertionError) as caught:
        fails()
    notes = "\n".join(caught.value.__notes__)
    assert "learn all with backprop" in notes and "block readout = " in notes
