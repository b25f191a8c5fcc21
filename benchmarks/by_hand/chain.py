"""A chain of equal blocks, linear(width) and ReLU, trained with plain SGD: what depth costs in memory.

Mono-Forward is done with a block before the next begins, so what it keeps does not grow with depth; backpropagation keeps every
block's activation until its backward pass.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.by_hand.parameters import forget_gradients, linear, projection


def plain_sgd(parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=1e-3, fused=True)


class MonoForward:
    """Every block with its projection, and a readout on the last block's detached activation."""

    def __init__(self, depth: int, width: int, classes: int = 10, seed: int = 1) -> None:
        torch.manual_seed(seed)
        self.blocks = [(*linear(width, width), projection(width, classes)) for _ in range(depth)]
        self.readout = linear(width, classes)
        self.optimizers = [plain_sgd(block) for block in (*self.blocks, self.readout)]

    def step(self, x: Tensor, y: Tensor) -> None:
        for block, optimizer in zip(self.blocks, self.optimizers, strict=False):
            weight, bias, to_scores = block
            h = F.linear(x, weight, bias).relu_()
            F.cross_entropy(F.linear(h, to_scores), y).backward()
            optimizer.step()
            forget_gradients(block)
            x = h.detach()
        F.cross_entropy(F.linear(x, *self.readout), y).backward()
        self.optimizers[-1].step()
        forget_gradients(self.readout)


class Backprop:
    """The same blocks and readout under one loss."""

    def __init__(self, depth: int, width: int, classes: int = 10, seed: int = 1) -> None:
        torch.manual_seed(seed)
        self.blocks = [linear(width, width) for _ in range(depth)]
        self.readout = linear(width, classes)
        self.parameters = [p for layer in (*self.blocks, self.readout) for p in layer]
        self.optimizer = plain_sgd(self.parameters)

    def step(self, x: Tensor, y: Tensor) -> None:
        for weight, bias in self.blocks:
            x = F.linear(x, weight, bias).relu_()
        F.cross_entropy(F.linear(x, *self.readout), y).backward()
        self.optimizer.step()
        forget_gradients(self.parameters)
