"""Mono-Forward: every block has a projection to class scores of its own and learns from its own cross-entropy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lpc.ir.op import Law as InitialLaw
from lpc.ir.step import Added, Value
from lpc.ir.types import Label
from lpc.rules.by_hand import flat
from lpc.rules.law import PERCEPTRON, Array, Arrays, Batch, Learned, Networks, Trial, added, law, needs_plain
from lpc.rules.rule import Phase, Rule, parameter
from lpc.rules.run import Run, RunBlock
from lpc.rules.tracer import Recorder

SOURCE = "Gong, Li, Abdulla 2025, arXiv 2501.09238"
PROJECTION = "mono_forward.projection"


@law(
    "one block = backprop with a head", kind="exact", when="one hidden block, a linear readout, one step", source=SOURCE,
    networks=Networks(ops=PERCEPTRON, blocks=1),
)  # fmt: skip
def one_block(trial: Trial) -> None:
    """A block and its projection learn as backprop trains the block with the projection as its output layer."""
    trial.needs(len(trial.hidden) == 1 and trial.is_chain, "there is not just one hidden block")
    (block,) = trial.hidden
    found = trial.learn("mono_forward", steps=1)
    projection = f"{block}.mono_forward.projection"
    weight = next(
        (name for name in trial.weights(trial.output) if found.before[name].shape == found.before[projection].shape), ""
    )
    linear = [operation for operation in trial.operations(trial.output) if operation != "flatten"] == ["linear"]
    trial.needs(bool(weight) and linear, "the readout is no linear of the block's output")
    readout = {name: 0 * found.before[name] for name in trial.weights(trial.output)}
    exact = trial.learn("backprop", start={**readout, weight: found.before[projection]}, steps=1)
    for name in trial.weights(block):
        trial.equal(f"`{name}`", found.after[name], exact.after[name])
    trial.equal(f"`{projection}`", found.after[projection], exact.after[weight])


@law(
    "rows of the projection's gradient sum to zero", kind="invariance", when="cross-entropy, sgd without decay",
    source="softmax minus one-hot sums to zero",
)  # fmt: skip
def rows_sum_to_zero(trial: Trial) -> None:
    """The sum of a projection's rows is conserved by plain gradient descent."""
    trial.needs(trial.loss == "cross_entropy", "errors of other losses do not sum to zero")
    found = trial.learn("mono_forward")
    projections = [name for name in found.before if name.endswith(".mono_forward.projection")]
    trial.needs(bool(projections), "there is no hidden block")
    for name in projections:
        trial.equal(f"the sum of the rows of `{name}`", found.after[name].sum(0), found.before[name].sum(0))


@law(
    "the order of classes does not matter", kind="invariance", when="a class label", source="the step",
    networks=Networks(ops=PERCEPTRON, labelled=True),
)  # fmt: skip
def classes_reordered(trial: Trial) -> None:
    """With the classes in another order, in labels, projections and the readout's rows, what is learned is the same in that order."""
    trial.needs(trial.classes > 0 and bool(trial.target), "the target is no label")
    found = trial.learn("mono_forward")
    weights = [name for name in trial.weights(trial.output) if name.endswith(".weight")]
    trial.needs(
        bool(weights) and found.before[weights[-1]].shape[0] == trial.classes, "no linear ends the output block"
    )
    last = weights[-1].removesuffix("weight")

    def reordered(arrays: Arrays) -> Arrays:
        return {n: v[::-1].copy() if n.startswith(last) or n.endswith(PROJECTION) else v for n, v in arrays.items()}

    batches = [{**batch, trial.target: trial.classes - 1 - batch[trial.target]} for batch in trial.batches]
    other = trial.learn("mono_forward", start=reordered(found.before), batches=batches)
    for name, value in reordered(found.after).items():
        trial.equal(f"`{name}`, the classes reversed", other.after[name], value)


@law("blocks above do not matter", kind="invariance", source="the step")
def blocks_above(trial: Trial) -> None:
    """A block's update does not change when blocks above it change."""
    trial.needs(len(trial.blocks) > 1, "there is one block")
    first, *above = trial.blocks
    found = trial.learn("mono_forward")
    turned = {name: -value for name, value in found.before.items() if name.partition(".")[0] in above}
    trial.same(trial.learn("mono_forward", start=turned), found, [first])


@law("every block descends its own loss", kind="exact", when="the step's forward pass is inference's", source=SOURCE)
def own_losses(trial: Trial) -> None:
    """A hidden block logs the objective of its projected output, G = M h, and the output block that of its own output, against whose
    gradient it moves.
    """
    needs_plain(trial)
    start, batch = trial.learn("mono_forward", steps=0), trial.batches[0]
    trial.equal("the number of projections", len(added(start, PROJECTION)), len(trial.hidden))
    found = trial.learn("mono_forward", steps=1)
    losses = found.losses[0]
    for block in trial.blocks:
        loss = trial.loss_of(_scores(trial, start, block, batch), batch)
        trial.equal(f"the loss of `{block}`", losses[block], loss)
    out = trial.outputs(trial.output, start, batch)
    gradients, _ = trial.pull(trial.output, start, batch, trial.error_of(out, batch))
    for name, gradient in gradients.items():
        trial.equal(f"the move of `{name}`", found.moves[name], -0.1 * gradient)


@law("goodness scores are summed", kind="exact", source=SOURCE)
def predictions(trial: Trial) -> None:
    """With predict = sum the prediction is the sum of all blocks' scores, with predict = last, or an output block that learns by
    backprop, the output block's alone.
    """
    start = trial.learn("mono_forward", steps=0)
    last = trial.outputs(trial.output, start, trial.unseen)
    trial.equal("the prediction by the output block", start.scores, last)
    for use in ("mono_forward", "mono_forward(predict = sum)"):
        beside = trial.learn(use, others={trial.output: "backprop"}, steps=1)
        trial.equal(
            "the prediction by an output block of backprop", beside.scores, trial.learn("mono_forward", steps=1).scores
        )
    total = sum(flat(_scores(trial, start, block, trial.unseen)) for block in trial.blocks)
    found = trial.learn("mono_forward(predict = sum)", steps=0)
    trial.equal("the summed prediction", flat(found.scores), total)


@law("projections begin as linear layers do", kind="expectation", source="lpc: the law of a linear layer's weight")
def drawn(trial: Trial) -> None:
    """A projection is drawn uniformly between ±1/√features."""
    found = added(trial.learn("mono_forward", steps=0), PROJECTION)
    trial.needs(bool(found), "there is no hidden block")
    trial.drawn("mono_forward", {f"{block}.{PROJECTION}": m.shape[1] ** -0.5 for block, m in found.items()})


def _scores(trial: Trial, learned: Learned, block: str, batch: Batch) -> Array:
    """A block's class scores: M h, a row a label; the output block's are its output."""
    h = trial.outputs(block, learned, batch)
    if block == trial.output:
        return h
    matrix = added(learned, PROJECTION)[block]
    return h.reshape(len(h), -1, matrix.shape[1]) @ matrix.T


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
    laws = (one_block, own_losses, predictions, drawn, rows_sum_to_zero, classes_reordered, blocks_above)

    predict: str = parameter(
        "last",
        "what predicts: the output block alone, or the sum of all projections and the output block",
        source=SOURCE,
        words=("last", "sum"),
    )

    def departures(self, run: Run) -> Iterator[str]:
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
                scores = h if block.is_output else self.scores(s, run, block, h)
                total = scores if total is None else s.map("add", total, scores, name="total")
        return total

    def scores(self, s: Recorder, run: Run, block: RunBlock, h: Value) -> Value:
        """A projection's scores in the shape of the prediction, which an autoencoder's is an image's."""
        assert run.output is not None
        flat, shape = s.head(run.head(block, self.projection(run, block)), h), run.output.unit.output
        return flat if flat.kind.shape == shape else s.map("unflatten", flat, name="scores", shape=shape)
