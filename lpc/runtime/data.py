"""Examples in memory: one tensor for each name of the `data` clause, the first axis the examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from lpc.runtime.failure import BadInput
from lpc.runtime.random import RANDOM

Part = tuple[Tensor, ...]
"""Some of the examples: a tensor for each name, of equal length."""


@dataclass(frozen=True)
class Binding:
    """A name of the `data` clause and its type, without the examples' axis: `image: f32[1, 28, 28]`, `label: class[10]`."""

    name: str
    shape: tuple[int, ...] = ()
    classes: int | None = None
    """Whole numbers below this; None: real numbers."""


@dataclass(frozen=True)
class Splits:
    """The parts of a data set, and what the result records of it."""

    train: Part
    validation: Part | None = None
    test: Part | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def checked(tensor: Tensor, binding: Binding, file: str) -> Tensor:
    """The tensor, if every example of it is of the binding's type."""
    if tuple(tensor.shape[1:]) != binding.shape:
        found = list(tensor.shape[1:])
        raise BadInput(
            f"{file}: an example of {binding.name} has shape {found}, the program says {list(binding.shape)}"
        )
    bad = ~tensor.isfinite() if binding.classes is None else (tensor < 0) | (tensor >= binding.classes)
    if bad.any():
        row, *place = bad.nonzero()[0].tolist()
        value = tensor[(row, *place)].item()
        wanted = "finite" if binding.classes is None else f"from 0 to {binding.classes - 1}"
        raise BadInput(f"{file}: {binding.name} of example {row} is {value}, not {wanted}")
    return tensor


def how_many(part: int | float, examples: int) -> int:
    """A part's size, given as a number of examples or as a fraction of them; not none where some are asked for."""
    return max(1, round(part * examples)) if isinstance(part, float) and part else int(part)


def split(whole: Splits, validation: int | float = 0, test: int | float = 0) -> Splits:
    """Take random validation and test parts from the training part, by seed: so many examples, or a fraction of them."""
    examples = len(whole.train[0])
    held, tested = (how_many(part, examples) for part in (validation, test))
    if held + tested >= examples:
        raise BadInput(f"{held + tested} examples for validation and test leave none of {examples} to train on")
    order = RANDOM.permutation("split", examples)
    rows = (order[held + tested :], order[:held], order[held : held + tested])
    train, first, second = (tuple(tensor[part.sort().values] for tensor in whole.train) for part in rows)
    return Splits(train, first if held else whole.validation, second if tested else whole.test, whole.facts)


def prepared(splits: Splits, names: int, limit: int | None, device: torch.device) -> Splits:
    """The parts on the device, real numbers in torch's default dtype, cut to the program's names and to `--limit`."""

    def moved(tensor: Tensor) -> Tensor:
        return tensor[:limit].to(device, torch.get_default_dtype() if tensor.is_floating_point() else tensor.dtype)

    found = {name: part for name in ("train", "validation", "test") if (part := getattr(splits, name))}
    parts: dict[str, Any] = {name: tuple(moved(tensor) for tensor in part[:names]) for name, part in found.items()}
    return replace(splits, **parts)


def batches(part: Part, order: Tensor | None, size: int, first: int = 0) -> Iterator[Part]:
    """Batches of `size` examples in the given order, from batch `first` on; the last may be smaller.

    Full batches are gathered into the same tensors again and again: who keeps one clones it. Without an order, in turn.
    """
    examples = len(part[0])
    buffers = [tensor.new_empty(min(size, examples), *tensor.shape[1:]) for tensor in part] if order is not None else []
    for start in range(first * size, examples, size):
        if order is None:
            yield tuple(tensor[start : start + size] for tensor in part)
        elif start + size <= examples:
            rows = order[start : start + size]
            yield tuple(torch.index_select(t, 0, rows, out=buffer) for t, buffer in zip(part, buffers, strict=True))
        else:
            yield tuple(tensor.index_select(0, order[start:]) for tensor in part)
