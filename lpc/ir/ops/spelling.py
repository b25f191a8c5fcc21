"""How entries print: literals of checked values, and calls that leave defaults out."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from lpc.ir.op import Value


def literal(value: object) -> str:
    """`value` as Python reads it back. Infinities and NaN have no literal: ValueError."""
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(f"{value} has no literal")
    if isinstance(value, tuple):
        inside = ", ".join(literal(item) for item in value)
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    raise TypeError(f"no literal for {type(value).__name__}")


def spell(function: str, positional: Sequence[str], **options: tuple[Value, Value]) -> str:
    """`function(positional..., name=value...)`; an option is its value and torch's default, left out when they agree."""
    named = (f"{name}={literal(value)}" for name, (value, default) in options.items() if value != default)
    return f"{function}({', '.join((*positional, *named))})"
