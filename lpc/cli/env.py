"""`lpc env`: what this machine can train on and measure with, and why not."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import click

from lpc.cli.options import color_option
from lpc.cli.programs import say
from lpc.version import LANGUAGE, VERSION


@click.command("env", epilog="Example: lpc env")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@color_option
def command(as_json: bool) -> int:
    """Say what this machine can train on and measure with, and where it cannot, why not and what would help.

    The text can be pasted into a report: it holds no path and no name of the machine.
    """
    from lpc.lab.machine import describe_machine, machine_text

    machine = describe_machine()
    if as_json:
        click.echo(json.dumps({"version": 1, "lpc": VERSION, "language": LANGUAGE, **asdict(machine)}, indent=2))
        return 0
    click.echo(f"{'lpc':<10}{VERSION}, language {LANGUAGE}\n{machine_text(machine)}")
    if shadowed():
        say("another command named lpc comes first on the PATH (CUPS has one); `python -m lpc` is always this one")
    say("`lpc new digits` writes a first program" if machine.torch else "`pip install 'lpc[run]'` makes it train")
    return 0


def shadowed() -> bool:
    """Whether a shell would find another program under the name `lpc`."""
    found = shutil.which("lpc")
    return found is not None and Path(found).parent.resolve() != Path(sys.executable).parent.resolve()
