"""Backpropagation: the objective's gradient through every block of the run. The baseline of every comparison."""

from __future__ import annotations

from dataclasses import dataclass

from lpc.rules.law import PERCEPTRON, SMOOTH, Networks, Trial, law
from lpc.rules.rule import Control, Phase, Rule
from lpc.rules.run import Run
from lpc.rules.tracer import Recorder


@law("backprop = autograd", kind="exact", source="definition", networks=Networks(ops=SMOOTH))
def is_the_gradient(trial: Trial) -> None:
    """Every update is against the gradient of the objective."""
    learning = [name for name in trial.blocks if trial.weights(name)]
    trial.descends("backprop", dict.fromkeys(learning, trial.output))


@law(
    "one block or many", kind="exact", when="blocks that follow each other", source="chain rule",
    networks=Networks(ops=PERCEPTRON),
)  # fmt: skip
def cuts_do_not_matter(trial: Trial) -> None:
    """Where a network is cut into blocks changes nothing, since gradients cross the edges inside a run."""
    trial.needs(len(trial.blocks) > 1, "there is one block")
    parts = trial.learn("backprop")
    trial.same(trial.learn("backprop", start=parts.before, joined=True), parts)


@dataclass(frozen=True)
class Backprop(Rule):
    name = "backprop"
    title = "Backpropagation"
    summary = "One global error, handed down through the transposed weights of every block."
    paper = "Rumelhart, Hinton, Williams 1986, Learning representations by back-propagating errors, Nature 323"
    example = "learn all with backprop"
    general = True
    needs_error = True
    usual_rate = (1e-4, 1e-2)
    laws = (is_the_gradient, cuts_do_not_matter)
    controls = (Control("backprop", "backprop", "the baseline", baseline=True),)

    def step(self, s: Recorder, run: Run, phase: Phase) -> None:
        h = s.forward(run)
        assert run.output is not None
        out = h[run.output.name]
        error = s.flow()
        error.add(out, s.grad(s.objective(out, of=run.output), out))
        for block in reversed(run):
            gradients, below = s.vjp(h[block.name], error[h[block.name]])
            s.update(block, gradients)
            error.give(h[block.name], below)
