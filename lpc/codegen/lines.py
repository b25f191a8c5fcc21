"""Lines of a step before names are given: text with marks for values, units and optimizers.

A mark is a private-use character, a letter, a name, and a closing character; the lexer refuses those characters in `.lp` files.
Names are given last, when the order of lines is settled (as registers are allocated), and repeated lines are rolled into loops
before that, by comparing marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

OPEN, CLOSE = "\ue000", "\ue001"
MARK = re.compile(f"{OPEN}(.)([^{CLOSE}]*){CLOSE}")


def mark(letter: str, name: object) -> str:
    """`v`: a value; `u`: a block's module; `o`: an optimizer."""
    return f"{OPEN}{letter}{name}{CLOSE}"


@dataclass(eq=False)
class Line:
    """One line of a step. `writes` are values it gives names to; `depth` its indentation inside loops."""

    text: str
    block: str = ""
    writes: tuple[str, ...] = ()
    depth: int = 0
    comment: str = ""
    lead: str = ""
    """A comment line of its own above it."""
    quiet: bool = False
    """Reads parameters without recording: wants `torch.no_grad()`."""
    opens: bool = False
    """A `for`: the lines below it that are deeper belong to it."""
    recorded: bool = False
    """Part of a graph that a backward call will walk: must not come under `torch.no_grad()`."""

    def marks(self) -> Iterator[tuple[str, str]]:
        for found in MARK.finditer(self.text):
            yield found[1], found[2]

    def values(self) -> list[str]:
        """Values whose names occur in the line, written ones included."""
        return [name for letter, name in self.marks() if letter == "v"]

    def reads(self) -> list[str]:
        _, equals, tail = self.text.partition(" = ")
        source = tail if equals and self.writes else self.text
        return [found[2] for found in MARK.finditer(source) if found[1] == "v"]
