"""`lpc tune`: the values of `search(...)`, chosen by validation."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpc.cli.extras import require
from lpc.cli.options import color_option, program_options, settings_for
from lpc.cli.programs import STDIN, Settings, check, findings, say, show, status
from lpc.cli.refusal import Refusal
from lpc.cli.run import OF_THE_SCRIPT, environment_for
from lpc.cli.stopping import stopped_by_signals
from lpc.cli.tune_folder import Work, carried_out

if TYPE_CHECKING:
    from lpc.ir.program import Program
    from lpc.lab.plan import Options
    from lpc.lab.tune_plan import TunePlan
    from lpc.lab.tune_table import Outcome
    from lpc.source import Source

PASSED_ON = ("--data", "--device", "--threads", "--limit", "--download")

tune_options = settings_for(
    click.option(
        "--all-variants", is_flag=True, help="All variants, with equal budgets (the default where there are any)."
    ),
    click.option(
        "--objective",
        "objectives",
        type=click.Choice(["accuracy", "energy", "time"]),
        multiple=True,
        help="What is tuned for, on the validation part (default: accuracy). Several give a Pareto set.",
    ),
    click.option("--trials", metavar="N", type=click.IntRange(min=1), default=20, help="Of each variant."),
    click.option("--timeout", metavar="SECONDS", type=click.FloatRange(min=0), help="After which no new trial begins."),
    click.option("--seed", metavar="N", type=click.IntRange(min=0), default=1, help="Of what is proposed."),
    click.option("--jobs", metavar="N", type=click.IntRange(min=1), default=1, help="Trials at once."),
    click.option("--no-prune", is_flag=True, help="Let trials that cannot win any more go on to their end."),
    click.option("--storage", metavar="URL", help="A database that several machines share (default: study.db in DIR)."),
    click.option(
        "--out", metavar="DIR", type=click.Path(path_type=Path), help="Where everything goes (default: tune/NAME)."
    ),
    click.option("--force", is_flag=True, help="Overwrite programs in DIR that somebody edited."),
    *(OF_THE_SCRIPT[name] for name in PASSED_ON),
    click.option("--allow-opaque", is_flag=True, help="Let scripts import the code that the program names."),
    click.option("--json", "as_json", is_flag=True, help="Print tune.json."),
    click.option("--quiet", is_flag=True, help="No progress."),
)


@click.command("tune", epilog="Example: lpc tune tune.lp --trials 40")
@program_options
@tune_options
@color_option
def command(file: str, variant: str | None, settings: Settings, out: Path | None, **options: Any) -> int:
    """Try values for each `search(...)` of a program, and write down the best.

    Trials are proposed by Optuna's TPE, run each in a process and folder of its own, and judged by the validation part; the test
    part is not read. Where the folder holds the study, it goes on.
    """
    if file == STDIN:
        raise Refusal("a study is resumed from its file: standard input is none")
    if variant and options["all_variants"]:
        raise Refusal("--variant and --all-variants: it is one or the other")
    require("lab", "tuning")
    checked = check(file, variant, settings)
    if checked.errors:
        show([findings(file, checked)], err=True)
        return status(checked.diagnostics)
    environment = dict(os.environ)
    for program in checked.programs.values():
        environment |= environment_for(program, file, options["allow_opaque"])
    plan = planned(checked.source, checked.programs, settings, options)
    folder = out or Path("tune") / plan.name
    work = Work(options["trials"], options["timeout"], options["jobs"], not options["no_prune"], options["force"])
    with stopped_by_signals():
        found = carried_out(plan, work, options["storage"], folder, environment, _nothing if options["quiet"] else say)
    return conclusion(found, file, folder, as_json=options["as_json"])


def _nothing(_line: str) -> None: ...


def planned(
    source: Source, programs: Mapping[str, Program], settings: Settings, options: Mapping[str, Any]
) -> TunePlan:
    """Raises Refusal for a program that cannot be tuned so."""
    from lpc.lab.tune_objectives import Unfit
    from lpc.lab.tune_plan import make_plan

    names = options["objectives"] or ("accuracy",)
    try:
        plan, left_out = make_plan(source, programs, settings, names, options["seed"], passed_on(options))
    except Unfit as problem:
        raise Refusal(str(problem)) from problem
    if left_out:
        say(f"{', '.join(left_out)}: nothing to search, left out")
    if options["jobs"] > 1 and {"energy", "time"} & set(names):
        say("warning: trials at once disturb each other's time and energy; --jobs 1 measures them")
    return plan


def passed_on(options: Mapping[str, Any]) -> Options:
    """What scripts are started with."""
    from lpc.lab.plan import Options

    given = {name.removeprefix("--"): options[name.removeprefix("--")] for name in PASSED_ON}
    if given["threads"] is None and options["jobs"] > 1:
        given["threads"] = max(1, (os.cpu_count() or 1) // options["jobs"])
    return Options(**given)


def conclusion(found: Sequence[Outcome], file: str, folder: Path, *, as_json: bool) -> int:
    """Print what was found; 1 where a study has no complete trial."""
    from lpc.lab.tune_table import CSV, JSON, tune_text

    if as_json:
        click.echo(json.dumps(json.loads((folder / JSON).read_bytes()), indent=1, ensure_ascii=False))
    else:
        click.echo(tune_text(found, file))
        files = [str(folder / name) for one in found for name in one.files.values()]
        also = f"; {', '.join(files)} {'have' if len(files) > 1 else 'has'} the values in place" if files else ""
        say(f"{folder / CSV} and {JSON} hold every trial{also}")
    return int(any(not one.best for one in found))
