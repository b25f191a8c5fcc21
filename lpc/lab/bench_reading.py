"""A bench's folder read for a report: `bench.json`, and the runs that it counts, each seen to be the run it counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar, get_args

from lpc.lab.bench_json import FILE, SCHEMA
from lpc.lab.comparison import Against, Figure, Front, Refused
from lpc.lab.files import read_json
from lpc.lab.findings import Entry, Findings, Run
from lpc.lab.metrics import BY_NAME, METRICS
from lpc.lab.results import Unreadable
from lpc.lab.reviewer import Warned
from lpc.lab.run_reading import read_run
from lpc.lab.statistics import Comparison, Interval, Summary, Verdict

T = TypeVar("T")


def newest_bench(folder: Path) -> Path | None:
    """The bench below a folder whose table was written last."""
    tables = sorted(folder.glob(f"*/{FILE}"), key=lambda path: (path.stat().st_mtime, path))
    return tables[-1].parent if tables else None


def bench_findings(folder: Path) -> Findings:
    """Raises Unreadable where there is no whole table."""
    found = read_json(folder / FILE)
    if found is None:
        raise Unreadable(f"{FILE} is not whole" if (folder / FILE).exists() else f"there is no {FILE}")
    if found.get("schema_version") != SCHEMA:
        raise Unreadable(f"{FILE} is no table of `lpc bench` that this lpc can read")
    try:
        return _findings(folder, found)
    except (AttributeError, TypeError, ValueError) as problem:
        raise Unreadable(f"{FILE} is not as `lpc bench` writes it") from problem


def _findings(folder: Path, found: Mapping[str, Any]) -> Findings:
    aside: list[str] = []
    entries = tuple(_entry(folder, one, aside) for one in _objects(found, "variants"))
    return Findings(
        title=_at(found, "name", str),
        protocols={_at(one, "name", str): _at(one, "says", str) for one in _objects(found, "protocols")},
        entries=entries,
        environment=_at(found, "environment", dict),
        baseline=_at(found, "baseline", str),
        fronts=tuple(_front(one) for one in _objects(found, "pareto")),
        made=_made(found),
        order=_texts(found, "order"),
        margins={name: float(value) for name, value in _at(found, "margins", dict).items() if name in BY_NAME},
        refused=tuple(_refused(one) for one in _objects(found, "refused")),
        strangers=_texts(found, "strangers"),
        aside=tuple(aside),
        controls_left_out=_texts(found, "controls_left_out"),
        warnings=tuple(Warned(_at(one, "about", str), _at(one, "text", str)) for one in _objects(found, "warnings")),
        table=found,
    )


def _entry(folder: Path, found: Mapping[str, Any], aside: list[str]) -> Entry:
    metrics, against = _at(found, "metrics", dict), found.get("against") or {}
    figures = {metric.name: _figure(_at(metrics, metric.name, dict)) for metric in METRICS}
    entry = Entry(
        label=_at(found, "label", str),
        protocol=_at(found, "protocol", str),
        program=_at(found, "program", str),
        variant=_at(found, "variant", str),
        file=_at(found, "file", str),
        rules=_at(found, "rules", dict),
        settings=_at(found, "settings", dict),
        runs={},
        figures=figures,
        against={metric.name: _against(_at(against, metric.name, dict)) for metric in METRICS} if against else {},
        control=str(found.get("control") or ""),
        scored_on=str(found.get("scored_on") or ""),
    )
    runs: dict[int, Run] = {}
    for seed, place in _at(found, "runs", dict).items():
        try:
            run = _run(folder, str(place))
            _same(run, entry, _at(found, "source_sha256", str), str(seed))
        except Unreadable as problem:
            aside.append(f"{place}: {problem}")
            continue
        runs[run.seed] = run
    return replace(entry, runs=runs)


def _run(folder: Path, place: str) -> Run:
    inner = PurePosixPath(place)
    if inner.is_absolute() or ".." in inner.parts:
        raise Unreadable("it is not below this folder")
    return read_run(folder / inner, place)


def _same(run: Run, entry: Entry, source_sha256: str, seed: str) -> None:
    """Raises Unreadable where a run is not the one that the table counts."""
    time = entry.figures["time_s"].values.get(run.seed)
    pairs = {
        "seed": (str(run.seed), seed),
        "program (its hash)": (run.result.source_sha256, source_sha256),
        "variant": (run.result.variant, entry.variant),
        "settings": (dict(run.result.settings), dict(entry.settings)),
        "time: the table is older than the run (`lpc bench` makes it anew)": (run.result.train_s, time),
    }
    for what, (mine, theirs) in pairs.items():
        if mine != theirs:
            raise Unreadable(f"it is not the run that the table counts, by its {what}")


def _figure(found: Mapping[str, Any]) -> Figure:
    values = {int(seed): _finite(value) for seed, value in _at(found, "values", dict).items()}
    why = str(found.get("why") or "")
    if found.get("mean") is None:
        return Figure(values, None, why)
    return Figure(values, Summary(_finite(found["mean"]), _interval(found), _at(found, "n", int)), why)


def _against(found: Mapping[str, Any]) -> Against:
    verdicts: dict[object, Verdict] = {known: known for known in get_args(Verdict)}
    said, why = verdicts.get(found.get("verdict")), str(found.get("why") or "")
    if said is None:
        raise Unreadable(f"{FILE} has a verdict that there is none of")
    if found.get("estimate") is None:
        return Against(None, verdict=said, why=why)
    comparison = Comparison(
        kind=_kind(found),
        estimate=_finite(found["estimate"]),
        interval=_interval(found),
        n=_at(found, "n", int),
        p=_number(found.get("p")),
        method=_at(found, "method", str),
    )
    return Against(comparison, _number(found.get("adjusted_p")), said, why)


def _kind(found: Mapping[str, Any]) -> Any:
    kind = found.get("kind")
    if kind not in ("ratio", "difference"):
        raise Unreadable(f"{FILE} has no `kind` as it should be")
    return kind


def _interval(found: Mapping[str, Any]) -> Interval | None:
    given = found.get("interval")
    if given is None:
        return None
    low, high = given
    return _finite(low), _finite(high)


def _front(found: Mapping[str, Any]) -> Front:
    texts = {name: _at(found, name, str) for name in ("protocol", "gain", "cost", "note")}
    return Front(**texts, members=_texts(found, "members"))


def _refused(found: Mapping[str, Any]) -> Refused:
    texts = {name: _at(found, name, str) for name in ("arm", "folder", "kind", "why")}
    return Refused(**texts, seed=_at(found, "seed", int))


def _made(found: Mapping[str, Any]) -> dict[str, str]:
    """How the bench was made, for its report."""
    options = [f"--{name} {value}" for name, value in _at(found, "options", dict).items() if value is not None]
    return {
        "seeds": ", ".join(str(seed) for seed in _at(found, "seeds", list)),
        "order": f"seed by seed, variants shuffled by order seed {_at(found, 'order_seed', int)}",
        "warm-up": "a first pair, or where lengths are matched to it one run of each variant, is thrown away",
        "runs at once": str(_at(found, "jobs", int)),
        "options of scripts": " ".join(options) or "none",
        "lpc": _at(found, "lpc", str),
    }


def _objects(found: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    return [one for one in _at(found, key, list) if isinstance(one, dict)]


def _texts(found: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return tuple(str(one) for one in _at(found, key, list))


def _at(found: Mapping[str, Any], key: str, kind: type[T]) -> T:
    value = found.get(key)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Unreadable(f"{FILE} has no `{key}` as it should be")
    return value


def _number(value: object) -> float | None:
    return None if value is None else _finite(value)


def _finite(value: object) -> float:
    """Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(value)
    return float(value)
