"""What entries ask of their inputs and arguments: the input as it must be, or a `Misfit` that says what would fit."""

from __future__ import annotations

from math import isfinite

from lpc.ir.op import Arguments, Inputs, Misfit
from lpc.ir.types import Edges, Label, Tensor, Unknown


def tensor(inputs: Inputs, at: int = 0) -> Tensor:
    """Input `at`, which must be a tensor, of numbers or of tokens."""
    found = inputs[at]
    match found:
        case Tensor():
            return found
        case Label():
            raise Misfit(f"needs a tensor, found a label, {found}")
        case Edges():
            raise Misfit("needs a tensor, found the edges of a graph")
        case Unknown():
            raise Misfit("needs a tensor of known type")


def numbers(inputs: Inputs, at: int = 0) -> Tensor:
    """Input `at`, which must be a tensor of numbers."""
    found = tensor(inputs, at)
    if found.dtype != "f32":
        raise Misfit(f"needs numbers, found tokens, {found}: `embedding(width)` makes numbers of them")
    return found


def features(inputs: Inputs) -> Tensor:
    """The input, which must be `[features]`, or `[positions, features]` where each position is treated alike."""
    found = numbers(inputs)
    if len(found.shape) not in (1, 2):
        advice = "give it one axis with `reshape(1)`" if found.shape == () else "put a `flatten` before it"
        raise Misfit(f"needs [features] or [positions, features], found {found}: {advice}")
    return found


def image(inputs: Inputs) -> tuple[int, int, int]:
    """Channels, height and width of the input, which must be `[channels, height, width]`."""
    found = numbers(inputs)
    if len(found.shape) != 3:
        raise Misfit(f"needs channels first, as [channels, height, width], found {found}")
    channels, height, width = found.shape
    return channels, height, width


def channels_first(inputs: Inputs) -> Tensor:
    """The input, which must be `[channels]` or `[channels, height, width]`."""
    found = numbers(inputs)
    if len(found.shape) not in (1, 3):
        advice = ": `layer_norm` normalises each position by itself" if len(found.shape) == 2 else ""
        raise Misfit(f"needs [features] or [channels, height, width], found {found}{advice}")
    return found


def whole(arguments: Arguments, name: str) -> int:
    value = arguments[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"`{name}` reached the catalogue as {value!r}, not as an integer")
    return value


def flag(arguments: Arguments, name: str) -> bool:
    value = arguments[name]
    if not isinstance(value, bool):
        raise TypeError(f"`{name}` reached the catalogue as {value!r}, not as true or false")
    return value


def number(arguments: Arguments, name: str) -> float:
    """A float; 1e999, which is a number in a program and infinite in a machine, is refused."""
    value = arguments[name]
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"`{name}` reached the catalogue as {value!r}, not as a number")
    if not isfinite(value):
        raise Misfit(f"needs a finite `{name}`, found {value}")
    return float(value)


def sizes(arguments: Arguments, name: str) -> tuple[int, ...]:
    value = arguments[name]
    if not isinstance(value, tuple):
        raise TypeError(f"`{name}` reached the catalogue as {value!r}, not as sizes")
    if any(size < 1 for size in value):
        raise Misfit(f"needs sizes of at least 1, found {list(value)}")
    return value


def text(arguments: Arguments, name: str) -> str:
    value = arguments[name]
    if not isinstance(value, str):
        raise TypeError(f"`{name}` reached the catalogue as {value!r}, not as a string")
    return value
