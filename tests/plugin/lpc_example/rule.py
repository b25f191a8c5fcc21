"""Direct random target projection: a fixed random matrix of the label teaches each hidden block, without any error."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from lpc.ir.op import Law as Drawn
from lpc.ir.step import Added
from lpc.laws import Trial, law
from lpc.rules.rule import Phase, Rule, parameter
from lpc.rules.run import Run, RunBlock
from lpc.rules.tracer import Recorder

PAPER = "Frenkel, Lefebvre, Bol 2021, Frontiers in Neuroscience 15, arXiv 1909.01311"


@law("no error comes down", kind="invariance", source=PAPER)
def no_error(trial: Trial) -> None:
    """A hidden block learns the same whatever the blocks above it hold."""
    trial.needs(bool(trial.hidden), "there is no hidden block")
    first, *above = trial.blocks
    found = trial.learn("target_projection")
    turned = {name: -value for name, value in found.before.items() if name.partition(".")[0] in above}
    trial.same(trial.learn("target_projection", start=turned), found, [first])


@dataclass(frozen=True)
class TargetProjection(Rule):
    """For a hidden block h with matrix B and n one-hot labels Y, Y B / n stands in for the gradient at h."""

    name = "target_projection"
    title = "Direct random target projection"
    summary = "A fixed random projection of the label stands in for the gradient at each hidden block's output."
    paper = PAPER
    example = "learn all with target_projection"
    local = True
    needs_label = True
    laws = (no_error,)

    scale: float = parameter(1.0, "multiplies the matrices, U(±√(6 / width))", source="the authors' code", least=0.0)

    def matrix(self, run: Run, block: RunBlock) -> Added:
        shape = (run.outputs * prod(run.positions), block.width)
        drawn = Drawn("uniform", self.scale * (6 / block.width) ** 0.5)
        return run.added(block, "matrix", shape, drawn, "carries the label to the block", trained=False)

    def adds(self, run: Run) -> Sequence[Added]:
        return [self.matrix(run, block) for block in run.hidden]

    def step(self, s: Recorder, run: Run, phase: Phase) -> None:
        label = s.map("averaged", s.map("one_hot", s.target, classes=run.outputs), name="label")
        for block in run:
            h = s.fwd(block)
            taught = None if block.is_output else s.feedback(label, s.get(self.matrix(run, block)), block)
            gradients, _ = s.vjp(h, taught or s.grad(s.objective(h, of=block), h))
            s.update(block, gradients)
