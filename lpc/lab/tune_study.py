"""One variant's study in an Optuna storage: its trials, asked for one by one, and what became of each.

All that is known of a study is in its storage, so that a command that is killed goes on, and so that machines share it through a
server. Each trial has a sampler of its own, seeded by the study and how many trials count before it: what is proposed hangs on them
alone, and neither on how often a command was killed nor on which machine asks.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.study import Study as OptunaStudy
from optuna.trial import FrozenTrial, TrialState

from lpc.ir.program import Search
from lpc.lab.tune_objectives import Objective
from lpc.lab.tune_pruning import Course
from lpc.lab.tune_space import Values, suggest

STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}
INTERRUPTED, WITHDRAWN = "interrupted", "withdrawn"
COUNTED = ("complete", "pruned", "failed", "running")
"""States that take from the budget. An interrupted trial is made again; a withdrawn one never began."""


@dataclass(frozen=True)
class TrialRecord:
    """A trial as the storage has it."""

    number: int
    state: str
    values: Values = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    objectives: tuple[float, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What was noted of it: `worker`, `figures`, `why`, `course`, `wall_s`, `same_as`, `again`, `sampler_seed`."""


def count_of(trials: Sequence[TrialRecord]) -> int:
    """How many count."""
    return sum(trial.state in COUNTED for trial in trials)


def seed_of(*what: object) -> int:
    """A seed for NumPy, the same for the same words."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, what)).encode()).digest()[:4], "big")


class Study:
    """`seed`: the command's `--seed`; `worker`: the folder that asks."""

    def __init__(
        self, found: OptunaStudy, variant: str, objectives: Sequence[Objective], seed: int, worker: str
    ) -> None:
        self.found, self.variant, self.objectives, self.seed, self.worker = found, variant, objectives, seed, worker

    @property
    def name(self) -> str:
        return self.found.study_name

    def trials(self) -> list[TrialRecord]:
        """All but those that never began, by number."""
        found = [_record(trial) for trial in self.found.get_trials(deepcopy=False)]
        return [trial for trial in found if trial.state != WITHDRAWN]

    def best(self) -> list[TrialRecord]:
        """The best trial, the first of equals; with several objectives those of the Pareto set."""
        complete = [trial for trial in self.trials() if trial.state == "complete"]
        return [one for one in complete if not any(self._beats(other, one) for other in complete)]

    def _beats(self, one: TrialRecord, other: TrialRecord) -> bool:
        pairs = list(zip(self.objectives, one.objectives, other.objectives, strict=True))
        if all(a == b for _, a, b in pairs):
            return one.number < other.number
        return not any(objective.better(b, a) for objective, a, b in pairs)

    def ask(self, searches: Sequence[Search]) -> TrialRecord:
        """A new trial, or one that waits to be made again, with its values."""
        trial = self.found.ask()
        trial.set_user_attr("worker", self.worker)
        before = count_of([one for one in self.trials() if one.number < trial.number])
        seed = seed_of(self.seed, self.name, self.variant, before)
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # `constant_liar`, which spreads trials that run at once, is called experimental
            self.found.sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        values = dict(suggest(trial, searches))
        trial.set_user_attr("asked", {"values": values, "sampler_seed": seed})
        return TrialRecord(trial.number, "running", values, trial.params, (), {"worker": self.worker})

    def complete(self, number: int, values: Sequence[float], **facts: Any) -> None:
        self._running(number).set_user_attr("ended", facts)
        self.found.tell(number, list(values))

    def end(self, number: int, state: str, course: Course | None = None, **facts: Any) -> None:
        """`pruned`, `failed`, `interrupted` or `withdrawn`. The sampler learns from where a stopped trial's course ended."""
        trial = self._running(number)
        trial.set_user_attr("ended", {**facts, "state": state})
        if course is not None and course.best and [one.name for one in self.objectives] == ["accuracy"]:
            trial.report(course.best[-1] if self.objectives[0].more else -course.best[-1], len(course.best))
        self.found.tell(number, state=TrialState.PRUNED if state == "pruned" else TrialState.FAIL)

    def _running(self, number: int) -> optuna.trial.Trial:
        trial = self.found.get_trials(deepcopy=False)[number]
        return optuna.trial.Trial(self.found, trial._trial_id)  # noqa: SLF001 - Optuna's own way, by number

    def discard(self) -> None:
        """Out of the storage, as if it had never been begun."""
        optuna.delete_study(study_name=self.name, storage=self.found._storage)  # noqa: SLF001 - it has no other name

    def again(self) -> int:
        """Put every interrupted trial that was not made again in line, with its values; how many."""
        trials = self.trials()
        made = {trial.facts.get("again") for trial in trials}
        left = [trial for trial in trials if trial.state == INTERRUPTED and trial.number not in made]
        for trial in left:
            self.found.enqueue_trial(dict(trial.params), user_attrs={"again": trial.number})
        return len(left)


def _record(trial: FrozenTrial) -> TrialRecord:
    noted = trial.user_attrs
    asked, ended = (dict(noted.get(name, {})) for name in ("asked", "ended"))
    state = STATES[trial.state]
    if trial.state == TrialState.FAIL:
        state = ended.get("state", state)
    values, facts = asked.pop("values", {}), {**noted, **asked, **ended}
    return TrialRecord(
        trial.number,
        state,
        values,
        trial.params,
        tuple(trial.values) if trial.state == TrialState.COMPLETE else (),
        {name: value for name, value in facts.items() if name not in ("asked", "ended", "state")},
    )
