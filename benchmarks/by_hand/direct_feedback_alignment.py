"""Direct feedback alignment (Nøkland, arXiv 1609.01596): the output's error e reaches every hidden block through a fixed B.

Graphs are cut between blocks, so that one backward from all block outputs at once, with e B as the cotangent of each
hidden one, computes each weight's gradient and no product with a transposed weight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.by_hand.parameters import forget_gradients, fused_adam, linear


class Cut:
    """`feedback` holds B of each hidden block, [classes, width], normal with deviation 1 / sqrt(width)."""

    def __init__(self, dims: Sequence[int], seed: int = 1) -> None:
        torch.manual_seed(seed)
        *self.hidden, self.readout = [linear(i, o) for i, o in pairwise(dims)]
        self.feedback = [torch.randn(dims[-1], width) / math.sqrt(width) for width in dims[1:-1]]
        self.parameters = [p for layer in (*self.hidden, self.readout) for p in layer]
        self.optimizer = fused_adam(self.parameters)

    def step(self, x: Tensor, y: Tensor) -> None:
        outputs = []
        for weight, bias in self.hidden:
            h = F.linear(x, weight, bias).relu_()
            outputs.append(h)
            x = h.detach()
        scores = F.linear(x, *self.readout)
        (error,) = torch.autograd.grad(F.cross_entropy(scores, y), scores)
        torch.autograd.backward([*outputs, scores], [*(error @ fixed for fixed in self.feedback), error])
        self.optimizer.step()
        forget_gradients(self.parameters)
