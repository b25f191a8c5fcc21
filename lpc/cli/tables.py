"""Tables and figures as text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from lpc.source import display_width

WIDTH = 100
"""Columns of text before it wraps."""


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Columns two blanks apart under their heads, those of indices `right` flush right; no line end at the end."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(display_width(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(_cell(text, widths[column], column in right) for column, text in enumerate(line)).rstrip()
        for line in lines
    )


def _cell(text: str, width: int, right: bool) -> str:
    blanks = " " * (width - display_width(text))
    return blanks + text if right else text + blanks


def paragraph(text: str, indent: int = 0, first: str = "") -> str:
    """A text wrapped at WIDTH, `first` before its first line."""
    space = " " * indent
    return textwrap.fill(
        " ".join(text.split()), WIDTH, initial_indent=space + first, subsequent_indent=space, break_on_hyphens=False
    )


def number(value: float) -> str:
    """A count with a blank between thousands: `16 640`."""
    return f"{value:,.0f}".replace(",", " ")


def scaled(value: float, unit: str = "") -> str:
    """Three digits and a decimal prefix: `35.2 M`."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}".rstrip()


def memory(count: float) -> str:
    """Bytes with a binary prefix: `3.1 MiB`."""
    for factor, prefix in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if count >= factor:
            return f"{count / factor:.3g} {prefix}" if count < 1000 * factor else f"{count / factor:.0f} {prefix}"
    return f"{count:.0f} B"


def seconds(value: float) -> str:
    """Three digits of seconds, milliseconds or microseconds."""
    return f"{value:.3g} s" if value >= 1 else f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.3g} µs"


def definitions(items: Sequence[tuple[str, str]], indent: int = 0) -> str:
    """Names in one column, what they mean wrapped in the next."""
    width = indent + max(len(name) for name, _ in items) + 2
    return "\n".join(
        " " * indent + name.ljust(width - indent) + paragraph(text, width).lstrip() for name, text in items
    )


def bullets(sentences: Sequence[str]) -> str:
    return "\n".join(f"  - {paragraph(sentence, 4).lstrip()}" for sentence in sentences)
