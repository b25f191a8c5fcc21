"""Forward-Forward (Hinton 2212.13345; rules_forward 1 (b)): high goodness on true labels, low on wrong ones.

Two streams x_1^± = N(overlay(data, y^±)); in each block h = φ(x Wᵀ + b), goodness g = Σ_j h_j² or its mean over the
width m, L = mean over the 2B rows of {softplus(θ − g⁺), softplus(g⁻ − θ)}; the next block reads N(h), detached.
∂L/∂g⁺ = −σ(θ − g⁺)/2B,  ∂L/∂g⁻ = σ(g⁻ − θ)/2B,  ∂g/∂h = 2h (sum) or 2h/m (mean).
N(x) = x / (√(mean x²) + 1e-8). A label is written as one-hot into the first C entries, before N.
"""

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np

from . import network
from .network import Activation, Array, Batches, Labels, Layers, OptimizerName, Params

Goodness = Literal["mean", "sum"]
Predict = Literal["sweep", "head"]


def normalise(x: Array) -> Array:
    """N, row by row."""
    return np.asarray(x / (np.sqrt(np.mean(x**2, axis=1, keepdims=True)) + 1e-8))


def run(
    params: Params, x: Array, slots: Array, layers: Layers, activation: Activation
) -> tuple[list[Array], list[Array]]:
    """With `slots` [B, C] for x's first C entries: the inputs x_1 … x_L (the last is the head's) and z_1 … z_{L−1}."""
    inputs, z = [normalise(np.hstack([slots, x[:, slots.shape[1] :]]))], []
    for layer in layers[:-1]:
        z.append(network.linear(params, layer, inputs[-1]))
        inputs.append(normalise(network.activate(activation, z[-1])))
    return inputs, z


def measure(z: Array, activation: Activation, goodness: Goodness) -> Array:
    """Goodness [B]."""
    squares = network.activate(activation, z) ** 2
    return np.asarray(squares.mean(axis=1) if goodness == "mean" else squares.sum(axis=1))


def limit(width: int, goodness: Goodness, threshold: float | None) -> float:
    """θ where not given: 2 for the mean, the width for the sum."""
    return threshold if threshold is not None else (2.0 if goodness == "mean" else float(width))


def losses(
    params: Params,
    x: Array,
    y: Labels,
    wrong: Labels,
    layers: Layers,
    activation: Activation,
    goodness: Goodness,
    threshold: float | None,
) -> dict[str, float]:
    """Each hidden block's loss."""
    found, classes = dict[str, float](), len(params[f"{layers[-1]}.linear.weight"])
    _, true = run(params, x, network.one_hot(y, classes), layers, activation)
    _, false = run(params, x, network.one_hot(wrong, classes), layers, activation)
    for layer, z_true, z_false in zip(layers[:-1], true, false, strict=True):
        theta = limit(z_true.shape[1], goodness, threshold)
        positive = np.logaddexp(0, theta - measure(z_true, activation, goodness))
        negative = np.logaddexp(0, measure(z_false, activation, goodness) - theta)
        found[layer] = float(np.concatenate([positive, negative]).mean())
    return found


def gradients(
    params: Params,
    x: Array,
    y: Labels,
    wrong: Labels,
    layers: Layers,
    activation: Activation,
    *,
    goodness: Goodness,
    threshold: float | None,
    predict: Predict,
) -> Params:
    """Gradient of each block's loss by its own parameters; the output block's only with `predict = head`."""
    found, classes = Params(), len(params[f"{layers[-1]}.linear.weight"])
    for sign, labels in ((-1, y), (1, wrong)):
        inputs, each_z = run(params, x, network.one_hot(labels, classes), layers, activation)
        for layer, read, z in zip(layers[:-1], inputs[:-1], each_z, strict=True):
            excess = sign * (measure(z, activation, goodness) - limit(z.shape[1], goodness, threshold))
            by_goodness = sign * (1 + np.tanh(excess / 2)) / 2 / (2 * len(x))  # σ(a) = (1 + tanh(a/2))/2
            by_h = by_goodness[:, None] * 2 * network.activate(activation, z)
            by_z = by_h / (z.shape[1] if goodness == "mean" else 1) * network.slope(activation, z)
            for name, part in network.linear_gradients(params, layer, read, by_z).items():
                found[name] = found.get(name, 0.0) + part
    if predict == "head":
        read = neutral(params, x, layers, activation)
        error = network.loss_gradient("cross_entropy", network.linear(params, layers[-1], read), y)
        found |= network.linear_gradients(params, layers[-1], read, error)
    return found


def neutral(params: Params, x: Array, layers: Layers, activation: Activation) -> Array:
    """What the head reads: the last hidden block's normalised output where every class slot holds 1/C."""
    classes = len(params[f"{layers[-1]}.linear.weight"])
    return run(params, x, np.full((len(x), classes), 1 / classes), layers, activation)[0][-1]


def train(
    params: Params,
    batches: Batches,
    layers: Layers,
    activation: Activation,
    lr: float,
    *,
    wrong: Sequence[Labels],
    goodness: Goodness = "mean",
    threshold: float | None = None,
    predict: Predict = "sweep",
    optimizer: OptimizerName = "sgd",
) -> Params:
    """Parameters after one step a batch; `wrong` holds the negative stream's labels [B] of each batch."""
    fixed = partial(gradients, layers=layers, activation=activation)
    step = partial(fixed, goodness=goodness, threshold=threshold, predict=predict)
    triples = [(x, y, labels) for (x, y), labels in zip(batches, wrong, strict=True)]
    return network.descend(params, triples, step, optimizer, lr)


def scores(
    params: Params,
    x: Array,
    layers: Layers,
    activation: Activation,
    *,
    goodness: Goodness = "mean",
    predict: Predict = "sweep",
) -> Array:
    """Class scores [B, C] (1 (c)). Sweep: the goodness with each label in turn, summed over hidden blocks 2 … (over
    all if there is one). Head: the output block's value in the neutral pass.
    """
    if predict == "head":
        return network.linear(params, layers[-1], neutral(params, x, layers, activation))
    classes, columns = len(params[f"{layers[-1]}.linear.weight"]), []
    for label in range(classes):
        _, z = run(params, x, network.one_hot(np.full(len(x), label), classes), layers, activation)
        counted = z[1:] if len(z) > 1 else z
        columns.append(np.sum([measure(each, activation, goodness) for each in counted], axis=0))
    return np.stack(columns, axis=1)
