"""Random features (Rahimi, Recht 2008): h is fixed; ∇W_L = eᵀh_{L−1}, ∇b_L = Σ e for the output block alone."""

from functools import partial

from . import backprop, network
from .network import Activation, Array, Batches, Labels, Layers, Loss, OptimizerName, Params


def gradients(params: Params, x: Array, y: Labels, layers: Layers, activation: Activation, loss: Loss) -> Params:
    """Gradient of the mean loss by the output block's weight and bias."""
    values, _ = network.forward(params, layers, x, activation)
    return network.linear_gradients(params, layers[-1], values[-2], network.loss_gradient(loss, values[-1], y))


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


scores = backprop.scores
