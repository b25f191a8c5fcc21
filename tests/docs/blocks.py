"""The blocks of code in the documentation, and what their first lines say of them.

    ```lp                    a program, or some clauses of one: no errors, no warnings
    ```lp bad=LP200          exactly these errors            ```lp warns=LP911    exactly these warnings
    ```lp dense              not laid out as `lpc fmt` does, which leaves lines empty
    ```text says             after a whole program that is wrong: what the terminal shows for it (written by docs.generate)
    ```lp file=digits.lp     also written, for the commands of the page; so with any other language
    ```console               commands after `$ `, run in order with the page's files, and their output; `...` is anything
    ```python                run in the same folder          ```text prints       after it: what it prints
    ```python shown          part of something larger: not run
    ```sh                    commands that are not run: they install, need files, or take long

Other languages are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FENCE = re.compile(r"^(?P<fence>`{3,})(?P<info>[^`\n]*)\n(?P<text>.*?)^(?P=fence)$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block of a page: its language, its marks (`bad=LP200`, `says`), and the line its text begins on."""

    page: str
    line: int
    language: str
    marks: dict[str, str] = field(hash=False)
    text: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """The README and every page of the documentation."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        language, *marks = found["info"].split() or [""]
        line = text.count("\n", 0, found.start()) + 2
        yield Block(name_of(page), line, language, dict(mark.partition("=")[::2] for mark in marks), found["text"])


def all_blocks(language: str) -> list[Block]:
    return [block for page in pages() for block in blocks(page) if block.language == language]


def followed(page: Path) -> Iterator[tuple[Block, Block | None]]:
    """Each block of a page with the one after it."""
    before: Block | None = None
    for block in blocks(page):
        if before is not None:
            yield before, block
        before = block
    if before is not None:
        yield before, None
