"""`lpc compare`: two runs, or two folders of runs, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpc.cli.options import color_option
from lpc.cli.programs import say
from lpc.cli.refusal import Refusal
from lpc.cli.tables import bullets, table

if TYPE_CHECKING:
    from lpc.lab.collection import Collection


@click.command("compare", epilog="Example: lpc compare runs/digits-base-1 runs/digits-wide-1")
@click.argument("left", metavar="A", type=click.Path(path_type=Path))
@click.argument("right", metavar="B", type=click.Path(path_type=Path))
@color_option
def command(left: Path, right: Path) -> None:
    """Compare two runs, or two folders of runs that share seeds, and say what cannot be concluded.

    A and B are a run's folder, its result.json, or a folder of such folders, as `bench/NAME/runs/matched/VARIANT`.
    """
    from lpc.lab.collection import pair
    from lpc.lab.figures_text import against_text, figure_text, verdict_text
    from lpc.lab.metrics import METRICS

    one, other = collected(left), collected(right)
    found = pair(one, other)
    rows = []
    for metric in METRICS:
        mine, theirs, against = found.left[metric.name], found.right[metric.name], found.against[metric.name]
        if mine.summary is None and theirs.summary is None:
            continue
        verdict = verdict_text(metric, against)
        shown = against_text(metric, against)
        rows.append((metric.title, figure_text(metric, mine), figure_text(metric, theirs), shown, verdict))
    names = [f"{side} {_name(one_side)}" for side, one_side in (("A", one), ("B", other))]
    click.echo("\n".join(names) + "\n\n" + table(("", "A", "B", "A against B", "verdict"), rows))
    if measured := [*_meters("A", one), *_meters("B", other)]:
        click.echo("\nWhat counted the joules:\n" + bullets(measured))
    if found.cannot:
        click.echo("\nWhat this cannot say:\n" + bullets(found.cannot))
    for text in (*one.aside, *other.aside):
        say(f"left aside, {text}")


def collected(path: Path) -> Collection:
    from lpc.lab.collection import collect
    from lpc.lab.results import Unreadable

    try:
        return collect(path)
    except Unreadable as problem:
        raise Refusal(f"{path}: {problem}") from problem


def _meters(side: str, found: Collection) -> list[str]:
    """Instruments of a side's runs, how well each counts, and what is to be known of their figures."""
    from lpc.lab.instruments import gathered, instrument_text, instruments

    energies = [result.energy for result in found.results.values()]
    told = [f"{one.name}, {instrument_text(one)}" for one in instruments(energies)]
    return [f"{side}: {text}" for text in (*told, *gathered([energy.notes for energy in energies]))]


def _name(found: Collection) -> str:
    first = next(iter(found.results.values()))
    seeds = ", ".join(str(seed) for seed in found.results)
    return f"{first.program} {first.variant}, seed{'s' * (len(found.results) != 1)} {seeds}"
