"""Deep supervision: backpropagation with a loss of its own at every block, all of them one sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lpc.ir.op import Law as InitialLaw
from lpc.ir.step import Added
from lpc.rules.law import PERCEPTRON, SMOOTH, Networks, Trial, added, law, needs_differentiable, needs_plain
from lpc.rules.rule import Control, Phase, Rule, parameter
from lpc.rules.run import Run, RunBlock
from lpc.rules.tracer import Recorder

SOURCE = "Szegedy et al. 2015, arXiv 1409.4842: losses of auxiliary classifiers weigh 0.3"
HEAD, PROJECTION = "deep_supervision.projection", "mono_forward.projection"


@law("weight 0 = backprop", kind="exact", source="the sum of losses")
def no_weight(trial: Trial) -> None:
    """Heads whose losses weigh nothing change nothing."""
    found = trial.learn("deep_supervision(weight = 0.0)")
    trial.same(found, trial.learn("backprop"))


@law(
    "linear in the weight", kind="exact", when="one step of sgd", source="the gradient of a sum",
    networks=Networks(ops=PERCEPTRON),
)  # fmt: skip
def linear_in_the_weight(trial: Trial) -> None:
    """What heads add to the first step of a hidden block is proportional to their losses' weight."""
    plain, once, twice = (trial.learn(f"deep_supervision(weight = {w})", steps=1) for w in ("0.0", "0.5", "1.0"))
    names = [name for block in trial.hidden for name in trial.weights(block)]
    trial.needs(bool(names), "no hidden block has a weight")
    for name in names:
        added = once.after[name] - plain.after[name]
        trial.equal(f"twice what heads add to `{name}`", twice.after[name] - plain.after[name], 2 * added, within=1e-8)


@law(
    "every block descends the sum of all losses", kind="exact", when="operations with a derivative everywhere", source=SOURCE,
    networks=Networks(ops=SMOOTH),
)  # fmt: skip
def the_sum(trial: Trial) -> None:
    """Every update is against the gradient of one sum: the objective, and the logged losses of all heads times their weight."""
    needs_differentiable(trial)
    learning = [block for block in trial.blocks if trial.weights(block)]
    for weight in (0.3, 1.0):
        summed = {block: 1.0 if block == trial.output else weight for block in trial.blocks}
        trial.descends(f"deep_supervision(weight = {weight})", dict.fromkeys(learning, summed))


@law("heads do not reach the output", kind="exact", when="one step", source="the output block is above every head")
def output_block(trial: Trial) -> None:
    """The first step of the output block is that of backprop, whatever the weight."""
    found = trial.learn("deep_supervision", steps=1)
    trial.same(found, trial.learn("backprop", start=found.before, steps=1), [trial.output])


@law(
    "heads learn as mono_forward's, by their weight", kind="exact", when="one step of sgd", source=SOURCE,
    networks=Networks(ops=(*PERCEPTRON, "conv", "layer_norm")),
)  # fmt: skip
def as_mono_forward(trial: Trial) -> None:
    """A head's loss is mono_forward's of the block, and its first move mono_forward's times the weight; so is what it adds to the
    move of a hidden block that no other hidden block reads.
    """
    needs_plain(trial)
    trial.needs(bool(trial.hidden), "there is no hidden block")
    start = added(trial.learn("deep_supervision", steps=0), HEAD)
    trial.equal("the number of heads", len(start), len(trial.hidden))
    local = trial.learn("mono_forward", start={f"{b}.{PROJECTION}": value for b, value in start.items()}, steps=1)
    plain = trial.learn("backprop", steps=1)
    for weight in (0.5, 1.0):
        found = trial.learn(f"deep_supervision(weight = {weight})", steps=1)
        for block in trial.blocks:
            trial.equal(f"the loss of `{block}`", found.losses[0][block], local.losses[0][block])
        for block in trial.hidden:
            expected = weight * local.moves[f"{block}.{PROJECTION}"]
            trial.equal(f"the move of the head of `{block}`", found.moves[f"{block}.{HEAD}"], expected)
        for block in _on_top(trial):
            for name in trial.weights(block):
                both = plain.moves[name] + weight * local.moves[name]
                trial.equal(f"the move of `{name}`", found.moves[name], both)


@law("heads begin as linear layers do", kind="expectation", source="lpc: the law of a linear layer's weight")
def drawn(trial: Trial) -> None:
    """A head is drawn uniformly between ±1/√features."""
    found = added(trial.learn("deep_supervision", steps=0), HEAD)
    trial.needs(bool(found), "there is no hidden block")
    trial.drawn("deep_supervision", {f"{block}.{HEAD}": m.shape[1] ** -0.5 for block, m in found.items()})


def _on_top(trial: Trial) -> Sequence[str]:
    """Hidden blocks that the output block alone reads."""
    read = {name for block in trial.hidden for name in trial.inputs(block)}
    return [block for block in trial.hidden if block not in read]


@dataclass(frozen=True)
class DeepSupervision(Rule):
    name = "deep_supervision"
    title = "Deep supervision"
    summary = "Backpropagation of one sum: the objective, and a weighted loss of class scores projected from every hidden block."
    paper = "Lee, Xie, Gallagher, Zhang, Tu 2015, Deeply-Supervised Nets, AISTATS, arXiv 1409.5185"
    example = "learn all with deep_supervision(weight = 0.3)"
    needs_error = True
    usual_rate = (1e-4, 1e-2)
    laws = (no_weight, the_sum, as_mono_forward, linear_in_the_weight, output_block, drawn)
    controls = (
        Control("deep_supervision", "deep_supervision", "backprop with auxiliary heads: what heads bring"),
        Control(
            "joint_losses",
            "deep_supervision(weight = 1.0)",
            "the losses of all heads summed, gradients crossing blocks: what locality costs",
        ),
    )

    weight: float = parameter(
        0.3, "multiplies the losses of hidden blocks; 1 sums them as they are", source=SOURCE, least=0.0
    )

    def projection(self, run: Run, block: RunBlock) -> Added:
        """Classes x features, drawn by the law of a linear layer's weight; no bias: the head of local rules."""
        features = run.features(block)
        law = InitialLaw("uniform", features**-0.5)
        return run.added(
            block, "projection", (run.outputs, features), law, "from activation to class scores", trained=True
        )

    def adds(self, run: Run) -> Sequence[Added]:
        return [self.projection(run, block) for block in run.hidden]

    def step(self, s: Recorder, run: Run, phase: Phase) -> None:
        h = s.forward(run)
        assert run.output is not None
        out = h[run.output.name]
        error = s.flow()
        error.add(out, s.grad(s.objective(out, of=run.output), out))
        for block in run.hidden:
            head = run.head(block, self.projection(run, block))
            scores = s.head(head, h[block.name])
            local_error = s.grad(s.local_objective(scores, of=block), scores)
            gradients, (below,) = s.vjp(scores, local_error if self.weight == 1 else local_error * self.weight)
            s.update(head, gradients)
            error.add(h[block.name], below)
        for block in reversed(run):
            gradients, inputs = s.vjp(h[block.name], error[h[block.name]])
            s.update(block, gradients)
            error.give(h[block.name], inputs)
