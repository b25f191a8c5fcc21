"""Random features: hidden blocks stay as they were drawn, and only the output block learns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lpc.rules.law import PERCEPTRON, Networks, Trial, computes_alike, gathers_statistics, law
from lpc.rules.rule import STATISTICS, TRAIN, Control, Phase, Rule
from lpc.rules.run import Run
from lpc.rules.tracer import Recorder

SOURCE = "Rahimi, Recht 2008, Weighted sums of random kitchen sinks, NIPS 21"


@law("hidden blocks stay", kind="exact", source=SOURCE)
def hidden_stay(trial: Trial) -> None:
    """No parameter of a hidden block moves."""
    found = trial.learn("random_features")
    names = [name for block in trial.hidden for name in trial.weights(block)]
    trial.needs(bool(names), "no hidden block has a weight")
    for name in names:
        trial.equal(f"the move of `{name}`", found.moves[name], 0 * found.moves[name], within=0.0)


@law(
    "the readout learns as by backprop", kind="exact", when="one step, hidden blocks that compute in training as in inference",
    source=SOURCE,
    networks=Networks(ops=PERCEPTRON),
)  # fmt: skip
def readout(trial: Trial) -> None:
    """The first step of the output block is that of backprop."""
    trial.needs(bool(trial.weights(trial.output)), "the output block has no weight")
    trial.needs(computes_alike(trial, trial.hidden), "a hidden block computes otherwise in training than in inference")
    found = trial.learn("random_features", steps=1)
    trial.same(found, trial.learn("backprop", steps=1), [trial.output])


@law(
    "statistics are gathered first", kind="exact", when="batch_norm in a hidden block", source="lpc: frozen blocks are in inference mode",
    networks=Networks(ops=("linear", "batch_norm"), blocks=2),
)  # fmt: skip
def statistics(trial: Trial) -> None:
    """Batch-norm statistics of hidden blocks are gathered in one pass before the readout learns, in which no weight moves, and stay; the
    readout's first move is against its gradient on what the blocks then give in inference mode.
    """
    gathers_statistics(trial, "random_features")
    batch, start = trial.batches[0], trial.learn("random_features", steps=0)
    found = trial.learn("random_features", steps=1)
    trial.needs(
        computes_alike(trial, [trial.output]), "the output block computes otherwise in training than in inference"
    )
    values = {block: trial.outputs(block, found, batch) for block in trial.hidden}
    error = trial.error_of(trial.outputs(trial.output, start, {**batch, **values}), batch)
    for name, gradient in trial.pull(trial.output, start, {**batch, **values}, error)[0].items():
        trial.equal(f"the move of `{name}`", found.moves[name], -0.1 * gradient)


@dataclass(frozen=True)
class RandomFeatures(Rule):
    name = "random_features"
    title = "Random features"
    summary = "Hidden blocks keep their initial weights; the output block alone learns, from the objective."
    paper = "Rahimi, Recht 2008, Weighted sums of random kitchen sinks, NIPS 21"
    example = "learn all with random_features"
    local = True
    usual_rate = (1e-4, 3e-2)
    laws = (hidden_stay, readout, statistics)
    controls = (
        Control(
            "random_features",
            "random_features",
            "hidden blocks left as drawn: what a readout alone reaches",
            floor=True,
        ),
    )

    def notes(self, run: Run) -> Iterator[str]:
        if run.output is None:
            yield "none of these blocks learns"

    def phases(self, run: Run) -> Sequence[Phase]:
        return [STATISTICS, TRAIN] if any(block.unit.batch_coupled for block in run.hidden) else [TRAIN]

    def step(self, s: Recorder, run: Run, phase: Phase) -> None:
        for block in run.hidden:
            s.fwd(block, frozen=phase != STATISTICS)
        if run.output is not None and phase != STATISTICS:
            out = s.fwd(run.output)
            gradients, _ = s.vjp(out, s.grad(s.objective(out, of=run.output), out))
            s.update(run.output, gradients)
