"""`lpc bench`: all variants of a program, compared fairly."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpc.cli.bench_folder import carried_out
from lpc.cli.options import color_option, files_argument, set_option, settings_for
from lpc.cli.programs import STDIN, Settings, check, findings, say, show, status
from lpc.cli.refusal import Refusal
from lpc.cli.run import OF_THE_SCRIPT, environment_for, require_packages
from lpc.cli.stopping import stopped_by_signals

if TYPE_CHECKING:
    from lpc.ir.program import Program
    from lpc.lab.comparison import Table
    from lpc.lab.planning import Planned, Request
    from lpc.source import Source

PASSED_ON = ("--data", "--device", "--threads", "--limit", "--idle", "--download")


def _seeds(_ctx: click.Context, _option: click.Parameter, text: str) -> int | tuple[int, ...]:
    """`6` is so many, `1,5,9` are these."""
    parts = text.split(",")
    if not all(part.strip().isascii() and part.strip().isdecimal() for part in parts):
        raise click.BadParameter(f"`{text}`: a number of seeds (6), or the seeds themselves (1,5,9)")
    numbers = tuple(int(part) for part in parts)
    if len(numbers) == 1 and numbers[0] > 0:
        return numbers[0]
    if len(numbers) == 1 or len(set(numbers)) < len(numbers):
        raise click.BadParameter(f"`{text}`: seeds are distinct, and there is one at least")
    return numbers


def _margins(_ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, float]:
    from lpc.lab.metrics import BY_NAME

    made = {}
    for value in values:
        name, _, text = value.partition("=")
        number = text.strip().removesuffix("%").strip()
        known = next((n for n, metric in BY_NAME.items() if name.strip() in (n, metric.title)), None)
        try:
            margin = float(number) / 100
        except ValueError:
            margin = 0.0
        if known is None or not 0 < margin < 10:
            names = ", ".join(metric.title for metric in BY_NAME.values())
            raise click.BadParameter(f"`{value}`: write FIGURE=PERCENT, as in --margin time=2%, of {names}")
        made[known] = margin
    return made


bench_options = settings_for(
    click.option("--variant", "variants", metavar="NAME", multiple=True, help="Only this variant (and the baseline)."),
    set_option,
    click.option(
        "--seeds", metavar="N", default="6", callback=_seeds, help="How many seeds, or which: 1,5,9. The same for all."
    ),
    click.option(
        "--protocol",
        "protocols",
        type=click.Choice(["matched", "converged"]),
        multiple=True,
        help="matched: as many data passes for all (the default); converged: one stopping rule for all. May be given twice.",
    ),
    click.option(
        "--match",
        type=click.Choice(["passes", "time", "energy", "flops"]),
        default="passes",
        help="What `matched` makes equal.",
    ),
    click.option(
        "--patience", metavar="N", type=click.IntRange(min=1), help="Of `converged` (default: the baseline's, else 10)."
    ),
    click.option(
        "--baseline", metavar="NAME", help="What others are compared with (default: backpropagation, else base)."
    ),
    click.option("--controls", is_flag=True, help="Add what a comparison of a rule wants beside it."),
    click.option(
        "--margin",
        "margins",
        metavar="FIGURE=PERCENT",
        multiple=True,
        callback=_margins,
        help="Within it two are called equivalent (time=2%, accuracy=0.3% for points).",
    ),
    click.option("--order-seed", metavar="N", type=click.IntRange(min=0), default=1, help="Of the order of runs."),
    click.option(
        "--jobs", metavar="N", type=click.IntRange(min=1), default=1, help="Runs at once (times then suffer)."
    ),
    click.option(
        "--out", metavar="DIR", type=click.Path(path_type=Path), help="Where everything goes (default: bench/NAME)."
    ),
    *(OF_THE_SCRIPT[name] for name in PASSED_ON),
    click.option("--allow-opaque", is_flag=True, help="Let scripts import the code that the programs name."),
    click.option("--json", "as_json", is_flag=True, help="Print bench.json."),
    click.option("--quiet", is_flag=True, help="No progress."),
)


@click.command("bench", epilog="Example: lpc bench digits.lp --seeds 3")
@files_argument
@bench_options
@color_option
def command(files: tuple[str, ...], settings: Settings, out: Path | None, allow_opaque: bool, **options: Any) -> int:
    """Train all variants of a program, or several programs, and compare them.

    Runs are paired by seed, in random order, each in a process and folder of its own, after a pair that is thrown away. Where
    the folder holds a bench of the same programs, it goes on.
    """
    if STDIN in files:
        raise Refusal("a bench is resumed from its files: standard input is none")
    require_packages()
    if find_spec("scipy") is None:
        raise Refusal("a bench needs scipy: pip install 'lpc[lab]'")
    programs, failed = checked_programs(files, settings)
    if failed:
        return failed
    environment = dict(os.environ)
    for path, (_, found) in zip(files, programs, strict=True):
        for program in found.values():
            environment |= environment_for(program, path, allow_opaque)
    planned = planned_bench(programs, request_of(options, settings))
    folder = out or Path("bench") / planned.plan.name
    say_nothing: Callable[[str], None] = lambda _: None  # noqa: E731 - the other of two
    tell = say_nothing if options["quiet"] else say
    with stopped_by_signals():
        table = carried_out(planned, folder, environment, tell, options["margins"])
    return conclusion(table, folder, as_json=options["as_json"])


def checked_programs(
    files: Sequence[str], settings: Settings
) -> tuple[list[tuple[Source, Mapping[str, Program]]], int]:
    """Every program with its variants, and the exit status their mistakes mean."""
    found, worst = [], 0
    for path in files:
        checked = check(path, None, settings)
        if checked.errors:
            show([findings(path, checked)], err=True)
        worst = max(worst, status(checked.diagnostics))
        found.append((checked.source, checked.programs))
    return found, worst


def request_of(options: Mapping[str, Any], settings: Settings) -> Request:
    from lpc.lab.plan import Options
    from lpc.lab.planning import Request

    threads = options["threads"]
    if threads is None and options["jobs"] > 1:
        threads = max(1, (os.cpu_count() or 1) // options["jobs"])
    given = {name.removeprefix("--"): options[name.removeprefix("--")] for name in PASSED_ON}
    return Request(
        seeds=options["seeds"],
        protocols=options["protocols"] or ("matched",),
        match=options["match"],
        patience=options["patience"],
        baseline=options["baseline"],
        variants=options["variants"],
        controls=options["controls"],
        settings=settings,
        order_seed=options["order_seed"],
        options=Options(**{**given, "threads": threads}),
        jobs=options["jobs"],
    )


def planned_bench(programs: Sequence[tuple[Source, Mapping[str, Program]]], request: Request) -> Planned:
    from lpc.diagnostics import ProgramError
    from lpc.lab.planning import Unfit, make_plan

    try:
        return make_plan(programs, request)
    except Unfit as problem:
        raise Refusal(str(problem)) from problem
    except ProgramError as problem:
        first = problem.diagnostics[0]
        raise Refusal(f"the protocol does not fit the program: {first.title_text} ({first.code})") from problem


def conclusion(table: Table, folder: Path, *, as_json: bool) -> int:
    """Print the table; 1 where a run failed."""
    from lpc.lab.bench_json import FILE as TABLE
    from lpc.lab.bench_json import bench_json
    from lpc.lab.bench_text import bench_text
    from lpc.lab.reviewer import warnings

    warned = warnings(table)
    if as_json:
        click.echo(json.dumps(bench_json(table, warned), indent=1, ensure_ascii=False))
    else:
        click.echo(bench_text(table, warned))
        say(
            f"{folder / TABLE} holds the table, {folder / 'runs'} every run; `lpc show {folder / 'runs'}/...` prints one"
        )
    return int(any(refused.kind == "failed" for refused in table.refused))
