"""Direct random target projection: a fixed random matrix of the label teaches each hidden block, without any error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from lpc.ir.op import Law as InitialLaw
from lpc.ir.step import Added
from lpc.rules.rule import Phase, Rule, parameter
from lpc.rules.run import Run, RunBlock
from lpc.rules.tracer import Recorder

PAPER = "Frenkel, Lefebvre, Bol 2021, Frontiers in Neuroscience 15, arXiv 1909.01311"
CODE = "the authors' code, ChFrenkel/DirectRandomTargetProjection"


@dataclass(frozen=True)
class TargetProjection(Rule):
    """For a hidden block h with matrix B, and one-hot labels Y (n in all), Y B / n stands in for the gradient at h.

    B is symmetric about 0, so the paper's sign and its contrary are the same rule. Its code leaves 1 / n out for hidden blocks.
    Blocks should saturate (tanh): what drives them never ends, and with relu they grow without bound.
    """

    name = "target_projection"
    title = "Direct random target projection"
    summary = (
        "The label, times a fixed random matrix of the block, stands in for the gradient at a hidden block's output."
    )
    paper = PAPER
    example = "learn all with target_projection"
    local = True
    needs_label = True

    scale: float = parameter(
        1.0, "multiplies the matrices, U(±√(6 / width)); 0: only the output learns", source=CODE, least=0.0
    )

    def matrix(self, run: Run, block: RunBlock) -> Added:
        """Labels x outputs, of one position where both have the same positions, else in all."""
        label, output = (*run.positions, run.outputs), block.unit.output
        same = len(label) > 1 and label[:-1] == output[:-1]
        shape = (label[-1], output[-1]) if same else (prod(label), prod(output))
        law = InitialLaw("uniform", self.scale * (6 / shape[1]) ** 0.5 / prod(run.positions))
        return run.added(block, "matrix", shape, law, "carries the label to the block", trained=False)

    def adds(self, run: Run) -> Sequence[Added]:
        return [self.matrix(run, block) for block in run.hidden]

    def step(self, s: Recorder, run: Run, phase: Phase) -> None:
        label = s.map("averaged", s.map("one_hot", s.target, classes=run.outputs), name="label")
        for block in run:
            h = s.fwd(block)
            taught = None if block.is_output else s.feedback(label, s.get(self.matrix(run, block)), block)
            gradients, _ = s.vjp(h, taught or s.grad(s.objective(h, of=block), h))
            s.update(block, gradients)
