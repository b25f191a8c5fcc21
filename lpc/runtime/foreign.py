"""Data that another package's function reads."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from lpc.runtime.data import Binding, Part, Splits, checked
from lpc.runtime.failure import BadInput, Failure, first_line


@contextmanager
def from_package(package: str, source: str) -> Generator[None]:
    """What goes wrong in somebody else's package, in one line."""
    try:
        yield
    except (Failure, MemoryError):
        raise
    except ImportError as problem:
        raise BadInput(f"{source} data come with the package {package}: {first_line(problem)}") from problem
    except (OSError, ValueError) as problem:  # of files that are not as they must be
        raise BadInput(f"{source}: {first_line(problem)}") from problem
    except Exception as problem:
        raise BadInput(
            f"{source} data of the package {package} fail: {type(problem).__name__}: {first_line(problem)}"
        ) from problem


def splits_of(found: Any, source: str, data: tuple[Binding, ...], parts: tuple[str, ...] = ("train",)) -> Splits:
    """The parts that were read: a tensor or array for each name, or a mapping to such from each part. All is checked."""
    given = found if isinstance(found, Mapping) else {"train": found}
    if set(given) != set(parts):
        raise BadInput(f"{source} data have the parts {', '.join(map(str, given))}, and should have {', '.join(parts)}")
    made = {name: part_of(given[name], f"{source} data, {name}", data) for name in parts}
    return Splits(made["train"], made.get("validation"), made.get("test"), {"source": source})


def part_of(arrays: Any, where: str, data: tuple[Binding, ...]) -> Part:
    """A tensor for each name, of its type and of equal length."""
    if not isinstance(arrays, tuple | list) or len(arrays) < len(data):
        found = f"{len(arrays)} of them" if isinstance(arrays, tuple | list) else f"a {type(arrays).__name__}"
        raise BadInput(f"{where}: a tensor for each of {len(data)} names is needed, found {found}")
    part = tuple(tensor_of(array, where, binding) for array, binding in zip(arrays, data, strict=False))
    if len({len(tensor) for tensor in part}) > 1 or not len(part[0]):
        sizes = ", ".join(f"{len(tensor)} of {binding.name}" for binding, tensor in zip(data, part, strict=True))
        raise BadInput(f"{where}: every example needs one of each, and there are {sizes}")
    return part


def tensor_of(array: Any, where: str, binding: Binding) -> Tensor:
    try:
        tensor = torch.as_tensor(array)
    except (TypeError, ValueError, RuntimeError) as problem:
        raise BadInput(f"{where}: {binding.name} is no tensor: {first_line(problem)}") from problem
    whole = not (tensor.is_floating_point() or tensor.is_complex())
    if tensor.dim() == 0 or tensor.is_complex() or (binding.classes is not None and not whole):
        wanted = "numbers" if binding.classes is None else "whole numbers"
        raise BadInput(f"{where}: {binding.name} has {tensor.dim()} axes of {tensor.dtype}, not examples of {wanted}")
    if binding.classes is not None:
        tensor = tensor.long()
    elif whole:
        tensor = tensor.double()
    return checked(tensor, binding, where)
