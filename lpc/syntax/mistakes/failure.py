"""Where the parser stopped, in words that recognisers of mistakes understand."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import Any, cast

from lark import Token
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from lpc.source import Source, Span
from lpc.syntax.scan import Scan

_TOKEN = re.compile(
    r'#[^\n]*|"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"|[0-9]+(?:\.[0-9]+)?[A-Za-z0-9_%]*|[A-Za-z_][A-Za-z0-9_]*|->|!=|\.\.|[^\s]'
)


@dataclass(frozen=True)
class Failure:
    """Where the parser stopped, with what before it, and what would have let it go on."""

    source: Source
    scan: Scan
    clause: Span
    """The clause that does not parse."""
    span: Span
    kind: str
    """The terminal that stands there: `$END` at the clause's end, `CHARACTER` where no terminal begins."""
    accepts: frozenset[str]
    before: tuple[re.Match[str], ...]
    """The clause's last token before this place, where there is one."""

    @staticmethod
    def of(source: Source, scan: Scan, clause: Span, raised: UnexpectedInput) -> Failure:
        """What a Lark exception says of a clause."""
        accepts = cast(Any, raised).interactive_parser.accepts()
        if isinstance(raised, UnexpectedToken) and isinstance(raised.token, Token) and raised.token.type != "$END":
            start = raised.token.start_pos or 0
            span, kind = Span(start, start + len(raised.token)), str(raised.token.type)
        elif isinstance(raised, UnexpectedCharacters):
            start = int(cast(Any, raised).pos_in_stream)
            span, kind = Span(start, start + 1), "CHARACTER"
            if source.text[max(0, start - 1) : start + 1] == "->":  # read as a sign where no arrow may stand
                span, kind = Span(start - 1, start + 1), "ARROW"
        else:
            span, kind = Span(clause.end, clause.end), "$END"
        tokens = _TOKEN.finditer(source.text, clause.start, span.start)
        before = tuple(deque((match for match in tokens if match[0][0] != "#"), maxlen=1))
        if kind == "$END" and before:
            span = Span(before[-1].end(), before[-1].end())
        return Failure(source, scan, clause, span, kind, frozenset(accepts), before)

    @property
    def text(self) -> str:
        return self.source.snippet(self.span)

    @property
    def rest(self) -> str:
        """What follows on the same line, this token included."""
        end = self.source.text.find("\n", self.span.start)
        return self.source.text[self.span.start : end if end >= 0 else None].rstrip("\r")

    @property
    def previous(self) -> str:
        return self.before[-1][0] if self.before else ""

    @property
    def previous_span(self) -> Span:
        return Span(*self.before[-1].span()) if self.before else self.span

    @property
    def gap(self) -> str:
        """What lies between the token before and this place."""
        return self.source.text[self.previous_span.end : self.span.start]

    @property
    def found(self) -> str:
        """What stands here, quoted; long texts are cut."""
        shown = self.text if len(self.text) <= 30 else f"{self.text[:29]}…"
        return f"`{shown}`"
