"""Mono-Forward (Gong, Li, Abdulla, arXiv 2501.09238): a projection M and a cross-entropy of its own for every hidden block.

A block with input x (detached), h = relu(W x + b), scores G = M h; the loss is cross_entropy(G, label), and its gradient
reaches W, b and M of that block only. With `readout`, the last linear layer is trained on the objective, on its detached
input, as lpc does; without, the network ends with the last hidden block, as in the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.by_hand.parameters import forget_gradients, fused_adam, linear, projection


class AtOnce:
    """Forward, loss, backward and update, block by block: nothing of a block is kept when the next begins."""

    def __init__(self, dims: Sequence[int], readout: bool = True, seed: int = 1) -> None:
        torch.manual_seed(seed)
        self.blocks = [(*linear(i, o), projection(o, dims[-1])) for i, o in pairwise(dims[:-1])]
        self.readout = linear(dims[-2], dims[-1]) if readout else None
        groups: list[Sequence[Tensor]] = [*self.blocks, *([self.readout] if self.readout else [])]
        self.parameters = [p for group in groups for p in group]
        self.optimizers = [fused_adam(group) for group in groups]

    def step(self, x: Tensor, y: Tensor) -> None:
        for block, optimizer in zip(self.blocks, self.optimizers, strict=False):
            weight, bias, to_scores = block
            h = F.linear(x, weight, bias).relu_()
            F.cross_entropy(F.linear(h, to_scores), y).backward()
            optimizer.step()
            forget_gradients(block)
            x = h.detach()
        if self.readout:
            F.cross_entropy(F.linear(x, *self.readout), y).backward()
            self.optimizers[-1].step()
            forget_gradients(self.readout)


class Together(AtOnce):
    """One backward through all the local losses and one Adam: fewer calls, which is what narrow layers cost.

    It keeps every block's activations until the end, as backpropagation does.
    """

    def __init__(self, dims: Sequence[int], readout: bool = True, seed: int = 1) -> None:
        super().__init__(dims, readout, seed)
        self.optimizers = [fused_adam(self.parameters)]

    def step(self, x: Tensor, y: Tensor) -> None:
        losses = []
        for weight, bias, to_scores in self.blocks:
            h = F.linear(x, weight, bias).relu_()
            losses.append(F.cross_entropy(F.linear(h, to_scores), y))
            x = h.detach()
        if self.readout:
            losses.append(F.cross_entropy(F.linear(x, *self.readout), y))
        torch.autograd.backward(losses)
        self.optimizers[0].step()
        forget_gradients(self.parameters)
