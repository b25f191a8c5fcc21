"""lpc compiles a network and a choice of learning rules into a training script you can read, run and trust.

    checked = lpc.check("digits.lp")        # every error and warning, with their places
    program = lpc.load("digits.lp")         # the network, its types, its protocol and its rules
    script = lpc.compile("digits.lp")       # the training script: `script.text`, `script.name`
    facts = lpc.explain("digits.lp")        # block by block: rule and why, modelled costs; `facts.as_json()`

A program is given as a path or as its text. Importing lpc loads nothing but this file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpc.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lpc.codegen.script import Script
    from lpc.ir.program import Program
    from lpc.passes.check import Checked
    from lpc.passes.explanation import Explanation

__all__ = ["check", "compile", "explain", "load"]
__version__ = VERSION


def check(
    program: str | Path, name: str | None = None, *, variant: str | None = None, set: Mapping[str, object] | None = None
) -> Checked:
    """Everything lpc has to say of a program: of one variant, or of the base and all variants.

    `set` overrides values by place, as `--set` does: `{"width": 64, "train.batch": "all"}`. Never raises for a mistake in
    the program; raises OSError for a file that cannot be read.
    """
    from lpc.diagnostics import Report
    from lpc.passes.check import check_source, source_of

    report = Report()
    source = source_of(program, name, report)
    return check_source(source, variant=variant, overrides=_overrides(set), report=report)


def load(
    program: str | Path, name: str | None = None, *, variant: str | None = None, set: Mapping[str, object] | None = None
) -> Program:
    """A program as the compiler holds it: typed network, protocol, rules. Raises `lpc.diagnostics.ProgramError`."""
    return check(program, name, variant=variant or "base", set=set).program


def compile(  # noqa: A001 - as `re.compile`
    program: str | Path, name: str | None = None, *, variant: str | None = None, set: Mapping[str, object] | None = None
) -> Script:
    """The training script of a program, or of one of its variants. Raises `lpc.diagnostics.ProgramError`."""
    from lpc.codegen.script import print_script

    return print_script(load(program, name, variant=variant, set=set))


def explain(
    program: str | Path, name: str | None = None, *, variant: str | None = None, set: Mapping[str, object] | None = None
) -> Explanation:
    """What the compiler makes of a program, as `lpc explain` prints it. Raises `lpc.diagnostics.ProgramError`."""
    from lpc.passes.explanation import explain as explained

    return explained(load(program, name, variant=variant, set=set))


def _overrides(values: Mapping[str, object] | None) -> tuple[tuple[str, str], ...]:
    return tuple((place, _text(value)) for place, value in (values or {}).items())


def _text(value: object) -> str:
    """A Python value as a program writes it; a string is taken as written, like the right side of `--set`."""
    return str(value).lower() if isinstance(value, bool) else str(value)
