"""The oracles of the global rules: finite differences, torch's autograd, and the laws of the rules' papers.

Numbers of laws are those of rules_feedback, sections (h).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.rules.oracles import (
    backprop,
    cascaded_forward,
    direct_feedback_alignment,
    feedback_alignment,
    network,
    predictive_coding,
)
from tests.rules.oracles.network import Activation, Array, Labels, Layers, Loss, OptimizerName, Params
from tests.rules.samples import ACTIVATIONS, LOSSES, assert_gradients, assert_same, batch, distance, draw, numeric

# ------------------------------------------------------------------------------------------------ the network


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_backprop_is_what_torch_does(loss: Loss, activation: Activation, optimizer: OptimizerName) -> None:
    params, layers = draw()
    params["hidden1.linear.weight"][0] = params["hidden1.linear.bias"][0] = 0.0  # a unit at relu's corner
    batches = [batch(rows, loss=loss, seed=rows) for rows in (8, 8, 3, 1)]
    names = [f"{layer}.linear.{part}" for layer in layers for part in ("weight", "bias")]
    tensors = {name: torch.tensor(params[name], requires_grad=True) for name in names}
    function = {"relu": torch.relu, "tanh": torch.tanh, "identity": torch.clone}[activation]
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer]
    descent = kind(tensors.values(), lr=0.05)
    for x, y in batches:
        h = torch.tensor(x)
        for layer in layers:
            z = functional.linear(h, tensors[f"{layer}.linear.weight"], tensors[f"{layer}.linear.bias"])
            h = z if layer == "readout" else function(z)
        lost = functional.cross_entropy(h, torch.tensor(y)) if y.ndim == 1 else functional.mse_loss(h, torch.tensor(y))
        assert network.loss_value(loss, h.detach().numpy(), y) == pytest.approx(lost.item(), rel=1e-13)
        descent.zero_grad()
        lost.backward()
        descent.step()
    trained = backprop.train(params, batches, layers, activation, 0.05, loss=loss, optimizer=optimizer)
    assert trained.keys() == params.keys()
    assert_same({name: trained[name] for name in names}, {name: t.detach().numpy() for name, t in tensors.items()})


def test_training_leaves_what_it_was_given() -> None:
    params, layers = draw()
    before = {name: value.copy() for name, value in params.items()}
    backprop.train(params, [batch()], layers, "relu", 0.1, optimizer="adam")
    cascaded_forward.train(params, [batch()], layers, "relu", 0.1, predictor="least_squares", blocks="dfa")
    assert_same(params, before, 0)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_backprop_descends_the_loss(loss: Loss, activation: Activation) -> None:
    params, layers = draw()
    x, y = batch(loss=loss)

    def losses(now: Params) -> dict[str, float]:
        return dict.fromkeys(layers, network.loss_value(loss, backprop.scores(now, x, layers, activation), y))

    assert_gradients(losses, params, backprop.gradients(params, x, y, layers, activation, loss))


# ------------------------------------------------------------------------------------------------ feedback alignment


def aligned(params: Params, x: Array, y: Labels, layers: Layers, a: Activation, loss: Loss = "cross_entropy") -> Params:
    return feedback_alignment.gradients(params, x, y, layers, a, "random", loss)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_feedback_alignment_with_transposed_weights_is_backprop(loss: Loss, activation: Activation) -> None:
    """Law 1, over steps, so that the transpose is the current one; with given matrices it is not."""
    params, layers = draw()
    batches = [batch(loss=loss, seed=seed) for seed in range(3)]
    expected = backprop.train(params, batches, layers, activation, 0.1, loss=loss)
    train = feedback_alignment.train
    assert_same(train(params, batches, layers, activation, 0.1, feedback="transpose", loss=loss), expected)
    random = train(params, batches, layers, activation, 0.1, loss=loss)
    assert distance(random["hidden1.linear.weight"], expected["hidden1.linear.weight"]) > 1e-3
    once = params | {f"{layer}.feedback_alignment.linear": params[f"{layer}.linear.weight"] for layer in layers[1:]}
    x, y = batches[0]
    assert_same(
        aligned(once, x, y, layers, activation, loss), backprop.gradients(params, x, y, layers, activation, loss)
    )


def test_feedback_alignment_is_its_surrogate_in_autograd() -> None:
    """Section 0.5: f(sg(h), W) + t − sg(t) with t = h Bᵀ has W's value and weight gradient, and B's input gradient."""
    params, layers = draw()
    x, y = batch()
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in params.items() if ".linear." in name}
    h = torch.tensor(x)
    for layer in layers:
        z = functional.linear(h.detach(), tensors[f"{layer}.linear.weight"], tensors[f"{layer}.linear.bias"])
        if layer != "hidden1":
            back = h @ torch.tensor(params[f"{layer}.feedback_alignment.linear"]).T
            z = z + back - back.detach()
        h = z if layer == "readout" else torch.tanh(z)
    functional.cross_entropy(h, torch.tensor(y)).backward()
    expected = {name: t.grad.numpy() for name, t in tensors.items() if t.grad is not None}
    assert_same(aligned(params, x, y, layers, "tanh"), expected)


def test_feedback_alignment_at_the_top() -> None:
    """Law 2: the top block's gradient is backprop's. Law 3: the block below it is that of direct feedback alignment."""
    params, layers = draw()
    x, y = batch()
    params["hidden2.direct_feedback_alignment.feedback"] = params["readout.feedback_alignment.linear"]
    found, exact = (
        aligned(params, x, y, layers, "relu"),
        backprop.gradients(params, x, y, layers, "relu", "cross_entropy"),
    )
    direct = broadcast(params, x, y, layers, "relu")
    for part in ("weight", "bias"):
        np.testing.assert_allclose(found[f"readout.linear.{part}"], exact[f"readout.linear.{part}"], rtol=1e-13)
        np.testing.assert_allclose(found[f"hidden2.linear.{part}"], direct[f"hidden2.linear.{part}"], rtol=1e-13)


def test_feedback_alignment_of_two_linear_layers_keeps_its_invariant() -> None:
    """Law 5: B W + (B W)ᵀ − A Aᵀ changes by exactly −η² ΔA ΔAᵀ a step (½ squared error: mse with 2 outputs, B = 1)."""
    sizes, lr = (4, 5, 2), 0.1
    params, layers = draw(sizes, bias=False)
    one = [batch(1, sizes, "mse")]
    after = feedback_alignment.train(params, one, layers, "identity", lr, loss="mse")
    back = params["readout.feedback_alignment.linear"].T

    def invariant(now: Params) -> Array:
        product, below = back @ now["readout.linear.weight"], now["hidden1.linear.weight"]
        return product + product.T - below @ below.T

    moved = after["hidden1.linear.weight"] - params["hidden1.linear.weight"]
    assert np.abs(moved).max() > 1e-3
    np.testing.assert_allclose(invariant(after) - invariant(params), -moved @ moved.T, atol=1e-14)


def test_scaling_the_feedback_scales_each_block_by_its_depth() -> None:
    """Law 7: all B times s make block ℓ's gradient s^(L − ℓ) times as large."""
    params, layers = draw()
    x, y = batch()
    scaled = params | {name: 3 * value for name, value in params.items() if "feedback_alignment.linear" in name}
    once, thrice = aligned(params, x, y, layers, "tanh"), aligned(scaled, x, y, layers, "tanh")
    for above, layer in enumerate(reversed(layers)):
        name = f"{layer}.linear.weight"
        np.testing.assert_allclose(thrice[name], 3**above * once[name], rtol=1e-12)


# ------------------------------------------------------------------------------------------------ direct feedback


def broadcast(
    params: Params, x: Array, y: Labels, layers: Layers, a: Activation, loss: Loss = "cross_entropy"
) -> Params:
    return direct_feedback_alignment.gradients(params, x, y, layers, a, feedback="random", scale=1.0, loss=loss)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_direct_feedback_descends_its_surrogate(loss: Loss, activation: Activation) -> None:
    """Section 0.5: the gradient of ⟨h_ℓ, sg(e B_ℓ)⟩ in each block, of the loss in the last."""
    params, layers = draw()
    x, y = batch(loss=loss)
    error = network.loss_gradient(loss, network.forward(params, layers, x, activation)[0][-1], y)

    def losses(now: Params) -> dict[str, float]:
        values, _ = network.forward(now, layers, x, activation)
        found = {"readout": network.loss_value(loss, values[-1], y)}
        for layer, h in zip(layers[:-1], values[1:-1], strict=True):
            found[layer] = float(np.sum(h * (error @ params[f"{layer}.direct_feedback_alignment.feedback"])))
        return found

    assert_gradients(losses, params, broadcast(params, x, y, layers, activation, loss))


@pytest.mark.parametrize("loss", LOSSES)
def test_direct_feedback_of_one_hidden_block_by_the_transpose_is_backprop(loss: Loss) -> None:
    """Law 2, over steps."""
    params, layers = draw((7, 6, 3))
    batches = [batch(loss=loss, seed=seed) for seed in range(3)]
    found = direct_feedback_alignment.train(params, batches, layers, "tanh", 0.1, feedback="transpose", loss=loss)
    assert_same(found, backprop.train(params, batches, layers, "tanh", 0.1, loss=loss))


def test_direct_feedback_of_a_linear_network_by_the_product_of_weights_is_backprop() -> None:
    """Law 1."""
    params, layers = draw((7, 6, 5, 4, 3))
    x, y = batch()
    product = np.eye(3)
    for layer, above in zip(reversed(layers[:-1]), reversed(layers[1:]), strict=True):
        product = product @ params[f"{above}.linear.weight"]
        params[f"{layer}.direct_feedback_alignment.feedback"] = product
    exact = backprop.gradients(params, x, y, layers, "identity", "cross_entropy")
    assert_same(broadcast(params, x, y, layers, "identity"), exact)


def test_direct_feedback_knows_the_error_up_to_rank_and_shift() -> None:
    """Law 4: the signal's rank is at most C − 1. Law 5: one row added to all of B's changes nothing. Scale is linear."""
    params, layers = draw()
    x, y = batch()
    name = "hidden1.direct_feedback_alignment.feedback"
    plain = broadcast(params, x, y, layers, "identity")
    shifted = broadcast(params | {name: params[name] + np.arange(6.0)}, x, y, layers, "identity")
    assert np.linalg.matrix_rank(plain["hidden1.linear.weight"], tol=1e-10) == 2
    assert_same(plain, shifted)
    thrice = direct_feedback_alignment.gradients(
        params, x, y, layers, "identity", feedback="random", scale=3.0, loss="cross_entropy"
    )
    np.testing.assert_allclose(thrice["hidden1.linear.bias"], 3 * plain["hidden1.linear.bias"])
    np.testing.assert_allclose(thrice["readout.linear.bias"], plain["readout.linear.bias"])


def test_direct_feedback_reaches_a_block_through_its_input_and_the_error_alone() -> None:
    """Law 3: another block above, the error held (the readout's bias absorbs the change), leaves ∇W_1. Law 6 beside."""
    params, layers = draw()
    x, _ = batch(1)
    y = batch(1, loss="mse")[1]
    other = params | {"hidden2.linear.weight": -params["hidden2.linear.weight"]}
    shift = backprop.scores(params, x, layers, "tanh") - backprop.scores(other, x, layers, "tanh")
    other["readout.linear.bias"] = other["readout.linear.bias"] + shift[0]
    found, still = (broadcast(each, x, y, layers, "tanh", "mse") for each in (params, other))
    np.testing.assert_allclose(found["hidden1.linear.weight"], still["hidden1.linear.weight"], rtol=1e-10)
    assert distance(still["hidden2.linear.weight"], found["hidden2.linear.weight"]) > 1e-3
    met = backprop.scores(params, x, layers, "tanh")
    assert all(not gradient.any() for gradient in broadcast(params, x, met, layers, "tanh", "mse").values())


# ------------------------------------------------------------------------------------------------ predictive coding


def coded(params: Params, x: Array, y: Labels, layers: Layers, n: int, rate: float = 1.0) -> Params:
    return predictive_coding.gradients(
        params, x, y, layers, "tanh", prediction="fixed", rate=rate, iterations=n, loss="cross_entropy"
    )


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_predictive_coding_with_fixed_predictions_is_backprop(loss: Loss, activation: Activation) -> None:
    """Law 1, by the defaults, over steps."""
    params, layers = draw((7, 6, 5, 4, 3))
    batches = [batch(loss=loss, seed=seed) for seed in range(3)]
    found = predictive_coding.train(params, batches, layers, activation, 0.1, prediction="fixed", loss=loss)
    assert_same(found, backprop.train(params, batches, layers, activation, 0.1, loss=loss))


def test_predictive_coding_with_fixed_predictions_goes_down_a_block_a_sweep() -> None:
    """Laws 1 and 7: after n sweeps the blocks from L + 1 − n up are exact, those below still; more sweeps do nothing."""
    params, layers = draw((7, 6, 5, 4, 3))
    x, y = batch()
    exact = backprop.gradients(params, x, y, layers, "tanh", "cross_entropy")
    for n in range(1, 7):
        found = coded(params, x, y, layers, n)
        for at, layer in enumerate(layers, start=1):
            name = f"{layer}.linear.weight"
            expected = exact[name] if at >= len(layers) + 1 - n else np.zeros_like(exact[name])
            np.testing.assert_allclose(found[name], expected, rtol=1e-12, atol=1e-15, err_msg=f"{n} {name}")


def test_predictive_coding_at_a_small_rate_misses_the_published_shares() -> None:
    """Section 10 (g): rate 0.1, 20 sweeps, six blocks, top hidden block to bottom; law 1: 200 sweeps come to 2e-8."""
    params, layers = draw((7, 6, 6, 5, 5, 4, 3))
    x, y = batch()
    exact = backprop.gradients(params, x, y, layers, "tanh", "cross_entropy")
    found, long = (coded(params, x, y, layers, n, rate=0.1) for n in (20, 200))
    names = [f"{layer}.linear.weight" for layer in reversed(layers[:-1])]
    missing = [distance(found[name], exact[name]) for name in names]
    np.testing.assert_allclose(missing, [0.135, 0.42, 0.705, 0.885, 0.965], atol=6e-4)
    assert missing[0] == pytest.approx(0.9**19)
    assert max(distance(long[name], exact[name]) for name in names) < 1e-3
    assert distance(long[names[1]], exact[names[1]]) == pytest.approx(2e-8, rel=0.3)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_strict_predictive_coding_descends_its_energy(loss: Loss, activation: Activation) -> None:
    """An iteration is v − η ∂ℱ/∂v, from values away from equilibrium; the weight gradient is ∂ℱ/∂θ at the last v."""
    params, layers = draw()
    x, y = batch(3, loss=loss)

    def relaxed(n: int) -> list[Array]:
        relax = predictive_coding.relax
        return relax(params, x, y, layers, activation, prediction="strict", rate=0.1, iterations=n, loss=loss)[0]

    before, after = relaxed(3), relaxed(4)
    for at in (1, 2):

        def by_value(changed: Array, at: int = at) -> float:
            values = [*before[:at], changed, *before[at + 1 :]]
            return predictive_coding.energy(params, values, y, layers, activation, loss)

        np.testing.assert_allclose(after[at] - before[at], -0.1 * numeric(by_value, before[at]), rtol=1e-5, atol=1e-9)
    found = predictive_coding.gradients(
        params, x, y, layers, activation, prediction="strict", rate=0.1, iterations=3, loss=loss
    )
    assert_gradients(
        lambda now: dict.fromkeys(layers, predictive_coding.energy(now, before, y, layers, activation, loss)),
        params,
        found,
    )
    energies = [predictive_coding.energy(params, relaxed(n), y, layers, activation, loss) for n in range(15)]
    assert all(later < earlier for earlier, later in pairwise(energies))  # law 6


def test_strict_predictive_coding_without_iterations_trains_the_head_alone() -> None:
    """Law 5."""
    params, layers = draw()
    after = predictive_coding.train(params, [batch()], layers, "relu", 0.1, iterations=0)
    moved = {name.split(".")[0] for name in params if not np.array_equal(after[name], params[name])}
    assert moved == {"readout"}


def test_strict_predictive_coding_comes_to_backprop_as_the_loss_gets_small() -> None:
    """Law 3: with the output's energy times s the relative difference is O(s). B equal rows are s = 1/B."""
    params, layers = draw()
    x, y = batch(1)
    gaps = []
    for rows in (1, 10, 100, 1000):
        many = np.repeat(x, rows, axis=0), np.repeat(y, rows)
        found = predictive_coding.gradients(
            params, *many, layers, "tanh", prediction="strict", rate=0.2, iterations=400, loss="cross_entropy"
        )
        exact = backprop.gradients(params, *many, layers, "tanh", "cross_entropy")
        gaps.append(distance(found["hidden1.linear.weight"], exact["hidden1.linear.weight"]))
    assert gaps[0] > 0.05
    orders = [np.log10(larger / smaller) for larger, smaller in pairwise(gaps[1:])]
    assert orders == pytest.approx([1, 1], abs=0.1)


def test_strict_predictive_coding_of_a_linear_network_reaches_the_closed_form() -> None:
    """Law 4: ℱ* = ½ rᵀS⁻¹r, r = y − W_L…W_1 x, S = I + Σ_{ℓ≥2} (W_L…W_ℓ)(W_L…W_ℓ)ᵀ; ∇ℱ* is the weight gradient.

    Two outputs and one row: then mse is ½ ‖y − f‖².
    """
    sizes = (4, 5, 3, 2)
    params, layers = draw(sizes, bias=False)
    x, y = batch(1, sizes, "mse")

    def closed(now: Params) -> float:
        product, spread = np.eye(2), np.eye(2)
        for layer in reversed(layers[1:]):
            product = product @ now[f"{layer}.linear.weight"]
            spread = spread + product @ product.T
        rest = y[0] - product @ now["hidden1.linear.weight"] @ x[0]
        return float(rest @ np.linalg.solve(spread, rest)) / 2

    values = predictive_coding.relax(
        params, x, y, layers, "identity", prediction="strict", rate=0.2, iterations=600, loss="mse"
    )[0]
    assert predictive_coding.energy(params, values, y, layers, "identity", "mse") == pytest.approx(
        closed(params), rel=1e-12
    )
    found = predictive_coding.gradients(
        params, x, y, layers, "identity", prediction="strict", rate=0.2, iterations=600, loss="mse"
    )
    assert_gradients(lambda now: dict.fromkeys(layers, closed(now)), params, found)


def test_strict_predictive_coding_has_its_defaults() -> None:
    params, layers = draw()
    left = predictive_coding.train(params, [batch()], layers, "relu", 0.1)
    right = predictive_coding.train(
        params, [batch()], layers, "relu", 0.1, prediction="strict", rate=0.1, iterations=20
    )
    assert_same(left, right, 0)
