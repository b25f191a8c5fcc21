"""Dual propagation (Høier & Zach 2024, 2402.08573, the Lagrangian form at α = ½; rules_feedback 8 (b)).

s⁺_ℓ = s⁻_ℓ = h_ℓ, then one sweep ℓ = L … 1, with s̄ = (s⁺ + s⁻)/2, s̄_0 = x and a = s̄_{ℓ−1} Wᵀ + b:
    ℓ = L   s± = a ∓ g/2,  g = β ∂(a row's own loss)/∂output, at the prediction h_L
    ℓ < L   s± = φ(a ± f/2),  f = (s⁺_{ℓ+1} − s⁻_{ℓ+1}) W_{ℓ+1}
Then ∇W_ℓ = −(s⁺_ℓ − s⁻_ℓ)ᵀ s̄_{ℓ−1} / (βB) and ∇b_ℓ = −Σ_batch (s⁺_ℓ − s⁻_ℓ) / (βB), with the s̄ that the sweep leaves.
"""

from functools import partial

from . import network
from .network import Activation, Array, Batches, Labels, Layers, Loss, OptimizerName, Params


def sweep(
    params: Params, x: Array, y: Labels, layers: Layers, activation: Activation, *, beta: float, loss: Loss
) -> tuple[list[Array], list[Array]]:
    """s⁺_0 … s⁺_L and s⁻_0 … s⁻_L after the sweep; those of x are x."""
    h, _ = network.forward(params, layers, x, activation)
    plus, minus = list(h), list(h)
    for at in reversed(range(1, len(h))):
        a = network.linear(params, layers[at - 1], (plus[at - 1] + minus[at - 1]) / 2)
        if at == len(layers):
            nudge = beta * len(x) * network.loss_gradient(loss, h[-1], y)
            plus[at], minus[at] = a - nudge / 2, a + nudge / 2
        else:
            nudge = (plus[at + 1] - minus[at + 1]) @ params[f"{layers[at]}.linear.weight"]
            plus[at] = network.activate(activation, a + nudge / 2)
            minus[at] = network.activate(activation, a - nudge / 2)
    return plus, minus


def gradients(
    params: Params, x: Array, y: Labels, layers: Layers, activation: Activation, *, beta: float, loss: Loss
) -> Params:
    """Difference times mean activity, of every block."""
    plus, minus = sweep(params, x, y, layers, activation, beta=beta, loss=loss)
    found = Params()
    for at, layer in enumerate(layers, start=1):
        delta = -(plus[at] - minus[at]) / (beta * len(x))
        found |= network.linear_gradients(params, layer, (plus[at - 1] + minus[at - 1]) / 2, delta)
    return found


def train(
    params: Params,
    batches: Batches,
    layers: Layers,
    activation: Activation,
    lr: float,
    *,
    beta: float = 0.1,
    loss: Loss = "cross_entropy",
    optimizer: OptimizerName = "sgd",
) -> Params:
    """Parameters after one step a batch."""
    step = partial(gradients, layers=layers, activation=activation, beta=beta, loss=loss)
    return network.descend(params, batches, step, optimizer, lr)


def scores(params: Params, x: Array, layers: Layers, activation: Activation) -> Array:
    """The output block's value [B, outputs] of an ordinary forward pass (8 (c))."""
    return network.forward(params, layers, x, activation)[0][-1]
