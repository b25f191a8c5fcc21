"""Pieces of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell(text) for text in line) + " |" for line in lines)


def cell(text: str) -> str:
    """Text for a cell of a table: on one line, its bars kept from ending the cell."""
    return " ".join(text.split()).replace("|", "\\|")


def fenced(text: str, kind: str) -> str:
    """A block of code, fenced with more backticks than it holds in a row."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{kind}\n{text.strip(chr(10))}\n{fence}"


def page(*parts: str) -> str:
    """Parts with an empty line between them; empty ones are left out."""
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def sentence(text: str) -> str:
    """The text with a capital and a full stop."""
    made = " ".join(text.split())
    return made[:1].upper() + made[1:] + ("" if made.endswith((".", "!", "?")) else ".")


GENERATED = "<!-- Written by `python -m docs.generate`; edit the code it comes from. -->"
