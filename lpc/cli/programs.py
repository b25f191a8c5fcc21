"""Programs named on a command line: read, checked, and what was found printed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpc.cli.options import colored
from lpc.cli.refusal import Refusal, system_says
from lpc.diagnostics import Diagnostic, Report, nearest
from lpc.source import Source

if TYPE_CHECKING:
    from lpc.passes.check import Checked
    from lpc.report_formats import Findings

Settings = tuple[tuple[str, str], ...]
"""`--set`, as pairs of place and value."""

STDIN = "-"
FROM_OUTSIDE = frozenset({"LP141", "LP142"})
"""Codes about the command line's `--set`, not about the program."""


def read(path: str, report: Report) -> Source:
    """The text of a program, `-` being standard input; what is wrong with its bytes goes to the report.

    Raises Refusal for a file that cannot be read.
    """
    from lpc.syntax.read import MAX_BYTES, decode, read_source

    if path == STDIN:
        return decode("stdin.lp", sys.stdin.buffer.read(MAX_BYTES + 1), report)
    try:
        return read_source(path, report)
    except OSError as problem:
        raise Refusal(f"cannot read {path}: {_why(path, problem)}") from problem


def _why(path: str, problem: OSError) -> str:
    place = Path(path)
    if isinstance(problem, IsADirectoryError):
        return f"it is a folder; name its programs: {place / '*.lp'}"
    if not isinstance(problem, FileNotFoundError) or not place.parent.is_dir():
        return system_says(problem)
    programs = sorted(found.name for found in place.parent.glob("*.lp"))
    near = nearest(place.name, programs)
    return "no such file" + (f"; did you mean {place.with_name(near)}?" if near else "")


def variants_of(path: str) -> list[str]:
    """The names `--variant` takes, as far as the file can be parsed. Raises OSError."""
    from lpc.syntax.read import read_source

    return variant_names(read_source(path, Report()))


def variant_names(source: Source) -> list[str]:
    from lpc.syntax import tree
    from lpc.syntax.parse import parse

    clauses = parse(source, Report()).clauses
    return ["base", *dict.fromkeys(clause.name for clause in clauses if isinstance(clause, tree.Variant))]


def check(path: str, variant: str | None, settings: Settings) -> Checked:
    """Read a program and check it: one variant, or all of it when `variant` is None.

    Raises Refusal for a file that cannot be read, and for a variant that the program does not have.
    """
    from lpc.passes.check import check_source

    report = Report()
    source = read(path, report)
    checked = check_source(source, variant=variant, overrides=settings, report=report)
    if variant is not None and checked.errors:
        names = variant_names(source)
        if variant not in names:
            near = nearest(variant, names)
            hint = (
                f"did you mean `{near}`?" if near else f"there {'is' if len(names) == 1 else 'are'} {', '.join(names)}"
            )
            raise Refusal(f"{path} has no variant `{variant}`; {hint}")
    return checked


def status(diagnostics: Sequence[Diagnostic]) -> int:
    """The exit status that some diagnostics mean: 1, or 2 where `--set` alone is to blame."""
    errors = [diagnostic for diagnostic in diagnostics if diagnostic.severity == "error"]
    return 0 if not errors else 2 if all(error.code in FROM_OUTSIDE for error in errors) else 1


def findings(path: str, checked: Checked) -> Findings:
    from lpc.report_formats import Findings

    return Findings(checked.source, checked.diagnostics, "" if path == STDIN else path)


def show(found: Sequence[Findings], form: str = "human", err: bool = False) -> None:
    """Print what was found, to standard output or standard error."""
    from lpc.report_formats import FORMATS, human

    text = human(found, colored(err)) if form == "human" else FORMATS[form](found)
    click.echo(text, nl=False, err=err, color=True)


def say(text: str) -> None:
    """A line beside a command's output: where things went, and what to type next."""
    click.echo(text, err=True)


def command_line(path: str, variant: str | None, settings: Settings) -> str:
    """How this program is named on a command line: `digits.lp --variant backprop`."""
    import shlex

    chosen = ["--variant", variant] if variant else []
    return shlex.join([path, *chosen, *(part for place, text in settings for part in ("--set", f"{place}={text}"))])
