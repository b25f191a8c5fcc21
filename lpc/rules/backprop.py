"""Backpropagation: the objective's gradient through every block of the run. The baseline of every comparison."""

from __future__ import annotations

from dataclasses import dataclass

from lpc.rules.law import PERCEPTRON, SMOOTH, Arrays, Networks, Trial, law, needs_perceptron, operations_of
from lpc.rules.rule import Control, Phase, Rule
from lpc.rules.run import Run
from lpc.rules.tracer import Recorder


@law("backprop = autograd", kind="exact", source="definition", networks=Networks(ops=SMOOTH))
def is_the_gradient(trial: Trial) -> None:
    """Every update is against the gradient of the objective."""
    learning = [name for name in trial.blocks if trial.weights(name)]
    trial.descends("backprop", dict.fromkeys(learning, trial.output))


@law(
    "one block or many", kind="exact", when="blocks that follow each other, no dropout", source="chain rule",
    networks=Networks(ops=PERCEPTRON),
)  # fmt: skip
def cuts_do_not_matter(trial: Trial) -> None:
    """Where a network is cut into blocks changes nothing, since gradients cross the edges inside a run."""
    trial.needs(len(trial.blocks) > 1, "there is one block")
    trial.needs(
        "dropout" not in operations_of(trial, trial.blocks), "what dropout leaves out hangs on its block's name"
    )
    parts = trial.learn("backprop")
    trial.same(trial.learn("backprop", start=parts.before, joined=True), parts)


@law(
    "the order of hidden units does not matter", kind="invariance",
    when="blocks that follow each other, the lower two of linear operations and activations",
    source="the sum over units", networks=Networks(ops=PERCEPTRON, blocks=2),
)  # fmt: skip
def units_reordered(trial: Trial) -> None:
    """With a block's units in another order, in its rows and in the columns above, what is learned is the same in that order."""
    trial.needs(trial.is_chain and bool(trial.hidden), "the blocks do not follow each other one by one")
    needs_perceptron(trial, trial.blocks[:2])
    found = trial.learn("backprop")
    below, above = ([n for n in trial.weights(block) if n.endswith(".weight")] for block in trial.blocks[:2])
    trial.needs(bool(below) and bool(above), "a block has no linear")
    rows, columns = below[-1].removesuffix("weight"), above[0]
    trial.needs(
        found.before[below[-1]].shape[0] == found.before[columns].shape[-1],
        "a block's units are not what the next reads",
    )

    def reordered(arrays: Arrays) -> Arrays:
        turned = {n: v[::-1].copy() if n.startswith(rows) else v for n, v in arrays.items()}
        return {**turned, columns: turned[columns][:, ::-1].copy()}

    other = trial.learn("backprop", start=reordered(found.before))
    for name, value in reordered(found.after).items():
        trial.equal(f"`{name}`, the units reversed", other.after[name], value)


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
    laws = (is_the_gradient, cuts_do_not_matter, units_reordered)
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
