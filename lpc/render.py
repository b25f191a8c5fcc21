"""A diagnostic as terminal text: what, where, the lines with carets, notes, and last the help. Same bytes every time."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from lpc.diagnostics import Diagnostic
from lpc.source import NOWHERE, Source, Span, display_width

CONTEXT = 2
"""Lines shown above the place."""
WIDTH = 100
"""Columns of program text shown, and of sentences before they wrap."""
TAB = 4
MOST = 20
"""Diagnostics shown in full; the rest is counted."""

_COLOURS = {"error": "1;31", "warning": "1;33", "mark": "1", "frame": "34", "related": "36", "help": "32"}


def render(diagnostic: Diagnostic, source: Source, color: bool = False) -> str:
    """The text of one diagnostic, without a line end at its end.

    It looks like this:

        error[LP010]: expected `with`, found `wiht`
          --> digits.lp:14:11
           |
        14 | learn all wiht mono_forward
           |           ^^^^ did you mean `with`?
    """
    paint = _Paint(color)
    head = paint(f"{diagnostic.severity}[{diagnostic.code}]", diagnostic.severity)
    lines = [f"{head}{paint(': ' + printable(diagnostic.title_text), 'mark')}"]
    marks = [_Mark(diagnostic.span, diagnostic.label_text, "^", diagnostic.severity)]
    marks += [_Mark(span, text, "-", "related") for span, text in diagnostic.related]
    snippet = [] if diagnostic.span == NOWHERE else _snippet(source, marks, paint)
    margin = _margin(source, marks)
    lines.append(f"{' ' * margin}{paint('-->', 'frame')} {printable(_place(source, diagnostic.span))}")
    lines += snippet
    after = [(f"note: {text}", "mark") for text in diagnostic.note_texts]
    after += [(f"help: {text}", "help") for text in [diagnostic.help_text] if text]
    for text, style in after:
        lines += _sentence(text, style, margin, paint)
    return "\n".join(lines)


def render_all(diagnostics: Sequence[Diagnostic], source: Source, color: bool = False) -> str:
    """All diagnostics, the first MOST in full, a blank line between them, and the summary last; "" when there are none."""
    if not diagnostics:
        return ""
    shown = [render(diagnostic, source, color) for diagnostic in diagnostics[:MOST]]
    left = len(diagnostics) - len(shown)
    return "\n\n".join([*shown, *([f"... and {left} more"] if left else []), summary(diagnostics, source)]) + "\n"


def summary(diagnostics: Sequence[Diagnostic], source: Source) -> str:
    """`2 errors and 1 warning in digits.lp; lpc explain LP010 says more`."""
    errors = [d for d in diagnostics if d.severity == "error"]
    counts = [(len(errors), "error"), (len(diagnostics) - len(errors), "warning")]
    counted = " and ".join(f"{n} {word}{'s' * (n > 1)}" for n, word in counts if n)
    if not counted:
        return f"no errors in {printable(source.name)}"
    return f"{counted} in {printable(source.name)}; `lpc explain {(errors or diagnostics)[0].code}` says more"


def printable(text: str) -> str:
    """The text with whatever could move a terminal's cursor, or cannot be encoded, shown as a visible stand-in."""
    return _UNPRINTABLE.sub(lambda match: _stand_in(match[0]), text)


_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ue000-\uf8ff]"
)


def _stand_in(char: str) -> str:
    """Unicode's picture of a control character, else the replacement character: one cell each."""
    return chr(0x2400 + ord(char)) if char < " " else "\u2421" if char == "\x7f" else "\ufffd"


# -- the snippet -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Mark:
    span: Span
    text: str
    sign: str
    style: str


class _Paint:
    def __init__(self, color: bool) -> None:
        self.color = color

    def __call__(self, text: str, style: str) -> str:
        return f"\x1b[{_COLOURS[style]}m{text}\x1b[0m" if self.color and text else text


def _place(source: Source, span: Span) -> str:
    if span == NOWHERE:
        return source.name
    return f"{source.place(span)}:{source.column(span.start)}"


def _lines(source: Source, span: Span) -> tuple[int, int]:
    """The first and last line of a span; a span that ends with a line end does not reach into the next line."""
    end = max(span.start, span.end - 1)
    return source.line_number(span.start), source.line_number(min(end, len(source.text)))


def _margin(source: Source, marks: Sequence[_Mark]) -> int:
    return max(len(str(_lines(source, mark.span)[1])) for mark in marks)


def _snippet(source: Source, marks: Sequence[_Mark], paint: _Paint) -> list[str]:
    """The marked lines, those just above the first mark's, signs and labels under them."""
    margin = _margin(source, marks)
    bar = paint(f"{' ' * margin} |", "frame")
    shown = _shown_lines(source, marks)
    out = [bar]
    previous = shown[0] - 1
    for number in shown:
        if number != previous + 1:
            out.append(paint("...", "frame"))
        previous = number
        here = [mark for mark in marks if _lines(source, mark.span)[0] <= number <= _lines(source, mark.span)[1]]
        line = source.line(number)
        start, end = _window(line, source, number, here)
        before, after = "…" * (start > 0), "…" * (end < len(line))
        text = before + _expand(line[start:end]) + after
        out.append(f"{paint(f'{number:>{margin}} |', 'frame')} {text}".rstrip())
        for mark in here:
            out += _underline(line, source, number, mark, start, end, bar, paint)
    return out


def _shown_lines(source: Source, marks: Sequence[_Mark]) -> list[int]:
    first, last = _lines(source, marks[0].span)
    numbers = set(range(max(1, first - CONTEXT), first + 1))
    numbers |= {first, last} if last - first > 4 else set(range(first, last + 1))
    for mark in marks[1:]:
        numbers |= set(_lines(source, mark.span))
    shown = sorted(numbers)
    while len(shown) > 1 and not source.line(shown[0]).strip() and shown[0] < first:
        shown = shown[1:]  # context begins with text
    return shown


def _columns(line: str, source: Source, number: int, mark: _Mark) -> tuple[int, int]:
    """The part of a line that a mark covers, as indices; at least one character wide."""
    first, last = _lines(source, mark.span)
    start = source.column(mark.span.start) - 1 if number == first else len(line) - len(line.lstrip())
    end = min(len(line), start + mark.span.end - mark.span.start) if number == first else len(line)
    if number == last and number != first:
        end = source.column(max(mark.span.start, mark.span.end - 1))
    return min(start, len(line)), max(end, min(start, len(line)) + 1)


def _window(line: str, source: Source, number: int, marks: Sequence[_Mark]) -> tuple[int, int]:
    """The part of a long line that is shown: WIDTH columns around its first mark."""
    if len(line) <= WIDTH and display_width(line, TAB) <= WIDTH:
        return 0, len(line)
    start, end = _columns(line, source, number, marks[0]) if marks else (0, 1)
    room = max(0, WIDTH - min(end - start, WIDTH))
    first = max(0, min(start - room // 2, len(line) - WIDTH))
    last = first
    width = 0
    while last < len(line) and width < WIDTH:
        width += display_width(line[last], TAB)
        last += 1
    return first, last


def _expand(text: str) -> str:
    """The text as a terminal shows it: tabs as spaces, control characters as pictures."""
    out = ""
    for piece in re.split("(\t)", text):
        out += " " * (TAB - display_width(out, TAB) % TAB) if piece == "\t" else printable(piece)
    return out


def _underline(
    line: str, source: Source, number: int, mark: _Mark, start: int, end: int, bar: str, paint: _Paint
) -> list[str]:
    first, last = (min(max(index, start), end) for index in _columns(line, source, number, mark))
    ahead = display_width(_expand(line[start:first]), TAB) + (start > 0)
    covered = display_width(_expand(line[start:last]), TAB) + (start > 0) - ahead
    signs = mark.sign * max(1, covered)
    if number != _lines(source, mark.span)[1] or not mark.text:
        return [f"{bar} {' ' * ahead}{paint(signs, mark.style)}"]
    label = printable(mark.text)
    if ahead + len(signs) + 1 + display_width(label) <= WIDTH:
        return [f"{bar} {' ' * ahead}{paint(f'{signs} {label}', mark.style)}"]
    indent = min(ahead, WIDTH // 2)
    wrapped = textwrap.wrap(label, WIDTH - indent, break_long_words=False, break_on_hyphens=False)
    return [
        f"{bar} {' ' * ahead}{paint(signs, mark.style)}",
        *(f"{bar} {' ' * indent}{paint(text, mark.style)}" for text in wrapped),
    ]


def _sentence(text: str, style: str, margin: int, paint: _Paint) -> list[str]:
    """`  = note: ...`, wrapped, later lines under the first word."""
    word, _, rest = text.partition(": ")
    indent = " " * (margin + 3 + len(word) + 2)
    lines: list[str] = []
    for part in rest.split("\n"):
        lines += textwrap.wrap(printable(part), WIDTH, break_long_words=False, break_on_hyphens=False) or [""]
    head = f"{' ' * margin} {paint('=', 'frame')} {paint(word, style)}: {lines[0]}"
    return [head, *(f"{indent}{line}".rstrip() for line in lines[1:])]
