"""The grammar file and the one LALR(1) parser made from it."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

from lark import Lark

from lpc.syntax.build import Builder


def grammar_text() -> str:
    """`lp.lark`: package data of an installed wheel (`lpc/grammar/`), else the source tree's `grammar/`."""
    installed = resources.files("lpc") / "grammar" / "lp.lark"
    if installed.is_file():
        return installed.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / "grammar" / "lp.lark").read_text(encoding="utf-8")


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
