"""The grammar file and the one LALR(1) parser made from it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

from lark import Lark

from lpc.syntax.build import Builder
from lpc.version import VERSION


def grammar_text() -> str:
    """`lp.lark`: in an installed wheel's `lpc/grammar/`, zipped ones included, or in the source tree's `grammar/`."""
    package = Path(__file__).parents[1]
    for folder in (package, package.parent):
        path = folder / "grammar" / "lp.lark"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    from importlib import resources

    return (resources.files("lpc") / "grammar" / "lp.lark").read_text(encoding="utf-8")


@cache
def parser() -> Lark:
    """The parser of whole files, and of parts of them that begin with a clause; built once a process."""
    return Lark(
        grammar_text(),
        parser="lalr",
        lexer="contextual",
        start="file",
        maybe_placeholders=False,
        transformer=Builder(),
        cache=_tables() or False,
    )


def _tables() -> str:
    """Where the user keeps the parser's tables from one process to the next, "" where there is no place for them.

    Working them out takes a third of a whole `lpc check`. Lark writes the file, knows by a hash whether it is of this grammar,
    and works without one that is missing, stale or damaged.
    """
    home = os.environ.get("LOCALAPPDATA") if sys.platform == "win32" else os.environ.get("XDG_CACHE_HOME")
    with suppress(OSError, RuntimeError):  # RuntimeError: nobody's home
        folder = (Path(home) if home else Path.home() / ".cache") / "lpc"
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder / f"grammar-{VERSION}-py{sys.version_info.major}{sys.version_info.minor}.tables")
    return ""
