"""The optimizers, one parameter at a time, from their papers."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from lpc.ir.program import Optimizer


@dataclass
class OptimizerState:
    """First and second moments (or momentum) and step counts, by parameter."""

    first: dict[str, Tensor] = field(default_factory=dict)
    second: dict[str, Tensor] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)


def apply(
    optimizer: Optimizer,
    held: OptimizerState,
    state: MutableMapping[str, Tensor],
    name: str,
    gradient: Tensor,
    factor: float,
) -> None:
    """One optimizer step of one parameter; `factor` multiplies the rate."""
    a = optimizer.arguments
    p, rate, decay = state[name], float(a["lr"]) * factor, float(a.get("weight_decay", 0.0))
    held.steps[name] = t = held.steps.get(name, 0) + 1
    if optimizer.kind == "adamw":
        p = p * (1 - rate * decay)
    elif decay:
        gradient = gradient + decay * p
    zero = torch.zeros_like(p)
    if optimizer.kind == "sgd":
        momentum = float(a.get("momentum", 0.0))
        if momentum:
            v = gradient if t == 1 else momentum * held.first[name] + gradient
            held.first[name] = v
            gradient = gradient + momentum * v if a.get("nesterov") else v
        state[name] = p - rate * gradient
    elif optimizer.kind in ("adam", "adamw"):
        b1, b2, epsilon = float(a.get("beta1", 0.9)), float(a.get("beta2", 0.999)), float(a.get("epsilon", 1e-8))
        held.first[name] = m = b1 * held.first.get(name, zero) + (1 - b1) * gradient
        held.second[name] = v = b2 * held.second.get(name, zero) + (1 - b2) * gradient**2
        state[name] = p - rate * (m / (1 - b1**t)) / (torch.sqrt(v / (1 - b2**t)) + epsilon)
    elif optimizer.kind == "rmsprop":
        alpha, epsilon = float(a.get("alpha", 0.99)), float(a.get("epsilon", 1e-8))
        held.second[name] = v = alpha * held.second.get(name, zero) + (1 - alpha) * gradient**2
        moved = gradient / (torch.sqrt(v) + epsilon)
        momentum = float(a.get("momentum", 0.0))
        if momentum:
            held.first[name] = moved = momentum * held.first.get(name, zero) + moved
        state[name] = p - rate * moved
    else:
        raise AssertionError(f"no meaning for {optimizer.kind}")
