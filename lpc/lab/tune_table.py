"""The whole of some studies as tables: `tune.json`, `tune.csv`, and what a terminal shows. docs/tune.md lists the keys."""

from __future__ import annotations

import csv
import io
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lpc.lab.bench_text import aligned
from lpc.lab.tune import Subject
from lpc.lab.tune_objectives import Objective, scores_text
from lpc.lab.tune_programs import set_options
from lpc.lab.tune_study import TrialRecord, count_of
from lpc.version import VERSION

JSON, CSV = "tune.json", "tune.csv"
SCHEMA = 1
FIGURES = ("accuracy", "loss", "time_s", "joules", "data_passes")
FLATTERS = (
    "the best of several is chosen by the validation part that it is shown with, and looks better there than it is: "
    "train it with other seeds, and test it, before you quote it"
)


@dataclass(frozen=True)
class Outcome:
    """What became of a variant's study. `best`: one trial, or a Pareto set; `files`: the programs with their values, by number."""

    subject: Subject
    trials: Sequence[TrialRecord]
    best: Sequence[TrialRecord]
    files: Mapping[int, str] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        return dict(Counter(trial.state for trial in self.trials))

    def set_line(self, trial: TrialRecord) -> str:
        """What sets a trial's values from outside."""
        return shlex.join(set_options((*self.subject.settings, *trial.values.items())))


def outcome(subject: Subject, files: Mapping[int, str] | None = None) -> Outcome:
    return Outcome(subject, subject.study.trials(), subject.study.best(), files or {})


def tune_json(outcomes: Sequence[Outcome], trials: int, seed: int, storage: str) -> dict[str, Any]:
    first = outcomes[0].subject
    return {
        "schema_version": SCHEMA,
        "lpc": VERSION,
        "program": first.program.name,
        "source_sha256": first.program.source.sha256,
        "settings": dict(first.settings),
        "objectives": [
            {
                "name": o.name,
                "figure": o.title,
                "unit": "1" if o.unit == "%" else o.unit or "1",
                "more_is_better": o.more,
            }
            for o in first.objectives
        ],
        "trials": trials,
        "seed": seed,
        "sampler": "TPE",
        "storage": storage,
        "note": FLATTERS,
        "studies": [_study_json(one) for one in outcomes],
    }


def _study_json(found: Outcome) -> dict[str, Any]:
    study = found.subject.study
    return {
        "variant": found.subject.variant,
        "study": study.name,
        "patience": found.subject.patience,
        "searches": [
            {
                "place": s.place,
                **(
                    {"choices": list(s.texts)}
                    if s.choices is not None
                    else {"low": s.low, "high": s.high, "log": s.log}
                ),
            }
            for s in found.subject.program.searches
        ],
        "counts": found.counts,
        "best": [
            {"trial": one.number, "set": found.set_line(one), "file": found.files.get(one.number)} for one in found.best
        ],
        "trials": [_trial_json(one) for one in found.trials],
    }


def _trial_json(trial: TrialRecord) -> dict[str, Any]:
    figures = trial.facts.get("figures") or {}
    return {
        "number": trial.number,
        "state": trial.state,
        "values": dict(trial.values),
        "objectives": list(trial.objectives) or None,
        **{name: figures.get(name) for name in FIGURES},
        "wall_s": trial.facts.get("wall_s"),
        "why": trial.facts.get("why"),
        "same_as": trial.facts.get("same_as"),
        "again": trial.facts.get("again"),
        "sampler_seed": trial.facts.get("sampler_seed"),
    }


def tune_csv(outcomes: Sequence[Outcome]) -> str:
    """A line a trial, a column for every place that any variant searches."""
    places = list(dict.fromkeys(s.place for one in outcomes for s in one.subject.program.searches))
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n").writerow
    write(["variant", "trial", "state", "best", *places, *FIGURES, "wall_s", "same_as", "again", "why"])
    for found in outcomes:
        best = {one.number for one in found.best}
        for trial in found.trials:
            made = _trial_json(trial)
            write(
                [
                    found.subject.variant,
                    trial.number,
                    trial.state,
                    int(trial.number in best),
                    *(trial.values.get(place, "") for place in places),
                    *("" if made[n] is None else made[n] for n in (*FIGURES, "wall_s", "same_as", "again", "why")),
                ]
            )
    return text.getvalue()


def tune_text(outcomes: Sequence[Outcome], file: str) -> str:
    """Of each variant what was tried, and the best of it. `file`: the program, as the command named it."""
    parts = ["\n".join(_lines(one, file)) for one in outcomes]
    tried = {count_of(one.trials) for one in outcomes}
    if len(tried) > 1:
        parts.append("budgets differ: the same command makes them equal")
    if any(one.best for one in outcomes):
        parts.append(f"note: {FLATTERS}")
    return "\n\n".join(parts)


def _lines(found: Outcome, file: str) -> Iterator[str]:
    states = ", ".join(f"{count} {state}" for state, count in found.counts.items())
    number = count_of(found.trials)
    yield f"{found.subject.variant}: {number} {'trial' if number == 1 else 'trials'}{f' ({states})' if states else ''}"
    if not found.best:
        yield "  no trial is complete: nothing is chosen"
        return
    objectives, several = found.subject.objectives, len(found.subject.objectives) > 1
    if several:
        yield from (f"  {line}" for line in aligned(_pareto(found, objectives)))
    else:
        one = found.best[0]
        yield f"  best: trial {one.number}, {scores_text(objectives, one.objectives)}"
    variant = [] if found.subject.variant == "base" else ["--variant", found.subject.variant]
    for one in found.best:
        line = f"lpc run {shlex.join([file, *variant])} {found.set_line(one)}"
        yield f"  {f'trial {one.number}: ' if several else ''}{line}"


def _pareto(found: Outcome, objectives: Sequence[Objective]) -> list[list[str]]:
    places = [search.place for search in found.subject.program.searches]
    rows = [["Pareto set", *(objective.title for objective in objectives), *places]]
    for one in sorted(found.best, key=lambda trial: trial.objectives, reverse=objectives[0].more):
        scores = [o.text(value) for o, value in zip(objectives, one.objectives, strict=True)]
        rows.append([f"trial {one.number}", *scores, *(one.values.get(place, "") for place in places)])
    return rows
