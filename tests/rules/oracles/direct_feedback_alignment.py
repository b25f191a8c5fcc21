"""Direct feedback alignment (Nøkland 2016; rules_feedback 2 (b)): the output error reaches every block by one matrix.

δ_L = e,  δ_ℓ = (e B_ℓ) ⊙ φ'(z_ℓ),  ∇W_ℓ = δ_ℓᵀ h_{ℓ−1},  ∇b_ℓ = Σ_batch δ_ℓ  (e carries 1/B).
B_ℓ is `BLOCK.direct_feedback_alignment.feedback` [outputs, n_ℓ], of every block but the output.
"""

from collections.abc import Sequence
from functools import partial
from typing import Literal

from . import network
from .network import Activation, Array, Batches, Labels, Layers, Loss, OptimizerName, Params

Feedback = Literal["random", "transpose"]


def broadcast(
    params: Params,
    x: Array,
    y: Labels,
    layers: Layers,
    activation: Activation,
    matrices: Sequence[Array],
    loss: Loss,
) -> Params:
    """The loss's own gradient to the output block; to each other block its vjp of e B_ℓ, which ends at its input."""
    values, slopes = network.forward(params, layers, x, activation)
    error = network.loss_gradient(loss, values[-1], y)
    found = network.linear_gradients(params, layers[-1], values[-2], error)
    for at, matrix in enumerate(matrices):
        found |= network.linear_gradients(params, layers[at], values[at], (error @ matrix) * slopes[at])
    return found


def gradients(
    params: Params,
    x: Array,
    y: Labels,
    layers: Layers,
    activation: Activation,
    *,
    feedback: Feedback,
    scale: float,
    loss: Loss,
) -> Params:
    """B is what `params` holds, times `scale`; with `transpose` the last hidden block's is the readout's current W."""
    *hidden, readout = layers
    own = hidden[:-1] if feedback == "transpose" else hidden
    matrices = [scale * params[f"{layer}.direct_feedback_alignment.feedback"] for layer in own]
    matrices += [params[f"{readout}.linear.weight"]] if feedback == "transpose" else []
    return broadcast(params, x, y, layers, activation, matrices, loss)


def train(
    params: Params,
    batches: Batches,
    layers: Layers,
    activation: Activation,
    lr: float,
    *,
    feedback: Feedback = "random",
    scale: float = 1.0,
    loss: Loss = "cross_entropy",
    optimizer: OptimizerName = "sgd",
) -> Params:
    """Parameters after one step a batch; the feedback matrices stay as they are."""
    step = partial(gradients, layers=layers, activation=activation, feedback=feedback, scale=scale, loss=loss)
    return network.descend(params, batches, step, optimizer, lr)


def scores(params: Params, x: Array, layers: Layers, activation: Activation) -> Array:
    """The output block's value [B, outputs]; feedback plays no part."""
    return network.forward(params, layers, x, activation)[0][-1]
