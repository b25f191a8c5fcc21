"""Which rule can train what: regions, every reason that stands against a rule, and the remedy that is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lpc
from lpc.passes.regions import Workshop, enclosed, form, same, topological
from lpc.rules.tracer import Region
from tests.passes.running import passed, program_of

HEAD = "network example\ndata x: f32[20], y: class[5] = synthetic(examples = 50)\n"
TAIL = "objective cross_entropy(readout, y)\n"
TRAIN = "train epochs = 1, batch = 10\n"
NET = f"{HEAD}block hidden = x -> linear(8) -> relu\nblock readout = hidden -> linear(5)\n{TAIL}"
DEEP = NET.replace("block readout = hidden", "block more = hidden -> linear(8) -> relu\nblock readout = more")
NUMBERS = NET.replace("y: class[5]", "y: f32[5]").replace("cross_entropy", "mse")
TEXT = (
    'network example\ndata x, y = text("some.txt", context = 4, classes = 5)\n'
    f"block hidden = x -> embedding(8)\nblock readout = hidden -> linear(5)\n{TAIL}"
)
FEW = NET.replace("f32[20]", "f32[4]")
ONE = NET.replace("class[5]", "class[1]").replace("linear(5)", "linear(1)")
CURVED = NET.replace("readout = hidden -> linear(5)", "readout = hidden -> linear(6) -> relu -> linear(5)")
SIDE = NET.replace("block readout", "block side = hidden -> linear(3)\nblock readout")
RANDOM = NET.replace("linear(8) -> relu", "linear(8) -> dropout(0.5)")
NORMED = NET.replace("linear(8) -> relu", "linear(8) -> batch_norm -> relu")
DEVICE = NET.replace("linear(8) -> relu", 'linear(8) -> opaque("device:Device", out = [8])')
NARROW = NET.replace("linear(8) -> relu", 'linear(8) -> relu -> opaque("device:Device", out = [3])')
OPAQUE = NET.replace("x -> linear(8) -> relu", 'x -> opaque("device:Device", out = [8])')

ILLEGAL = [
    ("no error comes", NET, "learn hidden with backprop\nlearn readout with mono_forward", "hidden", "none reaches"),
    ("no path leads", SIDE, "learn all with backprop", "side", "no path of backprop blocks"),
    ("no label", NUMBERS, "learn all with forward_forward", "hidden", "needs a class label"),
    ("labels of positions", TEXT, "learn all with cascaded_forward", "hidden", "one at each position"),
    (
        "no label to see",
        DEEP,
        "learn hidden with mono_forward\nlearn more, readout with forward_forward",
        "more",
        "no label",
    ),
    (
        "no room for the label",
        FEW,
        "learn all with forward_forward",
        "hidden",
        "fewer entries than there are classes (5)",
    ),
    ("no wrong label", ONE, "learn all with forward_forward", "hidden", "no wrong label"),
    (
        "no goodness",
        NET,
        "learn hidden with mono_forward\nlearn readout with forward_forward",
        "readout",
        "no goodness",
    ),
    (
        "no output block",
        NET,
        "learn hidden with cascaded_forward(blocks = dfa)\nlearn readout with backprop",
        "hidden",
        "needs the output block",
    ),
    (
        "no closed form",
        CURVED,
        "learn all with cascaded_forward(predictor = least_squares)",
        "readout",
        "a closed form",
    ),
    ("no transpose", DEEP, "learn all with direct_feedback_alignment(feedback = transpose)", "hidden", "no transpose"),
    ("drawn anew", RANDOM, "learn all with predictive_coding", "hidden", "again and again"),
    ("drawn at several states", RANDOM, "learn all with dual_propagation", "hidden", "several states"),
    ("examples that meet", NORMED, "learn all with dual_propagation", "hidden", "examples meet"),
    ("no derivative before the activation", OPAQUE, "learn all with dual_propagation", "hidden", "its blocks"),
    ("no derivative after it", NARROW, "learn all with dual_propagation", "hidden", "its upper part"),
    ("no derivative", OPAQUE, "learn all with mono_forward", "hidden", "without derivative"),
    (
        "no derivative for blocks",
        OPAQUE,
        "learn all with cascaded_forward(blocks = dfa)",
        "hidden",
        "without derivative",
    ),
]

LEGAL = [
    ("an error comes", NET, "learn all with backprop"),
    ("a local rule beside", SIDE, "learn side with mono_forward\nlearn rest with backprop"),
    ("labels of positions, a rule that takes them", TEXT, "learn all with mono_forward"),
    ("a run from the data on", DEEP, "learn hidden, more with forward_forward\nlearn readout with backprop"),
    ("any output block, by gradient", CURVED, "learn all with cascaded_forward"),
    ("one block below the output", NET, "learn all with direct_feedback_alignment(feedback = transpose)"),
    ("dropout where a forward pass is one", RANDOM, "learn all with mono_forward"),
    ("a black box for an activation", DEVICE, "learn all with dual_propagation"),
    ("a black box that stays frozen", OPAQUE, "learn all with cascaded_forward"),
    ("a black box, solved", OPAQUE, "learn all with cascaded_forward(predictor = least_squares)"),
    ("numbers for a target", NUMBERS, "learn all with mono_forward"),
]


@pytest.mark.parametrize(("text", "learn", "block", "reason"), [c[1:] for c in ILLEGAL], ids=[c[0] for c in ILLEGAL])
def test_says_which_block_and_why(text: str, learn: str, block: str, reason: str) -> None:
    _, errors = passed(f"{text}{learn}\n{TRAIN}")
    assert [error.code for error in errors] == ["LP320"]
    assert f"`{block}`" in errors[0].title_text
    assert reason in errors[0].label_text
    assert errors[0].help_text
    written = f"{text}{learn}\n"[errors[0].span.start : errors[0].span.end]
    assert any(written in line for line in learn.split("\n")), "the place is the `learn` line"


@pytest.mark.parametrize(("text", "learn"), [c[1:] for c in LEGAL], ids=[c[0] for c in LEGAL])
def test_what_is_legal_has_steps(text: str, learn: str) -> None:
    program = program_of(f"{text}{learn}\n{TRAIN}")
    assert program.plan.phases and program.costs.step.flops > 0


def test_every_error_of_a_program_is_found() -> None:
    learn = "learn hidden with backprop\nlearn more with forward_forward\nlearn readout with mono_forward"
    _, errors = passed(f"{DEEP}{learn}\n{TRAIN}")
    assert [error.code for error in errors] == ["LP320", "LP320"]


@pytest.mark.parametrize(("rate", "unusual"), [("1e-3", False), ("0.09", False), ("0.2", True), ("1e-6", True)])
def test_an_unusual_rate_is_warned_of(rate: str, unusual: bool) -> None:
    """Mono-Forward is known to work with Adam from 1e-4 to 1e-2."""
    found = lpc.check(f"{NET}learn all with mono_forward(lr = {rate})\n{TRAIN}", "example.lp").diagnostics
    assert [d.code for d in found] == ["LP920"] * unusual


# -- regions ------------------------------------------------------------------------------------------------------


@st.composite
def graphs(draw: st.DrawFn) -> str:
    """Blocks that read one or two of those before, each under one of three rules that need nothing."""
    rules = ["mono_forward", "mono_forward(predict = sum)", "cascaded_forward"]
    lines, learn, names = [], [], ["x"]
    for number in range(draw(st.integers(1, 6))):
        read = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
        source = read[0] if len(read) == 1 else f"concat({', '.join(read)})"
        lines.append(f"block b{number} = {source} -> linear(3)\n")
        learn.append(f"learn b{number} with {draw(st.sampled_from(rules))}\n")
        names.append(f"b{number}")
    lines.append(f"block readout = {names[-1]} -> linear(5)\n")
    learn.append(f"learn readout with {draw(st.sampled_from(rules))}\n")
    return HEAD + "".join(lines) + TAIL + "".join(learn) + TRAIN


@settings(max_examples=60)
@given(graphs())
def test_regions_are_the_largest_runs_of_neighbours_under_one_rule(text: str) -> None:
    program = program_of(text, until="assign")
    assert program.network is not None and program.objective is not None
    shop = Workshop.of(program.network, program.objective)
    regions = form(shop, program.uses)
    owner = {block.name: at for at, region in enumerate(regions) for block in region.run}
    assert sorted(owner) == sorted(program.uses)
    joined = {
        frozenset((name, block.name)) for block in program.network.blocks for name in block.inputs if name in owner
    }
    for region in regions:
        names = [block.name for block in region.run]
        assert len({program.uses[name].rule for name in names}) == 1
        reached, waiting = {names[0]}, [names[0]]
        while waiting:
            at = waiting.pop()
            near = [n for n in names if n not in reached and frozenset((n, at)) in joined]
            reached.update(near)
            waiting += near
        assert reached == set(names), "a region hangs together"
    for pair in joined:
        one, other = sorted(pair)
        if same(program.uses[one], program.uses[other]):
            assert owner[one] == owner[other], "neighbours under one rule are one region"
    check_order(shop, regions, owner)


def check_order(shop: Workshop, regions: Sequence[Region], owner: Mapping[str, int]) -> None:
    """Regions that wait for each other are found, and where there are none the order is one in which all can run."""
    reads = {(owner[b.name], owner[n]) for b in shop.network.blocks for n in b.inputs if n in owner}
    below = {at: {there for here, there in reads if here == at and there != at} for at in range(len(regions))}
    for _ in regions:
        below = {at: found.union(*(below[other] for other in found)) for at, found in below.items()}
    waiting = {at for at, found in below.items() if at in found}
    knots = enclosed(shop, regions)
    assert bool(knots) == bool(waiting)
    if not knots:
        done: set[int] = set()
        for region in topological(shop, regions):
            at = owner[region.run.blocks[0].name]
            assert below[at] <= done
            done.add(at)
