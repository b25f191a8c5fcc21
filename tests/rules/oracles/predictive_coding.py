"""Predictive coding (Whittington & Bogacz 2017; Millidge 2006.04182; Rosenbaum 2022; rules_feedback 10 (b)).

A value v_ℓ stands at each hidden block's output, v_0 = x; it starts at h_ℓ. f_ℓ(v) = φ(v Wᵀ + b), f_L without φ.
fixed   ε_L = e; predictions and Jacobians stay those at h. n sweeps; in each, for ℓ = L−1 … 1 in turn:
        ε_ℓ = h_ℓ − v_ℓ, then v_ℓ += η (ε_ℓ − J_{ℓ+1}ᵀ ε_{ℓ+1}). The weights use the ε last computed.
strict  n times: first ε_ℓ = f_ℓ(v_{ℓ−1}) − v_ℓ and ε_L = ∂loss(f_L(v_{L−1})) for all ℓ,
        then v_ℓ += η (ε_ℓ − J_{ℓ+1}(v_ℓ)ᵀ ε_{ℓ+1}) for all ℓ. The weights use ε evaluated once more, at the relaxed v.
∇θ_ℓ is the vjp of f_ℓ with cotangent ε_ℓ, at h_{ℓ−1} or v_{ℓ−1}. Errors carry the loss's own 1/B.
"""

from functools import partial
from typing import Literal

import numpy as np

from . import network
from .network import Activation, Array, Batches, Labels, Layers, Loss, OptimizerName, Params

Prediction = Literal["strict", "fixed"]


def predictions(
    params: Params, values: list[Array], layers: Layers, activation: Activation
) -> tuple[list[Array], list[Array]]:
    """f_1(v_0) … f_L(v_{L−1}), and the slopes φ' there."""
    z = [network.linear(params, layer, value) for layer, value in zip(layers, values, strict=True)]
    predicted = [*(network.activate(activation, each) for each in z[:-1]), z[-1]]
    return predicted, [*(network.slope(activation, each) for each in z[:-1]), np.ones_like(z[-1])]


def evaluate(
    params: Params, values: list[Array], y: Labels, layers: Layers, activation: Activation, loss: Loss
) -> tuple[list[Array], list[Array]]:
    """Errors ε_1 … ε_L at values v_0 … v_{L−1}, and the slopes there."""
    predicted, slopes = predictions(params, values, layers, activation)
    errors = [f - v for f, v in zip(predicted[:-1], values[1:], strict=True)]
    return [*errors, network.loss_gradient(loss, predicted[-1], y)], slopes


def energy(params: Params, values: list[Array], y: Labels, layers: Layers, activation: Activation, loss: Loss) -> float:
    """ℱ = loss(f_L(v_{L−1})) + ½ Σ_ℓ ‖v_ℓ − f_ℓ(v_{ℓ−1})‖², whose descent the strict form is."""
    predicted, _ = predictions(params, values, layers, activation)
    squares = [float(np.sum((v - f) ** 2)) for v, f in zip(values[1:], predicted[:-1], strict=True)]
    return network.loss_value(loss, predicted[-1], y) + sum(squares) / 2


def relax(
    params: Params,
    x: Array,
    y: Labels,
    layers: Layers,
    activation: Activation,
    *,
    prediction: Prediction,
    rate: float,
    iterations: int,
    loss: Loss,
) -> tuple[list[Array], list[Array], list[Array]]:
    """Where the weights are updated: the blocks' inputs, the slopes there, the errors ε_1 … ε_L after n iterations."""
    h, slopes = network.forward(params, layers, x, activation)
    weights = [params[f"{layer}.linear.weight"] for layer in layers]
    values = h[:-1]
    errors, _ = evaluate(params, values, y, layers, activation, loss)  # zero but for ε_L
    for _ in range(iterations):
        if prediction == "strict":
            errors, slopes = evaluate(params, values, y, layers, activation, loss)
        for at in reversed(range(1, len(layers))):  # v_at stands between layers[at - 1] and layers[at]
            if prediction == "fixed":
                errors[at - 1] = h[at] - values[at]
            values[at] = values[at] + rate * (errors[at - 1] - (errors[at] * slopes[at]) @ weights[at])
    if prediction == "fixed":
        return h[:-1], slopes, errors
    errors, slopes = evaluate(params, values, y, layers, activation, loss)
    return values, slopes, errors


def gradients(
    params: Params,
    x: Array,
    y: Labels,
    layers: Layers,
    activation: Activation,
    *,
    prediction: Prediction,
    rate: float,
    iterations: int,
    loss: Loss,
) -> Params:
    """∇θ_ℓ of every block, from its error after the relaxation."""
    inputs, slopes, errors = relax(
        params, x, y, layers, activation, prediction=prediction, rate=rate, iterations=iterations, loss=loss
    )
    found = Params()
    for layer, read, derivative, error in zip(layers, inputs, slopes, errors, strict=True):
        found |= network.linear_gradients(params, layer, read, error * derivative)
    return found


def train(
    params: Params,
    batches: Batches,
    layers: Layers,
    activation: Activation,
    lr: float,
    *,
    prediction: Prediction = "strict",
    rate: float | None = None,
    iterations: int | None = None,
    loss: Loss = "cross_entropy",
    optimizer: OptimizerName = "sgd",
) -> Params:
    """Parameters after one step a batch; values start anew with each. Where not given, rate and iterations are 1 and
    the number of blocks (fixed), 0.1 and 20 (strict).
    """
    default_rate, default_iterations = (1.0, len(layers)) if prediction == "fixed" else (0.1, 20)
    step = partial(
        gradients,
        layers=layers,
        activation=activation,
        prediction=prediction,
        rate=default_rate if rate is None else rate,
        iterations=default_iterations if iterations is None else iterations,
        loss=loss,
    )
    return network.descend(params, batches, step, optimizer, lr)


def scores(params: Params, x: Array, layers: Layers, activation: Activation) -> Array:
    """The output block's value [B, outputs] of an ordinary forward pass (10 (c))."""
    return network.forward(params, layers, x, activation)[0][-1]
