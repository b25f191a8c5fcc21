"""Backpropagation: as the tutorials write it, and with what pays on a CPU."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.by_hand.parameters import forget_gradients, fused_adam, linear


class Usual:
    """`nn.Sequential` and `Adam()` with its defaults: on a CPU that is a Python loop over the parameters."""

    def __init__(self, dims: Sequence[int], seed: int = 1) -> None:
        torch.manual_seed(seed)
        hidden = [layer for i, o in pairwise(dims[:-1]) for layer in (nn.Linear(i, o), nn.ReLU())]
        self.network = nn.Sequential(*hidden, nn.Linear(dims[-2], dims[-1]))
        self.parameters: list[Tensor] = list(self.network.parameters())
        self.optimizer = torch.optim.Adam(self.parameters, lr=1e-3)

    def step(self, x: Tensor, y: Tensor) -> None:
        loss = F.cross_entropy(self.network(x), y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


class Fused:
    """The same arithmetic with `Adam(fused=True)`, ReLU in place, and no modules to call."""

    def __init__(self, dims: Sequence[int], seed: int = 1) -> None:
        torch.manual_seed(seed)
        *self.hidden, self.readout = [linear(i, o) for i, o in pairwise(dims)]
        self.parameters = [p for layer in (*self.hidden, self.readout) for p in layer]
        self.optimizer = fused_adam(self.parameters)

    def step(self, x: Tensor, y: Tensor) -> None:
        for weight, bias in self.hidden:
            x = F.linear(x, weight, bias).relu_()
        F.cross_entropy(F.linear(x, *self.readout), y).backward()
        self.optimizer.step()
        forget_gradients(self.parameters)
