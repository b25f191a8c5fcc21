"""The folders of a bench: what each run left there, and whether it is the run that was planned.

`run.json` is written when a run is started, and again when it has ended; a folder without it is nobody's business here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lpc.lab.files import PART, read_json
from lpc.lab.plan import Plan, PlannedRun
from lpc.lab.results import Result, Unreadable, read_result

RECORD = "run.json"


@dataclass(frozen=True)
class Absent:
    """Nothing is there."""


@dataclass(frozen=True)
class Foreign:
    """Something is there that this bench did not put there, or that is not whole: it is left alone, and not counted."""

    why: str


@dataclass(frozen=True)
class Unfinished:
    """A run of this bench that was cut off: it starts again."""


@dataclass(frozen=True)
class Failed:
    """A run that ended badly."""

    status: int
    said: str


@dataclass(frozen=True)
class Finished:
    result: Result
    record: Mapping[str, Any] = field(default_factory=dict)


State = Absent | Foreign | Unfinished | Failed | Finished


def begun(planned: PlannedRun, plan: Plan) -> dict[str, Any]:
    """What says in `run.json` which run it is."""
    return {
        "version": 1,
        "arm": planned.arm.key,
        "seed": planned.seed,
        "script_sha256": planned.arm.script_sha256,
        "arguments": [part for part in plan.options.arguments() if part != "--download"],
    }


def state_of(folder: Path, planned: PlannedRun, plan: Plan) -> State:
    """What a planned run's folder holds."""
    place = folder / planned.folder
    if not place.exists() or (place.is_dir() and all(path.name.endswith(PART) for path in place.iterdir())):
        return Absent()
    record = read_json(place / RECORD) if place.is_dir() else None
    if record is None:
        return Foreign("nothing there says that a bench made it (no whole run.json)")
    for name, value in begun(planned, plan).items():
        if record.get(name) != value:
            return Foreign(f"it is another run: its {name.replace('_', ' ')} differs")
    if "status" not in record:
        return Unfinished()
    if record["status"] != 0:
        return Failed(int(record["status"]), str(record.get("said", "")))
    try:
        result = read_result(place)
    except Unreadable as problem:
        return Foreign(str(problem))
    if other := _other_run(result, planned):
        return Foreign(f"result.json is of another {other}")
    return Finished(result, record)


def _other_run(result: Result, planned: PlannedRun) -> str:
    """In what a result is not the planned run's; empty where it is."""
    arm = planned.arm
    pairs = {
        "program (its hash differs)": (result.source_sha256, arm.source_sha256),
        "variant": (result.variant, arm.variant),
        "seed": (result.seed, planned.seed),
        "setting": (dict(result.settings), dict(arm.settings)),
    }
    return next((what for what, (found, wanted) in pairs.items() if found != wanted), "")


def strangers(folder: Path, plan: Plan) -> Iterator[str]:
    """Names under `runs/` that are no planned run's: seeds not asked for now, and what others put there."""
    planned = {folder / run.folder for run in plan.runs()}
    above = {parent for place in planned for parent in place.parents}
    seen = folder / "runs"
    waiting = [seen] if seen.is_dir() else []
    while waiting:
        for path in sorted(waiting.pop().iterdir()):
            if path in planned or path.name.endswith(PART):
                continue
            if path in above and path.is_dir():
                waiting.append(path)
            else:
                yield path.relative_to(folder).as_posix()
