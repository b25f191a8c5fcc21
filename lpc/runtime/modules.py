"""Operations that torch has no name for. A script takes along those it uses, as they stand here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lpc.runtime.random import RANDOM


def dropout(x: Tensor, rate: float, name: str, step: int | None) -> Tensor:
    """Zero each number with probability `rate` and divide the others by 1 - rate; outside training (`step` None) x itself.

    The mask belongs to (name, step): two passes of one step drop the same numbers.
    """
    if step is None:
        return x
    keep = RANDOM.uniform(f"dropout/{name}/{step}", x.shape) >= rate
    return x * keep / (1 - rate)


def batch_norm_again(norm: nn.BatchNorm1d | nn.BatchNorm2d, x: Tensor) -> Tensor:
    """What batch normalisation makes of x in training, but its running statistics stay as they are."""
    return F.batch_norm(x, None, None, norm.weight, norm.bias, training=True, eps=norm.eps)


class Attention(nn.Module):
    """Multi-head self-attention, [B, T, width] to [B, T, width] (Vaswani et al. 2017, section 3.2).

    Causal: a position sees itself and those before it.
    """

    def __init__(self, width: int, heads: int, causal: bool = False) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in self.qkv(x).chunk(3, 2))
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        y: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return y


def spread(x: Tensor, edges: Tensor) -> Tensor:
    """D^-½ (A + I) D^-½ x: each node's row [N, n] spread along edges [2, E] (from, to) and to itself.

    D holds the degrees of A + I, counted where edges end. An edge from a node to itself is not counted besides.
    """
    source, target = edges[:, edges[0] != edges[1]]
    scale = (torch.bincount(target, minlength=len(x)) + 1).to(x.dtype).rsqrt()[:, None]
    x = scale * x
    return scale * x.index_add(0, target, x[source])


class GraphConvolution(nn.Module):
    """D^-½ (A + I) D^-½ X Wᵀ + b, nodes [N, features] and edges [2, E] to [N, width] (Kipf and Welling 2017, eq. 8)."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, features))
        self.bias = nn.Parameter(torch.empty(width))

    def draw(self, name: str) -> None:
        """Weight uniform in ±√(6 / (features + width)) (Glorot and Bengio 2010), bias 0."""
        bound = (6 / sum(self.weight.shape)) ** 0.5
        self.weight.copy_(RANDOM.uniform(f"{name}.weight", self.weight.shape, -bound, bound))
        self.bias.zero_()

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        return spread(x @ self.weight.T, edges) + self.bias


class Opaque(nn.Module):
    """Code or a device of somebody else's: takes a batch, gives a batch of the declared sizes, has no derivative.

    What is inside stays its own: it is neither initialised, nor trained, nor saved.
    """

    def __init__(self, device: Callable[[Tensor], object], sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.hidden, self.sizes = (device,), sizes  # in a tuple, a module's parameters are not ours

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            y = self.hidden[0](x)
        if not isinstance(y, Tensor) or y.shape != (len(x), *self.sizes):
            found = list(y.shape) if isinstance(y, Tensor) else f"a {type(y).__name__}"
            name = getattr(self.hidden[0], "__qualname__", type(self.hidden[0]).__qualname__)
            raise RuntimeError(f"the black box {name} gave {found}, where {[len(x), *self.sizes]} is declared")
        return y.detach()


class LinearVia(torch.autograd.Function):
    """`linear_via`, as autograd wants it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, via: Tensor) -> Tensor:
        y = F.linear(x, weight, bias)
        ctx.save_for_backward(x.to(y.dtype), via.to(y.dtype))  # under autocast y is narrower, and so is its gradient
        return y

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        (d,), (x, via) = cotangents, ctx.saved_tensors
        for_x, for_weight, for_bias, for_via = ctx.needs_input_grad
        rows = d.flatten(0, -2)
        moved = rows.T @ x.flatten(0, -2) if for_weight or for_via else None
        return d @ via if for_x else None, moved, rows.sum(0) if for_bias else None, moved if for_via else None


def linear_via(x: Tensor, weight: Tensor, bias: Tensor | None, via: Tensor) -> Tensor:
    """A linear map of [..., n] to [..., m], but the gradient for x goes through `via` [m, n] instead of `weight`.

    Where `via` is trained, its gradient is that of `weight`.
    """
    apply: Callable[..., Tensor] = LinearVia.apply
    return apply(x, weight, bias, via)


class ConvVia(torch.autograd.Function):
    """`conv_via`, as autograd wants it."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, via: Tensor, transposed: bool, place: dict[str, int]
    ) -> Tensor:
        convolve = F.conv_transpose2d if transposed else F.conv2d
        y = convolve(x, weight, bias, **place)
        ctx.transposed, ctx.place = transposed, place
        ctx.save_for_backward(x.to(y.dtype), via.to(y.dtype))
        return y

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        (d,), (x, via), place = cotangents, ctx.saved_tensors, ctx.place
        stride, padding, dilation = [place.get("stride", 1)], [place.get("padding", 0)], [place.get("dilation", 1)]
        extra, groups = [place.get("output_padding", 0)], place.get("groups", 1)
        geometry = (stride, padding, dilation, ctx.transposed, extra, groups)
        for_x, for_weight, for_bias, for_via = ctx.needs_input_grad[:4]
        # The gradients for weight and bias do not depend on the kernels, so `via` can stand in for them.
        wanted = [for_x, for_weight or for_via, for_bias]
        down, moved, of_bias = torch.ops.aten.convolution_backward(d, x, via, [d.shape[1]], *geometry, wanted)
        return down, moved, of_bias, moved if for_via else None, None, None


def conv_via(
    x: Tensor, weight: Tensor, bias: Tensor | None, via: Tensor, transposed: bool = False, **place: int
) -> Tensor:
    """A convolution of [B, C, H, W], but the gradient for x goes through the kernels `via` instead of `weight`.

    Where `via` is trained, its gradient is that of `weight`. `place`: stride, padding, dilation, output_padding, groups, as
    `F.conv2d` or `F.conv_transpose2d` take them.
    """
    apply: Callable[..., Tensor] = ConvVia.apply
    return apply(x, weight, bias, via, transposed, place)
