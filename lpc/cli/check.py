"""`lpc check`: everything that is wrong with programs, in one go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from lpc.cli.options import color_option, files_argument, format_option, set_option, variant_option
from lpc.cli.programs import STDIN, Settings, check, command_line, findings, say, show, status
from lpc.cli.refusal import Refusal

if TYPE_CHECKING:
    from lpc.passes.check import Checked


@click.command("check", epilog="Example: lpc check digits.lp")
@files_argument
@variant_option
@set_option
@format_option
@color_option
def command(files: tuple[str, ...], variant: str | None, settings: Settings, form: str) -> int:
    """Say what is wrong with programs.

    A program is checked as it is and in each of its variants, unless one is named. `-` is standard input.
    """
    checked: dict[str, Checked] = {}
    refused = False
    for path in files:
        try:
            checked[path] = check(path, variant, settings)
        except Refusal as problem:  # what is wrong with the others is worth knowing all the same
            say(f"lpc check: {problem}")
            refused = True
    found = [findings(path, one) for path, one in checked.items() if one.diagnostics or form != "human"]
    if found:
        show(found, form)
    if form == "human" and (clean := [path for path, one in checked.items() if not one.diagnostics]):
        click.echo(praise(clean, checked, variant, settings))
    return max([2 * refused, *(status(one.diagnostics) for one in checked.values())])


def praise(clean: Sequence[str], checked: dict[str, Checked], variant: str | None, settings: Settings) -> str:
    """What to say of programs without errors and warnings, and what to type next."""
    if len(clean) > 1:
        return f"no errors in {len(clean)} programs"
    (path,) = clean
    names = list(checked[path].programs)
    kinds = (
        f" and its {'variant ' + names[1] if len(names) == 2 else f'{len(names) - 1} variants'}"
        if len(names) > 1
        else ""
    )
    following = "" if path == STDIN else f"; `lpc run {command_line(path, variant, settings)}` trains it"
    return f"no errors in {findings(path, checked[path]).place}{kinds}{following}"
