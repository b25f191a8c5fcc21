"""Rules of no package, some of them wrong on purpose: what `check_rule` must find, and what it must let pass."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from lpc.ir.op import Law as InitialLaw
from lpc.ir.step import Added
from lpc.rules.backprop import Backprop
from lpc.rules.rule import Phase, Rule, parameter
from lpc.rules.run import Run, RunBlock
from lpc.rules.tracer import Recorder


@dataclass(frozen=True)
class Plain(Rule):
    """What rules here have in common."""

    title = "A rule of a test"
    summary = "Only for a test."
    paper = "none"
    example = "learn all with backprop"


@dataclass(frozen=True)
class Projected(Plain):
    """A fixed random projection of the label stands in for the error of hidden blocks: sound, and registered nowhere."""

    name = "projected"
    needs_error = True
    needs_label = True
    scale: float = parameter(0.5, "multiplies the projected label", source="this test", least=0.0)

    def projection(self, run: Run, block: RunBlock) -> Added:
        law = InitialLaw("uniform", run.outputs**-0.5)
        return run.added(block, "projection", (run.outputs, block.width), law, "from label to block", trained=False)

    def adds(self, run: Run) -> Sequence[Added]:
        return [self.projection(run, block) for block in run.hidden]

    def step(self, s: Recorder, run: Run, phase: Phase) -> None:
        h = s.forward(run)
        assert run.output is not None
        out = h[run.output.name]
        error = s.grad(s.objective(out, of=run.output), out)
        label = s.cross(s.map("one_hot", s.target, classes=run.outputs) * self.scale, "output")
        for block in run:
            signal = error if block.is_output else s.feedback(label, s.get(self.projection(run, block)), block)
            gradients, _ = s.vjp(h[block.name], signal)
            s.update(block, gradients)


@dataclass(frozen=True)
class SeesAll(Plain):
    """Says that it is local, and is backprop."""

    name = "sees_all"
    local = True
    needs_error = True
    step = Backprop.step


@dataclass(frozen=True)
class Undrawn(Plain):
    """Draws a number that has no name."""

    name = "undrawn"
    needs_error = True

    def step(self, s: Recorder, run: Run, phase: Phase) -> None:
        h = s.forward(run)
        assert run.output is not None
        out = h[run.output.name]
        error = s.grad(s.objective(out, of=run.output), out) * random.random()
        s.update(run.output, s.vjp(out, error)[0])


@dataclass(frozen=True)
class Unfinished(Plain):
    """Fails while it is traced over a block that is not the output block."""

    name = "unfinished"
    needs_error = True

    def step(self, s: Recorder, run: Run, phase: Phase) -> None:
        s.forward(run)
        if run.hidden:
            raise ValueError("nobody has written this")


@dataclass(frozen=True)
class Uphill(Rule):
    """Backprop that moves weights along the gradient: it stands in for backprop, whose law it breaks."""

    name = "backprop"
    title, summary, paper, example = Backprop.title, Backprop.summary, Backprop.paper, Backprop.example
    needs_error = True
    laws = Backprop.laws

    def step(self, s: Recorder, run: Run, phase: Phase) -> None:
        h = s.forward(run)
        assert run.output is not None
        out = h[run.output.name]
        error = s.flow()
        error.add(out, -s.grad(s.objective(out, of=run.output), out))
        for block in reversed(run):
            gradients, below = s.vjp(h[block.name], error[h[block.name]])
            s.update(block, gradients)
            error.give(h[block.name], below)
