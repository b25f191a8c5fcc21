"""A frozen prefix, computed once instead of at every pass."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from lpc.runtime.data import Part, batches


def cached(prefix: Callable[..., Part]) -> Callable[[nn.Module, Part, int], Part]:
    """For `Phase.part`: `prefix(net, *batch)` of the whole training part, batch by batch, in memory."""

    def compute(net: nn.Module, part: Part, size: int) -> Part:
        whole: list[Tensor] = []
        row = 0
        for batch in batches(part, None, size):
            made = prefix(net, *batch)
            whole = whole or [tensor.new_empty(len(part[0]), *tensor.shape[1:]) for tensor in made]
            for tensor, rows in zip(whole, made, strict=True):
                tensor[row : row + len(rows)] = rows
            row += len(batch[0])
        return tuple(whole)

    return compute
