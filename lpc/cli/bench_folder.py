"""A bench in its folder: what is left of it run, in the name of one plan, and the table written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lpc.cli.refusal import Refusal
from lpc.cli.writing import make_folder

if TYPE_CHECKING:
    from lpc.lab.comparison import Table
    from lpc.lab.plan import Plan
    from lpc.lab.planning import Planned


def carried_out(
    planned: Planned,
    folder: Path,
    environment: Mapping[str, str],
    tell: Callable[[str], None],
    margins: Mapping[str, float],
) -> Table:
    """Run what is left of a bench in its folder; the table, also written to bench.json. Raises Refusal."""
    from lpc.lab.bench import Bench, WrongInput
    from lpc.lab.bench_json import FILE as TABLE
    from lpc.lab.bench_json import bench_json
    from lpc.lab.comparison import tabulate
    from lpc.lab.files import write_json
    from lpc.lab.processes import Busy, Lock, launcher
    from lpc.lab.reviewer import warnings

    new = [path for path in (folder, *folder.parents) if not path.exists()]
    make_folder(folder)
    try:
        lock = Lock(folder)
    except Busy as problem:
        raise Refusal(f"{folder}: another bench, or a run that outlived one, is at work there") from problem
    try:
        plan = planned.plan
        settle(plan, folder)
        bench = Bench(plan, folder, launcher(environment, lock), tell)
        bench.conduct(plan.warm_ups(every_arm=planned.hangs_on_warm_up))
        if planned.hangs_on_warm_up:
            bench.plan = plan = after_warm_up(planned, folder)
        bench.conduct(plan.runs())
    except WrongInput as problem:
        withdraw(folder, new)
        raise Refusal(str(problem)) from problem
    finally:
        lock.close()
    table = tabulate(folder, plan, margins)
    write_json(folder / TABLE, bench_json(table, warnings(table)))
    return table


def settle(plan: Plan, folder: Path) -> None:
    """Write down what the folder's bench is, or see that it is this one. Raises Refusal."""
    from lpc.lab.files import read_json, write_json
    from lpc.lab.plan import other_parts
    from lpc.lab.results import PLAN

    here, there = plan.identity(), read_json(folder / PLAN)
    if there is None or not has_runs(folder):
        write_json(folder / PLAN, here)
    elif apart := other_parts(here, there):
        raise Refusal(f"{folder} holds another bench ({', '.join(apart)} differ): --out DIR goes elsewhere")


def has_runs(folder: Path) -> bool:
    from lpc.lab.runs import RECORD

    return any(any((folder / part).rglob(RECORD)) for part in ("runs", "warm-up"))


def withdraw(folder: Path, new: Sequence[Path]) -> None:
    """Leave nothing new where nothing was run: the first script refused its options or its data."""
    from lpc.lab.results import PLAN

    if has_runs(folder):
        return
    for name in (PLAN, ".lock"):
        (folder / name).unlink(missing_ok=True)
    emptied = sorted((folder / "warm-up").rglob("*"), reverse=True)
    for path in [*emptied, folder / "warm-up", *new]:
        with suppress(OSError):
            path.rmdir()


def after_warm_up(planned: Planned, folder: Path) -> Plan:
    """The plan, its arms as long as the warm-up says. Raises Refusal."""
    from lpc.lab.planning import Unfit
    from lpc.lab.runs import Finished, state_of

    found = {}
    for run in planned.plan.warm_ups(every_arm=True):
        state = state_of(folder, run, planned.plan)
        if not isinstance(state, Finished):
            raise Refusal(f"the warm-up of {run.arm.label} did not finish ({folder / run.folder}): nothing to match")
        found[run.arm.label] = state.result
    try:
        return planned.matched_to(found)
    except Unfit as problem:
        raise Refusal(str(problem)) from problem
