"""A source text, spans in it, and the lines and columns people read."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of character offsets `[start, end)` in one source text."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """The smallest span that holds both."""
        return Span(min(self.start, other.start), max(self.end, other.end))


NOWHERE = Span(0, 0)


@dataclass(frozen=True)
class Source:
    """A program's text and the name of the file it came from (never a path: paths must not reach a script)."""

    name: str
    text: str

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(i + 1 for i, c in enumerate(self.text) if c == "\n")]

    @cached_property
    def sha256(self) -> str:
        return sha256(self.text.encode()).hexdigest()

    @property
    def line_count(self) -> int:
        return len(self._starts)

    def line_number(self, offset: int) -> int:
        """The line of an offset, counted from 1."""
        return bisect_right(self._starts, offset)

    def column(self, offset: int) -> int:
        """The column of an offset in characters, counted from 1."""
        return offset - self._starts[self.line_number(offset) - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line (counted from 1), without its ending."""
        start = self._starts[number - 1]
        end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r")

    def place(self, span: Span) -> str:
        """`digits.lp:9`, as scripts and messages name a place."""
        return f"{self.name}:{self.line_number(span.start)}"

    def snippet(self, span: Span) -> str:
        return self.text[span.start : span.end]


def display_width(text: str, tab: int = 4) -> int:
    """How many terminal cells a text takes: tabs, wide and combining characters counted as terminals show them."""
    width = 0
    for char in text:
        if char == "\t":
            width += tab - width % tab
        elif unicodedata.combining(char) or unicodedata.category(char) in ("Cf", "Mn", "Me"):
            continue
        else:
            width += 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
    return width
