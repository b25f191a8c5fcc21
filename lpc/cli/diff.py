"""`lpc diff`: how a script differs from what lpc writes for the program."""

from __future__ import annotations

import click

from lpc.cli.compile import compiled
from lpc.cli.differences import difference
from lpc.cli.options import color_option, colored, program_options
from lpc.cli.programs import Settings, check, command_line, findings, say, show, status
from lpc.cli.scripts import read_script


@click.command("diff", epilog="Example: lpc diff digits.lp train.py")
@program_options
@click.argument("script", type=click.Path())
@color_option
def command(file: str, script: str, variant: str | None, settings: Settings) -> int:
    """Show the edits that turn what lpc writes for a program into a script.

    The variant and the values set from outside are those that the script was compiled with, unless others are given. Exits
    with 0 when there is no difference, else with 1.
    """
    found = read_script(script)
    variant, settings = variant or found.variant, settings or found.settings
    checked = check(file, variant or "base", settings)
    if checked.errors:
        show([findings(file, checked)], err=True)
        return status(checked.diagnostics)
    ((_, generated),) = compiled(checked)
    name = f"lpc compile {command_line(file, variant, settings)}"
    edits = difference(generated.text, found.text, name, script, colored())
    click.echo(edits.text, nl=False, color=True)
    if not edits.text:
        say(f"{script} is what lpc writes for {command_line(file, variant, settings)}")
        return 0
    changed = "" if found.source_sha256 == checked.source.sha256 else f"; {file} is not the text it was compiled from"
    say(f"{script}: {edits.added} line{'s' * (edits.added != 1)} added, {edits.removed} removed{changed}")
    return 1
