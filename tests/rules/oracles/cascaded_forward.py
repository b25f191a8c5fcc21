"""Cascaded-Forward (Zhao et al. 2303.09728; rules_forward 4 (b), (c)): frozen blocks, a linear predictor for each.

With F the output of a frozen block [N, n], Y its one-hot targets, W [C, n]:
least_squares   Wᵀ = (FᵀF + λI)⁻¹ FᵀY, λ = ridge · N
cross_entropy   ∇W = (softmax(F Wᵀ) − Y)ᵀF/B          sparsemax   ∇W = (sparsemax(F Wᵀ) − Y)ᵀF/B
The last hidden block's predictor is the output block, its bias a column of ones, unpenalised. Each hidden block before
it has `BLOCK.cascaded_forward.weight`, without a bias.

Blocks are random, or trained first by direct feedback alignment, with `BLOCK.cascaded_forward.feedback` [C, n] and the
output block for a head; a last hidden block without such a matrix gets its true gradient, as 4 (b) has it.
"""

from functools import partial
from typing import Literal

import numpy as np

from . import network
from .direct_feedback_alignment import broadcast
from .network import Activation, Array, Batches, Labels, Layers, Loss, OptimizerName, Params

Predictor = Literal["least_squares", "cross_entropy", "sparsemax"]
Blocks = Literal["random", "dfa"]
Aggregate = Literal["probabilities", "logits"]


def sparsemax(scores: Array) -> Array:
    """Each row's projection onto the simplex (Martins & Astudillo 2016, algorithm 1)."""
    ordered, ranks = -np.sort(-scores, axis=1), np.arange(1, scores.shape[1] + 1)
    sums = np.cumsum(ordered, axis=1)
    support = (1 + ranks * ordered > sums).sum(axis=1, keepdims=True)
    tau = (np.take_along_axis(sums, support - 1, axis=1) - 1) / support
    return np.asarray(np.maximum(scores - tau, 0.0))


def targets(y: Labels, outputs: int) -> Array:
    """One-hot rows of labels; a target that is no label stands for itself."""
    return network.one_hot(y, outputs) if np.issubdtype(y.dtype, np.integer) else y


def logits(params: Params, x: Array, layers: Layers, activation: Activation) -> list[Array]:
    """Those of every predictor, bottom to top; the last are the output block's."""
    values, _ = network.forward(params, layers, x, activation)
    below = zip(layers[:-2], values[1:-2], strict=True)
    return [*(features @ params[f"{layer}.cascaded_forward.weight"].T for layer, features in below), values[-1]]


def block_gradients(params: Params, x: Array, y: Labels, layers: Layers, activation: Activation, loss: Loss) -> Params:
    """First phase of `blocks = dfa`: e B_ℓ to the blocks, the loss's own gradient to the output block."""
    *below, last, readout = layers
    matrices = [params[f"{layer}.cascaded_forward.feedback"] for layer in below]
    matrices += [params.get(f"{last}.cascaded_forward.feedback", params[f"{readout}.linear.weight"])]
    return broadcast(params, x, y, layers, activation, matrices, loss)


def predictor_gradients(
    params: Params, x: Array, y: Labels, layers: Layers, activation: Activation, predictor: Predictor
) -> Params:
    """Gradient of each predictor's own mean loss by its parameters."""
    normal = network.softmax if predictor == "cross_entropy" else sparsemax
    values, _ = network.forward(params, layers, x, activation)
    errors = [(normal(z) - targets(y, z.shape[1])) / len(x) for z in logits(params, x, layers, activation)]
    found = network.linear_gradients(params, layers[-1], values[-2], errors[-1])
    for layer, features, error in zip(layers[:-2], values[1:-2], errors[:-1], strict=True):
        found[f"{layer}.cascaded_forward.weight"] = error.T @ features
    return found


def solve(features: Array, target: Array, ridge: float, *, bias: bool) -> Array:
    """Minimises ‖F Wᵀ − Y‖² + ridge · N ‖W‖²: W [C, n], or [C, n + 1] with a last, unpenalised column for the bias."""
    columns = np.hstack([features, np.ones((len(features), 1))]) if bias else features
    penalty = np.full(columns.shape[1], ridge * len(features))
    penalty[features.shape[1] :] = 0.0
    return np.asarray(np.linalg.solve(columns.T @ columns + np.diag(penalty), columns.T @ target).T, dtype=np.float64)


def least_squares(params: Params, batches: Batches, layers: Layers, activation: Activation, ridge: float) -> Params:
    """Every predictor in closed form, over the rows of all batches."""
    weight, bias = f"{layers[-1]}.linear.weight", f"{layers[-1]}.linear.bias"
    x, y = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    values, _ = network.forward(params, layers, x, activation)
    target, solved = targets(y, len(params[weight])), dict(params)
    for layer, features in zip(layers[:-2], values[1:-2], strict=True):
        solved[f"{layer}.cascaded_forward.weight"] = solve(features, target, ridge, bias=False)
    whole = solve(values[-2], target, ridge, bias=bias in params)
    solved[weight] = whole[:, : values[-2].shape[1]]
    return solved | ({bias: whole[:, -1]} if bias in params else {})


def train(
    params: Params,
    batches: Batches,
    layers: Layers,
    activation: Activation,
    lr: float,
    *,
    predictor: Predictor = "cross_entropy",
    ridge: float = 1e-3,
    blocks: Blocks = "random",
    block_batches: Batches | None = None,
    restart: bool = True,
    loss: Loss = "cross_entropy",
    optimizer: OptimizerName = "sgd",
) -> Params:
    """Parameters after both phases. The first takes `block_batches` (the same if not given); with `restart` the second
    begins with the output block as it was at first (4 (b): the head of the first is discarded). Each has its own
    optimizer state.
    """
    now = dict(params)
    if blocks == "dfa":
        first = partial(block_gradients, layers=layers, activation=activation, loss=loss)
        now = network.descend(now, batches if block_batches is None else block_batches, first, optimizer, lr)
    if blocks == "dfa" and restart:
        now |= {name: value for name, value in params.items() if name.startswith(f"{layers[-1]}.")}
    if predictor == "least_squares":
        return least_squares(now, batches, layers, activation, ridge)
    second = partial(predictor_gradients, layers=layers, activation=activation, predictor=predictor)
    return network.descend(now, batches, second, optimizer, lr)


def scores(
    params: Params,
    x: Array,
    layers: Layers,
    activation: Activation,
    *,
    predictor: Predictor = "cross_entropy",
    aggregate: Aggregate = "probabilities",
) -> Array:
    """Class scores [B, C]: log of the mean over predictors of their probabilities (sparsemax's own, else softmax's),
    or the sum of their logits.
    """
    each = logits(params, x, layers, activation)
    if aggregate == "logits":
        return sum(each[1:], start=each[0])
    normal = sparsemax if predictor == "sparsemax" else network.softmax
    with np.errstate(divide="ignore"):  # sparsemax has exact zeros
        return np.asarray(np.log(np.mean([normal(z) for z in each], axis=0)))
