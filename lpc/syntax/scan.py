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
    r'(?P<string>"(?:[^"\\\n]|\\[^\n])*")'
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
    stack: list[tuple[int, str, int]] = []  # offset, bracket, operators in a row before it
    unclosed: list[int] = []
    unmatched: list[int] = []
    too_deep: int | None = None
    row = depth = 0  # operators in a row here; those of all open brackets too, plus the brackets

    for match in _PIECE.finditer(text):
        kind, offset = match.lastgroup, match.start()
        if kind == "operator":
            row += 1
            depth += 1
        elif kind == "comma":
            depth -= row
            row = 0
        elif kind == "open":
            stack.append((offset, match[0], row))
            row = 0
            depth += 1
        elif kind == "close":
            if all(bracket != _OPENS[match[0]] for _, bracket, _ in reversed(stack)):
                unmatched.append(offset)
                continue
            while True:
                opened, bracket, before = stack.pop()
                depth -= row + 1
                row = before
                if bracket == _OPENS[match[0]]:
                    break
                unclosed.append(opened)
        elif kind == "comment":
            comments.append(_comment(text, match.span()))
        elif kind == "keyword":
            while stack and stack[-1][1] != "{":  # no clause begins inside parentheses: they were left open
                opened, _, before = stack.pop()
                unclosed.append(opened)
                depth -= row + 1
                row = before
            depth -= row
            row = 0
            keywords.append((offset, match[0], stack[-1][0] if stack else None))
        if depth > MAX_DEPTH:  # the file is refused whatever follows, and the stack stays short
            too_deep = offset
            break

    unclosed += [offset for offset, _, _ in stack]
    return Scan(
        tuple(comments),
        _cuts(keywords, {offset for offset, bracket, _ in stack if bracket == "{"}),
        tuple(sorted(unclosed)),
        tuple(unmatched),
        too_deep,
    )


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
