"""The grammar file and the one LALR(1) parser made from it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lark import Lark

from lpc.syntax.build import Builder


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
    )
