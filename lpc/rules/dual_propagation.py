"""Dual propagation: each unit holds two states, whose mean goes up as activity and whose difference goes down as error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lpc.ir.step import Value
from lpc.rules.by_hand import ACTIVATIONS, flat
from lpc.rules.law import PERCEPTRON, SMOOTH, Array, Learned, Networks, Trial, law, needs_differentiable, operations_of
from lpc.rules.rule import Illegal, Phase, Rule, parameter
from lpc.rules.run import Run, RunBlock
from lpc.rules.tracer import Recorder
from lpc.rules.units import Parts

ORIGINAL = "Høier, Staudt, Zach 2023, ICML, arXiv 2302.01228"
TWO_TALES = "Høier, Zach 2024, ICML, arXiv 2402.08573"
AFFINE = ("linear", "scale", "add", "flatten", "avg_pool")


@law(
    "beta to 0 = backprop", kind="asymptotic", when="smooth activations; order 2", source=TWO_TALES,
    networks=Networks(ops=SMOOTH),
)  # fmt: skip
def comes_to_backprop(trial: Trial) -> None:
    """As beta goes to 0 the updates become backprop's, and their difference shrinks like its square."""
    _comes_to_backprop(trial)


@law(
    "above an activation, too", kind="asymptotic", when="a softmax follows an activation; order 2",
    source=TWO_TALES, networks=Networks(ops=("linear", "tanh", "sigmoid", "softmax")),
)  # fmt: skip
def above_an_activation(trial: Trial) -> None:
    """What follows a block's activation hands on the mean of the two states: as beta goes to 0 updates become backprop's there too."""
    trial.needs(any(_goes_on(trial, block) for block in trial.hidden), "no softmax follows an activation")
    _comes_to_backprop(trial)


@law(
    "beside a block without one, too", kind="asymptotic", when="a block reads several, not all with an activation; order 2",
    source=TWO_TALES, networks=Networks(ops=("linear", "tanh", "sigmoid", "concat", "add")),
)  # fmt: skip
def beside_a_block_without(trial: Trial) -> None:
    """A block that reads blocks with and without an activation sees the means of the first: as beta goes to 0 updates become
    backprop's there too.
    """
    acting = {block for block in trial.hidden if any(kind in ACTIVATIONS for kind in trial.operations(block))}
    mixed = any(acting & {*trial.inputs(b)} and {*trial.inputs(b)} - acting for b in trial.blocks)
    trial.needs(mixed, "no block reads others with and without an activation")
    _comes_to_backprop(trial)


def _comes_to_backprop(trial: Trial) -> None:
    needs_differentiable(trial)
    trial.tends(lambda beta: trial.learn(f"dual_propagation(beta = {beta})"), trial.learn("backprop"), order=2)


@law("linear network = backprop", kind="exact", when="no activations", source=TWO_TALES, networks=Networks(ops=AFFINE))
def linear_is_backprop(trial: Trial) -> None:
    """Where every block is linear in its input each update is backprop's, for any beta."""
    trial.needs(operations_of(trial, trial.blocks) <= {*AFFINE, "identity"}, "it has operations that are not linear")
    trial.same(trial.learn("dual_propagation(beta = 2)"), trial.learn("backprop"))


@law(
    "the sweep by hand", kind="exact", when="blocks that follow each other, each a linear and activations", source=TWO_TALES,
    networks=Networks(ops=("linear", "tanh", "relu", "sigmoid"), blocks=2),
)  # fmt: skip
def sweep_by_hand(trial: Trial) -> None:
    """s+ = act(a + f/2), s- = act(a - f/2) with f = (s+ - s-)(above) W(above), -beta times the gradient of its own loss for each
    example at the output; a block's move is rate/(beta B) (s+ - s-)' m(below), with m the mean of the states.
    """
    trial.needs(trial.is_chain and bool(trial.hidden), "the blocks do not follow each other one by one")
    for block in trial.hidden:
        linear, *activations = _operations(trial, block) or [""]
        simple = linear == "linear" and all(operation in ACTIVATIONS for operation in activations)
        trial.needs(simple, f"`{block}` is more than a linear and activations")
    trial.needs(_operations(trial, trial.output) == ["linear"], "the output block is no single linear")
    for beta in (0.5, 3.0):
        _one_sweep(trial, beta)


def _one_sweep(trial: Trial, beta: float) -> None:
    batch, start = trial.batches[0], trial.learn("dual_propagation", steps=0)
    found = trial.learn(f"dual_propagation(beta = {beta})", steps=1)
    preactivations, below = {}, flat(batch[trial.inputs(trial.blocks[0])[0]])
    sees = {}
    for block in trial.blocks:
        sees[block] = below
        preactivations[block] = below @ _weight(trial, start, block).T + _bias(trial, start, block)
        below = _act(trial, block)(preactivations[block])
    prediction = preactivations[trial.output]
    rows = len(prediction)
    nudge = -beta * rows * trial.error_of(prediction, batch)
    difference, moved = {trial.output: nudge}, {}
    for block, above in zip(reversed(trial.hidden), reversed(trial.blocks[1:]), strict=True):
        nudge = difference[above] @ _weight(trial, start, above)
        act, a = _act(trial, block), preactivations[block]
        plus, minus = act(a + nudge / 2), act(a - nudge / 2)
        difference[block], moved[above] = plus - minus, (plus + minus) / 2
    for block in trial.blocks:
        mean = moved.get(block, sees[block])
        gradient = difference[block].T @ mean / (beta * rows)
        name = next(name for name in trial.weights(block) if name.endswith(".weight"))
        trial.equal(f"the move of `{name}`", found.moves[name], 0.1 * gradient, within=1e-9)
        for bias in (name for name in trial.weights(block) if name.endswith(".bias")):
            trial.equal(
                f"the move of `{bias}`", found.moves[bias], 0.1 * difference[block].sum(0) / (beta * rows), 1e-9
            )


def _weight(trial: Trial, learned: Learned, block: str) -> Array:
    return learned.before[next(name for name in trial.weights(block) if name.endswith(".weight"))]


def _bias(trial: Trial, learned: Learned, block: str) -> Array | float:
    return next((learned.before[name] for name in trial.weights(block) if name.endswith(".bias")), 0.0)


def _operations(trial: Trial, block: str) -> list[str]:
    return [operation for operation in trial.operations(block) if operation not in ("flatten", "identity")]


def _goes_on(trial: Trial, block: str) -> bool:
    """Whether a softmax follows the activation that follows a block's last linear operation."""
    kinds = _operations(trial, block)
    if "linear" in kinds:
        kinds = kinds[len(kinds) - kinds[::-1].index("linear") :]
    return bool(kinds) and kinds[0] in ACTIVATIONS and "softmax" in kinds


def _act(trial: Trial, block: str) -> Callable[[Array], Array]:
    """What follows a block's linear operation, one activation after another."""

    def act(a: Array) -> Array:
        for operation in _operations(trial, block)[1:]:
            a = ACTIVATIONS[operation](a)
        return a

    return act


@law(
    "the mean of a batch", kind="invariance", source="examples do not see each other", networks=Networks(ops=PERCEPTRON)
)
def examples_are_apart(trial: Trial) -> None:
    """The update of a batch with itself behind it is the batch's own: beta nudges each example, however many there are."""
    twice = [{name: rows.repeat(2, 0) for name, rows in batch.items()} for batch in trial.batches]
    trial.same(trial.learn("dual_propagation", batches=twice), trial.learn("dual_propagation"))


@dataclass(frozen=True)
class DualPropagation(Rule):
    name = "dual_propagation"
    title = "Dual propagation"
    summary = (
        "Each unit holds two states, nudged up and down by what comes from above: their mean is its activity, their "
        "difference its error; no activation is differentiated."
    )
    paper = f"{ORIGINAL}; {TWO_TALES}"
    example = "learn all with dual_propagation(beta = 0.1)"
    needs_error = True
    usual_rate = (1e-5, 1e-2)
    laws = (
        comes_to_backprop,
        above_an_activation,
        beside_a_block_without,
        linear_is_backprop,
        sweep_by_hand,
        examples_are_apart,
    )

    beta: float = parameter(
        0.1,
        "how far the output is nudged, in gradients of each example's loss; below 0.01 rounding tells in f32",
        source=f"{TWO_TALES}: 0.01 to 10",
        least=1e-6,
    )

    def illegal(self, run: Run) -> Iterator[Illegal]:
        for block in run:
            if block.unit.random:
                reason = "it draws random numbers, and its parts are evaluated at several states"
                yield Illegal(block.name, reason, "take dropout out of the block")
            elif block.unit.batch_coupled:
                reason = "examples meet in it, and each of them is nudged by itself"
                yield Illegal(block.name, reason, "use layer_norm or group_norm in place of batch_norm")

    def departures(self, run: Run) -> Iterator[str]:
        for block in run.hidden:
            if self._parts(run, block).activation is None:
                yield f"{block} does not end in an activation: it is differentiated as a whole"

    def _parts(self, run: Run, block: RunBlock) -> Parts:
        """The output block's prediction is itself what the loss nudges: it is one map, activation and all."""
        return Parts(block.unit) if block.is_output else run.parts(block)

    def step(self, s: Recorder, run: Run, phase: Phase) -> None:
        """One forward pass, then one sweep down ("fwbw"), with alpha = 1/2; rows of a, s and f are examples of a batch of B.

            output   s+ - s- = -beta dl/da              l: an example's loss, at the prediction throughout the sweep
            below    s+ = act(a + f/2), s- = act(a - f/2), f = (s+ - s-)(above) W(above)
            update   -1/(beta B) (s+ - s-)' m(below),    m = (s+ + s-)/2, after the sweep

        Here `error` is -(s+ - s-) / (beta B), which is the gradient of the mean loss at the output, and f is
        -beta B times what arrives from above: the lower parts of the readers pull it down, linear or not.
        """
        a: dict[str, Value] = {}
        h: dict[str, Value] = {}
        for block in run:
            a[block.name], h[block.name] = self._forward(s, run, block)
        assert run.output is not None
        out = h[run.output.name]
        arriving = s.flow()
        arriving.add(out, s.grad(s.objective(out, of=run.output), out))
        error: dict[str, Value] = {}
        gradients: dict[str, Value] = {}
        mean: dict[str, Value] = {}
        for block in reversed(run):
            name = block.name
            error[name], moved = self._nudged(s, run, block, a[name], h[name], arriving[h[name]])
            gradients[name], below = s.vjp(a[name], error[name])
            arriving.give(a[name], below)
            if moved is not None:
                mean[name] = moved
        for block in run:
            if any(name in mean for name in block.inputs):
                inputs = [mean.get(name) or s.value_of(name) for name in block.inputs]
                at_mean = s.part(self._parts(run, block).lower, *inputs, name=f"{block.name}_at_mean")
                gradients[block.name], _ = s.vjp(at_mean, error[block.name])
            s.update(block, gradients[block.name])

    def _forward(self, s: Recorder, run: Run, block: RunBlock) -> tuple[Value, Value]:
        """Pre-activations and output of a block; the output is handed on."""
        parts, name = self._parts(run, block), block.name
        inputs = [s.value_of(below) for below in block.inputs]
        a = s.part(parts.lower, *inputs, name=f"{name}_preactivation" if parts.activation else name)
        h = s.part(parts.activation, a, name=f"{name}_state" if parts.upper else name) if parts.activation else a
        h = s.part(parts.upper, h, name=name) if parts.upper else h
        s.give(block, h)
        return a, h

    def _nudged(
        self, s: Recorder, run: Run, block: RunBlock, a: Value, h: Value, arriving: Value
    ) -> tuple[Value, Value | None]:
        """The error at a block's pre-activations, and what the mean of its states hands on; None where that is h still."""
        parts, name = self._parts(run, block), block.name
        s.within(block)
        if parts.activation is None:
            return arriving, None
        if parts.upper is not None:
            _, (arriving,) = s.vjp(h, arriving)
        nudge = s.map("scale", s.map("per_example", arriving), factor=self.beta / 2, name=f"{name}_nudge")
        plus = s.part(parts.activation, a - nudge, name=f"{name}_plus")
        minus = s.part(parts.activation, a + nudge, name=f"{name}_minus")
        error = s.map("scale", s.map("averaged", minus - plus), factor=1 / self.beta, name=f"{name}_error")
        mean = s.map("scale", plus + minus, factor=0.5, name=f"{name}_mean")
        return error, s.part(parts.upper, mean, name=f"{name}_mean_output") if parts.upper else mean
