"""What a report draws, as numbers: learning curves, energy by phase and by block, memory by depth. Nothing is filled in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lpc.lab.energy import number
from lpc.lab.findings import Entry, Run

PHASES = ("setup", "data", "train", "validate", "checkpoint", "test")
"""Of a run, in the order in which they are drawn."""
SCORES = (
    ("validation/accuracy", "accuracy on validation"),
    ("validation/loss", "loss on validation"),
    ("train/accuracy", "accuracy in training"),
    ("train/loss", "loss in training"),
)
"""Keys of log.jsonl, the first that some run knows is drawn, and what it is."""


@dataclass(frozen=True)
class Curve:
    """One variant's. `seeds`: (data passes, value) of each run; `mean`: as far as all runs go."""

    label: str
    seeds: Mapping[int, tuple[tuple[int, float], ...]]
    mean: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Curves:
    key: str
    what: str
    curves: tuple[Curve, ...]


def curves(entries: Sequence[Entry], keys: Iterable[tuple[str, str]] = SCORES) -> Curves | None:
    """Learning curves of the first key that some run's log knows."""
    for key, what in keys:
        found = tuple(_curve(entry, key) for entry in entries)
        if any(curve.seeds for curve in found):
            return Curves(key, what, tuple(curve for curve in found if curve.seeds))
    return None


def _curve(entry: Entry, key: str) -> Curve:
    seeds = {seed: points for seed, run in entry.runs.items() if (points := tuple(_points(run, key)))}
    by_pass: dict[int, list[float]] = {}
    for points in seeds.values():
        for at, value in points:
            by_pass.setdefault(at, []).append(value)
    mean = tuple((at, math.fsum(v) / len(v)) for at, v in sorted(by_pass.items()) if len(v) == len(seeds))
    return Curve(entry.label, seeds, mean)


def _points(run: Run, key: str) -> Iterable[tuple[int, float]]:
    """A line of the log is a pass over the data, whatever its phase."""
    for at, line in enumerate(run.log, start=1):
        if (value := number(line.get(key))) is not None:
            yield at, value


@dataclass(frozen=True)
class Shares:
    """Joules of one variant, mean over `n` runs, by phase or by block. `below`: phases that some meter was too slow for."""

    label: str
    joules: Mapping[str, float]
    n: int
    below: frozenset[str] = frozenset()


def by_phase(entries: Sequence[Entry]) -> list[Shares]:
    below = {
        entry.label: frozenset(
            phase
            for run in entry.runs.values()
            for domain in run.result.energy.domains
            for phase in domain.phases
            if domain.measured and domain.below(phase)
        )
        for entry in entries
    }
    return [replace(own, below=below[own.label]) for own in _shares(entries, _phases_of)]


def by_block(entries: Sequence[Entry]) -> list[Shares]:
    return _shares(entries, _blocks_of)


def _shares(entries: Sequence[Entry], of: Callable[[Run], Mapping[str, float]]) -> list[Shares]:
    made = []
    for entry in entries:
        if entry.figures["joules"].summary is None:
            continue  # not measured, or measured of several runs at once
        found = [own for run in entry.runs.values() if (own := of(run))]
        names = dict.fromkeys(name for own in found for name in own)
        means = {name: math.fsum(own.get(name, 0.0) for own in found) / len(found) for name in names}
        if means:
            made.append(Shares(entry.label, means, len(found)))
    return made


def _phases_of(run: Run) -> dict[str, float]:
    phases = part(part(run.whole, "energy"), "phases")
    found = {name: number(part(phases, name).get("joules")) for name in PHASES}
    return {name: value for name, value in found.items() if value is not None}


def _blocks_of(run: Run) -> dict[str, float]:
    joules = part(part(part(run.whole, "energy"), "blocks"), "joules")
    found = {str(name): number(value) for name, value in joules.items()}
    return {name: value for name, value in found.items() if value is not None}


def cut(shares: Sequence[Shares], most: int) -> tuple[list[Shares], list[str]]:
    """For a drawing: so many names at most, in their order, what is beyond them together as `N others`; and the names."""
    longest = max(shares, key=lambda own: len(own.joules)).joules
    names = list(dict.fromkeys([*longest, *(name for own in shares for name in own.joules)]))
    if len(names) <= most:
        return list(shares), names
    kept, rest = names[: most - 1], names[most - 1 :]
    others = f"{len(rest)} others"
    made = [
        Shares(
            own.label,
            {
                **{name: own.joules[name] for name in kept if name in own.joules},
                others: math.fsum(own.joules.get(name, 0.0) for name in rest),
            },
            own.n,
            own.below,
        )
        for own in shares
    ]
    return made, [*kept, others]


def block_methods(entries: Sequence[Entry]) -> list[str]:
    """How joules were given to blocks, as the runs say."""
    found = (
        part(part(run.whole, "energy"), "blocks").get("method") for entry in entries for run in entry.runs.values()
    )
    return [str(method) for method in dict.fromkeys(found) if method]


@dataclass(frozen=True)
class Depths:
    """Peak memory of one variant's networks: (blocks, bytes), two depths at least."""

    label: str
    points: tuple[tuple[int, float], ...]


def memory_by_depth(entries: Sequence[Entry]) -> tuple[str, list[Depths]]:
    """The metric, and each variant name whose networks have several depths: the allocator's peak where all know it."""
    of_all = all(entry.figures["peak_allocated_bytes"].summary is not None for entry in entries)
    metric = "peak_allocated_bytes" if of_all else "peak_process_bytes"
    found: dict[str, dict[int, float]] = {}
    for entry in entries:
        if (summary := entry.figures[metric].summary) is not None:
            found.setdefault(entry.variant, {})[entry.depth] = summary.mean
    return metric, [Depths(label, tuple(sorted(own.items()))) for label, own in found.items() if len(own) > 1]


def part(found: object, key: str) -> Mapping[str, object]:
    """An object inside another; empty where there is none."""
    inner = found.get(key) if isinstance(found, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}
