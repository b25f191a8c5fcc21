"""Backpropagation (Rumelhart, Hinton, Williams 1986): δ_L = e, δ_ℓ = (δ_{ℓ+1} W_{ℓ+1}) ⊙ φ'(z_ℓ)."""

from functools import partial

from . import network
from .network import Activation, Array, Batches, Labels, Layers, Loss, OptimizerName, Params


def gradients(params: Params, x: Array, y: Labels, layers: Layers, activation: Activation, loss: Loss) -> Params:
    """Gradient of the mean loss by every weight and bias."""
    values, slopes = network.forward(params, layers, x, activation)
    cotangent, found = network.loss_gradient(loss, values[-1], y), Params()
    for at in reversed(range(len(layers))):
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
) -> Params:
    """Parameters after one step a batch."""
    step = partial(gradients, layers=layers, activation=activation, loss=loss)
    return network.descend(params, batches, step, optimizer, lr)


def scores(params: Params, x: Array, layers: Layers, activation: Activation) -> Array:
    """The output block's value [B, outputs]."""
    return network.forward(params, layers, x, activation)[0][-1]
