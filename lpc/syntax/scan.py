"""One look at a text before it is parsed: its comments, its nesting, and where clauses begin.

Lark needs none of this to parse a sound program. The formatter needs the comments, recovery needs the cuts, and the
depth keeps every later walk over the tree within Python's recursion limit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lpc.source import Span
from lpc.syntax.words import KEYWORDS, VARIANT_KEYWORDS

MAX_DEPTH = 200
"""Brackets around an expression plus operators in a row: a bound on the height of its tree."""

_PIECE = re.compile(
    r'(?P<string>"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*")'
    r"|(?P<comment>#[^\n]*)"
    r"|(?P<exponent>[0-9][eE][-+])"
    r"|(?P<operator>->|[-+*/])"
    r"|(?P<open>[(\[{])"
    r"|(?P<close>[)\]}])"
    r"|(?P<comma>[,=])"
    rf"|(?<![A-Za-z0-9_])(?P<keyword>{'|'.join(KEYWORDS)})(?![A-Za-z0-9_])"
)
_OPENS = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class Comment:
    """`# text`, without trailing space; `own_line` when nothing but space stands before it on its line."""

    span: Span
    text: str
    own_line: bool


@dataclass(frozen=True, slots=True)
class Scan:
    """What one look finds. `cuts` are the offsets of clauses; `unclosed` and `unmatched` the offsets of brackets."""

    comments: tuple[Comment, ...]
    cuts: tuple[int, ...]
    unclosed: tuple[int, ...]
    unmatched: tuple[int, ...]
    too_deep: int | None
    """Where brackets and operators pass MAX_DEPTH; the look ends there."""


def scan(text: str) -> Scan:
    """Comments, brackets, clause keywords and depth of a text, in one pass over its characters."""
    comments: list[Comment] = []
    keywords: list[tuple[int, str, int | None]] = []  # offset, word, the brace it stands in
    nest = _Nest()
    too_deep: int | None = None
    for match in _PIECE.finditer(text):
        kind, offset = match.lastgroup, match.start()
        if kind == "comment":
            comments.append(_comment(text, match.span()))
        elif kind == "operator":
            nest.row += 1
        elif kind == "comma":
            nest.row = 0
        elif kind == "open":
            nest.open(offset, match[0])
        elif kind == "close":
            nest.close(offset, match[0])
        elif kind == "keyword":
            keywords.append((offset, match[0], nest.begin_clause()))
        if nest.depth + nest.row > MAX_DEPTH:  # the file is refused whatever follows, and the stack stays short
            too_deep = offset
            break
    left_open = {offset for offset, bracket, _ in nest.stack if bracket == "{"}
    unclosed = sorted([*nest.unclosed, *(offset for offset, _, _ in nest.stack)])
    return Scan(tuple(comments), _cuts(keywords, left_open), tuple(unclosed), tuple(nest.unmatched), too_deep)


class _Nest:
    """The brackets that are open."""

    def __init__(self) -> None:
        self.stack: list[tuple[int, str, int]] = []  # offset, bracket, operators in a row before it
        self.row = 0  # operators in a row here
        self.depth = 0  # open brackets, and operators in a row before each
        self.unclosed: list[int] = []
        self.unmatched: list[int] = []

    def open(self, offset: int, bracket: str) -> None:
        self.stack.append((offset, bracket, self.row))
        self.depth += self.row + 1
        self.row = 0

    def _pop(self) -> tuple[int, str]:
        offset, bracket, self.row = self.stack.pop()
        self.depth -= self.row + 1
        return offset, bracket

    def close(self, offset: int, bracket: str) -> None:
        """Close the innermost bracket of this kind; those inside it were left open."""
        if all(opened != _OPENS[bracket] for _, opened, _ in self.stack):
            self.unmatched.append(offset)
            return
        while (popped := self._pop())[1] != _OPENS[bracket]:
            self.unclosed.append(popped[0])

    def begin_clause(self) -> int | None:
        """No clause begins inside parentheses: they were left open. Gives the brace that the clause stands in."""
        while self.stack and self.stack[-1][1] != "{":
            self.unclosed.append(self._pop()[0])
        self.row = 0
        return self.stack[-1][0] if self.stack else None


def _comment(text: str, span: tuple[int, int]) -> Comment:
    start, end = span
    own_line = not text[text.rfind("\n", 0, start) + 1 : start].strip()
    return Comment(Span(start, end), text[start:end].rstrip(), own_line)


def _cuts(keywords: list[tuple[int, str, int | None]], open_braces: set[int]) -> tuple[int, ...]:
    """Where clauses begin: keywords outside braces; behind a brace left open, from the first that no variant holds."""
    cuts: list[int] = []
    ended: set[int] = set()
    for offset, word, brace in keywords:
        if brace is not None and brace in open_braces and word not in VARIANT_KEYWORDS:
            ended.add(brace)
        if brace is None or brace in ended:
            cuts.append(offset)
    return tuple(cuts)
