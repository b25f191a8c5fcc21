"""Pages of error codes, from the diagnostics' own classes."""

from __future__ import annotations

import inspect

from docs.generate.markdown import GENERATED, fenced, page, table
from lpc.cli.stories import catalogue, in_words
from lpc.diagnostics import RETIRED, Diagnostic
from lpc.passes.check import check_source
from lpc.render import render
from lpc.source import Source

RANGES = (
    ("LP0", "Syntax"),
    ("LP1", "Names, values, functions, variants"),
    ("LP2", "Types and shapes"),
    ("LP3", "Learning rules"),
    ("LP4", "Objective, training, measuring, placing"),
    ("LP5", "Data"),
    ("LP6", "Commands and output"),
    ("LP9", "Warnings"),
)
MOST_LINES, WIDEST = 40, 120
"""Of a program or a message that is shown."""


def pages() -> dict[str, str]:
    """File name to text: a page a code, and the list of codes."""
    codes = catalogue()
    return {"README.md": overview(codes), **{f"{code}.md": code_page(kind) for code, kind in codes.items()}}


def overview(codes: dict[str, type[Diagnostic]]) -> str:
    parts = []
    for prefix, title in RANGES:
        rows = [
            [f"[{code}]({code}.md)", in_words(kind.__name__), first_sentence(kind)]
            for code, kind in codes.items()
            if code.startswith(prefix)
        ]
        if rows:
            parts += [f"## {title}", table(["code", "mistake", "rule"], rows)]
    if RETIRED:
        parts += ["## Retired", table(["code", "said"], [[code, said] for code, said in RETIRED.items()])]
    return page(
        "# Errors and warnings",
        GENERATED,
        "Every code there is. A code is never used twice and never changes its meaning. `lpc explain CODE` prints a page.",
        *parts,
    )


def first_sentence(kind: type[Diagnostic]) -> str:
    text = " ".join(inspect.cleandoc(kind.why()).partition("\n\n")[0].split())
    return text.partition(". ")[0].rstrip(".") + "."


def code_page(kind: type[Diagnostic]) -> str:
    words = in_words(kind.__name__)
    bad = shown(kind.bad) if kind.bad else ""
    whole = bad == kind.bad
    return page(
        f"# {kind.code}: {words}",
        GENERATED,
        *(" ".join(paragraph.split()) for paragraph in inspect.cleandoc(kind.why()).split("\n\n")),
        *(["A program that has it:", fenced(bad, f"lp {_marks(kind)}" if whole else "text")] if bad else []),
        *(["What lpc says:", fenced(said(kind), "text")] if bad else []),
        *(["Mended:", fenced(kind.good, "lp" if whole and sound(kind) else "text")] if kind.good else []),
    )


def _marks(kind: type[Diagnostic]) -> str:
    """What a check of the documentation should find in the block: `bad=LP014`."""
    found = dict.fromkeys(
        d.code for d in check_source(Source("bad.lp", kind.bad)).diagnostics if d.severity == kind.severity
    )
    return f"{'bad' if kind.severity == 'error' else 'warns'}={','.join(found)}"


def sound(kind: type[Diagnostic]) -> bool:
    """Whether the mended program is without warnings of other kinds too."""
    return not check_source(Source("good.lp", kind.good)).diagnostics


def said(kind: type[Diagnostic]) -> str:
    """The diagnostic as a terminal shows it. A code that its own example does not give is a StopIteration: a mistake in the class."""
    source = Source("bad.lp", kind.bad)
    return shown(render(next(one for one in check_source(source).diagnostics if one.code == kind.code), source))


def shown(text: str) -> str:
    """The text, cut where it is too long or too wide to be read."""
    lines = text.rstrip("\n").split("\n")
    cut = [line if len(line) <= WIDEST else f"{line[: WIDEST - 1]}…" for line in lines[:MOST_LINES]]
    more = [f"… and {len(lines) - MOST_LINES} more lines"] if len(lines) > MOST_LINES else []
    return "\n".join([*cut, *more]) + "\n"
