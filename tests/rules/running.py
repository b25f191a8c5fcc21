"""A rule on a small perceptron, three ways: the interpreter, the generated script, and the oracle in numpy."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

from lpc.codegen.script import print_script
from lpc.diagnostics import Report
from lpc.interpret.interpreter import Interpreter
from lpc.ir.program import Program
from lpc.laws.validation import interpreter_of, load_script
from lpc.passes.pipeline import run
from lpc.runtime.random import RANDOM
from lpc.source import Source
from lpc.syntax.parse import parse
from tests.rules.oracles.network import Activation, Array, Batches, Labels, Loss, OptimizerName, Params
from tests.rules.samples import ACTIVATIONS, batch

SEED = 3


@dataclass(frozen=True)
class Case:
    """A perceptron, its loss and optimizer, and how many rows the batches have that it trains on."""

    sizes: tuple[int, ...] = (7, 6, 5, 3)
    activation: Activation = "relu"
    loss: Loss = "cross_entropy"
    optimizer: OptimizerName = "sgd"
    bias: bool = True
    rows: tuple[int, ...] = (8, 8, 3)

    @property
    def lr(self) -> float:
        return 0.2 if self.optimizer == "sgd" else 0.01

    @property
    def layers(self) -> list[str]:
        return [*(f"hidden{at}" for at in range(1, len(self.sizes) - 1)), "readout"]

    def text(self, rule: str) -> str:
        """The program that trains it by a rule."""
        bias = "" if self.bias else ", bias = false"
        lines, below = [], "x"
        for layer, width in zip(self.layers, self.sizes[1:], strict=True):
            activation = "" if layer == "readout" or self.activation == "identity" else f" -> {self.activation}"
            lines.append(f"block {layer} = {below} -> linear({width}{bias}){activation}\n")
            below = layer
        target = f"class[{self.sizes[-1]}]" if self.loss == "cross_entropy" else f"f32[{self.sizes[-1]}]"
        return (
            f"network probe\ndata x: f32[{self.sizes[0]}], y: {target} = synthetic(examples = 20)\n{''.join(lines)}"
            f"objective {self.loss}(readout, y)\nlearn all with {rule}\n"
            f"train epochs = 1, batch = {self.rows[0]}, optimizer = {self.optimizer}(lr = {self.lr})\n"
        )

    def batches(self) -> Batches:
        return [batch(rows, self.sizes, self.loss, seed) for seed, rows in enumerate(self.rows)]

    def unseen(self) -> Array:
        return batch(5, self.sizes, self.loss, 99)[0]


@st.composite
def cases(draw: st.DrawFn, losses: Sequence[Loss] = ("cross_entropy",), least: int = 1) -> Case:
    """Perceptrons of one to three hidden blocks. `least`: how many times more inputs than outputs there must be."""
    outputs = draw(st.integers(2, 4))
    hidden = draw(st.lists(st.integers(1, 7), min_size=1, max_size=3))
    sizes = (draw(st.integers(least * outputs, 8)), *hidden, outputs)
    rows = draw(st.integers(2, 6))
    return Case(
        sizes,
        draw(st.sampled_from(ACTIVATIONS)),
        draw(st.sampled_from(losses)),
        draw(st.sampled_from(("sgd", "adam"))),
        draw(st.booleans()),
        (rows, rows, draw(st.integers(1, rows))),
    )


def compiled(text: str, name: str = "probe.lp") -> Program:
    """The program of a text that must be sound."""
    source, report = Source(name, text), Report()
    program = run(Program(source, parse(source, report)), report)
    assert not report.errors, [f"{d.code} {d.title_text} {d.label_text}" for d in report.errors]
    return program


@contextmanager
def exactly() -> Generator[None]:
    """Everything in float64, from one seed."""
    before = torch.get_default_dtype(), RANDOM.seed
    torch.set_default_dtype(torch.float64)
    RANDOM.seed = SEED
    try:
        yield
    finally:
        torch.set_default_dtype(before[0])
        RANDOM.seed = before[1]


@dataclass(frozen=True)
class Trained:
    """State by name before and after training, and predictions on rows not trained on."""

    before: Params
    after: Params
    scores: Array


def tensors(rows: tuple[Array, Labels]) -> dict[str, torch.Tensor]:
    return {"x": torch.tensor(rows[0]), "y": torch.tensor(rows[1])}


def arrays(state: Mapping[str, torch.Tensor]) -> Params:
    return {name: tensor.detach().double().numpy().copy() for name, tensor in state.items()}


def interpreted(program: Program, batches: Batches, unseen: Array, start: Params | None = None) -> Trained:
    """Every phase on every batch, by the reference interpreter; `start`: initial values instead of drawn ones."""
    with exactly():
        made: Interpreter = interpreter_of(program)
        made.state |= {name: torch.tensor(value) for name, value in (start or {}).items()}
        before = arrays(made.state)
        for phase in made.traced.phases:
            made.begin(phase)
            for step, rows in enumerate(batches):
                made.step(phase, tensors(rows), step)
            made.finish(phase)
        return Trained(before, arrays(made.state), made.predict({"x": torch.tensor(unseen)}).numpy())


def scripted(program: Program, batches: Batches, unseen: Array) -> Trained:
    """The same by the generated script."""
    script: Any = load_script(print_script(program).text)
    with exactly():
        script.RANDOM.seed = SEED
        net = script.Network()
        script.initialise(net)
        script.add_learning_parameters(net)
        before = arrays(script.state(net))
        for phase in script.TASK.phases:
            optimizers = phase.optimizers(net)
            for step, rows in enumerate(batches):
                phase.mode(net)
                phase.step(net, optimizers, *tensors(rows).values(), step)
            if phase.finish is not None:
                phase.finish(net)
        net.eval()
        with torch.no_grad():
            return Trained(before, arrays(script.state(net)), net(torch.tensor(unseen)).numpy())


def check(
    case: Case,
    rule: str,
    train: Callable[..., Params],
    scores: Callable[..., Array],
    options: Mapping[str, Any] | None = None,
    scoring: Mapping[str, Any] | None = None,
) -> Trained:
    """Interpreter and script, from the same initial values and on the same batches, end where the oracle ends.

    options, scoring: what the oracle's `train` and `scores` are called with, besides what the case says.
    """
    program, batches, unseen = compiled(case.text(rule)), case.batches(), case.unseen()
    ours = interpreted(program, batches, unseen)
    sums = {added.name for added in program.plan.added if added.dtype == "f64"}
    params = {name: value for name, value in ours.before.items() if name not in sums}
    trained = train(params, batches, case.layers, case.activation, case.lr, optimizer=case.optimizer, **(options or {}))
    expected = scores(trained, unseen, case.layers, case.activation, **(scoring or {}))
    for made in (ours, scripted(program, batches, unseen)):
        assert made.before.keys() - sums == made.after.keys() - sums == trained.keys()
        for name, value in trained.items():
            assert_close(made.before[name], params[name], f"{name} before training")
            assert_close(made.after[name], value, name)
        assert_close(made.scores, expected, "scores")
    return replace(ours, before=params, after=trained)


def assert_close(made: Array, expected: Array, name: str, tolerance: float = 1e-9) -> None:
    """Equal to `tolerance` of the largest entry."""
    assert made.shape == expected.shape, name
    size = max(float(np.abs(expected).max(initial=0.0)), 1e-6)
    np.testing.assert_allclose(made, expected, rtol=0, atol=tolerance * size, err_msg=name)
