"""Forward-Forward: high goodness on images with their label, low goodness on images with a wrong one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lpc.ir.step import Value
from lpc.rules.law import Array, Networks, Trial, law
from lpc.rules.rule import Illegal, Phase, Rule, parameter
from lpc.rules.run import Run, RunBlock
from lpc.rules.tracer import Recorder

HINTON = "Hinton 2022, arXiv 2212.13345"


@law(
    "the next block sees no length", kind="invariance", when="positively homogeneous blocks, up to the normaliser's 1e-8",
    source=HINTON, networks=Networks(ops=("linear", "relu"), labelled=True),
)  # fmt: skip
def no_length(trial: Trial) -> None:
    """Scaling a block's output by a positive constant changes no update of the block above it."""
    trial.needs(trial.is_chain and len(trial.hidden) > 1, "no hidden block follows another")
    first, second = trial.hidden[:2]
    scaled = {"linear", "conv", "relu", "leaky_relu", "flatten", "identity", "max_pool", "avg_pool"}
    trial.needs(set(trial.operations(first)) <= scaled and bool(trial.weights(first)), f"`{first}` is not homogeneous")
    found = trial.learn("forward_forward", steps=1)
    last = trial.weights(first)[-1].rpartition(".")[0]
    longer = {name: 5 * found.before[name] for name in trial.weights(first) if name.rpartition(".")[0] == last}
    made = trial.learn("forward_forward", start=longer, steps=1)
    for name in trial.weights(second):
        trial.equal(f"the move of `{name}`", made.moves[name], found.moves[name], within=1e-4)


@law("prediction does not depend on the threshold", kind="invariance", when="predict = sweep", source="the step")
def any_threshold(trial: Trial) -> None:
    """The label with most goodness is the same for every threshold."""
    low, high = (trial.learn(f"forward_forward(threshold = {t})", steps=0) for t in (0.5, 8.0))
    trial.equal("the goodness of the labels", low.scores, high.scores)


@law(
    "rows do not see each other", kind="exact", when="two classes; no operation couples the batch", source="linearity",
    networks=Networks(ops=("linear", "relu", "tanh", "layer_norm", "conv"), labelled=True),
)  # fmt: skip
def rows_apart(trial: Trial) -> None:
    """The update of a batch is the mean of its halves' updates, and so it is for its two streams."""
    trial.needs(trial.classes == 2, "of more than two classes the wrong label is drawn by row")
    trial.needs(
        not any(o in ("dropout", "batch_norm") for b in trial.blocks for o in trial.operations(b)),
        "rows see each other",
    )
    rows = len(next(iter(trial.batches[0].values()))) // 2
    trial.needs(rows > 0, "there is one row")
    both = {name: value[: 2 * rows] for name, value in trial.batches[0].items()}
    parts = [{name: value[part] for name, value in both.items()} for part in (slice(rows), slice(rows, None))]
    whole, *halves = (trial.learn("forward_forward", batches=[batch]).moves for batch in (both, *parts))
    for block in trial.hidden:
        for name in trial.weights(block):
            trial.equal(f"the move of `{name}`", whole[name], (halves[0][name] + halves[1][name]) / 2)


@law(
    "wrong labels are equally likely", kind="expectation", when="three classes or more", source=HINTON,
    networks=Networks(ops=("linear", "tanh"), blocks=1, labelled=True),
)  # fmt: skip
def wrong_labels(trial: Trial) -> None:
    """Each wrong label is drawn as often as every other, and the true one never."""
    trial.needs(
        trial.is_chain and bool(trial.hidden) and bool(trial.weights(trial.hidden[0])),
        "no hidden block learns from the data",
    )
    trial.needs(trial.classes > 2, "of two classes one is wrong, whatever is drawn")
    weight = trial.weights(trial.hidden[0])[0]
    one = {name: value[:1] for name, value in trial.batches[0].items()}
    rate, draws = 1e-9, 40 * (trial.classes - 1)
    states = trial.learn("forward_forward", batches=[one] * draws, rate=rate)
    kinds: list[tuple[Array, int]] = []
    for before, after in zip([states.before, *states.states], states.states, strict=False):
        move = (after[weight] - before[weight]) / rate
        at = next((k for k, (kind, _) in enumerate(kinds) if abs(move - kind).max() <= 1e-4 * abs(kind).max()), None)
        if at is None:
            kinds.append((move, 1))
        else:
            kinds[at] = (kinds[at][0], kinds[at][1] + 1)
    trial.uniform("updates by wrong labels", [count for _, count in kinds], trial.classes - 1)


@dataclass(frozen=True)
class ForwardForward(Rule):
    name = "forward_forward"
    title = "Forward-Forward"
    summary = "Each block learns to be active on inputs that carry their true label, and quiet on inputs that carry a wrong one."
    paper = "Hinton 2022, The Forward-Forward Algorithm: Some Preliminary Investigations, arXiv 2212.13345"
    example = "learn all with forward_forward(threshold = 2.0)"
    local = True
    needs_label = True
    usual_rate = (1e-4, 3e-2)
    laws = (no_length, any_threshold, rows_apart, wrong_labels)

    goodness: str = parameter(
        "mean", "mean or sum of squared activations", source="Hinton 2022 (sum); mean is common", words=("mean", "sum")
    )
    threshold: float | None = parameter(
        None,
        "goodness at which the loss is neutral; by default 2.0, with `goodness = sum` the block's width",
        source=HINTON,
        kind="float",
        least=0.0,
    )
    predict: str = parameter(
        "sweep",
        "predict by trying every label, or by the output block trained on a pass with a neutral label",
        source=HINTON,
        words=("sweep", "head"),
    )

    def illegal(self, run: Run) -> Iterator[Illegal]:
        for block in run.hidden:
            for name in block.inputs:
                if name not in run.network.data and name not in {b.name for b in run}:
                    reason = f"it reads `{name}`, which learns by another rule and would show it no label"
                    yield Illegal(
                        block.name, reason, f"learn `{name}` with {self.name} too, so that the run starts at the data"
                    )
                elif name in run.network.data and not _is_numbers(run, name):
                    reason = f"the label is written into the input, and `{name}` holds tokens"
                    yield Illegal(block.name, reason, "use an input of numbers, or another rule")
                elif name in run.network.data and _elements(run, name) < run.outputs:
                    reason = f"the label is written into the input, and `{name}` has fewer entries than there are classes ({run.outputs})"
                    yield Illegal(block.name, reason, "use an input with at least as many entries as classes")
        if run.outputs == 1:
            yield Illegal(
                run.blocks[0].name, "with one class there is no wrong label", "use a target with two classes or more"
            )
        if not run.hidden:
            yield Illegal(
                run.blocks[0].name,
                "the output block alone has no goodness to train",
                "learn a hidden block with it too",
            )

    def notes(self, run: Run) -> Iterator[str]:
        if run.output is not None and self.predict == "sweep":
            yield f"prediction tries every label, so `{run.output}` is neither run nor trained"

    def step(self, s: Recorder, run: Run, phase: Phase) -> None:
        label, classes = s.target, run.outputs
        wrong = s.sample("wrong_label", label, "wrong_label", classes=classes)
        streams: dict[str, Value] = {}
        for block in run.hidden:
            for name in block.inputs:
                if name not in streams:
                    both = s.map("label_streams", s.value_of(name), label, wrong, classes=classes)
                    streams[name] = s.map("normalise", both, name=f"{name}_streams")
            h = s.fwd(block, *(streams[name] for name in block.inputs))
            loss = s.loss("goodness", h, of=block, goodness=self.goodness, threshold=self._threshold(block))
            gradients, _ = s.vjp(h, s.grad(loss, h))
            s.update(block, gradients)
            streams[block.name] = s.map("normalise", h, name=f"{block.name}_streams")
        self._neutral_pass(s, run)
        if run.output is not None and self.predict == "head":
            out = s.fwd(run.output)
            gradients, _ = s.vjp(out, s.grad(s.objective(out, of=run.output), out))
            s.update(run.output, gradients)

    def infer(self, s: Recorder, run: Run) -> Value | None:
        if run.output is None or self.predict == "head":
            self._neutral_pass(s, run)
            return s.fwd(run.output) if run.output is not None else None
        counted = run.hidden[1:] or run.hidden
        streams: dict[str, Value] = {}
        total: Value | None = None
        for block in run.hidden:
            for name in block.inputs:
                if name not in streams:
                    streams[name] = s.map("normalise", s.map("sweep_labels", s.value_of(name), classes=run.outputs))
            h = s.fwd(block, *(streams[name] for name in block.inputs))
            streams[block.name] = s.map("normalise", h)
            if block in counted:
                goodness = s.map("goodness", h, name="height", kind=self.goodness)
                total = goodness if total is None else s.map("add", total, goodness, name="total")
        assert total is not None
        return s.map("fold_sweep", total, classes=run.outputs)

    def _neutral_pass(self, s: Recorder, run: Run) -> None:
        """What other rules' blocks see: activations on an input that carries every label a little."""
        seen: dict[str, Value] = {}
        for block in run.hidden:
            for name in block.inputs:
                if name not in seen:
                    seen[name] = s.map("normalise", s.map("write_neutral_label", s.value_of(name), classes=run.outputs))
            seen[block.name] = s.map("normalise", s.fwd(block, *(seen[name] for name in block.inputs)), name=block.name)
        for block in run.hidden:
            s.give(block, seen[block.name])

    def _threshold(self, block: RunBlock) -> float:
        if self.threshold is not None:
            return float(self.threshold)
        return 2.0 if self.goodness == "mean" else float(block.width)


def _is_numbers(run: Run, name: str) -> bool:
    return getattr(run.network.type_of(name), "dtype", "") == "f32"


def _elements(run: Run, name: str) -> int:
    size: int = getattr(run.network.type_of(name), "size", 0)
    return size
