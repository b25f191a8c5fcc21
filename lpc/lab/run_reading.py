"""A finished run read for a report, and findings made of runs that no bench planned."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lpc.lab.collection import collect
from lpc.lab.comparison import SHARED, SHARED_CONDITIONS, figure
from lpc.lab.files import read_json
from lpc.lab.findings import Entry, Findings, Run
from lpc.lab.metrics import METRICS
from lpc.lab.results import Result, Unreadable, read_result
from lpc.lab.reviewer import Warned, of_meters
from lpc.lab.runs import RECORD
from lpc.source import Source

LOG = "log.jsonl"
NO_PROTOCOL = "as it ran"
"""The protocol of runs without a bench."""


def read_run(place: Path, folder: str) -> Run:
    """The run in a folder, called `folder` in the report. Raises Unreadable."""
    try:
        result = read_result(place)
    except (AttributeError, TypeError, ValueError) as problem:
        raise Unreadable("result.json is not as scripts write it") from problem
    whole = read_json(result.path) or {}
    source = whole.get("source")
    if isinstance(source, str) and Source("", source).sha256 != result.source_sha256:
        raise Unreadable("its program's text is not the one that its hash is of")
    record = read_json(place / RECORD) or {}
    return Run(result.seed, folder, result, whole, tuple(_log(place / LOG)), str(record.get("started") or ""))


def _log(path: Path) -> Iterator[Mapping[str, Any]]:
    """Whole lines; a last one that is cut off is left out."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        try:
            found = json.loads(line)
        except ValueError:
            return
        if isinstance(found, dict):
            yield found


def runs_findings(path: Path) -> Findings:
    """Of a run's folder or result.json, or of a folder of runs that differ in their seed. Raises Unreadable."""
    found = collect(path)
    runs, aside = {}, list(found.aside)
    for seed, result in found.results.items():
        place = result.path.parent
        runs[seed] = read_run(place, "." if result.path.parent in (path, path.parent) else place.name)
    first = next(iter(runs.values())).result
    for seed, run in list(runs.items()):
        if _what(run.result) != _what(first):
            aside.append(f"{run.folder}: it is not of the program, variant and settings of the others")
            del runs[seed]
    results = {seed: run.result for seed, run in runs.items()}
    entry = Entry(
        label=first.variant,
        protocol=NO_PROTOCOL,
        program=first.program,
        variant=first.variant,
        file=f"{first.program}.lp",
        rules=first.rules,
        settings=first.settings,
        runs=runs,
        figures={metric.name: figure(metric, results) for metric in METRICS},
        scored_on=first.scored_on,
    )
    n = len(runs)
    return Findings(
        title=f"{first.program} {first.variant}, {'seed' if n == 1 else 'seeds'} {', '.join(map(str, runs))}",
        protocols={NO_PROTOCOL: f"as it ran: {_length(first)}; compared with nothing"},
        entries=(entry,),
        environment={
            **{name: getattr(first.environment, name) for name in SHARED},
            **{name: first.conditions.get(name) for name in SHARED_CONDITIONS},
        },
        aside=tuple(aside),
        warnings=tuple(_warnings(list(results.values()))),
    )


def _what(result: Result) -> tuple[object, ...]:
    return result.source_sha256, result.variant, dict(result.settings)


def _length(result: Result) -> str:
    passes = f"{result.data_passes} data pass{'es' * (result.data_passes != 1)}"
    return passes + ("" if result.patience is None else f", patience {result.patience}")


def _warnings(results: list[Result]) -> Iterator[Warned]:
    if len(results) == 1:
        yield Warned("", "one seed: there are no intervals, and another seed may say otherwise")
    if any(result.data_source == "synthetic" for result in results):
        yield Warned("", "the data are made up: accuracies mean nothing")
    if any(result.scored_on == "validation" and result.patience is not None for result in results):
        yield Warned("", "accuracy is that of validation, which also chose the epoch: it is optimistic")
    if any(result.scored_on == "train" for result in results):
        yield Warned("", "accuracy is that of training: the program has neither validation nor test")
    yield from of_meters([result.energy for result in results])
    if any(result.energy.exclusive is False for result in results):
        yield Warned("", "another process was seen on the device: its energy is in the figure")
