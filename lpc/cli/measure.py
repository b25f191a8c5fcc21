"""`lpc measure`: what this machine can measure, or what a command takes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import click

from lpc.cli.options import color_option
from lpc.cli.process import run_command
from lpc.cli.programs import say
from lpc.cli.refusal import Refusal
from lpc.cli.writing import write_whole


@click.command(
    "measure",
    epilog="Example: lpc measure --idle 1 -- sleep 1",
    context_settings={"allow_interspersed_args": False},
)
@click.argument("command_line", metavar="[-- COMMAND ...]", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--idle", metavar="SECONDS", type=click.IntRange(min=0), help="First measure the power of the idle machine."
)
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="Where the figures go as JSON, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the meters as one JSON object (without a command).")
@color_option
def command(command_line: tuple[str, ...], idle: int | None, out: Path | None, as_json: bool) -> int:
    """Say what energy this machine can measure, or measure a command.

    Without a command: each meter, what it resolves, and how long a window must be; where there is none, why, and what would help.
    With one: its joules, told on standard error when it has ended. Its exit status is passed on.
    """
    if not command_line:
        if idle is not None or out is not None:
            raise Refusal("--idle and --out need a command: lpc measure -- COMMAND")
        return tell_meters(as_json)
    if as_json:
        raise Refusal("--json lists the meters; with a command, --out FILE writes its figures")
    return measure_command(command_line, idle or 0, out)


def tell_meters(as_json: bool) -> int:
    from lpc.lab.energy import duration
    from lpc.lab.meters import WANTED, meter_text, meters, with_cure

    found = meters()
    if as_json:
        listed = [{**asdict(meter), "window_s": meter.window_s} for meter in found]
        click.echo(json.dumps({"version": 1, "meters": listed}, indent=2))
        return 0
    for meter in found:
        window = "" if meter.window_s is None else f"; {WANTED:.0%} takes a window of {duration(meter.window_s)}"
        click.echo("\n".join(with_cure(meter_text(meter) + window, meter.cure)))
    if all(meter.source == "none" for meter in found):
        say("nothing can be measured here: `measure energy` will give null, and the reason")
    return 0


def measure_command(command_line: Sequence[str], idle: int, out: Path | None) -> int:
    if shutil.which(command_line[0]) is None:
        raise Refusal(f"there is no command {command_line[0]}")
    if find_spec("torch") is None:
        raise Refusal("measuring a command needs torch: pip install 'lpc[run]'")
    from lpc.lab.measure import measure, measured_text

    try:
        found = measure(command_line, lambda command: run_command(command, os.environ), idle)
    except OSError as problem:
        raise Refusal(f"cannot run {command_line[0]}: {problem.strerror}") from problem
    say(measured_text(found))
    if out is not None:
        write_whole(out, json.dumps(found.to_json(), indent=2).encode() + b"\n")
    return found.status
