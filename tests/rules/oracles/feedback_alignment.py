"""Feedback alignment (Lillicrap et al. 2016; rules_feedback 1 (b)): backpropagation with B for W on the way down.

δ_L = e,  δ_ℓ = (δ_{ℓ+1} B_{ℓ+1}) ⊙ φ'(z_ℓ),  ∇W_ℓ = δ_ℓᵀ h_{ℓ−1},  ∇b_ℓ = Σ_batch δ_ℓ  (e carries 1/B).
B_ℓ is `BLOCK.feedback_alignment.linear` [out, in], of every block but the first, whose input gradient nobody asks for.
Learned feedback (Kolen & Pollack 1994): ∇B_ℓ = ∇W_ℓ.
"""

from functools import partial
from typing import Literal

from . import network
from .network import Activation, Array, Batches, Labels, Layers, Loss, OptimizerName, Params

Feedback = Literal["random", "transpose", "learned"]


def gradients(
    params: Params, x: Array, y: Labels, layers: Layers, activation: Activation, feedback: Feedback, loss: Loss
) -> Params:
    """With `transpose` B is the current W, else what `params` holds."""
    values, slopes = network.forward(params, layers, x, activation)
    delta = network.loss_gradient(loss, values[-1], y)
    found = network.linear_gradients(params, layers[-1], values[-2], delta)
    for at in reversed(range(len(layers) - 1)):
        above = layers[at + 1]
        matrix = params[f"{above}.linear.weight" if feedback == "transpose" else f"{above}.feedback_alignment.linear"]
        delta = (delta @ matrix) * slopes[at]
        found |= network.linear_gradients(params, layers[at], values[at], delta)
    if feedback == "learned":
        found |= {f"{above}.feedback_alignment.linear": found[f"{above}.linear.weight"] for above in layers[1:]}
    return found


def train(
    params: Params,
    batches: Batches,
    layers: Layers,
    activation: Activation,
    lr: float,
    *,
    feedback: Feedback = "random",
    loss: Loss = "cross_entropy",
    optimizer: OptimizerName = "sgd",
) -> Params:
    """Parameters after one step a batch; the feedback matrices stay as they are, unless learned."""
    step = partial(gradients, layers=layers, activation=activation, feedback=feedback, loss=loss)
    return network.descend(params, batches, step, optimizer, lr)


def scores(params: Params, x: Array, layers: Layers, activation: Activation) -> Array:
    """The output block's value [B, outputs]; feedback plays no part."""
    return network.forward(params, layers, x, activation)[0][-1]
