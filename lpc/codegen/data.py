"""The function that loads a program's data."""

from __future__ import annotations

from lpc.ir.program import DataUse


def load_data(data: DataUse) -> tuple[str, set[str]]:
    """Its text, and the runtime parts it uses."""
    a = data.arguments
    parts = []
    for name in ("validation", "test"):
        if a.get(name):
            parts.append(f"{name}={a[name]!r}")
    call = f"load_{data.source}(options)"
    text = f"split({', '.join([call, *parts])})"
    return f'def load_data(options):\n    """The examples and their parts."""\n    return {text}', {"split", f"load_{data.source}"}
