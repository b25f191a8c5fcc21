"""Cascaded-Forward: frozen blocks, each read by a linear predictor of its own, solved in closed form or by gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import e, prod

from lpc.ir.op import Law as InitialLaw
from lpc.ir.step import Added, Value
from lpc.rules.by_hand import flat, softmax, sparsemax
from lpc.rules.law import (
    PERCEPTRON,
    Array,
    Learned,
    Networks,
    Trial,
    added,
    computes_alike,
    gathers_statistics,
    law,
    needs_plain,
    operations_of,
)
from lpc.rules.rule import BLOCKS, FIT, STATISTICS, TRAIN, Illegal, Phase, Rule, parameter
from lpc.rules.run import Run, RunBlock
from lpc.rules.tracer import Recorder

ZHAO = "Zhao et al. 2023, arXiv 2303.09728"
WEIGHT, FEEDBACK = "cascaded_forward.weight", "cascaded_forward.feedback"


@law(
    "least squares = ridge regression", kind="exact", when="predictor = least_squares, one class label", source=ZHAO,
    networks=Networks(ops=(*PERCEPTRON, "conv", "layer_norm"), labelled=True),
)  # fmt: skip
def normal_equations(trial: Trial) -> None:
    """The closed-form predictor satisfies the normal equations on all training features; predictions are summed as of others."""
    found = trial.learn("cascaded_forward(predictor = least_squares, ridge = 0.01)")
    names = [name for name in found.after if name.endswith(".cascaded_forward.weight")]
    trial.needs(bool(names), "no block has a predictor of its own")
    for name in names:
        features, moments, rows = 0.0, 0.0, 0
        for batch in trial.batches:
            x = trial.outputs(name.partition(".")[0], found, batch).reshape(len(batch[trial.target]), -1)
            features, moments = features + x.T @ x, moments + x.T @ trial.one_hot(batch[trial.target])
            rows += len(x)
        weight = found.after[name]
        trial.equal(
            f"the normal equations of `{name}`", features @ weight.T + 0.01 * rows * weight.T, moments, within=1e-8
        )
    _predicts(trial, found, "predictor = least_squares", softmax)


@law(
    "the readout = ridge regression, its bias free", kind="exact", when="predictor = least_squares, one class label",
    source="the normal equations", networks=Networks(ops=(*PERCEPTRON, "conv", "layer_norm"), labelled=True),
)  # fmt: skip
def readout_equations(trial: Trial) -> None:
    """The output block's weight and bias solve the ridge regression of the labels on what it reads; the bias is not penalised."""
    found = trial.learn("cascaded_forward(predictor = least_squares, ridge = 0.02)")
    names = trial.weights(trial.output)
    read = trial.inputs(trial.output)[0]
    errors, moments, rows = 0.0, 0.0, 0
    for batch in trial.batches:
        x = flat(trial.outputs(read, found, batch) if read in trial.blocks else batch[read])
        wrong = x @ found.after[names[0]].T - trial.one_hot(batch[trial.target])
        wrong = wrong + found.after[names[1]] if len(names) > 1 else wrong
        errors, moments, rows = errors + wrong.T @ x, moments + wrong.sum(0), rows + len(x)
    penalty = 0.02 * rows * found.after[names[0]]
    trial.equal(f"the equations of `{names[0]}`", errors + penalty, 0 * penalty, within=1e-8)
    if len(names) > 1:
        trial.equal("the sum of what is left", moments, 0 * moments, within=1e-8)


@law("each predictor descends its own loss", kind="exact", when="one class label", source=f"{ZHAO}, equations 4 and 5")
def own_losses(trial: Trial) -> None:
    """A predictor logs its loss on its block's output, cross-entropy or sparsemax, and moves against its gradient; every block has
    one, the output block and what it reads share that, unless the output block learns otherwise. The step's class scores are those
    of the output block.
    """
    needs_plain(trial)
    batch = trial.batches[0]
    for predictor in ("cross_entropy", "sparsemax"):
        use = f"cascaded_forward(predictor = {predictor})"
        begin = trial.learn(use, steps=0)
        start = {f"{block}.{WEIGHT}": _some(value) for block, value in added(begin, WEIGHT).items()}
        found = trial.learn(use, start=start, steps=1)
        read = trial.inputs(trial.output)
        trial.equal("how many predictors there are", len(start), len([b for b in trial.hidden if b not in read]))
        losses = {}
        for name, weight in start.items():
            block = name.partition(".")[0]
            trial.equal(f"`{name}` at first", begin.before[name], 0 * weight, within=0.0)
            losses[block] = flat(trial.outputs(block, begin, batch)) @ weight.T
        losses[trial.output] = trial.outputs(trial.output, begin, batch)
        trial.equal("how many losses are logged", len(found.losses[0]), len(losses))
        trial.equal("the class scores of the step", found.class_scores[0], losses[trial.output])
        beside = added(trial.learn(use, others={trial.output: "backprop"}, steps=0), WEIGHT)
        trial.equal("how many predictors there are below a block of backprop", len(beside), len(trial.hidden))
        for block, scores in losses.items():
            expected = trial.loss_of(scores, batch, predictor)
            trial.equal(f"the loss of `{block}` by {predictor}", found.losses[0][block], expected)
            error = trial.error_of(scores, batch, predictor)
            if block == trial.output:
                gradients, _ = trial.pull(block, begin, batch, error)
            else:
                gradients = {f"{block}.{WEIGHT}": error.T @ flat(trial.outputs(block, begin, batch))}
            for name, gradient in gradients.items():
                trial.equal(f"the move of `{name}` by {predictor}", found.moves[name], -0.1 * gradient)


@law("predictions are summed", kind="exact", when="one class label", source=f"{ZHAO}, section 3.3")
def predictions(trial: Trial) -> None:
    """The prediction is the logarithm of the mean of all predictors' probabilities (softmax, or sparsemax by its predictor), or the sum
    of their scores; of one predictor alone its scores.
    """
    for arguments, link in (
        ("predictor = cross_entropy", softmax),
        ("predictor = sparsemax", sparsemax),
        ("aggregate = logits", None),
    ):
        use = f"cascaded_forward({arguments})"
        begin = trial.learn(use, steps=0)
        start = {f"{block}.{WEIGHT}": _some(value) for block, value in added(begin, WEIGHT).items()}
        found = trial.learn(use, start=start, steps=0)
        _predicts(trial, found, arguments, link)


@law("blocks by direct feedback", kind="exact", when="blocks = dfa; one step", source=f"{ZHAO}, section 4 (CaFo + DFA)")
def direct_feedback(trial: Trial) -> None:
    """Before predictors are trained the output block and what it reads are moved by the gradient, every block below by e B at its
    output; B is drawn uniformly between ±1/√classes.
    """
    needs_plain(trial)
    use, batch = "cascaded_forward(blocks = dfa)", trial.batches[0]
    start, found = trial.learn(use, steps=0), trial.learn(use, steps=1)
    first, matrices = found.states[0], added(found, FEEDBACK)
    below = [block for block in trial.hidden if block not in trial.inputs(trial.output)]
    trial.equal("the number of matrices", len(matrices), len(below))
    error = trial.error_of(trial.outputs(trial.output, start, batch), batch)
    _, read = trial.pull(trial.output, start, batch, error)
    signals = {trial.output: error, **{b: read[b] for b in trial.hidden if b in read}}
    signals |= {block: error @ matrix for block, matrix in matrices.items()}
    for block in trial.blocks:
        gradients, _ = trial.pull(block, start, batch, signals[block])
        for name, gradient in gradients.items():
            trial.equal(f"the move of `{name}`", first[name] - found.before[name], -0.1 * gradient)
    trial.drawn(use, {f"{block}.{FEEDBACK}": len(matrix) ** -0.5 for block, matrix in matrices.items()})


@law(
    "statistics are gathered first", kind="exact", when="batch_norm in a hidden block", source="lpc: frozen blocks are in inference mode",
    networks=Networks(ops=("linear", "batch_norm"), blocks=2, labelled=True),
)  # fmt: skip
def statistics(trial: Trial) -> None:
    """Batch-norm statistics of blocks are gathered in one pass before predictors are trained, in which no weight moves, and stay; a
    predictor then logs its loss on what its block gives in inference mode.
    """
    use = "cascaded_forward"
    gathers_statistics(trial, use)
    batch, start = trial.batches[0], trial.learn(use, steps=0)
    found = trial.learn(use, steps=1)
    trial.needs(
        computes_alike(trial, [trial.output]), "the output block computes otherwise in training than in inference"
    )
    values = {block: trial.outputs(block, found, batch) for block in trial.hidden}
    scores = trial.outputs(trial.output, start, {**batch, **values})
    trial.equal(f"the loss of `{trial.output}`", found.losses[1][trial.output], trial.loss_of(scores, batch))


def _predicts(trial: Trial, found: Learned, arguments: str, link: Callable[[Array], Array] | None) -> None:
    weights = {block: found.after[f"{block}.{WEIGHT}"] for block in added(found, WEIGHT)}
    votes = [flat(trial.outputs(block, found, trial.unseen)) @ weight.T for block, weight in weights.items()]
    votes.append(trial.outputs(trial.output, found, trial.unseen))
    if len(votes) == 1:
        trial.equal(f"the prediction by {arguments}", found.scores, votes[0])
    elif link is None:
        trial.equal(f"the prediction by {arguments}", found.scores, sum(votes))
    else:
        mean = sum(link(vote) for vote in votes) / len(votes)
        trial.equal(f"the probabilities by {arguments}", e**found.scores, mean, within=1e-9)


def _some(weight: Array) -> Array:
    """Other values than zeros, without order."""
    numbers = [0.3 * ((7 * at) % 11 - 5) for at in range(weight.size)]
    made = weight.copy()
    made.flat = numbers
    return made


@law(
    "one pass, however it is cut",
    kind="invariance",
    when="predictor = least_squares",
    source="sums over the training part",
)
def any_batches(trial: Trial) -> None:
    """A closed form does not depend on the order of the batches, nor on the batch it sees first."""
    trial.needs(len(trial.batches) > 1, "there is one batch")
    use = "cascaded_forward(predictor = least_squares)"
    made, turned = trial.learn(use), trial.learn(use, batches=trial.batches[::-1])
    trial.needs("batch_norm" not in operations_of(trial, trial.blocks), "statistics depend on the order")
    for name, value in made.after.items():
        trial.equal(f"`{name}`", turned.after[name], value, within=1e-8)


@law("predictors do not see each other", kind="invariance", when="blocks = random", source=ZHAO)
def apart(trial: Trial) -> None:
    """Training one predictor leaves every other as it would have been."""
    found = trial.learn("cascaded_forward")
    names = [name for name in found.before if name.endswith(".cascaded_forward.weight")]
    trial.needs(bool(names), "no block has a predictor of its own")
    turned = {name: -found.before[name] for name in trial.weights(trial.output)}
    other = trial.learn("cascaded_forward", start=turned)
    for name in names:
        trial.equal(f"`{name}`", other.after[name], found.after[name], within=0.0)


@law("frozen blocks stay", kind="exact", when="blocks = random", source=ZHAO)
def frozen(trial: Trial) -> None:
    """No parameter of a random block moves, whatever the predictor."""
    for predictor in ("cross_entropy", "sparsemax", "least_squares"):
        found = trial.learn(f"cascaded_forward(predictor = {predictor})")
        for name in (name for block in trial.hidden for name in trial.weights(block)):
            trial.equal(f"the move of `{name}`", found.moves[name], 0 * found.moves[name], within=0.0)


@dataclass(frozen=True)
class CascadedForward(Rule):
    name = "cascaded_forward"
    title = "Cascaded-Forward"
    summary = "Random (or separately trained) blocks stay frozen; every block has a predictor of its own, and predictions are summed."
    paper = "Zhao et al. 2023, The Cascaded Forward Algorithm for Neural Network Training, arXiv 2303.09728"
    example = "learn all with cascaded_forward(predictor = least_squares, ridge = 1e-3)"
    local = True
    needs_label = True
    usual_rate = (1e-4, 3e-2)
    laws = (
        normal_equations,
        readout_equations,
        own_losses,
        predictions,
        direct_feedback,
        statistics,
        any_batches,
        apart,
        frozen,
    )

    predictor: str = parameter(
        "cross_entropy",
        "how predictors are found: by gradient on one of two losses, or in closed form",
        source=ZHAO,
        words=("cross_entropy", "sparsemax", "least_squares"),
    )
    ridge: float = parameter(
        1e-3,
        "ridge of the closed form, times the number of examples",
        source="lpc: keeps float64 Gram matrices solvable",
        least=0.0,
    )
    blocks: str = parameter(
        "random", "blocks stay random, or are first trained by the output error", source=ZHAO, words=("random", "dfa")
    )
    aggregate: str = parameter(
        "probabilities",
        "what is summed over predictors, where there are several",
        source="Zhao et al. 2023 (probabilities)",
        words=("probabilities", "logits"),
    )

    def learns_alone(self) -> bool:
        return self.blocks != "dfa"

    def illegal(self, run: Run) -> Iterator[Illegal]:
        if self.blocks == "dfa" and run.output is None:
            reason = "training blocks by the output error needs the output block in the same run"
            yield Illegal(
                run.blocks[0].name, reason, "learn the output block with the same rule, or use blocks = random"
            )
        if self.predictor == "least_squares" and run.output is not None and run.linear_readout(run.output) is None:
            reason = "a closed form exists only for shape operations and one linear"
            yield Illegal(
                run.output.name,
                reason,
                "make the output block flatten -> linear(...), or use predictor = cross_entropy",
            )

    def notes(self, run: Run) -> Iterator[str]:
        if self.predictor == "least_squares":
            yield "predictors are solved in one pass over the training part: epochs and optimizer are not used for them"
        if run.output is not None:
            yield f"`{run.output}` is the predictor of what it reads"

    def phases(self, run: Run) -> Sequence[Phase]:
        first = (
            [BLOCKS] if self.blocks == "dfa" else [STATISTICS] if any(b.unit.batch_coupled for b in run.hidden) else []
        )
        return [*first, FIT if self.predictor == "least_squares" else TRAIN]

    # -- what is added ----------------------------------------------------------------------------------------------

    def predicting(self, run: Run) -> list[RunBlock]:
        """Blocks with a predictor of their own: all but the output block and what it reads."""
        read = run.output.inputs if run.output is not None else ()
        return [block for block in run.hidden if block.name not in read]

    def weight(self, run: Run, block: RunBlock) -> Added:
        shape = (run.outputs, run.features(block))
        solved = self.predictor == "least_squares"
        return run.added(
            block, "weight", shape, InitialLaw("constant", 0.0), "from features to class scores", trained=not solved
        )

    def matrix(self, run: Run, block: RunBlock) -> Added:
        """Carries the output error to a block that the output block does not read: that one gets its gradient."""
        assert run.output is not None
        outputs = prod(run.output.unit.output)
        law = InitialLaw("uniform", outputs**-0.5)
        return run.added(
            block, "feedback", (outputs, block.width), law, "carries the output error to the block", trained=False
        )

    def sums(self, run: Run, block: RunBlock, features: int) -> tuple[Added, Added]:
        """Gram matrix and moments of features, in float64, gathered over one pass."""
        zero = InitialLaw("constant", 0.0)
        gram = run.added(
            block, "gram", (features, features), zero, "sum of products of features", trained=False, f64=True
        )
        moment = run.added(
            block, "moment", (features, run.outputs), zero, "sum of products with the labels", trained=False, f64=True
        )
        return gram, moment

    def rows(self, run: Run) -> Added:
        return run.added(
            run.blocks[0], "rows", (), InitialLaw("constant", 0.0), "examples gathered", trained=False, f64=True
        )

    def adds(self, run: Run) -> Sequence[Added]:
        found = [self.weight(run, block) for block in self.predicting(run)]
        if self.blocks == "dfa":
            found += [self.matrix(run, block) for block in self.predicting(run)]
        if self.predictor == "least_squares":
            for block, features in self._solved(run):
                found += self.sums(run, block, features)
            found.append(self.rows(run))
        return found

    def _solved(self, run: Run) -> list[tuple[RunBlock, int]]:
        """Blocks whose predictor is solved, and how many features it reads (the output block's with a column of ones)."""
        own = [(block, run.features(block)) for block in self.predicting(run)]
        if run.output is None:
            return own
        linear = run.linear_readout(run.output)
        assert linear is not None
        return [*own, (run.output, linear.weights[0].shape[1] + (len(linear.weights) > 1))]

    # -- steps ------------------------------------------------------------------------------------------------------

    def step(self, s: Recorder, run: Run, phase: Phase) -> None:
        if phase == STATISTICS:
            for block in run.hidden:
                s.fwd(block)
        elif phase == BLOCKS:
            self._train_blocks(s, run)
        elif phase == TRAIN:
            self._train_predictors(s, run)
        else:
            self._gather(s, run)

    def _train_blocks(self, s: Recorder, run: Run) -> None:
        """The output block and what it reads by gradient, all below by direct feedback (CaFo-DFA, as Spyra 2025 has it).

        There a helper head gives the error and is dropped; here it is the output block, which goes on from there.
        """
        h = s.forward(run)
        assert run.output is not None
        out = h[run.output.name]
        error = s.cross(s.grad(s.objective(out, of=run.output), out), "output")
        gradients, below = s.vjp(out, error)
        s.update(run.output, gradients)
        for block in run.hidden:
            if block.name in run.output.inputs:
                signal = below[run.output.inputs.index(block.name)]
            else:
                signal = s.feedback(error, s.get(self.matrix(run, block)), block)
            gradients, _ = s.vjp(h[block.name], signal)
            s.update(block, gradients)

    def _train_predictors(self, s: Recorder, run: Run) -> None:
        predicting = self.predicting(run)
        for block in run.hidden:
            h = s.fwd(block, frozen=True)
            if block in predicting:
                head = run.head(block, self.weight(run, block))
                scores = s.head(head, h)
                gradients, _ = s.vjp(scores, s.grad(s.loss(self.predictor, scores, s.target, of=block), scores))
                s.update(head, gradients)
        if run.output is not None:
            out = s.fwd(run.output)
            s.scores = out
            gradients, _ = s.vjp(out, s.grad(s.loss(self.predictor, out, s.target, of=run.output), out))
            s.update(run.output, gradients)

    def _gather(self, s: Recorder, run: Run) -> None:
        labels = s.map("one_hot", s.target, name="targets", classes=run.outputs)
        for block in run.hidden:
            s.fwd(block, frozen=True)
        for block, _ in self._solved(run):
            features = self._features(s, run, block)
            gram, moment = self.sums(run, block, features.kind.shape[0])
            s.put(gram, s.get(gram) + s.outer(features, features, dtype="f64"))
            s.put(moment, s.get(moment) + s.outer(features, labels, dtype="f64"))
        rows = self.rows(run)
        s.put(rows, s.get(rows) + s.map("count", s.target))

    def _features(self, s: Recorder, run: Run, block: RunBlock) -> Value:
        """What a solved predictor reads: its block's flat output; the output block's is what it reads itself, and ones."""
        if not block.is_output:
            return s.map("flatten", s.value_of(block.name), name=f"{block.name}_features")
        flat = s.map("flatten", s.value_of(block.inputs[0]), name=f"{block.name}_features")
        linear = run.linear_readout(block)
        assert linear is not None
        return s.map("with_ones", flat, name=f"{block.name}_features") if len(linear.weights) > 1 else flat

    def finish(self, s: Recorder, run: Run, phase: Phase) -> None:
        if phase != FIT:
            return
        for block, features in self._solved(run):
            gram, moment = self.sums(run, block, features)
            linear = run.linear_readout(block) if block.is_output else None
            biased = linear is not None and len(linear.weights) > 1
            s.tape.block = block.name
            solution = s.solve(s.get(gram), s.get(moment), s.get(self.rows(run)), self.ridge, free=int(biased))
            if linear is None:
                s.put(self.weight(run, block), s.map("transpose", solution))
            elif biased:
                s.put(f"{linear.name}.weight", s.map("transpose", s.map("rows", solution, start=0, stop=features - 1)))
                s.put(f"{linear.name}.bias", s.map("row", solution, at=features - 1))
            else:
                s.put(f"{linear.name}.weight", s.map("transpose", solution))

    def infer(self, s: Recorder, run: Run) -> Value | None:
        votes: list[Value] = []
        predicting = self.predicting(run)
        for block in run:
            h = s.fwd(block)
            if block.is_output:
                votes.append(h)
            elif block in predicting and run.output is not None:
                votes.append(s.head(run.head(block, self.weight(run, block)), h))
        if run.output is None or len(votes) == 1:
            return None
        link = "sparsemax" if self.predictor == "sparsemax" else "softmax"
        if self.aggregate == "probabilities":
            votes = [s.map(link, vote) for vote in votes]
        total = votes[0]
        for vote in votes[1:]:
            total = s.map("add", total, vote, name="total")
        return s.map("log", total / len(votes)) if self.aggregate == "probabilities" else total
