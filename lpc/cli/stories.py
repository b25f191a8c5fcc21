"""The long story of a code: `lpc explain LP014`, all of it from the diagnostic's own class."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re

from lpc.cli.options import colored
from lpc.cli.refusal import Refusal
from lpc.cli.tables import WIDTH, paragraph
from lpc.diagnostics import CATALOGUE, RETIRED, Diagnostic, nearest
from lpc.source import Source

DECLARING = ("syntax", "ir", "rules", "passes", "codegen")
"""Floors whose modules declare codes."""
MOST_LINES = 24
"""Lines of a program or a message that are shown."""


def catalogue() -> dict[str, type[Diagnostic]]:
    """Every code there is, in order: a code is known once the module that declares it is loaded."""
    for floor in DECLARING:
        package = importlib.import_module(f"lpc.{floor}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    return dict(sorted(CATALOGUE.items()))


def story(code: str) -> str:
    """What a code means, why it is there, a program that has the mistake and what lpc says of it, and the mended program.

    Raises Refusal for a code there is none of.
    """
    if code in RETIRED:
        return f"{code}: retired\n\n{paragraph(RETIRED[code])}"
    codes = catalogue()
    if code not in codes:
        near = nearest(code, codes)
        raise Refusal(f"there is no code {code}" + (f"; did you mean {near}?" if near else ""))
    kind = codes[code]
    parts = [
        f"{code}: {in_words(kind.__name__)} ({kind.severity})",
        *map(paragraph, inspect.cleandoc(kind.why()).split("\n\n")),
    ]
    if kind.bad:
        parts += ["A program that has it:", _indented(kind.bad), "What lpc says:", _indented(_said(kind))]
    if kind.good:
        parts += ["Mended:", _indented(kind.good)]
    return "\n\n".join(parts)


def in_words(name: str) -> str:
    """`UnclosedBracket` as `unclosed bracket`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower()


def _said(kind: type[Diagnostic]) -> str:
    """The diagnostic as the terminal shows it for the bad program."""
    from lpc.passes.check import check_source
    from lpc.render import render

    source = Source("bad.lp", kind.bad)
    found = next((one for one in check_source(source).diagnostics if one.code == kind.code), None)
    return "" if found is None else render(found, source, colored())


def _indented(text: str) -> str:
    """Lines pushed in, long ones cut, and no more of them than can be read."""
    lines = text.rstrip("\n").split("\n")
    shown = [line if len(line) <= WIDTH or "\x1b" in line else f"{line[: WIDTH - 1]}…" for line in lines[:MOST_LINES]]
    more = [f"… and {len(lines) - MOST_LINES} more lines"] if len(lines) > MOST_LINES else []
    return "\n".join(f"    {line}".rstrip() for line in [*shown, *more])
