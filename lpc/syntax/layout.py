"""Documents that know how to break: text, things side by side, aligned parts, and fills that wrap like prose.

A small relative of Wadler's pretty printer: the only place a line may end is between two items of a fill. Printing
uses a stack of its own, so that depth costs no recursion.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from lpc.syntax.scan import Comment

FILL = 110
"""Broken lines are filled up to this column."""
DEEPEST = 60
"""Columns beyond which parts are no longer aligned, so that deep nesting cannot make lines of blanks."""


class _Doc:
    """A document. `width` is that of its one line, infinite where a comment ends a line inside; `lead` is the columns
    up to the first place where a line may end, and `breaks` whether there is one. All are known once it is made.
    """

    __slots__ = ("breaks", "lead", "width")

    def __init__(self, width: float, lead: float, breaks: bool) -> None:
        self.width, self.lead, self.breaks = width, lead, breaks


class Text(_Doc):
    __slots__ = ("text",)
    __match_args__ = ("text",)

    def __init__(self, text: str) -> None:
        super().__init__(len(text), len(text), False)
        self.text = text


class Concat(_Doc):
    """Documents side by side."""

    __slots__ = ("parts",)
    __match_args__ = ("parts",)

    def __init__(self, parts: tuple[Doc, ...]) -> None:
        lead = 0.0
        for part in parts:
            lead += part.lead
            if part.breaks:
                break
        super().__init__(sum(part.width for part in parts), lead, any(part.breaks for part in parts))
        self.parts = parts


class Align(_Doc):
    """Lines broken inside continue at the column where it begins."""

    __slots__ = ("doc",)
    __match_args__ = ("doc",)

    def __init__(self, doc: Doc) -> None:
        super().__init__(doc.width, doc.lead, doc.breaks)
        self.doc = doc


class Item:
    """One item of a fill, and the comments that stand before it. `own_line`: it fits on this line, or takes the next."""

    __slots__ = ("comments", "doc", "own_line")

    def __init__(self, doc: Doc, comments: tuple[Comment, ...] = (), own_line: bool = False) -> None:
        self.doc, self.comments, self.own_line = doc, comments, own_line


class Fill(_Doc):
    """Items a space apart, as many on a line as fit; later lines are indented by `hang`."""

    __slots__ = ("hang", "items")
    __match_args__ = ("items", "hang")

    def __init__(self, items: Iterable[Item], hang: int = 0) -> None:
        self.items, self.hang = tuple(items), hang
        width = sum(math.inf if item.comments else item.doc.width + 1 for item in self.items) - bool(self.items)
        first = self.items[0] if self.items and not self.items[0].comments else None
        breaks = len(self.items) > (first is not None) or (first is not None and first.doc.breaks)
        super().__init__(width, first.doc.lead if first else 0, breaks)


Doc = Text | Concat | Align | Fill


def concat(*parts: Doc | str) -> Concat:
    return Concat(tuple(Text(part) if isinstance(part, str) else part for part in parts))


def flat(doc: Doc) -> str:
    """The document on one line. Its width must be finite: a comment ends a line."""
    out: list[str] = []
    stack: list[Doc] = [doc]
    while stack:
        doc = stack.pop()
        match doc:
            case Text(text):
                out.append(text)
            case Concat(parts):
                stack += reversed(parts)
            case Align(inner):
                stack.append(inner)
            case Fill(items):
                for index in range(len(items) - 1, -1, -1):
                    stack.append(items[index].doc)
                    if index:
                        stack.append(Text(" "))
    return "".join(out)


class _Page:
    """Lines being written."""

    def __init__(self, indent: int) -> None:
        self.lines: list[str] = []
        self.line = " " * indent

    def newline(self, indent: int) -> None:
        if self.line.strip():
            self.lines.append(self.line.rstrip())
        self.line = " " * indent

    def comment(self, comment: Comment, indent: int) -> None:
        """At the end of the line where it stood at one, else on a line of its own."""
        if comment.own_line or not self.line.strip():
            self.newline(indent)
            self.line += comment.text
        else:
            self.line = f"{self.line.rstrip()}  {comment.text}"
        self.newline(indent)


def layout(doc: Doc, indent: int = 0) -> list[str]:
    """The document broken into lines of at most FILL columns where it can be."""
    page = _Page(indent)
    stack: list[tuple[int, Doc, int]] = [(indent, doc, 0)]  # indentation, document, next item of a fill
    while stack:
        indent, doc, index = stack.pop()
        match doc:
            case Text(text):
                page.line += text
            case Concat(parts):
                stack += [(indent, part, 0) for part in reversed(parts)]
            case Align(inner):
                column = len(page.line)
                stack.append((column if column <= DEEPEST else min(indent + 4, DEEPEST), inner, 0))
            case Fill(items, hang) if index < len(items):
                stack.append((indent, doc, index + 1))
                _separate(page, items[index], index, indent + (hang if index else 0), stack)
                stack.append((indent, items[index].doc, 0))
            case Fill():
                pass
    page.newline(0)
    return page.lines


def _separate(page: _Page, item: Item, index: int, indent: int, stack: list[tuple[int, Doc, int]]) -> None:
    """Write what stands before an item of a fill: its comments, a space, or a line end."""
    if item.comments:
        for comment in item.comments:
            page.comment(comment, indent)
        return
    if index == 0:
        return
    column = len(page.line) + 1
    if column + item.doc.width + _tail(stack) <= FILL:
        page.line += " "
    elif not item.own_line and indent + item.doc.width > FILL and column + item.doc.lead <= FILL:
        page.line += " "  # it must break somewhere inside, so it may as well begin here
    else:
        page.newline(indent)


def _tail(stack: list[tuple[int, Doc, int]]) -> float:
    """Columns of what follows on the stack up to the first place where a line may end."""
    total = 0.0
    for _, doc, index in reversed(stack):
        if isinstance(doc, Fill) and index:
            if index < len(doc.items):
                break
            continue
        total += doc.lead
        if doc.breaks:
            break
    return total
