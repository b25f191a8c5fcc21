"""Mono-Forward: every block has a projection to class scores of its own and learns from its own cross-entropy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lpc.ir.op import Law as InitialLaw
from lpc.ir.step import Added, Value
from lpc.ir.types import Label
from lpc.rules.rule import Law, Phase, Rule, parameter
from lpc.rules.run import Run, RunBlock
from lpc.rules.tracer import Recorder

SOURCE = "Gong, Li, Abdulla 2025, arXiv 2501.09238"


@dataclass(frozen=True)
class MonoForward(Rule):
    name = "mono_forward"
    title = "Mono-Forward"
    summary = "Each block projects its activation to class scores and minimises its own loss on them; no gradient leaves a block."
    paper = "Gong, Li, Abdulla 2025, Mono-Forward: Backpropagation-Free Algorithm, arXiv 2501.09238"
    example = "learn all with mono_forward(predict = sum)"
    general = True
    local = True
    usual_rate = (1e-4, 1e-2)
    laws = (
        Law(
            "one block = backprop with a head",
            "A single block learns as backprop trains it with its projection as a bias-free output layer.",
            "exact",
            "one hidden block, same initial values and optimizer",
            SOURCE,
        ),
        Law(
            "rows of the projection's gradient sum to zero",
            "The sum of the projection's rows is conserved by SGD without decay.",
            "invariance",
            "cross-entropy, sgd without momentum or decay",
            "softmax minus one-hot sums to zero",
        ),
        Law(
            "blocks above do not matter",
            "A block's update does not change when blocks above it change.",
            "invariance",
            "any network",
            "the step",
        ),
    )

    predict: str = parameter(
        "last",
        "what predicts: the output block alone, or the sum of all projections and the output block",
        source=SOURCE,
        words=("last", "sum"),
    )

    def notes(self, run: Run) -> Iterator[str]:
        if not isinstance(run.target, Label):
            yield "the target is no class: projections are trained on the objective, which generalises the paper's cross-entropy"

    def projection(self, run: Run, block: RunBlock) -> Added:
        """M (classes x features), drawn by the law of a linear layer's weight; no bias."""
        features = run.features(block)
        law = InitialLaw("uniform", features**-0.5)
        return run.added(
            block, "projection", (run.outputs, features), law, "from activation to class scores", trained=True
        )

    def adds(self, run: Run) -> Sequence[Added]:
        return [self.projection(run, block) for block in run.hidden]

    def step(self, s: Recorder, run: Run, phase: Phase) -> None:
        for block in run:
            h = s.fwd(block)
            if block.is_output:
                gradients, _ = s.vjp(h, s.grad(s.objective(h, of=block), h))
            else:
                head = run.head(block, self.projection(run, block))
                scores = s.head(head, h)
                head_gradients, (local_error,) = s.vjp(scores, s.grad(s.local_objective(scores, of=block), scores))
                gradients, _ = s.vjp(h, local_error)
                s.update(head, head_gradients)
            s.update(block, gradients)

    def infer(self, s: Recorder, run: Run) -> Value | None:
        total: Value | None = None
        for block in run:
            h = s.fwd(block)
            if self.predict == "sum" and run.output is not None:
                scores = h if block.is_output else s.head(run.head(block, self.projection(run, block)), h)
                total = scores if total is None else s.map("add", total, scores, name="total")
        return total
