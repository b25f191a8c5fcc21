"""The formatter: a tree and its comments as text, one way only.

Comments are merged back by position: each is printed before the first part that follows it. Before anything is
returned the text is parsed again, and trees and comments are compared; where they differ the formatter refuses.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lpc.diagnostics import Diagnostic, Report, error
from lpc.source import NOWHERE, Source
from lpc.syntax import tree
from lpc.syntax.layout import Doc, Fill, flat, layout
from lpc.syntax.parse import TooDeep, parse
from lpc.syntax.printer import ATOM, Printer, level
from lpc.syntax.scan import MAX_DEPTH, Comment, scan
from lpc.syntax.words import KEYWORDS

LIMIT = 120
"""Longer lines are broken."""
WIDEST_GAP = 20
"""Columns of blanks that alignment may put in; where it would take more, lines stay as they are."""


@error("LP040")
class FormatterRefuses(Diagnostic):
    """The formatter parses what it is about to write. Here the result was another program, or lacked a comment, so
    nothing was written. This is a bug in lpc, and the file is worth reporting.

    No example is shown: there is none that is known.
    """

    title = "the formatter would have changed {what}, and leaves the file as it is"
    help = "this is a bug in lpc: please report it with the file"
    what: str


def format_source(source: Source, report: Report) -> str | None:
    """The formatted text of a program; None, with the errors in the report, when it has syntax errors."""
    found = Report()
    file = parse(source, found)
    for diagnostic in found.diagnostics:
        report.add(diagnostic)
    if found.errors:
        return None
    comments = scan(source.text).comments
    text = format_file(file, comments, source)
    again = Source(source.name, text)
    check = Report()
    parsed = parse(again, check)
    if any(isinstance(d, TooDeep) for d in check.errors):
        report.add(
            TooDeep(span=NOWHERE, limit=MAX_DEPTH, detail=("the formatter writes more parentheses than stand here",))
        )
        return None
    same_tree = parsed == file and not check.errors
    same_comments = Counter(c.text for c in scan(text).comments) == Counter(c.text for c in comments)
    if not (same_tree and same_comments):
        report.add(FormatterRefuses(span=NOWHERE, what="a comment" if same_tree else "the program"))
        return None
    return text.replace("\n", "\r\n") if "\r\n" in source.text else text


def format_file(file: tree.File, comments: Sequence[Comment] = (), source: Source | None = None) -> str:
    """A tree as text. With its source, blank lines between clauses and the spelling of numbers are those of the
    writer; without, a blank line stands between clauses of different kinds.
    """
    end = file.span.end if source is None else len(source.text)
    return "".join(f"{line}\n" for line in _Lines(comments, source).of(file.clauses, end, 0))


def print_clause(clause: tree.Clause) -> str:
    """A clause as text, without a line end at its end."""
    return "\n".join(_Lines((), None).of((clause,), 0, 0))


def print_expr(expr: tree.Expr) -> str:
    """An expression on one line."""
    return flat(Printer().expr(expr))


@dataclass(frozen=True)
class _Piece:
    """A clause or a comment as lines; `cells` are the parts of its one line that may be aligned with its neighbours'."""

    kind: str
    lines: tuple[str, ...]
    start: int
    end: int
    cells: tuple[str, ...] = ()
    trailing: str = ""
    moved: bool = False
    """A comment from inside the clause before it, where it found no place."""


class _Lines:
    """Clauses as lines, with comments taken in order from the one printer."""

    def __init__(self, comments: Sequence[Comment], source: Source | None) -> None:
        self._printer = Printer(comments, source)
        self._source = source

    def of(self, clauses: Sequence[tree.Clause], end: int, indent: int) -> list[str]:
        """The lines of some clauses and of the comments between them, up to the offset `end`."""
        pieces = self._pieces(clauses, end, indent)
        lines: list[str] = []
        for group in self._groups(pieces):
            if lines and group.after_blank:
                lines.append("")
            for piece, text in zip(group.pieces, _aligned(group.pieces, indent), strict=True):
                lines += [*text[:-1], f"{text[-1]}  {piece.trailing}" if piece.trailing else text[-1]]
        return lines

    def _pieces(self, clauses: Sequence[tree.Clause], end: int, indent: int) -> list[_Piece]:
        pieces: list[_Piece] = []
        listed = _one_a_line(clauses)
        for clause, after in zip(listed, [*listed[1:], None], strict=False):
            following = end if after is None else after.span.start
            pieces += [_comment_piece(comment, indent) for comment in self._printer.take(clause.span.start)]
            piece = self._variant(clause, indent) if isinstance(clause, tree.Variant) else self._clause(clause, indent)
            comments = (*self._printer.take(clause.span.end), *self._printer.take_trailing(following))
            if comments:
                piece = replace(piece, trailing=comments[0].text, end=max(piece.end, comments[-1].span.end))
            pieces.append(piece)
            pieces += [replace(_comment_piece(c, indent), moved=True, end=piece.end) for c in comments[1:]]
        return [*pieces, *(_comment_piece(comment, indent) for comment in self._printer.take(end))]

    def _clause(self, clause: tree.Clause, indent: int) -> _Piece:
        doc = self._printer.clause(clause)
        if indent + doc.width > LIMIT:
            return _Piece(_kind(clause), tuple(layout(doc, indent)), clause.span.start, clause.span.end)
        text = " " * indent + flat(doc)
        return _Piece(_kind(clause), (text,), clause.span.start, clause.span.end, _cells(clause, doc, text, indent))

    def _variant(self, clause: tree.Variant, indent: int) -> _Piece:
        """On one line where it holds one clause that fits there and no comment."""
        head = f"{' ' * indent}variant {clause.name}"
        short = len(clause.clauses) < 2 and not self._printer.pending(clause.span.end)
        inner = self.of(clause.clauses, clause.span.end, indent + 4)
        body = f"{{ {inner[0].strip()} }}" if inner else "{}"
        if short and len(inner) < 2 and len(head) + 1 + len(body) <= LIMIT:
            return _Piece("variant", (f"{head} {body}",), clause.span.start, clause.span.end, (head, body))
        lines = (f"{head} {{", *inner, f"{' ' * indent}}}")
        return _Piece("variant", lines, clause.span.start, clause.span.end)

    def _groups(self, pieces: Sequence[_Piece]) -> list[_Group]:
        """Pieces of one kind on lines that follow one another."""
        groups: list[_Group] = []
        for before, piece in zip([None, *pieces], pieces, strict=False):
            blank = before is not None and self._blank_between(before, piece)
            alike = before is not None and bool(before.cells) and bool(piece.cells) and before.kind == piece.kind
            if alike and not blank:
                groups[-1].pieces.append(piece)
            else:
                groups.append(_Group(blank, [piece]))
        return groups

    def _blank_between(self, before: _Piece, piece: _Piece) -> bool:
        if piece.moved:
            return False
        if self._source is not None:
            return _BLANK_LINE.search(self._source.text, before.end, piece.start) is not None
        return "comment" not in (before.kind, piece.kind) and _CHAPTERS[before.kind] != _CHAPTERS[piece.kind]


@dataclass(frozen=True)
class _Group:
    after_blank: bool
    pieces: list[_Piece]


_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")
_CHAPTERS = {kind: kind for kind in KEYWORDS} | {"place": "learn", "measure": "train"}
"""Kinds of clauses that stand together where nobody has written blank lines."""


def _kind(clause: tree.Clause) -> str:
    return type(clause).__name__.lower()


def _one_a_line(clauses: Sequence[tree.Clause]) -> list[tree.Clause]:
    """The clauses; a `place` with both options and a pin, which only a pass can make, as two."""
    out: list[tree.Clause] = []
    for clause in clauses:
        if isinstance(clause, tree.Place) and clause.options and clause.stage is not None:
            out += [replace(clause, selectors=(), stage=None), replace(clause, options=())]
        else:
            out.append(clause)
    return out


def _comment_piece(comment: Comment, indent: int) -> _Piece:
    return _Piece("comment", (" " * indent + comment.text,), comment.span.start, comment.span.end)


# -- alignment ---------------------------------------------------------------------------------------------------


def _cells(clause: tree.Clause, doc: Doc, text: str, indent: int) -> tuple[str, ...]:
    """The parts of a clause's line that are aligned with those of like lines: before `=`, before the first arrow of a
    block, before what a claim goes on with.
    """
    if not isinstance(doc, Fill) or len(doc.items) < 2:
        return ()
    first = indent + int(doc.items[0].doc.width)
    if isinstance(clause, tree.Claim):
        return text[:first], text[first + 1 :]
    head, value = text[: first - 2], text[first - 1 :]
    source = _source_width(clause.expr) if isinstance(clause, tree.Block) else 0
    return (head, value[: source + 2], value[source + 3 :]) if source else (head, value)


def _source_width(expr: tree.Expr) -> int:
    """Columns of the single word or call with which the text of an expression begins, when an arrow follows; else 0."""
    while isinstance(expr, tree.Pipe) or (isinstance(expr, tree.Binary) and expr.operator in "+-"):
        if isinstance(expr, tree.Pipe) and level(expr.left) == ATOM:
            return len(print_expr(expr.left))
        if level(expr.left) < level(expr):
            return 0
        expr = expr.left
    return 0


def _aligned(pieces: Sequence[_Piece], indent: int) -> list[tuple[str, ...]]:
    """The lines of each piece, blanks put in so that cells begin at the same column."""
    if len(pieces) == 1:
        return [pieces[0].lines]
    rows = [list(piece.cells) for piece in pieces]
    for column in range(max(len(row) for row in rows) - 1):
        widths = [len(row[column]) for row in rows if len(row) > column + 1]
        widest = max(widths)
        if widest - min(widths) > WIDEST_GAP:
            break
        for row in rows:
            if len(row) > column + 1:
                row[column] = row[column].ljust(widest)
    lines = [" ".join(row) for row in rows]
    return [(line,) for line in lines] if max(map(len, lines)) <= LIMIT else [piece.lines for piece in pieces]
