"""Every law that a rule states, tried on the reference interpreter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from lpc.rules import registry
from tests.rules.oracles.cascaded_forward import sparsemax
from tests.rules.oracles.network import Array, Batches, Params, forward, one_hot, softmax
from tests.rules.running import Case, Trained, assert_close, compiled, interpreted

CASE = Case(activation="tanh")
ONE_HIDDEN = replace(CASE, sizes=(7, 6, 3))
Check = Callable[[], None]
LAWS: dict[tuple[str, str], Check] = {}


def law(rule: str, name: str) -> Callable[[Check], Check]:
    """Enters a check for a law of a rule."""

    def entered(check: Check) -> Check:
        LAWS[rule, name] = check
        return check

    return entered


def test_every_law_has_its_check() -> None:
    assert {(rule, stated.name) for rule in registry.BUILT_IN for stated in registry.find(rule).laws} == LAWS.keys()


def trained(rule: str, case: Case = CASE, start: Params | None = None, batches: Batches | None = None) -> Trained:
    given = case.batches() if batches is None else batches
    return interpreted(compiled(case.text(rule)), given, case.unseen(), start)


def moves(outcome: Trained) -> Params:
    return {name: outcome.after[name] - value for name, value in outcome.before.items()}


def of(block: str, params: Params) -> Params:
    return {name: value for name, value in params.items() if name.startswith(f"{block}.")}


def assert_same(made: Mapping[str, Array], expected: Mapping[str, Array], tolerance: float = 1e-12) -> None:
    """What both have is the same, and they have something."""
    shared = [name for name in expected if name in made]
    assert shared
    for name in shared:
        assert_close(made[name], expected[name], name, tolerance)


def assert_differ(made: Mapping[str, Array], expected: Mapping[str, Array]) -> None:
    """Something that both have is not the same."""
    assert any(np.abs(made[name] - expected[name]).max() > 1e-5 for name in expected if name in made)


# -- backprop -----------------------------------------------------------------------------------------------------


@law("backprop", "backprop = autograd")
def backprop_is_the_gradient() -> None:
    """Central differences of the mean loss, at some entries of every tensor."""
    case = replace(CASE, rows=(8,))
    found = trained("backprop", case)
    x, y = case.batches()[0]

    def loss(params: Params) -> float:
        scores = forward(params, case.layers, x, "tanh")[0][-1]
        return float(np.mean(np.log(np.exp(scores).sum(1)) - scores[np.arange(len(y)), y]))

    for name, start in found.before.items():
        for place in list(np.ndindex(start.shape))[:: max(1, start.size // 5)]:
            up, down = start.copy(), start.copy()
            up[place] += 1e-6
            down[place] -= 1e-6
            slope = (loss(found.before | {name: up}) - loss(found.before | {name: down})) / 2e-6
            assert moves(found)[name][place] == pytest.approx(-case.lr * slope, abs=1e-8)


@law("backprop", "one block or many")
def blocks_do_not_matter_to_backprop() -> None:
    parts = CASE.text("backprop")
    whole = parts.replace(" -> tanh\nblock hidden2 = hidden1 -> ", " -> tanh -> ").replace("= hidden2", "= hidden1")
    assert whole.count("block ") == 2
    one = interpreted(compiled(whole), CASE.batches(), CASE.unseen())

    def parted(params: Params) -> Params:
        return {name.replace("hidden1.linear2.", "hidden2.linear."): value for name, value in params.items()}

    two = interpreted(compiled(parts), CASE.batches(), CASE.unseen(), parted(one.before))
    assert two.after.keys() == parted(one.after).keys()
    assert_same(two.after, parted(one.after))
    assert_close(two.scores, one.scores, "scores")


# -- feedback alignment -------------------------------------------------------------------------------------------


@law("feedback_alignment", "transposed feedback = backprop")
def transposed_feedback() -> None:
    assert_same(trained("feedback_alignment(feedback = transpose)").after, trained("backprop").after)
    assert_differ(trained("feedback_alignment").after, trained("backprop").after)


@law("feedback_alignment", "the top block learns as by backprop")
def top_of_feedback_alignment() -> None:
    once = CASE.batches()[:1]
    found, exact = trained("feedback_alignment", batches=once), trained("backprop", batches=once)
    assert_same(of("readout", found.after), of("readout", exact.after))
    assert_differ(of("hidden2", found.after), of("hidden2", exact.after))


@law("feedback_alignment", "learned feedback keeps its distance")
def learned_feedback() -> None:
    for decay in (0.0, 0.1):
        optimizer = f"sgd(lr = 0.2, weight_decay = {decay})"
        found = trained(f"feedback_alignment(feedback = learned, optimizer = {optimizer})")
        for block in ("hidden2", "readout"):
            matrix, weight = f"{block}.feedback_alignment.linear", f"{block}.linear.weight"
            distance = (1 - 0.2 * decay) ** len(CASE.rows) * (found.before[matrix] - found.before[weight])
            assert_close(found.after[matrix] - found.after[weight], distance, matrix, 1e-12)
            assert np.abs(moves(found)[matrix]).max() > 1e-3


# -- direct feedback alignment ------------------------------------------------------------------------------------


@law("direct_feedback_alignment", "one hidden block, transposed readout = backprop")
def direct_transposed_feedback() -> None:
    found = trained("direct_feedback_alignment(feedback = transpose)", ONE_HIDDEN)
    assert_same(found.after, trained("backprop", ONE_HIDDEN).after)


@law("direct_feedback_alignment", "zero error, zero update")
def no_error_no_update() -> None:
    case = replace(CASE, loss="mse")
    right = [(case.unseen(), trained("direct_feedback_alignment", case, batches=[]).scores)]
    found = trained("direct_feedback_alignment", case, batches=right)
    assert_same(found.after, found.before, 1e-14)


@law("direct_feedback_alignment", "only the difference of rows matters")
def rows_of_the_matrix() -> None:
    first = trained("direct_feedback_alignment")
    name = "hidden1.direct_feedback_alignment.feedback"
    second = trained("direct_feedback_alignment", start={name: first.before[name] + np.arange(6.0)})
    assert_differ(second.before, first.before)
    assert_same(of("hidden1", moves(second)), of("hidden1", moves(first)), 1e-10)


# -- predictive coding --------------------------------------------------------------------------------------------


@law("predictive_coding", "fixed prediction = backprop")
def fixed_prediction() -> None:
    assert_same(trained("predictive_coding").after, trained("backprop").after)
    assert_differ(trained("predictive_coding(prediction = strict)").after, trained("backprop").after)


@law("predictive_coding", "further iterations change nothing")
def further_iterations() -> None:
    enough = trained("predictive_coding(iterations = 3)").after
    assert_same(trained("predictive_coding(iterations = 8)").after, enough)
    assert_differ(trained("predictive_coding(iterations = 2)").after, enough)


@law("predictive_coding", "the top block learns as by backprop")
def top_of_predictive_coding() -> None:
    once = CASE.batches()[:1]
    rule = "predictive_coding(iterations = 2, rate = 0.3)"
    found, exact = trained(rule, batches=once), trained("backprop", batches=once)
    assert_same(of("readout", found.after), of("readout", exact.after))
    assert_differ(of("hidden2", found.after), of("hidden2", exact.after))


# -- Mono-Forward -------------------------------------------------------------------------------------------------


@law("mono_forward", "one block = backprop with a head")
def head_of_one_block() -> None:
    case = replace(ONE_HIDDEN, bias=False)
    found = trained("mono_forward", case)
    start = {"readout.linear.weight": found.before["hidden1.mono_forward.projection"]}
    exact = trained("backprop", case, start)
    assert_same(of("hidden1", found.after), of("hidden1", exact.after))
    assert_close(found.after["hidden1.mono_forward.projection"], exact.after["readout.linear.weight"], "projection")


@law("mono_forward", "rows of the projection's gradient sum to zero")
def rows_of_the_projection() -> None:
    found = trained("mono_forward")
    for block in ("hidden1", "hidden2"):
        moved = moves(found)[f"{block}.mono_forward.projection"]
        assert np.abs(moved).max() > 1e-3
        np.testing.assert_allclose(moved.sum(0), 0, atol=1e-15)


@law("mono_forward", "blocks above do not matter")
def blocks_above() -> None:
    first = trained("mono_forward")
    above = {name: -value for block in ("hidden2", "readout") for name, value in of(block, first.before).items()}
    second = trained("mono_forward", start=above)
    assert_differ(of("hidden2", moves(second)), of("hidden2", moves(first)))
    assert_same(of("hidden1", second.after), of("hidden1", first.after), 0)


# -- Forward-Forward ----------------------------------------------------------------------------------------------


@law("forward_forward", "the next block sees no length")
def lengths() -> None:
    case = replace(CASE, activation="relu")
    once = case.batches()[:1]
    first = trained("forward_forward", case, batches=once)
    longer = {name: 5 * value for name, value in of("hidden1", first.before).items()}
    second = trained("forward_forward", case, longer, once)
    assert_differ(of("hidden1", moves(second)), of("hidden1", moves(first)))
    assert_same(of("hidden2", second.after), of("hidden2", first.after), 1e-6)


@law("forward_forward", "prediction does not depend on the threshold")
def thresholds() -> None:
    low, high = (trained(f"forward_forward(threshold = {t})", batches=[]) for t in (0.5, 8.0))
    assert_close(low.scores, high.scores, "scores", 0)


@law("forward_forward", "merged = separate streams")
def streams() -> None:
    """The update of a batch is the mean of its halves' updates: rows do not see each other, nor do their streams."""
    case = replace(CASE, sizes=(7, 6, 5, 2), rows=(8,))  # of two classes one is wrong, whatever is drawn
    ((x, y),) = case.batches()
    whole = moves(trained("forward_forward", case))
    halves = [moves(trained("forward_forward", case, batches=[(x[part], y[part])])) for part in (slice(4), slice(4, 8))]
    assert_same(whole, {name: (halves[0][name] + halves[1][name]) / 2 for name in whole})
    assert np.abs(whole["hidden2.linear.weight"]).max() > 1e-3


# -- Cascaded-Forward ---------------------------------------------------------------------------------------------


@law("cascaded_forward", "least squares = ridge regression")
def normal_equations() -> None:
    found = trained("cascaded_forward(predictor = least_squares, ridge = 0.01)")
    x, y = (np.concatenate(parts) for parts in zip(*CASE.batches(), strict=True))
    features, codes = forward(found.after, CASE.layers, x, "tanh")[0][1], one_hot(y, 3)
    weight = found.after["hidden1.cascaded_forward.weight"]
    residual = features.T @ (codes - features @ weight.T) - 0.01 * len(x) * weight.T
    np.testing.assert_allclose(residual, 0, atol=1e-12)


@law("cascaded_forward", "predictors do not see each other")
def predictors() -> None:
    first = trained("cascaded_forward")
    readout = {name: -value for name, value in of("readout", first.before).items()}
    second = trained("cascaded_forward", start=readout)
    assert_differ(of("readout", moves(second)), of("readout", moves(first)))
    assert_same(of("hidden1", second.after), of("hidden1", first.after), 0)


@law("cascaded_forward", "frozen blocks stay")
def frozen_blocks() -> None:
    for predictor in ("cross_entropy", "sparsemax", "least_squares"):
        moved = moves(trained(f"cascaded_forward(predictor = {predictor})"))
        for block in ("hidden1", "hidden2"):
            assert all(np.all(moved[f"{block}.linear.{part}"] == 0) for part in ("weight", "bias"))
        assert np.abs(moved["hidden1.cascaded_forward.weight"]).max() > 1e-3


@pytest.mark.parametrize(("rule", "name"), LAWS)
def test_law(rule: str, name: str) -> None:
    LAWS[rule, name]()


# -- What is no law of a rule, but true -----------------------------------------------------------------------------


GRAPH = """network graph
data x: f32[7], y: class[3] = synthetic(examples = 20)
block left = x -> linear(6) -> tanh
block right = x -> linear(6) -> tanh
block mixed = concat(left, right, x) -> linear(5) -> tanh
block sum = (left -> linear(5)) + mixed
block readout = (sum + (right -> linear(5))) -> linear(3)
objective cross_entropy(readout, y)
learn all with {}
train epochs = 1, batch = 8, optimizer = sgd(lr = 0.2)
"""


@pytest.mark.parametrize("rule", ["feedback_alignment(feedback = transpose)", "predictive_coding"])
def test_what_equals_backprop_does_so_on_a_graph(rule: str) -> None:
    """Blocks that read several and are read by several: cotangents of all readers add up."""
    found, exact = (
        interpreted(compiled(GRAPH.format(name)), CASE.batches(), CASE.unseen()) for name in (rule, "backprop")
    )
    assert_same(found.after, exact.after)
    assert np.abs(moves(exact)["left.linear.weight"]).max() > 1e-3


def test_cascaded_forward_predicts_the_mean_of_probabilities() -> None:
    for predictor, link in (("cross_entropy", softmax), ("sparsemax", sparsemax)):
        found = trained(f"cascaded_forward(predictor = {predictor})")
        values = forward(found.after, CASE.layers, CASE.unseen(), "tanh")[0]
        votes = [link(values[1] @ found.after["hidden1.cascaded_forward.weight"].T), link(values[3])]
        assert_close(np.exp(found.scores), (votes[0] + votes[1]) / 2, "probabilities")
