"""Forward-Forward: high goodness on images with their label, low goodness on images with a wrong one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lpc.ir.step import Value
from lpc.rules.by_hand import flat, mean_softplus
from lpc.rules.law import Array, Arrays, Batch, Learned, Networks, Trial, computes_alike, law, needs_plain
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


@law(
    "the loss of both streams", kind="exact", when="no dropout, no batch_norm", source=f"{HINTON}, section 2",
    networks=Networks(ops=("linear", "relu", "tanh", "conv", "layer_norm"), blocks=4, labelled=True),
)  # fmt: skip
def both_streams(trial: Trial) -> None:
    """A block logs the mean of softplus(threshold - goodness) with the true label in place of the input's first entries and
    softplus(goodness - threshold) with the wrong one, each input at root mean square 1; goodness is the mean of squares, the
    threshold 2, or the sum and the width.
    """
    needs_plain(trial)
    rows = (
        None if trial.classes == 2 else 1
    )  # of more than two classes the wrong label is drawn: of one example, one is right
    batch = {name: value[:rows] for name, value in trial.batches[0].items()}
    start, labels = trial.learn("forward_forward", steps=0), batch[trial.target]
    right = _activities(trial, start, batch, trial.one_hot(labels))
    marks = [trial.one_hot((labels + k) % trial.classes) for k in range(1, trial.classes)]
    drawn = [_activities(trial, start, batch, wrong) for wrong in marks]
    uses = {"": 2.0, "threshold = 0.5": 0.5, "goodness = sum": None, "goodness = sum, threshold = 3.0": 3.0}
    for arguments, threshold in uses.items():
        kind = "sum" if "sum" in arguments else "mean"
        use = f"forward_forward({arguments})" if arguments else "forward_forward"
        losses = trial.learn(use, batches=[batch]).losses[0]
        trial.equal("how many blocks log a loss", len(losses), len(trial.hidden))
        expected = [_losses(right, wrong, kind, threshold) for wrong in drawn]
        nearest = min(expected, key=lambda each: sum(abs(each[block] - loss) for block, loss in losses.items()))
        for block, loss in nearest.items():
            trial.equal(f"the loss of `{block}` by {arguments or 'the defaults'}", losses[block], loss)


def _losses(right: Arrays, wrong: Arrays, kind: str, threshold: float | None) -> dict[str, float]:
    found = {}
    for block, h in right.items():
        neutral = float(flat(h).shape[1]) if threshold is None else threshold
        high, low = _goodness(h, kind), _goodness(wrong[block], kind)
        found[block] = (mean_softplus(neutral - high) + mean_softplus(low - neutral)) / 2
    return found


@law(
    "the label with most goodness", kind="exact", when="predict = sweep", source=f"{HINTON}, section 2",
    networks=Networks(ops=("linear", "relu", "tanh", "conv", "layer_norm"), blocks=4, labelled=True),
)  # fmt: skip
def sweep_by_hand(trial: Trial) -> None:
    """The score of a label is the goodness of all hidden blocks but the first (of the first where it is alone), on inputs with
    that label.
    """
    needs_plain(trial)
    batch, rows = trial.unseen, len(trial.unseen[trial.target])
    for kind in ("mean", "sum"):
        start = trial.learn(f"forward_forward(goodness = {kind})", steps=0)
        counted = list(trial.hidden)[1:] or list(trial.hidden)
        for label in range(trial.classes):
            activities = _activities(trial, start, batch, trial.one_hot([label] * rows))
            total = sum(_goodness(activities[block], kind) for block in counted)
            trial.equal(f"the score of label {label}", start.scores[:, label], total)


@law(
    "a head on a neutral label", kind="exact", when="predict = head", source=f"{HINTON}, section 2",
    networks=Networks(ops=("linear", "relu", "tanh", "conv", "layer_norm"), blocks=4, labelled=True),
)  # fmt: skip
def neutral_head(trial: Trial) -> None:
    """With predict = head the output block predicts, and learns by its objective, from blocks whose input has 1 / classes for every
    label, each activity at root mean square 1; hidden blocks learn as without it. An output block of backprop learns the same.
    """
    needs_plain(trial)
    use = "forward_forward(predict = head)"
    start, found, usual = trial.learn(use, steps=0), trial.learn(use, steps=1), trial.learn("forward_forward", steps=1)
    for batch in (trial.unseen, trial.batches[0]):
        marks = 0 * trial.one_hot(batch[trial.target]) + 1 / trial.classes
        seen = {name: _normalised(h) for name, h in _activities(trial, start, batch, marks).items()}
        out = trial.outputs(trial.output, start, {**batch, **seen})
        if batch is trial.unseen:
            trial.equal("the prediction", start.scores, out)
            continue
        trial.equal(f"the loss of `{trial.output}`", found.losses[0][trial.output], trial.loss_of(out, batch))
        gradients, _ = trial.pull(trial.output, start, {**batch, **seen}, trial.error_of(out, batch))
        for name, gradient in gradients.items():
            trial.equal(f"the move of `{name}`", found.moves[name], -0.1 * gradient)
            trial.equal(f"the move of `{name}` under predict = sweep", usual.moves[name], 0 * gradient, within=0.0)
    trial.same(found, usual, trial.hidden)
    beside = trial.learn("forward_forward", others={trial.output: "backprop"}, steps=1)
    trial.same(beside, found, trial.blocks)
    trial.equal("the prediction of an output block of backprop", beside.scores, found.scores)


def _activities(trial: Trial, learned: Learned, batch: Batch, marks: Array) -> Arrays:
    """What hidden blocks give where every input begins with marks, a row an example, and has root mean square 1."""
    given: dict[str, Array] = {}
    found: dict[str, Array] = {}
    for block in trial.hidden:
        for name in trial.inputs(block):
            if name not in given:
                entries = flat(batch[name]).copy()
                entries[:, : trial.classes] = marks
                given[name] = _normalised(entries.reshape(batch[name].shape))
        found[block] = trial.outputs(block, learned, {**batch, **given})
        given[block] = _normalised(found[block])
    return found


def _normalised(h: Array) -> Array:
    size = (flat(h) ** 2).mean(1, keepdims=True) ** 0.5
    return (flat(h) / (size + 1e-8)).reshape(h.shape)


def _goodness(h: Array, kind: str) -> Array:
    squares = flat(h) ** 2
    return squares.mean(1) if kind == "mean" else squares.sum(1)


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
    trial.needs(computes_alike(trial, trial.blocks), "rows see each other")
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
    needs_plain(trial)
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
    laws = (both_streams, sweep_by_hand, neutral_head, no_length, any_threshold, rows_apart, wrong_labels)

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
