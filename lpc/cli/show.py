"""`lpc show`: one run in the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpc.cli.options import color_option
from lpc.cli.refusal import Refusal
from lpc.cli.tables import definitions, table

if TYPE_CHECKING:
    from lpc.lab.results import Result


@click.command("show", epilog="Example: lpc show runs/digits-base-1")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@color_option
def command(run: Path) -> None:
    """Print one run: how well, at what cost, where, and how it learned.

    RUN is the run's folder, or its result.json.
    """
    from lpc.lab.results import Unreadable, read_result

    try:
        result = read_result(run)
    except Unreadable as problem:
        raise Refusal(f"{run}: {problem}") from problem
    click.echo(shown(result, result.path.parent / "log.jsonl"))


def shown(result: Result, log: Path) -> str:
    parts = [definitions(list(_facts(result)))]
    if curve := epochs(log):
        parts.append(table(("epoch", "phase", "seconds", "train loss", "validation"), curve, right=(0, 2, 3, 4)))
    return "\n\n".join(parts)


def _facts(result: Result) -> Iterator[tuple[str, str]]:
    from lpc.lab.comparison import Figure
    from lpc.lab.figures_text import figure_text
    from lpc.lab.instruments import instrument_text, instruments
    from lpc.lab.metrics import METRICS
    from lpc.lab.statistics import summarise

    yield "run", f"{result.name} ({result.source_sha256[:12]})"
    yield "rules", "; ".join(f"{block} {rule}" for block, rule in result.rules.items())
    if result.settings:
        yield "set", ", ".join(f"{place} = {value}" for place, value in result.settings.items())
    parts = ", ".join(f"{count} {part}" for part, count in result.examples.items() if count is not None)
    yield "data", f"{result.data_source} ({parts})"
    for metric in METRICS:
        value = metric.of(result)
        if value is None:
            yield metric.title, f"not known: {metric.missing(result)}"
            continue
        scored = f" on {result.scored_on}" if metric.name in ("accuracy", "loss") else ""
        yield metric.title, figure_text(metric, Figure({}, summarise([float(value)]))) + scored
    yield from ((f"{one.name}", instrument_text(one)) for one in instruments([result.energy]))
    yield from (("note", note) for note in result.energy.notes)
    stopped = "; ".join(f"{name} {count} epochs, by {why}" for name, count, why in result.phases)
    yield "ended", stopped
    where = result.environment
    yield (
        "where",
        (
            f"{where.device} ({where.device_name}), {where.threads} thread{'s' * (where.threads != 1)}, torch {where.torch}, "
            f"Python {where.python}"
        ),
    )


def epochs(log: Path, most: int = 12) -> list[tuple[str, ...]]:
    """Lines of log.jsonl, so many at most, the last among them; none where there is no log that can be read."""
    try:
        lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        return []
    step = max(1, -(-len(lines) // most))
    kept = [line for at, line in enumerate(lines) if (len(lines) - 1 - at) % step == 0]
    return [
        (
            str(line.get("epoch")),
            str(line.get("phase")),
            _short(line.get("seconds")),
            _short(line.get("train/loss")),
            _short(line.get("validation/accuracy") or line.get("validation/loss")),
        )
        for line in kept
    ]


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else "–"
