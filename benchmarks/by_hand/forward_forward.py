"""Forward-Forward (Hinton, arXiv 2212.13345), both streams in one product, as lpc runs it with `predict = sweep`.

Rows are the examples twice: once with their label written over the first C inputs, once with a wrong one. Inputs are
divided by their root mean square, before every block. A block's goodness g is the mean of its squared activations; its
loss is the mean over all rows of softplus(2 - g) for right labels and softplus(g - 2) for wrong ones, and stays in the block.
The readout takes no part in prediction by a sweep over labels, so it is not trained.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.by_hand.parameters import forget_gradients, fused_adam, linear

THRESHOLD = 2.0
EPSILON = 1e-8


def write_label(x: Tensor, y: Tensor, classes: int) -> None:
    """Put the one-hot label into the first `classes` columns of x: [rows, inputs]."""
    x[:, :classes] = 0.0
    x.scatter_(1, y.unsqueeze(1), 1.0)


def normalised(x: Tensor) -> Tensor:
    """Rows of unit mean square. `vector_norm` reads x once and makes no copy of it, `x.pow(2).mean(1)` does."""
    norm: Tensor = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    return x / (norm / math.sqrt(x.shape[1]) + EPSILON)


class AtOnce:
    """Forward, loss, backward and update, block by block."""

    def __init__(self, dims: Sequence[int], batch: int, seed: int = 1) -> None:
        torch.manual_seed(seed)
        self.classes = dims[-1]
        self.blocks = [linear(i, o) for i, o in pairwise(dims[:-1])]
        self.parameters = [p for block in self.blocks for p in block]
        self.optimizers = [fused_adam(block) for block in self.blocks]
        self.sign = torch.cat([torch.ones(batch), -torch.ones(batch)])

    def both_streams(self, x: Tensor, y: Tensor) -> Tensor:
        """[2 batch, inputs]: right labels, then wrong ones, uniform over the others; normalised."""
        wrong = (y + torch.randint(1, self.classes, y.shape)) % self.classes
        rows = torch.cat([x, x])
        write_label(rows, torch.cat([y, wrong]), self.classes)
        return normalised(rows)

    def loss(self, h: Tensor) -> Tensor:
        """The two softplus terms as one, by a sign a row: slicing and joining the streams cost 15 % of a step of 64-64-32-10."""
        goodness = torch.linalg.vecdot(h, h) * (1 / h.shape[1])
        return F.softplus((THRESHOLD - goodness) * self.sign).mean()

    def step(self, x: Tensor, y: Tensor) -> None:
        x = self.both_streams(x, y)
        last = self.blocks[-1]
        for block, optimizer in zip(self.blocks, self.optimizers, strict=True):
            h = F.linear(x, *block).relu_()
            self.loss(h).backward()
            optimizer.step()
            forget_gradients(block)
            if block is not last:
                x = normalised(h.detach())


class Together(AtOnce):
    """One backward through all the local losses and one Adam."""

    def __init__(self, dims: Sequence[int], batch: int, seed: int = 1) -> None:
        super().__init__(dims, batch, seed)
        self.optimizers = [fused_adam(self.parameters)]

    def step(self, x: Tensor, y: Tensor) -> None:
        x = self.both_streams(x, y)
        losses = []
        last = self.blocks[-1]
        for block in self.blocks:
            h = F.linear(x, *block).relu_()
            losses.append(self.loss(h))
            if block is not last:
                x = normalised(h.detach())
        torch.autograd.backward(losses)
        self.optimizers[0].step()
        forget_gradients(self.parameters)
