"""`lpc fmt`: programs in the one layout there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from lpc.cli.differences import difference
from lpc.cli.options import color_option, colored, files_argument
from lpc.cli.programs import STDIN, read, say, show
from lpc.cli.writing import write_whole
from lpc.diagnostics import Report
from lpc.source import Source


@dataclass(frozen=True)
class Formatted:
    """A program and its text in the one layout; None where it has errors, which were shown."""

    path: str
    source: Source
    text: str | None

    @property
    def name(self) -> str:
        return "standard input" if self.path == STDIN else self.path

    @property
    def changed(self) -> bool:
        return self.text is not None and self.text != self.source.text


@click.command("fmt", epilog="Example: lpc fmt digits.lp")
@files_argument
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit 1 when a program is not in the layout.")
@click.option(
    "--diff", "as_diff", is_flag=True, help="Write nothing; show what would change. Exit 1 when anything would."
)
@color_option
def command(files: tuple[str, ...], only_check: bool, as_diff: bool) -> int:
    """Put programs into the one layout.

    Comments stay, line endings stay, and a program with syntax errors stays as it is. `-` is standard input, formatted to
    standard output.
    """
    made = [formatted(path) for path in files]
    changed = [one for one in made if one.changed]
    if only_check or as_diff:
        for one in changed:
            if as_diff:
                click.echo(shown_difference(one), nl=False, color=True)
            else:
                say(f"{one.name} would be formatted")
    else:
        for one in made:
            write(one)
    broken = sum(1 for one in made if one.text is None)
    say(summary(made, len(changed), broken, wrote=not (only_check or as_diff)))
    return 1 if broken or (changed and (only_check or as_diff)) else 0


def formatted(path: str) -> Formatted:
    """Read and format one program; its errors are shown. Raises Refusal for a file that cannot be read."""
    from lpc.syntax.format import format_source

    report = Report()
    source = read(path, report)
    text = None if report.errors else format_source(source, report)
    if report.diagnostics:
        from lpc.report_formats import Findings

        show([Findings(source, report.sorted(), "" if path == STDIN else path)], err=True)
    return Formatted(path, source, text)


def write(one: Formatted) -> None:
    """Put the text where it belongs. Standard input goes to standard output, formatted or, with errors, not at all."""
    if one.text is None:
        return
    if one.path == STDIN:
        click.echo(one.text.encode(), nl=False)
    elif one.changed:
        write_whole(Path(one.path), one.text.encode())


def shown_difference(one: Formatted) -> str:
    assert one.text is not None
    name = "stdin" if one.path == STDIN else one.path
    return difference(one.source.text, one.text, name, f"{name} (formatted)", colored()).text


def summary(made: Sequence[Formatted], changed: int, broken: int, wrote: bool) -> str:
    """`formatted 2 programs, 1 was in the layout already, 1 has errors`."""
    same = len(made) - changed - broken
    if len(made) == 1:
        (one,) = made
        if broken:
            return f"{one.name} has errors and stays as it is"
        if not changed:
            return f"{one.name} is in the layout already"
        return f"formatted {one.name}" if wrote else f"`lpc fmt {one.path}` would format it"
    parts = [
        (changed, "formatted" if wrote else "would be formatted"),
        (same, "in the layout already"),
        (broken, "with errors"),
    ]
    return f"{len(made)} programs: " + ", ".join(f"{count} {what}" for count, what in parts if count)
