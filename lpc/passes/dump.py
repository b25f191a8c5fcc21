"""A program as text: a `.lp` program that compiles to the same script, after any pass before steps appear."""

from __future__ import annotations

from lpc.ir.program import Program


def dump(program: Program) -> str:
    """The program's text as it stands."""
    from lpc.syntax.format import format_file  # a check prints no program

    return format_file(program.file)
