"""Initial values: torch's default laws, but each parameter from the generator of its own name."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from lpc.runtime.random import RANDOM


def state_name(path: str, names: Mapping[str, str]) -> str:
    """The name in the state of what the tree calls `path`: its longest beginning that `names` renames, replaced."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        name = names.get(".".join(parts[:end]))
        if name is not None:
            return ".".join([name, *parts[end:]])
    return path


@torch.no_grad()
def initialise(net: nn.Module, names: Mapping[str, str] | None = None) -> None:
    """Draw every parameter of `net` by the law of its module, under its state name (`hidden1.linear.weight`).

    Linear maps: weight and bias uniform in ±1/√fan_in. Embeddings: normal with deviation 1. Normalisations: 1 and 0.
    A module with a method `draw(name)` draws its own. `names`: what the tree calls otherwise, as in `state_name`.
    """
    renamed = names or {}
    for path, module in net.named_modules():
        own = {state_name(name, renamed): p for name, p in module.named_parameters(path, recurse=False)}
        draw = getattr(module, "draw", None)
        if draw is not None:
            draw(state_name(path, renamed))
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
