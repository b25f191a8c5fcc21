"""Types of the language: what flows between operations, always without the batch axis."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

DType = Literal["f32", "i64"]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor an example: `f32[1, 28, 28]`, `i64[128]`. `f32[]` is one number an example.

    `classes`: of i64 tokens, how many different ones there are, where the data know it; they run from 0 to `classes - 1`.
    """

    shape: tuple[int, ...]
    dtype: DType = "f32"
    classes: int | None = None

    @property
    def size(self) -> int:
        return prod(self.shape)

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True, slots=True)
class Label:
    """`class[10]`: an integer from 0 to `classes - 1`; with a shape, one for each position (`class[65]` a character)."""

    classes: int
    shape: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        return prod(self.shape)

    def __str__(self) -> str:
        return f"class[{self.classes}]" + (f" at each of {list(self.shape)}" if self.shape else "")


@dataclass(frozen=True, slots=True)
class Edges:
    """The edges of a graph whose nodes are the examples."""

    def __str__(self) -> str:
        return "edges"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Stands where a mistake was already reported; fits everywhere, so that one mistake makes one error."""

    def __str__(self) -> str:
        return "?"


UNKNOWN = Unknown()
Type = Tensor | Label | Edges | Unknown
