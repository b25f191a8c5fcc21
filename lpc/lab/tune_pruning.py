"""When a trial is stopped: where a finished one is ahead of it in every objective.

In accuracy (or loss), by more epochs than the program's `patience`: after n epochs the trial has not reached what the finished one had
after n - patience. Without `patience` nobody is stopped for it. In seconds and joules, where it has spent more than the finished one
did in all. Trials are held against the best alone (with several objectives: those of the Pareto set), so that a fast beginner that
ended low stops nobody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from lpc.lab.tune_objectives import Objective


@dataclass(frozen=True)
class Course:
    """How a trial has gone, so far or to its end, by its log.jsonl."""

    phase: str = ""
    """The last one."""
    best: tuple[float, ...] = ()
    """The best of validation up to each epoch of that phase: accuracy, or for a target that is no class minus the loss."""
    seconds: float = 0.0
    joules: float | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def course_of(found: Any) -> Course:
    """A course back from JSON; an empty one, that stops nobody, where there is none."""
    return Course(**{**found, "best": tuple(found["best"])}) if isinstance(found, dict) else Course()


def read_course(log: Path) -> Course:
    """What a log says so far; its last line may be half written."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return Course()
    records = []
    for line in text.splitlines(keepends=True):
        if line.endswith("\n"):
            try:
                records.append(json.loads(line))
            except ValueError:
                return Course()
    if not records:
        return Course()
    phase, last = records[-1]["phase"], records[-1]
    merits = [merit for record in records if record["phase"] == phase and (merit := _merit(record)) is not None]
    return Course(phase, tuple(accumulate(merits, max)), float(last["seconds"]), last["joules"])


def _merit(record: dict[str, Any]) -> float | None:
    accuracy, loss = record["validation/accuracy"], record["validation/loss"]
    return accuracy if accuracy is not None else None if loss is None else -loss


def hopeless(
    course: Course, finished: Iterable[tuple[int, Course]], objectives: Sequence[Objective], patience: int | None
) -> str:
    """Why a trial cannot win any more, in words; empty while it can. `finished`: numbers and courses of the best."""
    for number, other in finished:
        reasons = [_behind(course, other, objective, patience) for objective in objectives]
        if all(reasons):
            return f"behind trial {number}: {', '.join(reasons)}"
    return ""


def _behind(course: Course, other: Course, objective: Objective, patience: int | None) -> str:
    if objective.name == "time":
        return f"{course.seconds:.3g} s so far, it took {other.seconds:.3g}" if course.seconds > other.seconds else ""
    if objective.name == "energy":
        if course.joules is None or other.joules is None or course.joules <= other.joules:
            return ""
        return f"{course.joules:.3g} J so far, it took {other.joules:.3g}"
    epochs = len(course.best)
    if patience is None or epochs <= patience or course.phase != other.phase or not other.best:
        return ""
    reached = other.best[min(epochs - patience, len(other.best)) - 1]
    if reached <= course.best[-1]:
        return ""
    here, there = (objective.text(value if objective.more else -value) for value in (course.best[-1], reached))
    return f"{objective.title} {here} after {epochs} epochs, it had {there} after {epochs - patience}"
