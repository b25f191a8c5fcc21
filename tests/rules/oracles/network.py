"""The rules once more, from the papers' equations alone; here what they share: a perceptron, losses, optimizers.

One file a rule, each with `train(params, batches, layers, activation, lr, …) -> params`: the parameters after one step
a batch, in numpy and float64. Nothing here reads the compiler's own definition of a rule: generated scripts and the
interpreter are held against these files.

A network is a dict from lpc's state names to arrays and the list of its blocks in order; the last block is the
linear output, every other one is h = φ(x Wᵀ + b). Shapes: W [out, in], b [out], x [B, in], labels [B] (integers),
targets of a mean squared error [B, outputs]. A block without a bias simply has none in the dict.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Labels = NDArray[Any]
Params = dict[str, Array]
Layers = Sequence[str]
Batches = Sequence[tuple[Array, Labels]]
Activation = Literal["relu", "tanh", "identity"]
Loss = Literal["cross_entropy", "mse"]
OptimizerName = Literal["sgd", "adam"]


def activate(kind: Activation, z: Array) -> Array:
    """φ(z)."""
    if kind == "relu":
        return np.maximum(z, 0.0)
    return np.tanh(z) if kind == "tanh" else z


def slope(kind: Activation, z: Array) -> Array:
    """φ'(z); that of relu is 0 at 0, as in torch."""
    if kind == "relu":
        return (z > 0).astype(np.float64)
    return 1 - np.tanh(z) ** 2 if kind == "tanh" else np.ones_like(z)


def linear(params: Params, layer: str, x: Array) -> Array:
    """Pre-activations x Wᵀ + b."""
    return x @ params[f"{layer}.linear.weight"].T + params.get(f"{layer}.linear.bias", np.zeros(1))


def linear_gradients(params: Params, layer: str, x: Array, delta: Array) -> Params:
    """∇W = δᵀx and ∇b = Σ_batch δ, where δ [B, out] is the gradient at z and carries the loss's own 1/B."""
    gradients = {f"{layer}.linear.weight": delta.T @ x, f"{layer}.linear.bias": delta.sum(axis=0)}
    return {name: gradient for name, gradient in gradients.items() if name in params}


def forward(params: Params, layers: Layers, x: Array, activation: Activation) -> tuple[list[Array], list[Array]]:
    """Each block's output, with x before them, and each block's slope at z: h_0 … h_L and D_1 … D_L (D_L = 1)."""
    values, slopes = [x], []
    for layer in layers:
        kind: Activation = "identity" if layer == layers[-1] else activation
        z = linear(params, layer, values[-1])
        values.append(activate(kind, z))
        slopes.append(slope(kind, z))
    return values, slopes


def one_hot(labels: Labels, classes: int) -> Array:
    return np.eye(classes)[labels]


def softmax(scores: Array) -> Array:
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def loss_value(kind: Loss, output: Array, y: Labels) -> float:
    """Cross-entropy of softmax(output), mean over rows; or squared error, mean over all entries."""
    if kind == "mse":
        assert output.shape == y.shape, "a target has the shape of the output"
        return float(np.mean((output - y) ** 2))
    shifted = output - output.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(y)), y]))


def loss_gradient(kind: Loss, output: Array, y: Labels) -> Array:
    """Output error e = ∂(mean loss)/∂output [B, outputs]: (p − Y)/B, or 2 (output − y)/(B · outputs)."""
    if kind == "mse":
        assert output.shape == y.shape, "a target has the shape of the output"
        return np.asarray(2 * (output - y) / output.size)
    return np.asarray((softmax(output) - one_hot(y, output.shape[1])) / len(y))


class Optimizer:
    """Plain gradient descent, or Adam (Kingma & Ba 2015, algorithm 1) with β = 0.9, 0.999 and ε = 1e-8."""

    def __init__(self, kind: OptimizerName, lr: float) -> None:
        self.kind, self.lr = kind, lr
        self.moments: dict[str, tuple[int, Array, Array]] = {}

    def step(self, params: Params, gradients: Params) -> Params:
        """New parameters; those without a gradient stay as they are and count no step."""
        moved = dict(params)
        for name, gradient in gradients.items():
            moved[name] = params[name] - self.lr * (gradient if self.kind == "sgd" else self.direction(name, gradient))
        return moved

    def direction(self, name: str, gradient: Array) -> Array:
        """m̂ / (√v̂ + ε)."""
        t, m, v = self.moments.get(name, (0, np.zeros_like(gradient), np.zeros_like(gradient)))
        t, m, v = t + 1, 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        self.moments[name] = t, m, v
        return np.asarray(m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8))


def descend(
    params: Params, batches: Iterable[Any], gradients: Callable[..., Params], optimizer: OptimizerName, lr: float
) -> Params:
    """One step a batch with `gradients(params, *batch)`; all parameters move together, at the end of the step."""
    state = Optimizer(optimizer, lr)
    for batch in batches:
        params = state.step(params, gradients(params, *batch))
    return dict(params)
