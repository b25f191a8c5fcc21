"""Initial values: torch's default laws, but each parameter from the generator of its own name."""

from __future__ import annotations

import torch
from torch import nn

from lpc.runtime.names import state_name
from lpc.runtime.random import RANDOM


@torch.no_grad()
def initialise(net: nn.Module) -> None:
    """Draw every parameter of `net` by the law of its module, under its state name (`hidden1.linear.weight`).

    Linear maps: weight and bias uniform in ±1/√fan_in. Embeddings: normal with deviation 1. Normalisations: 1 and 0.
    A module with a method `draw(name)` draws its own.
    """
    for path, module in net.named_modules():
        own = {state_name(net, name): p for name, p in module.named_parameters(path, recurse=False)}
        draw = getattr(module, "draw", None)
        if draw is not None:
            draw(state_name(net, path))
        elif isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            bound = module.weight[0].numel() ** -0.5
            for name, parameter in own.items():
                parameter.copy_(RANDOM.uniform(name, parameter.shape, -bound, bound))
        elif isinstance(module, nn.Embedding):
            for name, parameter in own.items():
                parameter.copy_(RANDOM.normal(name, parameter.shape))
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.GroupNorm | nn.LayerNorm | nn.RMSNorm):
            module.reset_parameters()
        elif own:
            raise TypeError(f"{type(module).__name__} has no law for {', '.join(own)}")
