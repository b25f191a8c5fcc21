"""Files of the two other languages that share the ending `.lp`."""

from __future__ import annotations

import re

from lpc.diagnostics import Diagnostic, error
from lpc.source import Source, Span
from lpc.syntax.examples import SOUND


@error("LP004")
class AnotherLanguage(Diagnostic):
    """Three languages share the ending `.lp`: linear programs in the CPLEX format, answer-set programs, and this one,
    which describes neural networks and how their blocks learn. A program of this language has one `network` clause.
    """

    title = "this looks like {language}, not a network"
    label = "{sign}"
    help = "lpc reads programs that begin with `network NAME`; solvers for the other languages read `.lp` too"
    bad = "Maximize\n obj: 3 x + 2 y\nSubject To\n c1: x + y <= 4\nBounds\n 0 <= x <= 3\nEnd\n"
    good = SOUND
    language: str
    sign: str


_LINEAR = re.compile(
    r"^[ \t]*(?P<head>minimi[sz]e|maximi[sz]e|minimum|maximum|min|max)[ \t]*(?::.*)?$"
    r"|^[ \t]*(?P<body>subject[ \t]+to|such[ \t]+that|st|s\.t\.|bounds|generals?|integers?|binar(?:y|ies)|end)[ \t]*:?[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_ANSWER_SET = re.compile(
    r"^[^#%\"\n]*:-"  # a rule
    r"|^[ \t]*-?[a-z]\w*[ \t]*(?:\([^\n]*\))?[ \t]*\.[ \t]*(?:%.*)?$"  # a fact
    r"|^#(?:show|const|minimize|maximize)\b[^\n]*\.[ \t]*$",
    re.MULTILINE,
)
_NETWORK = re.compile(r"^[ \t]*network[ \t]", re.MULTILINE)


def another_language(source: Source) -> Diagnostic | None:
    """What to say of a text that does not parse and is a linear or an answer-set program; else None."""
    text = source.text
    if _NETWORK.search(text):
        return None
    lines = list(_LINEAR.finditer(text))
    if any(line["head"] for line in lines) and any(line["body"] for line in lines):
        first = lines[0]
        language, sign = "a linear program (CPLEX LP format)", "a section of a linear program"
    elif (answer := _ANSWER_SET.search(text)) is not None:
        first = answer
        language, sign = "an answer-set program", "a rule or fact that ends in a point"
    else:
        return None
    start = first.start() + len(first[0]) - len(first[0].lstrip())
    return AnotherLanguage(span=Span(start, first.start() + len(first[0].rstrip())), language=language, sign=sign)
