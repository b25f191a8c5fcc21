"""A bench, carried out: every planned run that is not there yet, one after the other or several at once.

What has been done is what finished run folders say; nothing else is kept, so that a bench that is killed goes on where it was. This
process loads no torch: it starts scripts and waits.
"""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lpc.lab.conditions import Conditions, Others, look
from lpc.lab.files import write_json, write_text
from lpc.lab.plan import Plan, PlannedRun
from lpc.lab.processes import SAID, Child, Launch, last_line
from lpc.lab.runs import RECORD, Absent, Failed, Finished, Foreign, Unfinished, begun, state_of

SCRIPT = "train.py"
COOL_S, COOL_C = 60.0, 2.0
"""How long a run waits for the machine to be as cool as before the first that counts, and within how many degrees."""
LOOK_EVERY_S = 0.02


class WrongInput(Exception):
    """A script that its data or options do not suit: all others would say the same. The line it said."""


@dataclass
class Progress:
    """Says what was run and how much is left."""

    tell: Callable[[str], None]
    name_of: Callable[[PlannedRun], str]
    left: int
    total: int
    seconds: dict[str, list[float]] = field(default_factory=dict)
    """Of the runs that have ended, by arm."""

    def known(self, run: PlannedRun, seconds: float) -> None:
        self.seconds.setdefault(run.arm.key, []).append(seconds)

    def ended(self, run: PlannedRun, seconds: float, what: str, waiting: Iterable[PlannedRun], jobs: int) -> None:
        self.known(run, seconds)
        self.left -= 1
        every = [value for values in self.seconds.values() for value in values]
        means = {key: sum(values) / len(values) for key, values in self.seconds.items()}
        rest = sum(means.get(other.arm.key, sum(every) / len(every)) for other in waiting) / jobs
        after = f"; about {duration(rest)} left" if self.left else ""
        self.tell(f"[{self.total - self.left}/{self.total}] {self.name_of(run)}: {what}, {duration(seconds)}{after}")


def duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes / 60:.1f} h"


@dataclass
class Bench:
    """`launch`, `look_now` and `sleep` are the outside world."""

    plan: Plan
    folder: Path
    launch: Launch
    tell: Callable[[str], None] = lambda _: None
    look_now: Callable[[], Conditions] = look
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    reference_c: float | None = None
    """How warm the machine was when the first run that counts began, in this sitting or an earlier one."""

    def conduct(self, runs: Iterable[PlannedRun]) -> None:
        """Carry out what is left of some runs, in their order. Raises WrongInput; a signal ends it with its children."""
        runs = list(runs)
        states = [(run, state_of(self.folder, run, self.plan)) for run in runs]
        waiting = deque(run for run, state in states if isinstance(state, Absent | Unfinished | Failed))
        progress = Progress(self.tell, self.plan.name_of, len(waiting), len(runs))
        finished = [(run, state.record) for run, state in states if isinstance(state, Finished)]
        for run, record in finished:
            progress.known(run, float(record.get("wall_s", 0.0)))
        counted = [record for run, record in finished if not run.warm_up]
        if counted:
            first = min(counted, key=lambda record: str(record.get("started", "")))
            self.reference_c = (first.get("before") or {}).get("temperature_c")
        active: dict[int, tuple[PlannedRun, Child, float, Others, dict[str, Any]]] = {}
        try:
            while waiting or active:
                while waiting and len(active) < self.plan.jobs:
                    run = waiting.popleft()
                    waited = self.cool_down() if not active and not run.warm_up else 0.0
                    record = self.prepare(run, waited)
                    arguments = ["--seed", str(run.seed), *self.plan.options.arguments(), "--quiet", "--overwrite"]
                    place = self.folder / run.folder
                    others, since = Others(), self.clock()
                    child = self.launch(place / SCRIPT, ["--out", str(place), *arguments], place)
                    active[id(child)] = run, child, since, others, record
                for key, status in self.ended(active):
                    run, _, since, others, record = active.pop(key)
                    seconds = self.clock() - since
                    what = self.conclude(run, record, status, seconds, others.share())
                    progress.ended(
                        run, seconds, what, [*waiting, *(item[0] for item in active.values())], self.plan.jobs
                    )
        finally:
            for _, child, *_ in active.values():
                child.terminate()
            for _, child, *_ in active.values():
                child.wait()

    def ended(self, active: dict[int, Any]) -> list[tuple[int, int]]:
        """Waits for one of the children at least."""
        if len(active) == 1:
            ((key, item),) = active.items()
            return [(key, item[1].wait())]
        while not (found := [(k, s) for k, item in active.items() if (s := item[1].poll()) is not None]):
            self.sleep(LOOK_EVERY_S)
        return found

    def cool_down(self) -> float:
        """Wait until the machine is no warmer than at the first run that counts, a minute at most; how long it took, in seconds."""
        begin, now = self.clock(), self.look_now().temperature_c
        if self.reference_c is None:
            self.reference_c = now
        while now is not None and self.reference_c is not None and now > self.reference_c + COOL_C:
            if self.clock() - begin > COOL_S:
                break
            self.sleep(1.0)
            now = self.look_now().temperature_c
        return self.clock() - begin

    def prepare(self, run: PlannedRun, waited: float) -> dict[str, Any]:
        """The run's folder, its script, and in `run.json` what it is."""
        place = self.folder / run.folder
        place.mkdir(parents=True, exist_ok=True)
        record = {
            **begun(run, self.plan),
            "sitting": self.started,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "cooled_s": round(waited, 3),
            "before": self.look_now().to_json(),
        }
        write_json(place / RECORD, record)
        write_text(place / SCRIPT, run.arm.script)
        return record

    def conclude(
        self, run: PlannedRun, record: dict[str, Any], status: int, seconds: float, others: float | None
    ) -> str:
        """Note in `run.json` how a run ended; what to say of it. Of a finished run the model is kept, not the checkpoint."""
        place = self.folder / run.folder
        said = last_line(place) if status else ""
        if status == 2:
            shutil.rmtree(place, ignore_errors=True)
            raise WrongInput(said)
        if status == 0:
            with suppress(OSError):
                (place / "checkpoint.pt").unlink(missing_ok=True)
                if not last_line(place):
                    (place / SAID).unlink(missing_ok=True)
        after = {"status": status, "said": said, "wall_s": round(seconds, 3), "others_share": others}
        write_json(place / RECORD, {**record, **after, "after": self.look_now().to_json()})
        match state_of(self.folder, run, self.plan):
            case Finished(result):
                if result.accuracy is not None:
                    return f"{result.scored_on} {100 * result.accuracy:.2f} %"
                return "done" if result.loss is None else f"{result.scored_on} loss {result.loss:.4g}"
            case Foreign(why):
                return why
            case _:
                return f"failed: {said}" if status >= 0 else f"ended by signal {-status}"
