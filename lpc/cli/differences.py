"""Differences between two texts, as `diff -u` writes them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

_COLOURS = {"@": "36", "-": "31", "+": "32"}


@dataclass(frozen=True)
class Difference:
    """A unified diff, and how many lines the second text has more and less."""

    text: str
    added: int
    removed: int


def difference(old: str, new: str, old_name: str, new_name: str, color: bool = False) -> Difference:
    """What turns `old` into `new`; the text is "" when they are equal."""
    lines = list(difflib.unified_diff(_lines(old), _lines(new), old_name, new_name, lineterm=""))
    body = lines[2:]
    shown = [_painted(line, head=at < 2) for at, line in enumerate(lines)] if color else lines
    return Difference(
        "".join(f"{line}\n" for line in shown),
        sum(1 for line in body if line.startswith("+")),
        sum(1 for line in body if line.startswith("-")),
    )


def _lines(text: str) -> list[str]:
    """Lines without their endings; one that is missing at the end of the text is a line of its own, as in `diff`."""
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else [*lines, "\\ No newline at end of file"]


def _painted(line: str, head: bool) -> str:
    style = "1" if head else _COLOURS.get(line[:1])
    return f"\x1b[{style}m{line}\x1b[0m" if style else line
