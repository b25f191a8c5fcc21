"""Deep supervision (Lee et al. 1409.5185): L = L_out + w Σ_ℓ L_ℓ, L_ℓ = CE(softmax(h_ℓ P_ℓᵀ), y), descended as one sum.

P_ℓ is `BLOCK.deep_supervision.projection` [C, n_ℓ], without a bias, at every block but the output's. With `mse` L_ℓ is
the mean squared error of h_ℓ P_ℓᵀ. Cotangents: ∂L/∂h_ℓ = δ_{ℓ+1} W_{ℓ+1} + w e_ℓ P_ℓ, with e_ℓ the gradient of L_ℓ by its scores.
"""

from functools import partial

from . import backprop, network
from .network import Activation, Array, Batches, Labels, Layers, Loss, OptimizerName, Params


def total(
    params: Params, x: Array, y: Labels, layers: Layers, activation: Activation, loss: Loss, weight: float
) -> float:
    """L."""
    values, _ = network.forward(params, layers, x, activation)
    found = network.loss_value(loss, values[-1], y)
    for layer, h in zip(layers[:-1], values[1:-1], strict=True):
        found += weight * network.loss_value(loss, h @ params[f"{layer}.deep_supervision.projection"].T, y)
    return found


def gradients(
    params: Params, x: Array, y: Labels, layers: Layers, activation: Activation, loss: Loss, weight: float
) -> Params:
    """Gradient of L by every parameter, heads included."""
    values, slopes = network.forward(params, layers, x, activation)
    cotangent, found = network.loss_gradient(loss, values[-1], y), Params()
    for at in reversed(range(len(layers))):
        if at < len(layers) - 1:
            head = f"{layers[at]}.deep_supervision.projection"
            error = weight * network.loss_gradient(loss, values[at + 1] @ params[head].T, y)
            found[head] = error.T @ values[at + 1]
            cotangent = cotangent + error @ params[head]
        delta = cotangent * slopes[at]
        found |= network.linear_gradients(params, layers[at], values[at], delta)
        cotangent = delta @ params[f"{layers[at]}.linear.weight"]
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
    weight: float = 0.3,
) -> Params:
    """Parameters after one step a batch."""
    step = partial(gradients, layers=layers, activation=activation, loss=loss, weight=weight)
    return network.descend(params, batches, step, optimizer, lr)


scores = backprop.scores
