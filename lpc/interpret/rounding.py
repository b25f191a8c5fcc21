"""Other rounding than the machine's own: what is computed, moved in its last places.

Two programs that compute the same in another order differ by rounding, and how far that carries a run depends on the run. A run
that is moved on purpose shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

Name = TypeVar("Name")

COPIES = frozenset({"aten::_to_copy", "aten::clone"})


class Rounding(TorchDispatchMode):
    """A context in which each real number that torch computes is larger or smaller by a random part of itself, at most `size`.

    Operations inside a derivative are moved one by one, so that what cancels there leaves the rounding of its terms, as `y (1 - y)`
    does where a sigmoid is nearly 1. Copies, views and what is written in place stay as they are.
    """

    def __init__(self, size: float, seed: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._size, self._generator = size, torch.Generator().manual_seed(seed)

    def pulled(self, pull: Callable[[Tensor], Mapping[Name, Tensor]], cotangent: Tensor) -> dict[Name, Tensor]:
        """What a pull makes of a cotangent, moved relative to what it sums, in whatever order another program sums it.

        Its terms may cancel, as they do through a batch norm whose cotangent is a multiple of its output: the rounding of the terms
        stays, and is large beside what is left. How large the terms are shows the same pull of the cotangent with random signs,
        whose square is on average the sum of their squares (M. F. Hutchinson 1990).
        """
        terms = pull(cotangent * self._uniform(cotangent).sign())
        return {
            name: value + self._size * self._uniform(value) * torch.maximum(value.abs(), terms[name].abs())
            for name, value in pull(cotangent).items()
        }

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        if not _computes(func):
            return made
        return self._moved(made) if isinstance(made, Tensor) else tree_map(self._moved, made)

    def _moved(self, value: Any) -> Any:
        if not isinstance(value, Tensor) or not value.is_floating_point():
            return value
        factor = torch.empty(value.shape, dtype=value.dtype)
        return factor.uniform_(1 - self._size, 1 + self._size, generator=self._generator).mul_(value)

    def _uniform(self, like: Tensor) -> Tensor:
        """Numbers in [-1, 1)."""
        return 2 * torch.rand(like.shape, generator=self._generator, dtype=like.dtype) - 1


@cache
def _computes(func: Any) -> bool:
    """Whether an operation of torch's makes numbers that were not there."""
    schema = func._schema  # noqa: SLF001 - torch names no other way to ask whether a result is new
    return schema.name not in COPIES and all(given.alias_info is None for given in schema.returns)
