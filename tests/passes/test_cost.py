"""The cost model against what generated scripts do: floating-point operations to the last one, memory roughly."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from lpc.codegen.order import turns
from lpc.codegen.script import print_script
from lpc.ir.program import Program
from lpc.laws.counting import Products, products
from lpc.laws.validation import load_script
from lpc.passes.cost import node_flops, used_ports
from tests.passes.running import program_of

BATCH = 8
TAIL = f"objective cross_entropy(readout, y)\nlearn all with {{}}\ntrain epochs = 1, batch = {BATCH}, optimizer = sgd(lr = 0.1)\n"
MLP = (
    "network dense\ndata x: f32[20], y: class[5] = synthetic(examples = 20)\n"
    "block hidden1 = x -> linear(16)\nblock hidden2 = hidden1 -> linear(12) -> linear(14)\n"
    "block hidden3 = concat(hidden1, hidden2) -> linear(9)\nblock readout = hidden3 -> linear(5)\n" + TAIL
)
CONV = (
    "network images\ndata x: f32[2, 12, 12], y: class[5] = synthetic(examples = 20)\n"
    "block hidden1 = x -> conv(6, kernel = 3)\nblock hidden2 = hidden1 -> conv(8, kernel = 3, stride = 2, padding = 1)\n"
    "block hidden3 = hidden2 -> conv_transpose(3, kernel = 2, stride = 2) -> conv(4, kernel = 3, dilation = 2)\n"
    "block readout = hidden3 -> flatten -> linear(5)\n" + TAIL
)
TEXT = (
    'network text\ndata x, y = text("some.txt", context = 6, classes = 5)\n'
    "block hidden1 = x -> embedding(8)\nblock hidden2 = hidden1 -> linear(7) -> linear(9)\n"
    "block readout = hidden2 -> linear(classes(y))\n" + TAIL
)
INPUTS: Mapping[str, Callable[[], tuple[torch.Tensor, torch.Tensor]]] = {
    MLP: lambda: (torch.rand(BATCH, 20), torch.randint(0, 5, (BATCH,))),
    CONV: lambda: (torch.rand(BATCH, 2, 12, 12), torch.randint(0, 5, (BATCH,))),
    TEXT: lambda: (torch.randint(0, 5, (BATCH, 6)), torch.randint(0, 5, (BATCH, 6))),
}
STRICT = "predictive_coding(prediction = strict, iterations = 3)"
OF_POSITIONS = ["backprop", "mono_forward", "direct_feedback_alignment", "feedback_alignment", STRICT]
OF_LABELS = [
    *OF_POSITIONS,
    "feedback_alignment(feedback = learned)",
    "forward_forward",
    "forward_forward(predict = head)",
    "cascaded_forward",
    "cascaded_forward(blocks = dfa)",
    "cascaded_forward(predictor = least_squares)",
]
EMBEDDING = 6 * 8
"""The additions of an embedding's gradient, an example: no product."""

CASES = [
    (text, rule, beside)
    for text, rules, beside in ((MLP, OF_LABELS, 0), (CONV, OF_LABELS, 0), (TEXT, OF_POSITIONS, EMBEDDING))
    for rule in rules
]


def ready(program: Program) -> Iterator[tuple[Any, Any, Callable[[torch.Tensor, torch.Tensor], None]]]:
    """Of every phase of a program: its turn, the script's phase, and a step on a batch."""
    script: Any = load_script(print_script(program).text)
    net = script.Network()
    script.initialise(net)
    script.add_learning_parameters(net)
    for turn, phase in zip(turns(program), script.TASK.phases, strict=True):
        optimizers = phase.optimizers(net)
        phase.mode(net)

        def step(x: torch.Tensor, y: torch.Tensor, phase: Any = phase, optimizers: Any = optimizers) -> None:
            phase.step(net, optimizers, x, y, 0)

        yield turn, phase, step
        if phase.finish is not None:
            phase.finish(net)


@pytest.mark.parametrize(("text", "rule", "beside"), CASES)
def test_operations_are_those_of_the_script(text: str, rule: str, beside: int) -> None:
    for turn, phase, step in ready(program_of(text.format(rule))):
        with Products() as counted:
            step(*INPUTS[text]())
        modelled = products(turn.phase.nodes, used_ports(turn.phase.nodes))
        assert counted.flops == BATCH * (modelled - beside) > 0
        assert phase.flops == turn.flops >= modelled


def test_operations_of_parts_are_those_of_the_script() -> None:
    """Both graphs of a block, at the forward values and at the states' means: the second is recorded for its weights alone."""
    text = (
        MLP.replace("linear(16)", "linear(16) -> tanh")
        .replace("linear(14)", "linear(14) -> relu")
        .replace("linear(9)", "linear(9) -> sigmoid")
    )
    ((turn, _, step),) = ready(program_of(text.format("dual_propagation")))
    with Products() as counted:
        step(*INPUTS[MLP]())
    elsewhere = sum(
        node_flops(node, used_ports(turn.phase.nodes))
        for node in turn.phase.nodes
        if node.unit is not None and node.unit.part == "activation"
    )
    assert counted.flops == BATCH * (products(turn.phase.nodes, used_ports(turn.phase.nodes)) - elsewhere) > 0


@pytest.mark.parametrize("rule", ["predictive_coding", "predictive_coding(rate = 0.5, iterations = 6)"])
def test_fixed_prediction_pulls_once_more(rule: str) -> None:
    """The last backward call also fills the gradients of the values that the relaxation pulled to: nobody reads them."""
    ((turn, _, step),) = ready(program_of(MLP.format(rule)))
    with Products() as counted:
        step(*INPUTS[MLP]())
    modelled = products(turn.phase.nodes, used_ports(turn.phase.nodes))
    once = 2 * (16 * 12 + (16 + 14) * 9 + 9 * 5)
    assert BATCH * modelled <= counted.flops <= BATCH * (modelled + once)


# -- memory -------------------------------------------------------------------------------------------------------

ROWS = 1024
CHAIN = (
    "network chain\ndata x: f32[64], y: class[5] = synthetic(examples = 20)\n"
    "block hidden[{}] = x -> linear(64) -> gelu\nblock readout = hidden -> linear(5)\nobjective cross_entropy(readout, y)\n"
    f"learn all with {{}}\ntrain epochs = 1, batch = {ROWS}, optimizer = sgd(lr = 0.1)\n"
)
ACTIVATION = 4 * 64 * ROWS


def most_held(step: Callable[[], None], folder: Path) -> int:
    """Bytes that torch's allocator held at most during a call, beyond what stood before it."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        step()
    profiled.export_chrome_trace(str(folder / "trace.json"))
    events = json.loads((folder / "trace.json").read_text())["traceEvents"]
    changes = [event["args"] for event in events if event.get("name") == "[memory]"]
    before = int(changes[0]["Total Allocated"]) - int(changes[0]["Bytes"])
    return max(int(change["Total Allocated"]) for change in changes) - before


@pytest.mark.parametrize(
    ("rule", "short"),
    [
        ("backprop", 0.9),
        ("feedback_alignment", 0.9),
        ("direct_feedback_alignment", 0.6),
        ("dual_propagation", 0.35),
        ("mono_forward", 0.6),
        ("forward_forward", 0.4),
    ],
)
def test_memory_is_about_that_of_the_script(rule: str, short: float, tmp_path: Path) -> None:
    """A gelu keeps its input, so all that the model counts is kept. It counts no temporaries of a backward call, and nothing
    that a name holds longer than it is needed: `short` is how much of what is held it sees at least.
    """
    for depth in (3, 9):
        program = program_of(CHAIN.format(depth, rule))
        ((_, _, step),) = ready(program)
        x, y = torch.rand(ROWS, 64), torch.randint(0, 5, (ROWS,))
        step(x, y)
        held = most_held(partial(step, x, y), tmp_path)
        assert short * held <= program.costs.transient_at_once <= 1.1 * held


def test_local_blocks_need_memory_for_one_of_them() -> None:
    deep = {
        rule: [program_of(CHAIN.format(n, rule)).costs.transient_at_once for n in (3, 30)]
        for rule in ("mono_forward", "backprop")
    }
    assert deep["mono_forward"][0] == deep["mono_forward"][1]
    assert deep["backprop"][1] == deep["backprop"][0] + 27 * 2 * ACTIVATION
