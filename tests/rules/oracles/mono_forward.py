"""Mono-Forward (Gong, Li, Abdulla 2501.09238; rules_forward 5 (b)): each block descends its own cross-entropy.

G = h Mᵀ,  L_ℓ = CE(softmax(G), y),  δ = (softmax(G) − Y)/B,  ∇M = δᵀh,  ∇z = (δM) ⊙ φ'(z),  ∇W = ∇zᵀx,  ∇b = Σ ∇z.
M_ℓ is `BLOCK.mono_forward.projection` [C, n_ℓ], without a bias; the output block has none and descends the objective.
With `mse` L_ℓ is the mean squared error of G.
"""

from functools import partial
from typing import Literal

from . import network
from .network import Activation, Array, Batches, Labels, Layers, Loss, OptimizerName, Params

Predict = Literal["last", "sum"]


def local_scores(params: Params, x: Array, layers: Layers, activation: Activation) -> list[Array]:
    """G_1 … G_{L−1}, then the output block's value."""
    values, _ = network.forward(params, layers, x, activation)
    hidden = zip(layers[:-1], values[1:-1], strict=True)
    return [*(h @ params[f"{layer}.mono_forward.projection"].T for layer, h in hidden), values[-1]]


def losses(params: Params, x: Array, y: Labels, layers: Layers, activation: Activation, loss: Loss) -> dict[str, float]:
    """Each block's local loss."""
    local = local_scores(params, x, layers, activation)
    return {layer: network.loss_value(loss, scored, y) for layer, scored in zip(layers, local, strict=True)}


def gradients(params: Params, x: Array, y: Labels, layers: Layers, activation: Activation, loss: Loss) -> Params:
    """Gradient of each block's local loss by its own parameters."""
    values, slopes = network.forward(params, layers, x, activation)
    found = network.linear_gradients(params, layers[-1], values[-2], network.loss_gradient(loss, values[-1], y))
    for at, layer in enumerate(layers[:-1]):
        projection = params[f"{layer}.mono_forward.projection"]
        delta = network.loss_gradient(loss, values[at + 1] @ projection.T, y)
        found[f"{layer}.mono_forward.projection"] = delta.T @ values[at + 1]
        found |= network.linear_gradients(params, layer, values[at], (delta @ projection) * slopes[at])
    return found


def train(
    params: Params,
    batches: Batches,
    layers: Layers,
    activation: Activation,
    lr: float,
    *,
    loss: Loss = "cross_entropy",
    optimizer: OptimizerName = "sgd",
) -> Params:
    """Parameters after one step a batch, all blocks at once."""
    step = partial(gradients, layers=layers, activation=activation, loss=loss)
    return network.descend(params, batches, step, optimizer, lr)


def scores(params: Params, x: Array, layers: Layers, activation: Activation, *, predict: Predict = "last") -> Array:
    """Class scores [B, C] (5 (c)): the output block's value, or that and every G_ℓ added up."""
    local = local_scores(params, x, layers, activation)
    return local[-1] if predict == "last" else sum(local[1:], start=local[0])
