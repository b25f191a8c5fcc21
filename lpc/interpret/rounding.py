"""Other rounding than the machine's own: what is computed, moved in its last places.

Two programs that compute the same in another order differ by rounding, and how far that carries a run depends on the run. A run
that is moved on purpose shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor

Name = TypeVar("Name")


@dataclass
class Rounding:
    """Moves real numbers at random, by `size` at most, relative to what was summed to make them."""

    size: float
    generator: torch.Generator = field(default_factory=torch.Generator)

    def moved(self, value: Tensor) -> Tensor:
        """A computed value, every entry a little larger or smaller."""
        return self._moved(value, value)

    def pulled(self, pull: Callable[[Tensor], Mapping[Name, Tensor]], cotangent: Tensor) -> dict[Name, Tensor]:
        """What a pull makes of a cotangent, moved relative to what it sums.

        Its terms may cancel, as they do through a batch norm whose cotangent is a multiple of its output: the rounding of the terms
        stays, and is large beside what is left. How large the terms are shows the same pull of the cotangent with random signs,
        whose square is on average the sum of their squares (M. F. Hutchinson 1990).
        """
        terms = pull(cotangent * self._uniform(cotangent).sign())
        return {name: self._moved(value, terms[name]) for name, value in pull(cotangent).items()}

    def _moved(self, value: Tensor, terms: Tensor) -> Tensor:
        if not value.is_floating_point():
            return value
        return value + self.size * self._uniform(value) * torch.maximum(value.abs(), terms.abs())

    def _uniform(self, like: Tensor) -> Tensor:
        """Numbers in [-1, 1)."""
        return 2 * torch.rand(like.shape, generator=self.generator, dtype=like.dtype) - 1
