"""Direct feedback alignment: the output error reaches every block at once, through a fixed random matrix of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from lpc.ir.op import Law as InitialLaw
from lpc.ir.step import Added, Value
from lpc.rules.by_hand import flat
from lpc.rules.law import PERCEPTRON, Arrays, Learned, Networks, Trial, added, computes_alike, law, needs_plain
from lpc.rules.rule import Illegal, Phase, Rule, parameter
from lpc.rules.run import Run, RunBlock
from lpc.rules.tracer import Recorder

NOKLAND = "Nøkland 2016, arXiv 1609.01596"
FEEDBACK = "direct_feedback_alignment.feedback"
BASIS = 32
"""The most entries of a matrix that a law takes one by one."""


@law(
    "one hidden block, transposed readout = backprop", kind="exact", when="one hidden block, a linear readout",
    source=NOKLAND, networks=Networks(ops=PERCEPTRON, blocks=1),
)  # fmt: skip
def transposed_readout(trial: Trial) -> None:
    """With the readout's transpose as the last hidden block's matrix, that block learns as by backprop."""
    trial.needs(len(trial.hidden) == 1 and trial.is_chain, "there is not just one hidden block")
    trial.same(trial.learn("direct_feedback_alignment(feedback = transpose)"), trial.learn("backprop"))


@law("e B at every block", kind="exact", when="the step's forward pass is inference's", source=f"{NOKLAND}, equation 4")
def outer_products(trial: Trial) -> None:
    """A hidden block's first move is against its gradient for e B at its output, e the gradient of the loss at the
    scores: one matrix for all positions, where both have the same.
    """
    needs_plain(trial)
    batch, first = trial.batches[0], trial.learn("direct_feedback_alignment", steps=1)
    start = trial.learn("direct_feedback_alignment", steps=0)
    matrices = added(first, FEEDBACK)
    trial.equal("the number of matrices", len(matrices), len(trial.hidden))
    error = trial.error_of(trial.outputs(trial.output, start, batch), batch)
    for block, matrix in matrices.items():
        h = trial.outputs(block, start, batch)
        at_positions = error.ndim > 2 and error.shape[:-1] == h.shape[:-1]
        sizes = (error.shape[-1], h.shape[-1]) if at_positions else (error[0].size, h[0].size)
        trial.equal(f"the sizes of the matrix of `{block}`", matrix.shape, sizes)
        carried = flat(error) @ matrix if len(matrix) == error[0].size else error @ matrix
        gradients, _ = trial.pull(block, start, batch, carried.reshape(h.shape))
        for name, gradient in gradients.items():
            trial.equal(f"the move of `{name}`", first.moves[name], -0.1 * gradient)


@law(
    "one matrix for all positions", kind="exact", when="a label at every position", source="lpc: Launay 2020, arXiv 2006.12878",
    networks=Networks(ops=("linear", "tanh", "layer_norm", "embedding", "position", "add"), positions=True),
)  # fmt: skip
def positions(trial: Trial) -> None:
    """Where every position has its own label, a hidden block with the same positions gets each position's error times one matrix."""
    trial.needs(bool(trial.hidden), "there is no hidden block")
    outer_products.check(trial)


@law("matrices are drawn by the size of the error", kind="expectation", source=NOKLAND)
def drawn(trial: Trial) -> None:
    """A matrix is drawn uniformly between ±scale/√(numbers in the error), and does not move."""
    use = "direct_feedback_alignment(scale = 0.5)"
    found = trial.learn(use)
    matrices = added(found, FEEDBACK)
    trial.needs(bool(matrices), "no hidden block has a matrix")
    trial.drawn(use, {f"{block}.{FEEDBACK}": 0.5 * len(matrix) ** -0.5 for block, matrix in matrices.items()})
    for block, matrix in matrices.items():
        trial.equal(f"the matrix of `{block}`", found.after[f"{block}.{FEEDBACK}"], matrix, within=0.0)


@law("zero error, zero update", kind="exact", when="mean squared error", source="linearity in the error")
def no_error(trial: Trial) -> None:
    """Where the error is zero nothing moves."""
    trial.needs(trial.loss == "mse" and bool(trial.target), "the error cannot be made zero by choosing targets")
    trial.needs(computes_alike(trial, trial.blocks), "it predicts otherwise than it trains")
    right = {**trial.unseen, trial.target: trial.learn("direct_feedback_alignment", steps=0).scores}
    found = trial.learn("direct_feedback_alignment", batches=[right])
    for name, value in found.before.items():
        trial.equal(f"`{name}`", found.after[name], value)


@law(
    "only the difference of rows matters",
    kind="invariance",
    when="cross-entropy",
    source="softmax minus one-hot sums to zero",
)
def rows(trial: Trial) -> None:
    """Adding one row vector to all rows of a matrix changes no update, for errors sum to zero over the classes."""
    trial.needs(trial.loss == "cross_entropy", "errors of other losses do not sum to zero")
    first = trial.learn("direct_feedback_alignment", steps=1)
    matrices = _matrices(trial, first)
    moved = {name: value + 3 * value[:1] for name, value in matrices.items() if len(value) == trial.classes}
    trial.needs(bool(moved), "no hidden block has a matrix with a row a class")
    second = trial.learn("direct_feedback_alignment", start=moved, steps=1)
    for block in trial.hidden:
        for name in trial.weights(block):
            trial.equal(f"the move of `{name}`", second.moves[name], first.moves[name], within=1e-9)


@law(
    "hidden blocks stay on average", kind="expectation", when="a matrix of at most 32 entries",
    source="linearity in the matrix, drawn with mean zero",
)  # fmt: skip
def on_average(trial: Trial) -> None:
    """The first update of a hidden block is linear in its matrix B: the sum of what every entry of B, alone, makes of it.

    So its mean over B is the update by the mean of B: none.
    """
    whole = trial.learn("direct_feedback_alignment", steps=1)
    matrices = {name: value for name, value in _matrices(trial, whole).items() if trial.weights(name.partition(".")[0])}
    trial.needs(bool(matrices), "no hidden block has both a matrix and a weight")
    smallest, matrix = min(matrices.items(), key=lambda named: int(named[1].size))
    trial.needs(matrix.size <= BASIS, f"every matrix has more than {BASIS} entries")
    sums = dict.fromkeys(trial.weights(smallest.partition(".")[0]), 0.0)
    for entry in range(matrix.size):
        alone = 0 * matrix
        alone.flat[entry] = matrix.flat[entry]
        made = trial.learn("direct_feedback_alignment", start={smallest: alone}, steps=1)
        sums = {name: moved + made.moves[name] for name, moved in sums.items()}
    for name, moved in sums.items():
        trial.equal(f"the sum of the moves of `{name}` over the entries of B", moved, whole.moves[name], within=1e-9)


def _matrices(trial: Trial, learned: Learned) -> Arrays:
    found = {f"{block}.{FEEDBACK}": value for block, value in added(learned, FEEDBACK).items()}
    trial.needs(bool(found), "no hidden block has a matrix")
    return found


@dataclass(frozen=True)
class DirectFeedbackAlignment(Rule):
    name = "direct_feedback_alignment"
    title = "Direct feedback alignment"
    summary = (
        "The output error, times a fixed random matrix of the block, stands in for the gradient at the block's output."
    )
    paper = "Nøkland 2016, Direct Feedback Alignment Provides Learning in Deep Neural Networks, arXiv 1609.01596"
    example = "learn all with direct_feedback_alignment"
    needs_error = True
    usual_rate = (1e-5, 3e-3)
    laws = (outer_products, positions, transposed_readout, drawn, no_error, rows, on_average)

    feedback: str = parameter(
        "random",
        "a fixed random matrix, or the current transpose of the readout (a block that feeds a linear output block)",
        source=NOKLAND,
        words=("random", "transpose"),
    )
    scale: float = parameter(1.0, "multiplies the random matrices", source="U(±1/√outputs), Nøkland 2016", least=0.0)

    def illegal(self, run: Run) -> Iterator[Illegal]:
        if self.feedback == "transpose" and run.output is not None:
            for block in run.hidden:
                if run.linear_readout(run.output) is None or run.output.inputs != (block.name,):
                    reason = f"its output does not go straight into a linear output block, so `{run.output}` has no transpose for it"
                    yield Illegal(
                        block.name, reason, "use feedback = random, or one hidden block before a linear output block"
                    )

    def matrix(self, run: Run, block: RunBlock) -> Added:
        assert run.output is not None
        signal, features = _sizes(run, block)
        law = InitialLaw("uniform", self.scale * signal**-0.5)
        return run.added(
            block, "feedback", (signal, features), law, "carries the output error to the block", trained=False
        )

    def adds(self, run: Run) -> Sequence[Added]:
        return [self.matrix(run, block) for block in run.hidden] if self.feedback == "random" else []

    def step(self, s: Recorder, run: Run, phase: Phase) -> None:
        assert run.output is not None
        h = s.forward(run)
        out = h[run.output.name]
        error = s.cross(s.grad(s.objective(out, of=run.output), out), "output")
        for block in run:
            signal = error if block.is_output else s.feedback(error, self._carrier(s, run, block), block)
            gradients, _ = s.vjp(h[block.name], signal)
            s.update(block, gradients)

    def _carrier(self, s: Recorder, run: Run, block: RunBlock) -> Value:
        if self.feedback == "random":
            return s.get(self.matrix(run, block))
        assert run.output is not None
        linear = run.linear_readout(run.output)
        assert linear is not None
        return s.weight(f"{linear.name}.weight", linear.weights[0].shape)


def _sizes(run: Run, block: RunBlock) -> tuple[int, int]:
    """Size of the error and of the block's output: of one position where both have the same positions, else in all."""
    assert run.output is not None
    error, output = run.output.unit.output, block.unit.output
    same = len(error) > 1 and error[:-1] == output[:-1]
    return (error[-1], output[-1]) if same else (prod(error), prod(output))
