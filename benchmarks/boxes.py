"""Black boxes that random programs name: what `opaque` imports and calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor


class Same:
    """As many numbers as it is given, none of them linear."""

    def __call__(self, x: Tensor) -> Tensor:
        return x.sin()


class Three:
    """Three numbers an example."""

    def __call__(self, x: Tensor) -> Tensor:
        total = x.flatten(1).sum(1, keepdim=True)
        return total.sin() * total.new_tensor([1.0, 2.0, 3.0])


DEVICES: Mapping[str, Callable[[], Callable[[Tensor], Tensor]]] = {"boxes:Same": Same, "lab.boxes:Three": Three}
"""By the names that programs use (`lpc.laws.expressions.BOXES`)."""
