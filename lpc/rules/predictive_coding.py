"""Predictive coding: values and errors relax before the weights move, each block hearing only its neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lpc.ir.step import Value
from lpc.rules.law import SMOOTH, Array, Arrays, Batch, Learned, Networks, Trial, law, needs_plain
from lpc.rules.rule import Illegal, Phase, Rule, parameter
from lpc.rules.run import Run
from lpc.rules.tracer import Recorder

WHITTINGTON = "Whittington, Bogacz 2017, Neural Computation 29"
ROSENBAUM = "Rosenbaum 2022, PLoS ONE 17 (Torch2PC)"


@law("fixed prediction = backprop", kind="exact", when="prediction = fixed, rate = 1", source=ROSENBAUM)
def fixed_is_backprop(trial: Trial) -> None:
    """With predictions fixed, rate 1 and as many iterations as blocks, every update is backprop's."""
    trial.same(trial.learn("predictive_coding"), trial.learn("backprop"))


@law("further iterations change nothing", kind="exact", when="prediction = fixed, rate = 1", source=ROSENBAUM)
def further_iterations(trial: Trial) -> None:
    """Once as many iterations ran as there are blocks, more leave the errors where they are."""
    blocks = len(trial.blocks)
    enough, more = (trial.learn(f"predictive_coding(iterations = {n})") for n in (blocks, blocks + 5))
    trial.same(more, enough)


@law("the top block learns as by backprop", kind="exact", when="prediction = fixed, any rate", source=ROSENBAUM)
def top_block(trial: Trial) -> None:
    """Under fixed prediction the output block's gradient is backprop's."""
    made = trial.learn("predictive_coding(iterations = 2, rate = 0.3)", steps=1)
    trial.same(made, trial.learn("backprop", steps=1), [trial.output])


@law("values at rest = backprop", kind="exact", when="prediction = strict, rate = 0", source=WHITTINGTON)
def at_rest(trial: Trial) -> None:
    """Values that do not move leave strict predictions at the forward pass: only the output block learns, as by backprop."""
    trial.needs(
        not any(o == "batch_norm" for b in trial.blocks for o in trial.operations(b)),
        "statistics move as values are predicted",
    )
    made = trial.learn("predictive_coding(prediction = strict, rate = 0)", steps=1)
    trial.same(made, trial.learn("backprop", steps=1), [trial.output])
    for block in trial.hidden:
        for name in trial.weights(block):
            trial.equal(f"the move of `{name}`", made.moves[name], 0 * made.moves[name])


@law(
    "sweeps by hand, fixed", kind="exact", when="prediction = fixed", source=f"{ROSENBAUM}, FixedPred",
    networks=Networks(ops=(*SMOOTH, "conv", "relu")),
)  # fmt: skip
def fixed_by_hand(trial: Trial) -> None:
    """Predictions stay: n sweeps move each error n - 1 times, by the rate times (what its readers pull down - itself), from zero;
    then each block is moved against its gradient for its error.
    """
    needs_plain(trial)
    batch, start = trial.batches[0], trial.learn("predictive_coding", steps=0)
    values = {block: trial.outputs(block, start, batch) for block in trial.blocks}
    for rate, iterations in ((0.3, 3), (1.0, 2), (1.0, 1)):
        errors = {block: 0 * value for block, value in values.items()}
        errors[trial.output] = trial.error_of(values[trial.output], batch)
        for _ in range(iterations - 1):
            pulled = _pulled(trial, start, {**batch, **values}, errors)
            errors |= {b: errors[b] + rate * (pulled[b] - errors[b]) for b in trial.hidden}
        found = trial.learn(f"predictive_coding(iterations = {iterations}, rate = {rate})", steps=1)
        _moved_by(trial, start, found, {**batch, **values}, errors)


@law(
    "sweeps by hand, strict", kind="exact", when="prediction = strict", source=f"{WHITTINGTON}; {ROSENBAUM}, Strict",
    networks=Networks(ops=(*SMOOTH, "conv")),
)  # fmt: skip
def strict_by_hand(trial: Trial) -> None:
    """At each iteration a value moves by the rate times (how far it is from its prediction, back; less what its readers' errors pull
    down), all at once; then each block is moved against its gradient for its error at its inputs' values.
    """
    needs_plain(trial)
    batch, start = trial.batches[0], trial.learn("predictive_coding", steps=0)
    for iterations, rate in ((1, 0.3), (3, 0.2)):
        values = {block: trial.outputs(block, start, batch) for block in trial.hidden}
        for _ in range(iterations):
            errors = _errors(trial, start, batch, values)
            pulled = _pulled(trial, start, {**batch, **values}, errors)
            values = {b: values[b] + rate * (errors[b] - pulled[b]) for b in trial.hidden}
        use = f"predictive_coding(prediction = strict, iterations = {iterations}, rate = {rate})"
        found = trial.learn(use, steps=1)
        _moved_by(trial, start, found, {**batch, **values}, _errors(trial, start, batch, values))


@law("what is left out", kind="exact", source=ROSENBAUM)
def defaults(trial: Trial) -> None:
    """Strict predictions take 20 iterations of rate 0.1, fixed ones as many as there are blocks, of rate 1."""
    for spelled in ("strict, iterations = 20, rate = 0.1", f"fixed, iterations = {len(trial.blocks)}, rate = 1"):
        usual = spelled.partition(",")[0]
        made, expected = (trial.learn(f"predictive_coding(prediction = {use})", steps=1) for use in (usual, spelled))
        trial.same(made, expected)


def _errors(trial: Trial, learned: Learned, batch: Batch, values: Arrays) -> dict[str, Array]:
    """How far predictions, made of the values below, are from each block's value; at the output the gradient of the loss."""
    predicted = {}
    for block in trial.blocks:
        given = {name: value for name, value in values.items() if name != block}
        predicted[block] = trial.outputs(block, learned, {**batch, **given})
    errors = {block: predicted[block] - values[block] for block in trial.hidden}
    return {**errors, trial.output: trial.error_of(predicted[trial.output], batch)}


def _pulled(trial: Trial, learned: Learned, batch: Batch, errors: Arrays) -> dict[str, Array]:
    """What the readers of each hidden block pull down to its value."""
    total = {block: 0 * errors[block] for block in trial.hidden}
    for block in trial.blocks:
        _, below = trial.pull(block, learned, batch, errors[block])
        for name in trial.hidden:
            total[name] = total[name] + below[name] if name in below else total[name]
    return total


def _moved_by(trial: Trial, start: Learned, found: Learned, batch: Batch, errors: Arrays) -> None:
    for block in trial.blocks:
        gradients, _ = trial.pull(block, start, batch, errors[block])
        for name, gradient in gradients.items():
            trial.equal(f"the move of `{name}`", found.moves[name], -0.1 * gradient, within=1e-9)


@dataclass(frozen=True)
class PredictiveCoding(Rule):
    name = "predictive_coding"
    title = "Predictive coding"
    summary = (
        "Each block predicts the next; prediction errors relax over some iterations, then each block reduces its own."
    )
    paper = (
        "Whittington, Bogacz 2017, Neural Computation 29; Millidge, Tschantz, Buckley 2020, arXiv 2006.04182; "
        + ROSENBAUM
    )
    example = "learn all with predictive_coding(prediction = strict, iterations = 20, rate = 0.1)"
    needs_error = True
    usual_rate = (1e-4, 1e-2)
    laws = (fixed_is_backprop, fixed_by_hand, strict_by_hand, defaults, further_iterations, top_block, at_rest)

    prediction: str = parameter(
        "fixed",
        "predictions stay at the forward pass (exactly backprop at rate 1), or are made anew from the values at each iteration",
        source=ROSENBAUM,
        words=("fixed", "strict"),
    )
    iterations: int | None = parameter(
        None,
        "how often errors and values are updated; by default the number of blocks (fixed) or 20 (strict)",
        source=ROSENBAUM,
        kind="int",
        least=1,
        most=10_000,
    )
    rate: float | None = parameter(
        None,
        "how far a value moves at each iteration; by default 1.0 (fixed) or 0.1 (strict)",
        source=ROSENBAUM,
        kind="float",
        least=0.0,
        most=1.0,
    )

    def illegal(self, run: Run) -> Iterator[Illegal]:
        for block in run:
            if block.unit.random:
                reason = "it draws random numbers, and its forward pass is evaluated again and again"
                yield Illegal(block.name, reason, "take dropout out of the block")

    def departures(self, run: Run) -> Iterator[str]:
        if self.prediction == "fixed" and self._rate < 1:
            missing = (1 - self._rate) ** (self._iterations(run) - 1)
            yield f"at rate {self._rate:g} the error just below the output is {missing:.1%} short after {self._iterations(run)} iterations"

    @property
    def _rate(self) -> float:
        return self.rate if self.rate is not None else 1.0 if self.prediction == "fixed" else 0.1

    def _iterations(self, run: Run) -> int:
        return self.iterations if self.iterations is not None else len(run) if self.prediction == "fixed" else 20

    def step(self, s: Recorder, run: Run, phase: Phase) -> None:
        h = s.forward(run)
        assert run.output is not None
        out = h[run.output.name]
        error = s.grad(s.objective(out, of=run.output), out)
        if self.prediction == "fixed":
            self._fixed(s, run, h, error)
        else:
            self._strict(s, run, h)

    def _fixed(self, s: Recorder, run: Run, h: dict[str, Value], error: Value) -> None:
        """Predictions and their derivatives stay at the forward pass (Rosenbaum 2022, FixedPred).

        Errors are in gradient convention: `error[b]` is the loss's gradient at b's output, once relaxed. Published sweeps read
        an error before they move its value, so n iterations are n - 1 movements of the errors the weights then see.
        """
        hidden, out = run.hidden, run.output
        assert out is not None

        def body(*states: Value) -> Sequence[Value]:
            errors = dict(zip((b.name for b in hidden), states, strict=True)) | {out.name: error}
            pull = s.flow()
            for block in reversed(run):
                pull.give(h[block.name], s.vjp(h[block.name], errors[block.name])[1])
            arriving = {b.name: pull[h[b.name]] for b in hidden}
            if self._rate == 1.0:
                return list(arriving.values())
            return [errors[b.name] + self._rate * (arriving[b.name] - errors[b.name]) for b in hidden]

        zeros = [s.map("zeros", h[b.name]) for b in hidden]
        names = [f"{b.name}_error" for b in hidden]
        movements = self._iterations(run) - 1
        relaxed = s.relax(movements, zeros, names, body) if hidden and movements else zeros
        errors = dict(zip((b.name for b in hidden), relaxed, strict=True)) | {out.name: error}
        for block in run:
            s.update(block, s.vjp(h[block.name], errors[block.name])[0])

    def _strict(self, s: Recorder, run: Run, h: dict[str, Value]) -> None:
        hidden, out = run.hidden, run.output
        assert out is not None

        def errors_at(values: dict[str, Value]) -> tuple[dict[str, Value], dict[str, Value]]:
            """Predictions of every block from the values below it, and how far the values are from them."""
            predicted = {b.name: s.fwd(b, *(values.get(name) or s.value_of(name) for name in b.inputs)) for b in run}
            top = predicted[out.name]
            errors = {
                b.name: s.map("subtract", predicted[b.name], values[b.name], name=f"{b.name}_error") for b in hidden
            }
            return predicted, errors | {out.name: s.grad(s.objective(top, of=None), top)}

        def body(*states: Value) -> Sequence[Value]:
            values = dict(zip((b.name for b in hidden), states, strict=True))
            predicted, errors = errors_at(values)
            pull = s.flow()
            for block in run:
                pull.give(predicted[block.name], s.vjp(predicted[block.name], errors[block.name])[1])
            return [values[b.name] + self._rate * (errors[b.name] - pull[values[b.name]]) for b in hidden]

        names = [f"{b.name}_value" for b in hidden]
        relaxed = s.relax(self._iterations(run), [h[b.name] for b in hidden], names, body) if hidden else ()
        predicted, errors = errors_at(dict(zip((b.name for b in hidden), relaxed, strict=True)))
        for block in run:
            s.update(block, s.vjp(predicted[block.name], errors[block.name])[0])
