"""Studies, carried out: trials of all variants in turn, each in a process and folder of its own, until each has had as many.

This process loads no torch: it starts scripts, looks at their logs, and stops those that cannot win any more.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lpc.codegen.script import print_script
from lpc.diagnostics import ProgramError
from lpc.ir.program import Program
from lpc.lab.bench import SCRIPT, WrongInput, duration
from lpc.lab.files import write_text
from lpc.lab.plan import Options
from lpc.lab.processes import SAID, Child, Launch, last_line
from lpc.lab.results import Result, Unreadable, read_result
from lpc.lab.tune_objectives import Objective, scores_text
from lpc.lab.tune_programs import Settings, compiled
from lpc.lab.tune_pruning import course_of, hopeless, read_course
from lpc.lab.tune_study import INTERRUPTED, WITHDRAWN, Study, TrialRecord, count_of

LOOK_EVERY_S = 0.05
LOG = "log.jsonl"


@dataclass(frozen=True)
class Subject:
    """A variant and its study."""

    variant: str
    program: Program
    settings: Settings
    objectives: tuple[Objective, ...]
    study: Study

    @property
    def patience(self) -> int | None:
        assert self.program.protocol is not None
        return self.program.protocol.patience

    def folder(self, number: int) -> Path:
        """Of a trial, under the command's."""
        return Path("trials") / self.variant / str(number)


@dataclass
class Active:
    """A trial under way. `read`: how much of its log has been looked at."""

    subject: Subject
    trial: TrialRecord
    child: Child
    since: float
    read: int = 0
    stopped: str = ""
    """Why it was told to end."""


@dataclass
class Tuning:
    """`trials`: of each study; `timeout` in seconds, after which no trial begins, but for what makes budgets equal; `prune`: whether
    trials are stopped that cannot win any more.

    `launch`, `sleep` and `clock` are the outside world.
    """

    subjects: Sequence[Subject]
    folder: Path
    launch: Launch
    trials: int
    timeout: float | None = None
    jobs: int = 1
    prune: bool = True
    options: Options = field(default_factory=Options)
    tell: Callable[[str], None] = lambda _: None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    active: list[Active] = field(default_factory=list)
    spent: list[float] = field(default_factory=list)
    """Seconds of the trials that have ended here."""

    def conduct(self) -> None:
        """All that is left of the studies. Raises WrongInput, Unavailable; a signal ends it with its scripts."""
        began = self.clock()
        for subject in self.subjects:
            self.recover(subject)
        try:
            while True:
                late = self.timeout is not None and self.clock() - began >= self.timeout
                while len(self.active) < self.jobs and (turn := self.next_subject(late)) is not None:
                    self.begin(turn)
                if not self.active:
                    return
                for active, status in self.ended():
                    self.active.remove(active)
                    self.conclude(active, status)
        finally:
            self.abandon()

    def next_subject(self, late: bool) -> Subject | None:
        """The one that has had the fewest trials; late, only one that has had fewer than another."""
        counts = [(count_of(subject.study.trials()), subject) for subject in self.subjects]
        fewest, subject = min(counts, key=lambda one: one[0])
        limit = max(count for count, _ in counts) if late else self.trials
        return subject if fewest < min(limit, self.trials) else None

    def recover(self, subject: Subject) -> None:
        """What an earlier command of this folder left running: what has ended is counted, the rest is made again."""
        for trial in subject.study.trials():
            if trial.state != "running" or trial.facts.get("worker", subject.study.worker) != subject.study.worker:
                continue
            place = self.folder / subject.folder(trial.number)
            try:
                result = read_result(place)
            except Unreadable:
                result = None
            if result is not None and is_of(result, subject, trial):
                self.finish(subject, trial, result, result.total_s)
            else:
                subject.study.end(trial.number, INTERRUPTED)
        if count := subject.study.again():
            self.tell(f"{subject.variant}: {count} interrupted {'trial is' if count == 1 else 'trials are'} made again")

    def begin(self, subject: Subject) -> None:
        """Ask for a trial and start its script; one that needs none is concluded at once."""
        study = subject.study
        trial = study.ask(subject.program.searches)
        earlier = [one for one in study.trials() if one.number < trial.number]
        if count_of(earlier) >= self.trials:  # another machine was faster
            study.end(trial.number, WITHDRAWN)
            return
        twin = next((one for one in earlier if one.state == "complete" and one.values == trial.values), None)
        if twin is not None:
            figures = twin.facts.get("figures")
            study.complete(trial.number, twin.objectives, same_as=twin.number, figures=figures, wall_s=0.0)
            self.say(subject, trial, f"the values of trial {twin.number}, which is not made twice")
            return
        try:
            program = compiled(subject.program.source, subject.variant, (*subject.settings, *trial.values.items()))
            script = print_script(program).text
        except ProgramError as problem:
            first = problem.diagnostics[0]
            self.fail(subject, trial, f"{first.title_text} ({first.code})")
            return
        place = self.folder / subject.folder(trial.number)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        write_text(place / SCRIPT, script)
        arguments = ["--out", str(place), *self.options.arguments(), "--no-test", "--quiet", "--overwrite"]
        since = self.clock()
        self.active.append(Active(subject, trial, self.launch(place / SCRIPT, arguments, place), since))

    def ended(self) -> list[tuple[Active, int]]:
        """Waits for one of the scripts at least, and looks at the logs of all meanwhile."""
        while not (found := [(one, s) for one in self.active if (s := one.child.poll()) is not None]):
            for active in self.active:
                self.watch(active)
            self.sleep(LOOK_EVERY_S)
        return found

    def watch(self, active: Active) -> None:
        """Stop a trial that cannot win any more, by its log."""
        log = self.folder / active.subject.folder(active.trial.number) / LOG
        try:
            size = log.stat().st_size
        except OSError:
            return
        if not self.prune or active.stopped or size == active.read:
            return
        active.read, study = size, active.subject.study
        course = read_course(log)
        best = [(one.number, course_of(one.facts.get("course"))) for one in study.best()]
        active.stopped = hopeless(course, best, active.subject.objectives, active.subject.patience)
        if active.stopped:
            active.child.terminate()

    def conclude(self, active: Active, status: int) -> None:
        """Note how a trial ended, and say it. Raises WrongInput where a script was not even begun."""
        subject, trial = active.subject, active.trial
        place = self.folder / subject.folder(trial.number)
        seconds = self.clock() - active.since
        self.spent.append(seconds)
        with suppress(OSError):
            (place / "checkpoint.pt").unlink(missing_ok=True)
            if not last_line(place):
                (place / SAID).unlink(missing_ok=True)
        if status == 0:
            try:
                self.finish(subject, trial, read_result(place), seconds)
            except Unreadable as problem:
                self.fail(subject, trial, str(problem), seconds)
        elif status == 2:
            subject.study.end(trial.number, WITHDRAWN)
            said = last_line(place)
            shutil.rmtree(place, ignore_errors=True)
            raise WrongInput(said)
        elif active.stopped:
            course = read_course(place / LOG)
            subject.study.end(trial.number, "pruned", course, why=active.stopped, wall_s=round(seconds, 3))
            self.say(subject, trial, f"stopped, {active.stopped}", seconds)
        else:
            self.fail(subject, trial, last_line(place) if status > 0 else f"ended by signal {-status}", seconds)

    def finish(self, subject: Subject, trial: TrialRecord, result: Result, seconds: float) -> None:
        """A finished run's figures into the study; one without a figure that is tuned for has failed."""
        assert result.scored_on == "validation", result.path
        for objective in subject.objectives:
            if objective.of(result) is None:
                why = f"{objective.title} not known: {objective.missing(result)}"
                if objective.name == "energy" and not subject.study.best():
                    subject.study.end(trial.number, WITHDRAWN)
                    raise WrongInput(why)
                self.fail(subject, trial, why, seconds)
                return
        values = [value for objective in subject.objectives if (value := objective.of(result)) is not None]
        course = read_course(self.folder / subject.folder(trial.number) / LOG)
        subject.study.complete(
            trial.number,
            values,
            figures=figures_of(result),
            wall_s=round(seconds, 3),
            course=course.to_json(),
        )
        self.say(subject, trial, scores_text(subject.objectives, values), seconds)

    def fail(self, subject: Subject, trial: TrialRecord, why: str, seconds: float | None = None) -> None:
        took = None if seconds is None else round(seconds, 3)
        subject.study.end(trial.number, "failed", why=why, wall_s=took)
        self.say(subject, trial, f"failed: {why}", seconds)

    def abandon(self) -> None:
        """End what is still running; it will be made again."""
        for active in self.active:
            active.child.terminate()
        for active in self.active:
            active.child.wait()
        for active in self.active:
            with suppress(Exception):  # a storage that is gone: the next command finds it running, and nobody at it
                active.subject.study.end(active.trial.number, INTERRUPTED)
        self.active.clear()

    def say(self, subject: Subject, trial: TrialRecord, what: str, seconds: float | None = None) -> None:
        """A line a trial: how far the command is, what became of it, the best so far, and how long the rest takes."""
        counts = [min(count_of(one.study.trials()), self.trials) for one in self.subjects]
        done = sum(counts) - len(self.active)
        left = self.trials * len(self.subjects) - done
        took = "" if seconds is None else f", {duration(seconds)}"
        best = ""
        if len(subject.objectives) == 1 and (found := subject.study.best()):
            best = f"; best {subject.objectives[0].text(found[0].objectives[0])} (trial {found[0].number})"
        mean = sum(self.spent) / len(self.spent) if self.spent else None
        after = f"; about {duration(mean * left / self.jobs)} left" if left and mean else ""
        name = f"{subject.variant}, " if len(self.subjects) > 1 else ""
        self.tell(f"[{done}/{done + left}] {name}trial {trial.number}: {what}{took}{best}{after}")


def is_of(result: Result, subject: Subject, trial: TrialRecord) -> bool:
    """Whether a finished run is a trial's, and not one that an earlier study left where it now would be."""
    given = dict((*subject.settings, *trial.values.items()))
    return bool(trial.values) and (result.source_sha256, dict(result.settings)) == (
        subject.program.source.sha256,
        given,
    )


def figures_of(result: Result) -> dict[str, Any]:
    """What is told of a trial beside its objectives; None is not known."""
    return {
        "accuracy": result.accuracy,
        "loss": result.loss,
        "time_s": result.train_s,
        "joules": result.energy.joules,
        "data_passes": result.data_passes,
    }
