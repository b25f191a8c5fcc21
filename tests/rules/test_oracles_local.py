"""The oracles of the layer-local rules: finite differences and the laws of the rules' papers.

Numbers of laws are those of rules_forward, sections (h).
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.rules.oracles import (
    backprop,
    cascaded_forward,
    direct_feedback_alignment,
    forward_forward,
    mono_forward,
    network,
)
from tests.rules.oracles.cascaded_forward import Predictor
from tests.rules.oracles.forward_forward import Goodness
from tests.rules.oracles.network import Activation, Array, Labels, Loss, OptimizerName, Params
from tests.rules.samples import ACTIVATIONS, LOSSES, assert_gradients, assert_same, batch, distance, draw

# ------------------------------------------------------------------------------------------------ mono-forward


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_mono_forward_descends_its_local_losses(loss: Loss, activation: Activation) -> None:
    """Law 2."""
    params, layers = draw()
    x, y = batch(loss=loss)
    found = mono_forward.gradients(params, x, y, layers, activation, loss)
    assert sum("projection" in name for name in found) == 2
    assert_gradients(lambda now: mono_forward.losses(now, x, y, layers, activation, loss), params, found)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_mono_forward_in_one_block_is_backprop_with_a_head_without_bias(optimizer: OptimizerName) -> None:
    """Law 1."""
    params, layers = draw((7, 6, 3))
    batches = [batch(seed=seed) for seed in range(3)]
    found = mono_forward.train(params, batches, layers, "relu", 0.1, optimizer=optimizer)
    names = ("hidden1.linear.weight", "hidden1.linear.bias")
    head = {name: params[name] for name in names} | {"head.linear.weight": params["hidden1.mono_forward.projection"]}
    expected = backprop.train(head, batches, ["hidden1", "head"], "relu", 0.1, optimizer=optimizer)
    for name in names:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-13)
    np.testing.assert_allclose(found["hidden1.mono_forward.projection"], expected["head.linear.weight"], rtol=1e-13)


def test_mono_forward_keeps_the_sum_over_classes_and_sleeping_units() -> None:
    """Law 3: Σ_c M[c] stays. Law 4: a unit never active moves neither its row of W nor its column of M."""
    params, layers = draw()
    params["hidden1.linear.bias"][2] = -100.0
    found = mono_forward.train(params, [batch(seed=seed) for seed in range(3)], layers, "relu", 0.5)
    name = "hidden1.mono_forward.projection"
    assert distance(found[name], params[name]) > 1e-2
    np.testing.assert_allclose(found[name].sum(axis=0), params[name].sum(axis=0), atol=1e-14)
    np.testing.assert_array_equal(found[name][:, 2], params[name][:, 2])
    np.testing.assert_array_equal(found["hidden1.linear.weight"][2], params["hidden1.linear.weight"][2])


def test_mono_forward_predicts_by_the_last_or_the_sum() -> None:
    """Law 8: a vector added to all rows of M changes no probability, so neither the block's own gradient nor the sum."""
    params, layers = draw()
    x, y = batch()
    name = "hidden1.mono_forward.projection"
    shifted = params | {name: params[name] + np.arange(6.0)}
    last = mono_forward.scores(params, x, layers, "relu")
    both, moved = (mono_forward.scores(now, x, layers, "relu", predict="sum") for now in (params, shifted))
    np.testing.assert_allclose(last, backprop.scores(params, x, layers, "relu"))
    h1, h2 = network.forward(params, layers, x, "relu")[0][1:-1]
    projected = (h @ params[f"{b}.mono_forward.projection"].T for b, h in (("hidden1", h1), ("hidden2", h2)))
    np.testing.assert_allclose(both, sum(projected, start=last))
    np.testing.assert_allclose(network.softmax(both), network.softmax(moved), rtol=1e-10)
    left, right = (
        mono_forward.gradients(now, x, y, layers, "relu", "cross_entropy")[name] for now in (params, shifted)
    )
    np.testing.assert_allclose(left, right, atol=1e-14)


# ------------------------------------------------------------------------------------------------ forward-forward

GOODNESS: tuple[Goodness, ...] = ("mean", "sum")


def wronged(rows: int = 8, seed: int = 1) -> tuple[Array, Labels, Labels]:
    x, y = batch(rows, seed=seed)
    return x, y, (y + np.random.default_rng(seed).integers(1, 3, rows)) % 3


def by_hand(params: Params, row: Array, label: int | None, goodness: Goodness) -> tuple[list[float], Array]:
    """The goodness of each relu block for one row with a label written in (None: the neutral one), and the last h."""
    read = np.array([1 / 3 if label is None else float(label == at) for at in range(3)] + list(row[3:]))
    found = []
    for layer in ("hidden1", "hidden2"):
        read = read / (np.sqrt(np.mean(read * read)) + 1e-8)
        read = np.maximum(params[f"{layer}.linear.weight"] @ read + params[f"{layer}.linear.bias"], 0)
        found.append(float(read @ read) / (len(read) if goodness == "mean" else 1))
    return found, read


@pytest.mark.parametrize("goodness", GOODNESS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_forward_forward_descends_its_losses(goodness: Goodness, activation: Activation) -> None:
    """Law 1; the head's loss is the cross-entropy of what it says."""
    params, layers = draw()
    x, y, wrong = wronged()
    found = forward_forward.gradients(
        params, x, y, wrong, layers, activation, goodness=goodness, threshold=0.7, predict="head"
    )

    def losses(now: Params) -> dict[str, float]:
        head = forward_forward.scores(now, x, layers, activation, predict="head")
        local = forward_forward.losses(now, x, y, wrong, layers, activation, goodness, 0.7)
        return local | {"readout": network.loss_value("cross_entropy", head, y)}

    assert {name.split(".")[0] for name in found} == {"hidden1", "hidden2", "readout"}
    assert_gradients(losses, params, found)


@pytest.mark.parametrize("goodness", GOODNESS)
def test_forward_forward_is_a_binary_cross_entropy_of_goodness(goodness: Goodness) -> None:
    """Law 2, row by row, with the thresholds that stand where none is given: 2, or the width."""
    params, layers = draw()
    x, y, wrong = wronged()
    rows = [
        by_hand(params, row, label, goodness)[0] for labels in (y, wrong) for row, label in zip(x, labels, strict=True)
    ]
    expected = {}
    for at, (layer, width) in enumerate((("hidden1", 6.0), ("hidden2", 5.0))):
        logits = torch.tensor([row[at] for row in rows]) - (2.0 if goodness == "mean" else width)
        truth = torch.tensor([1.0] * 8 + [0.0] * 8)
        expected[layer] = functional.binary_cross_entropy_with_logits(logits, truth).item()
    found = forward_forward.losses(params, x, y, wrong, layers, "relu", goodness, None)
    assert found == pytest.approx(expected, rel=1e-6)  # torch's side is float32


@pytest.mark.parametrize("predict", ["sweep", "head"])
def test_forward_forward_predicts_as_by_hand(predict: forward_forward.Predict) -> None:
    """The sweep counts the second block only, of two; the head reads the last block's normalised output."""
    params, layers = draw()
    x, _, _ = wronged()
    found = forward_forward.scores(params, x, layers, "relu", predict=predict)
    for row, scored in zip(x, found, strict=True):
        if predict == "sweep":
            expected = np.array([by_hand(params, row, label, "mean")[0][1] for label in range(3)])
        else:
            h = by_hand(params, row, None, "mean")[1]
            read = h / (np.sqrt(np.mean(h * h)) + 1e-8)
            expected = params["readout.linear.weight"] @ read + params["readout.linear.bias"]
        np.testing.assert_allclose(scored, expected, rtol=1e-12)
    one, blocks = draw((7, 6, 3))
    assert forward_forward.scores(one, x, blocks, "relu").std(axis=1).min() > 0  # one block: it counts itself


def test_forward_forward_sweep_does_not_depend_on_the_threshold() -> None:
    """Law 6: the sweep's choice is that of the largest product of odds σ(g − θ)/(1 − σ(g − θ)), whatever θ."""
    params, layers = draw((7, 6, 6, 6, 3))
    x, _, _ = wronged(40)
    chosen = forward_forward.scores(params, x, layers, "relu").argmax(axis=1)
    each = []
    for label in range(3):
        slots = network.one_hot(np.full(40, label), 3)
        z = forward_forward.run(params, x, slots, layers, "relu")[1]
        each.append([np.mean(np.maximum(block, 0) ** 2, axis=1) for block in z[1:]])
    for theta in (-1.0, 0.0, 2.0):
        p = 1 / (1 + np.exp(theta - np.array(each)))
        np.testing.assert_array_equal((p / (1 - p)).prod(axis=1).argmax(axis=0), chosen)


def test_forward_forward_passes_on_directions_only() -> None:
    """Law 3: a block's output times any positive number is the same to the next (to ε)."""
    params, layers = draw()
    x, y, wrong = wronged()
    larger = params | {name: 5 * params[name] for name in ("hidden1.linear.weight", "hidden1.linear.bias")}
    plain, scaled = (forward_forward.losses(now, x, y, wrong, layers, "relu", "mean", None) for now in (params, larger))
    assert plain["hidden2"] == pytest.approx(scaled["hidden2"], rel=1e-7)
    assert plain["hidden1"] != pytest.approx(scaled["hidden1"], rel=1e-2)


def test_forward_forward_sees_labels_not_what_stood_in_their_place() -> None:
    params, layers = draw()
    x, y, wrong = wronged()
    other = np.hstack([x[:, :3] + 1, x[:, 3:]])
    left, right = (forward_forward.losses(params, data, y, wrong, layers, "relu", "mean", None) for data in (x, other))
    assert left == right


def test_forward_forward_steps() -> None:
    """Law 7, 9: each block moves by its own loss; a dead one has no gradient; sweep leaves the output block alone."""
    params, layers = draw()
    triples = [wronged(rows, seed=rows) for rows in (8, 5)]
    batches, wrong = [(x, y) for x, y, _ in triples], [w for _, _, w in triples]
    swept = forward_forward.train(params, batches, layers, "relu", 0.1, wrong=wrong)
    headed = forward_forward.train(params, batches, layers, "relu", 0.1, wrong=wrong, predict="head")
    moved = {name for name in params if not np.array_equal(swept[name], params[name])}
    assert moved == {f"hidden{at}.linear.{part}" for at in (1, 2) for part in ("weight", "bias")}
    assert {name for name in params if not np.array_equal(headed[name], swept[name])} == {
        "readout.linear.weight",
        "readout.linear.bias",
    }
    dead = params | {"hidden2.linear.bias": params["hidden2.linear.bias"] - 100}
    after = forward_forward.train(dead, batches, layers, "relu", 0.1, wrong=wrong)
    for name in params:
        expected = swept if name.startswith("hidden1") else dead
        np.testing.assert_array_equal(after[name], expected[name], err_msg=name)


# ------------------------------------------------------------------------------------------------ cascaded-forward


def features(params: Params, x: Array, layers: list[str]) -> list[Array]:
    return network.forward(params, layers, x, "relu")[0][1:-1]


def solved(params: Params, layers: list[str], ridge: float, rows: int = 60) -> Params:
    return cascaded_forward.train(params, [batch(rows)], layers, "relu", 0.0, predictor="least_squares", ridge=ridge)


def test_least_squares_satisfies_the_normal_equations() -> None:
    """Law 1: Fᵀ(F Wᵀ − Y) + λ Wᵀ = 0 with λ = ridge · N, and for the bias Σ (F Wᵀ + b − Y) = 0."""
    params, layers = draw()
    x, y = batch(60)
    first, second = features(params, x, layers)
    found, target = solved(params, layers, 0.01), network.one_hot(y, 3)
    weight = found["hidden1.cascaded_forward.weight"]
    np.testing.assert_allclose(first.T @ (first @ weight.T - target) + 0.6 * weight.T, 0, atol=1e-12)
    residual = network.linear(found, "readout", second) - target
    np.testing.assert_allclose(second.T @ residual + 0.6 * found["readout.linear.weight"].T, 0, atol=1e-12)
    np.testing.assert_allclose(residual.sum(axis=0), 0, atol=1e-12)
    changed = {name for name in params if not np.array_equal(found[name], params[name])}
    assert changed == {"hidden1.cascaded_forward.weight", "readout.linear.weight", "readout.linear.bias"}


def test_least_squares_by_descent_by_the_dual_and_by_batches() -> None:
    """Laws 2, 3, 4."""
    params, layers = draw()
    x, y = batch(60)
    first, target, name = features(params, x, layers)[0], network.one_hot(y, 3), "hidden1.cascaded_forward.weight"
    found = solved(params, layers, 0.05)
    weight = np.zeros((3, 6))
    for _ in range(4000):
        weight -= 0.2 * ((first @ weight.T - target).T @ first / 60 + 0.05 * weight)
    np.testing.assert_allclose(found[name], weight, atol=1e-12)
    dual = first.T @ np.linalg.solve(first @ first.T + 3.0 * np.eye(60), target)
    np.testing.assert_allclose(found[name].T, dual, atol=1e-12)
    parts = [(x[:7], y[:7]), (x[7:40], y[7:40]), (x[40:], y[40:])]
    assert_same(
        cascaded_forward.train(params, parts, layers, "relu", 0.0, predictor="least_squares", ridge=0.05), found, 1e-10
    )


def test_least_squares_rows_add_to_one_and_do_not_see_the_basis() -> None:
    """Law 5: with a bias and λ = 0, one-hot targets' predictions add up to 1. Law 6: λ = 0: any basis; λ > 0: rotations."""
    params, layers = draw()
    x, y = batch(60)
    first = features(params, x, layers)[0]
    predicted = backprop.scores(solved(params, layers, 0.0), x, layers, "relu")
    np.testing.assert_allclose(predicted.sum(axis=1), 1, atol=1e-12)
    assert distance(predicted, network.one_hot(y, 3)) > 0.1

    def fitted(basis: Array, ridge: float) -> Array:
        read = first @ basis
        return read @ cascaded_forward.solve(read, network.one_hot(y, 3), ridge, bias=False).T

    mixing = np.random.default_rng(3).normal(size=(6, 6))
    rotation = np.linalg.qr(mixing)[0]
    np.testing.assert_allclose(fitted(mixing, 0.0), fitted(np.eye(6), 0.0), atol=1e-9)
    np.testing.assert_allclose(fitted(rotation, 0.1), fitted(np.eye(6), 0.1), atol=1e-9)
    assert distance(fitted(mixing, 0.1), fitted(np.eye(6), 0.1)) > 1e-3


def test_least_squares_takes_a_target_that_is_no_label() -> None:
    params, layers = draw()
    x, y = batch(60, loss="mse")
    found = cascaded_forward.train(params, [(x, y)], layers, "relu", 0.0, predictor="least_squares", ridge=0.0)
    residual = backprop.scores(found, x, layers, "relu") - y
    np.testing.assert_allclose(features(params, x, layers)[1].T @ residual, 0, atol=1e-11)


def sparsemax_loss(scores: Array, y: Labels) -> float:
    """Martins & Astudillo 2016, equation 11: −z_y + ½ Σ_{j in support} (z_j² − τ²) + ½."""
    total = 0.0
    for z, label in zip(scores, y, strict=True):
        p = cascaded_forward.sparsemax(z[None])[0]
        tau = (z - p)[p > 0][0]
        total += -z[label] + float(np.sum(z[p > 0] ** 2 - tau**2)) / 2 + 0.5
    return total / len(y)


def test_sparsemax_is_the_nearest_point_of_the_simplex() -> None:
    """Law 7, and the optimality that defines it: ⟨z − p, q − p⟩ ≤ 0 for every q on the simplex."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(50, 6))
    p = cascaded_forward.sparsemax(z)
    assert p.min() == 0
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-14)
    corners = np.eye(6)[None] - p[:, None]
    assert np.einsum("bk,bck->bc", z - p, corners).max() < 1e-14


@pytest.mark.parametrize("predictor", ["cross_entropy", "sparsemax"])
def test_predictors_descend_their_losses(predictor: Predictor) -> None:
    """Law 7."""
    params, layers = draw()
    x, y = batch()
    value = (
        sparsemax_loss if predictor == "sparsemax" else lambda z, labels: network.loss_value("cross_entropy", z, labels)
    )

    def losses(now: Params) -> dict[str, float]:
        first, last = cascaded_forward.logits(now, x, layers, "relu")
        return {"hidden1": value(first, y), "readout": value(last, y)}

    found = cascaded_forward.predictor_gradients(params, x, y, layers, "relu", predictor)
    assert found.keys() == {"hidden1.cascaded_forward.weight", "readout.linear.weight", "readout.linear.bias"}
    assert_gradients(losses, params, found)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("predictor", ["cross_entropy", "sparsemax"])
def test_a_predictor_knows_nothing_of_the_others(predictor: Predictor, optimizer: OptimizerName) -> None:
    """Law 8; the output block, alone, is logistic regression on frozen features."""
    params, layers = draw()
    batches = [batch(seed=seed) for seed in range(4)]
    other = params | {"hidden1.cascaded_forward.weight": params["hidden1.cascaded_forward.weight"] + 1}
    found, beside = (
        cascaded_forward.train(each, batches, layers, "relu", 0.1, predictor=predictor, optimizer=optimizer)
        for each in (params, other)
    )
    assert_same(found, beside | {"hidden1.cascaded_forward.weight": found["hidden1.cascaded_forward.weight"]}, 0)
    assert distance(found["readout.linear.weight"], params["readout.linear.weight"]) > 1e-2
    if predictor == "cross_entropy":
        frozen = [(features(params, x, layers)[-1], y) for x, y in batches]
        alone = backprop.train(found | params, frozen, ["readout"], "relu", 0.1, optimizer=optimizer)
        np.testing.assert_allclose(found["readout.linear.weight"], alone["readout.linear.weight"], rtol=1e-12)


def test_predictors_vote_by_probabilities_or_logits() -> None:
    """Section 4 (c), and law 10: one predictor chooses the same either way."""
    params, layers = draw()
    x, _ = batch(200)
    first, last = cascaded_forward.logits(params, x, layers, "relu")
    scores = cascaded_forward.scores
    np.testing.assert_allclose(
        np.exp(scores(params, x, layers, "relu")), (network.softmax(first) + network.softmax(last)) / 2
    )
    np.testing.assert_allclose(scores(params, x, layers, "relu", aggregate="logits"), first + last)
    sparse = np.exp(scores(params, x, layers, "relu", predictor="sparsemax"))
    np.testing.assert_allclose(sparse, (cascaded_forward.sparsemax(first) + cascaded_forward.sparsemax(last)) / 2)
    one, blocks = draw((7, 6, 3))
    votes = [scores(one, x, blocks, "relu", aggregate=how).argmax(axis=1) for how in ("probabilities", "logits")]
    np.testing.assert_array_equal(*votes)


def test_blocks_by_feedback_are_backprop_where_the_feedback_is_the_transpose() -> None:
    """Laws 11 and 12: one hidden block without a matrix of its own, and the head, get the true gradient."""
    params, layers = draw((7, 6, 3))
    x, y = batch()
    exact = backprop.gradients(params, x, y, layers, "relu", "cross_entropy")
    true = {name: value for name, value in params.items() if not name.endswith("cascaded_forward.feedback")}
    given = params | {"hidden1.cascaded_forward.feedback": params["readout.linear.weight"]}
    for each in (true, given):
        assert_same(cascaded_forward.block_gradients(each, x, y, layers, "relu", "cross_entropy"), exact)
    random = cascaded_forward.block_gradients(params, x, y, layers, "relu", "cross_entropy")
    assert distance(random["hidden1.linear.weight"], exact["hidden1.linear.weight"]) > 0.1


def test_both_phases() -> None:
    """First the blocks, then the predictors on them, as two calls would; the head of the first is discarded or kept."""
    params, layers = draw()
    batches, later = [batch(seed=seed) for seed in range(3)], [batch(seed=9)]
    for layer in layers[:-1]:
        params[f"{layer}.direct_feedback_alignment.feedback"] = params[f"{layer}.cascaded_forward.feedback"]
    between = direct_feedback_alignment.train(params, batches, layers, "relu", 0.1)
    discarded = between | {f"readout.linear.{part}": params[f"readout.linear.{part}"] for part in ("weight", "bias")}
    train = cascaded_forward.train
    for restart, begun in ((True, discarded), (False, between)):
        found = train(params, later, layers, "relu", 0.1, blocks="dfa", block_batches=batches, restart=restart)
        assert_same(found, train(begun, later, layers, "relu", 0.1))
