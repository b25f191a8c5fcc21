"""A bench's folder made into a table: which runs count, the figures of every arm, each held against the baseline.

Pure but for reading: the table is what the folders say, whatever happened in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lpc.lab.arms import Arm
from lpc.lab.conditions import GOVERNED
from lpc.lab.metrics import ENERGY, METRICS, Metric
from lpc.lab.plan import Plan
from lpc.lab.results import Result
from lpc.lab.runs import Absent, Failed, Finished, Foreign, State, Unfinished, state_of, strangers
from lpc.lab.statistics import Comparison, Summary, Verdict, compare, holm, pareto, summarise, verdict

SHARED = ("torch", "device", "device_name", "threads", "python", "platform")
"""What an environment must share with the others' to be compared."""
SHARED_CONDITIONS = ("gpu_driver", "gpu_power_limit_w", "sgx")


@dataclass(frozen=True)
class Refused:
    """A run that is not counted: `kind` is `refused` (it cannot be compared), `foreign`, `failed`, `unfinished` or `absent`."""

    arm: str
    seed: int
    folder: str
    kind: str
    why: str


@dataclass(frozen=True)
class Figure:
    """One metric of one arm. `values` by seed; `summary` None: nothing is known, `why` says so."""

    values: Mapping[int, float]
    summary: Summary | None
    why: str = ""


@dataclass(frozen=True)
class Against:
    """One metric of an arm held against the baseline's. `found` None: they are not compared, `why` says so."""

    found: Comparison | None
    adjusted_p: float | None = None
    verdict: Verdict = "not known"
    why: str = ""


@dataclass(frozen=True)
class Row:
    arm: Arm
    results: Mapping[int, Result] = field(repr=False)
    records: Mapping[int, Mapping[str, Any]] = field(repr=False)
    """The run.json of each."""
    figures: Mapping[str, Figure]
    against: Mapping[str, Against] = field(default_factory=dict)
    """Empty for the baseline."""


@dataclass(frozen=True)
class Front:
    """The arms no other beats by its means.

    To beat is to be better in `gain` (accuracy, or a loss that is less) for the same `cost`, or cheaper for the same gain.
    """

    protocol: str
    gain: str
    cost: str
    members: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True)
class Table:
    plan: Plan
    rows: tuple[Row, ...]
    refused: tuple[Refused, ...]
    strangers: tuple[str, ...]
    fronts: tuple[Front, ...]
    margins: Mapping[str, float]
    environment: Mapping[str, Any]

    def of(self, protocol: str) -> list[Row]:
        keys = [arm.key for arm in self.plan.of(protocol)]
        return sorted(
            (row for row in self.rows if row.arm.protocol == protocol), key=lambda row: keys.index(row.arm.key)
        )


def tabulate(folder: Path, plan: Plan, margins: Mapping[str, float]) -> Table:
    """The table of a bench as far as it has come."""
    states = {(run.arm.key, run.seed): state_of(folder, run, plan) for run in plan.runs()}
    finished = {key: state for key, state in states.items() if isinstance(state, Finished)}
    shared = {key: circumstances(state) for key, state in finished.items()}
    usual = usual_circumstances(list(shared.values()))
    refused = [_not_counted(plan, key, state) for key, state in states.items() if not isinstance(state, Finished)]
    counted: dict[tuple[str, int], Finished] = {}
    for key, state in finished.items():
        apart = [
            f"{name} {value}, where others have {usual[name]}"
            for name, value in shared[key].items()
            if value != usual[name]
        ]
        if apart:
            refused.append(Refused(*key, f"runs/{key[0]}/{key[1]}", "refused", "; ".join(apart)))
        else:
            counted[key] = state
    rows = [_row(arm, plan, counted) for arm in plan.arms]
    rows = [row for protocol in plan.protocols for row in _compared(rows, protocol.name, plan.baseline, margins)]
    fronts = tuple(_front([row for row in rows if row.arm.protocol == p.name], p.name) for p in plan.protocols)
    return Table(plan, tuple(rows), tuple(refused), tuple(sorted(strangers(folder, plan))), fronts, margins, usual)


def circumstances(state: Finished) -> dict[str, Any]:
    """What two runs must share to be compared."""
    before = state.record.get("before") or {}
    return {
        **{name: getattr(state.result.environment, name) for name in SHARED},
        **{name: state.result.conditions.get(name) for name in SHARED_CONDITIONS},
        **{name: before.get(name) for name in GOVERNED},
    }


def usual_circumstances(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Those of most runs; of the first among equals."""
    return dict(max(found, key=found.count)) if found else {}


def _not_counted(plan: Plan, key: tuple[str, int], state: State) -> Refused:
    folder = f"runs/{key[0]}/{key[1]}"
    match state:
        case Absent():
            return Refused(*key, folder, "absent", "not run")
        case Unfinished():
            return Refused(*key, folder, "unfinished", "cut off")
        case Failed(status, said):
            return Refused(*key, folder, "failed", said or f"ended with status {status}")
        case Foreign(why):
            return Refused(*key, folder, "foreign", f"left alone: {why}")
    raise AssertionError(plan.name)


def _row(arm: Arm, plan: Plan, counted: Mapping[tuple[str, int], Finished]) -> Row:
    own = {seed: counted[arm.key, seed] for seed in plan.seeds if (arm.key, seed) in counted}
    results = {seed: state.result for seed, state in own.items()}
    figures = {metric.name: figure(metric, results) for metric in METRICS}
    if plan.jobs > 1:
        alone = "several runs at once share the meters"
        figures |= {name: Figure({}, None, alone) for name in ENERGY if figures[name].summary is not None}
    return Row(arm, results, {seed: state.record for seed, state in own.items()}, figures)


def figure(metric: Metric, results: Mapping[int, Result]) -> Figure:
    """One metric of several runs. Runs that do not know it are left out, and the reason is given."""
    found = {seed: metric.of(result) for seed, result in results.items()}
    values = {seed: float(value) for seed, value in found.items() if value is not None}
    missing = list(dict.fromkeys(metric.missing(results[seed]) for seed in found if seed not in values))
    why = "; ".join(missing) if results else "no run is counted"
    if not values:
        return Figure(values, None, why)
    systematic = sum(_systematic(metric, results[seed], value) for seed, value in values.items()) / len(values)
    return Figure(values, summarise(list(values.values()), systematic), why)


def _systematic(metric: Metric, result: Result, value: float) -> float:
    """One standard deviation, of the instrument, in a figure made of joules: as large a part of it as of the joules."""
    joules = result.energy.joules
    return value * result.energy.systematic / joules if metric.name in ENERGY and joules else 0.0


def _compared(rows: Sequence[Row], protocol: str, baseline: str, margins: Mapping[str, float]) -> Iterator[Row]:
    """A protocol's rows, each but the baseline held against it; p values adjusted for all that share a metric."""
    own = [row for row in rows if row.arm.protocol == protocol]
    base = next(row for row in own if row.arm.label == baseline)
    others = [row for row in own if row is not base]
    against: dict[str, dict[str, Against]] = {row.arm.label: {} for row in others}
    for metric in METRICS:
        found = {row.arm.label: held_against(metric, row, base) for row in others}
        known = {label: a.found.p for label, a in found.items() if a.found is not None and a.found.p is not None}
        adjusted = holm(known)
        for label, one in found.items():
            p = adjusted.get(label)
            said = "not known" if one.found is None else verdict(one.found, p, margins.get(metric.name))
            against[label][metric.name] = replace(one, adjusted_p=p, verdict=said)
    yield base
    yield from (replace(row, against=against[row.arm.label]) for row in others)


def held_against(metric: Metric, row: Row, base: Row) -> Against:
    """Pairs of one seed, as far as both know the figure and mean the same by it."""
    own, other = row.figures[metric.name], base.figures[metric.name]
    return held(metric, row.results, base.results, own, other)


def held(
    metric: Metric, results: Mapping[int, Result], bases: Mapping[int, Result], own: Figure, other: Figure
) -> Against:
    pairs, apart = [], set()
    for seed in sorted(own.values.keys() & other.values.keys()):
        one, base = results[seed], bases[seed]
        if metric.name in ("accuracy", "loss") and one.scored_on != base.scored_on:
            apart.add(f"one is scored on {one.scored_on}, the other on {base.scored_on}")
        elif metric.name in ENERGY and one.energy.contains != base.energy.contains:
            apart.add("they were measured by different instruments")
        else:
            pairs.append((own.values[seed], other.values[seed]))
    found = compare(pairs, metric.kind, exact=metric.exact)
    if found is not None:
        return Against(found, why="; ".join(sorted(apart)))
    return Against(None, why="; ".join(sorted(apart)) or own.why or other.why or "no seed in common")


def _front(rows: Sequence[Row], protocol: str) -> Front:
    """Against joules; against seconds where joules are not known of all."""
    gain = "accuracy" if any(row.figures["accuracy"].summary is not None for row in rows) else "loss"
    scored = [row for row in rows if row.figures[gain].summary is not None]
    metered = [row for row in scored if row.figures["joules"].summary is not None]
    cost, note = "joules", ""
    if len(metered) < len(scored) or not scored:
        where = "of all variants" if metered else "at all"
        cost, note = "time_s", f"time in the place of energy, which was not measured {where}"
    sign = 1 if gain == "accuracy" else -1
    points = {
        row.arm.label: (sign * a.mean, c.mean)
        for row in scored
        if (a := row.figures[gain].summary) is not None and (c := row.figures[cost].summary) is not None
    }
    return Front(protocol, gain, cost, tuple(pareto(points)), note)
