"""What learning rules add to blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import nn

from lpc.runtime.random import RANDOM


class Added(nn.Module):
    """Tensors that a rule adds to a block, each drawn from the generator of its own name, `BLOCK.RULE.NAME`."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def trained(self, name: str, shape: Sequence[int], bound: float) -> Self:
        """A parameter, uniform in ±bound."""
        setattr(self, name, nn.Parameter(RANDOM.uniform(f"{self.name}.{name}", shape, -bound, bound)))
        return self

    def fixed(self, name: str, shape: Sequence[int], bound: float) -> Self:
        """A tensor that no optimizer sees, uniform in ±bound."""
        self.register_buffer(name, RANDOM.uniform(f"{self.name}.{name}", shape, -bound, bound))
        return self

    def sums(self, name: str, shape: Sequence[int]) -> Self:
        """A float64 tensor of zeros to gather sums in over one pass; it is no part of the network's state."""
        self.register_buffer(name, torch.zeros(tuple(shape), dtype=torch.float64), persistent=False)
        return self

    def draw(self, name: str) -> None:
        """Nothing is left to draw when the network's initial values are."""
