"""Two runs, or two folders of runs, held against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lpc.lab.comparison import SHARED, SHARED_CONDITIONS, Against, Figure, figure, held
from lpc.lab.metrics import METRICS
from lpc.lab.results import PLAN, RESULT, Result, Unreadable, read_result
from lpc.lab.statistics import verdict


@dataclass(frozen=True)
class Collection:
    """Results by seed, and what was left aside, with the reason."""

    results: Mapping[int, Result]
    aside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pair:
    """`cannot` says what may not be concluded, and why."""

    left: Mapping[str, Figure]
    right: Mapping[str, Figure]
    against: Mapping[str, Against]
    cannot: tuple[str, ...]


def collect(path: Path) -> Collection:
    """The result of a run's folder or file, or those of the folders in it. Raises Unreadable where there is none."""
    if not path.is_dir() or any((path / name).exists() for name in (RESULT, PLAN)):
        result = read_result(path)
        return Collection({result.seed: result})
    results: dict[int, Result] = {}
    aside: list[str] = []
    for folder in sorted(path.iterdir(), key=lambda one: (len(one.name), one.name)):
        if not folder.is_dir():
            continue
        try:
            found = read_result(folder)
        except Unreadable as problem:
            aside.append(f"{folder}: {problem}")
            continue
        if found.seed in results:
            aside.append(f"{folder}: seed {found.seed} is there already")
        else:
            results[found.seed] = found
    if not results:
        raise Unreadable("neither a run nor a folder of runs")
    return Collection(results, tuple(aside))


def pair(left: Collection, right: Collection) -> Pair:
    """The left held against the right, seed by seed."""
    figures = [{m.name: figure(m, one.results) for m in METRICS} for one in (left, right)]
    apart = list(_circumstances(left.results, right.results))
    against: dict[str, Against] = {}
    for metric in METRICS:
        if apart and metric.measured:
            against[metric.name] = Against(None, why="they ran under other conditions")
            continue
        found = held(metric, left.results, right.results, figures[0][metric.name], figures[1][metric.name])
        if found.found is not None:
            found = Against(found.found, found.found.p, verdict(found.found, found.found.p), found.why)
        against[metric.name] = found
    return Pair(figures[0], figures[1], against, tuple(_cannot(left, right, apart)))


def _circumstances(left: Mapping[int, Result], right: Mapping[int, Result]) -> Iterator[str]:
    for name in (*SHARED, *SHARED_CONDITIONS):
        mine, other = ({_circumstance(r, name) for r in results.values()} for results in (left, right))
        if mine | other != mine & other:
            yield f"{name.replace('_', ' ')} {', '.join(sorted(mine))} and {', '.join(sorted(other))}"


def _circumstance(result: Result, name: str) -> str:
    found = getattr(result.environment, name) if name in SHARED else result.conditions.get(name)
    return "not known" if found is None else str(found)


def _cannot(left: Collection, right: Collection, apart: Sequence[str]) -> Iterator[str]:
    shared = left.results.keys() & right.results.keys()
    if not shared:
        yield "they share no seed: nothing is paired, and the means may differ by their seeds alone"
    elif len(shared) == 1:
        yield "they share one seed: a difference, but no interval; another seed may say otherwise"
    if apart:
        yield f"time and energy are not compared: they ran under other conditions ({'; '.join(apart)})"
    first, second = (next(iter(one.results.values())) for one in (left, right))
    if first.data_source != second.data_source or first.examples != second.examples:
        yield "they ran on other data: accuracies do not compare"
    lengths = [[r.data_passes for r in one.results.values()] for one in (left, right)]
    if set(lengths[0]) != set(lengths[1]):
        yield f"data passes differ ({_range(lengths[0])} and {_range(lengths[1])}): totals hang on when each was stopped"


def _range(values: Sequence[int]) -> str:
    return str(min(values)) if min(values) == max(values) else f"{min(values)} to {max(values)}"
