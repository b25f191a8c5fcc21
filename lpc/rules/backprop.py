"""Backpropagation: the objective's gradient through every block of the run. The baseline of every comparison."""

from __future__ import annotations

from dataclasses import dataclass

from lpc.rules.rule import Law, Phase, Rule
from lpc.rules.run import Run
from lpc.rules.tracer import Recorder


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
    laws = (
        Law(
            "backprop = autograd",
            "The update is the gradient of the objective.",
            "exact",
            "any differentiable run",
            "definition",
        ),
        Law(
            "one block or many",
            "Splitting a run into blocks changes nothing, since gradients cross the edges inside a run.",
            "exact",
            "any run",
            "chain rule",
        ),
    )

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
