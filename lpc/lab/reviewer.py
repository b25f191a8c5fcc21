"""What a careful reviewer would say of a bench before believing it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lpc.lab.comparison import Row, Table
from lpc.lab.conditions import GOVERNED
from lpc.lab.energy import Energy
from lpc.lab.instruments import gathered

FEW = 6
"""Pairs below which a sign-flip test cannot come under 5 %."""
WANTED = 0.01
"""Random error of a window's joules that is worth a warning."""
BUSY = 0.10
GAP = 0.10
DRIFT = 0.02


@dataclass(frozen=True)
class Warned:
    """`about`: the arm it concerns, empty for the whole bench."""

    about: str
    text: str


def warnings(table: Table) -> list[Warned]:
    """Everything a reviewer would raise, the whole bench first."""
    made = [*_seeds(table), *_data(table), *_machine(table), *_meters(table), *_selection(table)]
    for row in table.rows:
        made += _arm(row)
    for protocol in table.plan.protocols:
        made += _floor(table, protocol.name)
    return list(dict.fromkeys(made))


def _seeds(table: Table) -> Iterator[Warned]:
    n = len(table.plan.seeds)
    if n == 1:
        yield Warned("", "one seed: there are no intervals, and nothing can be claimed")
    elif n < FEW:
        yield Warned("", f"{n} seeds: {_wide(n)}")
    for protocol in table.plan.protocols:
        base, *others = table.of(protocol.name)
        for row in others:
            pairs = len(row.results.keys() & base.results.keys())
            if pairs < min(n, FEW):
                said = {0: "nothing is compared", 1: "there are no intervals, and nothing can be claimed"}
                yield Warned(
                    row.arm.label, f"{pairs} of {n} pairs count ({protocol.name}): {said.get(pairs, _wide(pairs))}"
                )


def _wide(pairs: int) -> str:
    return f"intervals are wide, and a sign-flip test cannot come below {2 / 2**pairs:.3g}"


def _data(table: Table) -> Iterator[Warned]:
    results = [result for row in table.rows for result in row.results.values()]
    if any(result.data_source == "synthetic" for result in results):
        yield Warned("", "the data are made up: accuracies mean nothing")
    if any(result.published is False for result in results):
        yield Warned("", "the data files are not the published ones")
    if table.plan.options.limit is not None:
        yield Warned("", f"--limit: at most {table.plan.options.limit} examples of each part")
    if len({result.scored_on for result in results}) > 1:
        yield Warned("", "not all are scored on the same part of the data")


def _selection(table: Table) -> Iterator[Warned]:
    results = [result for row in table.rows for result in row.results.values()]
    if any(result.scored_on == "validation" and result.patience is not None for result in results):
        yield Warned(
            "", "accuracy is that of validation, which also chose the epoch: it is optimistic (there is no test part)"
        )
    if any(result.scored_on == "train" for result in results):
        yield Warned("", "accuracy is that of training: the program has neither validation nor test")


def _machine(table: Table) -> Iterator[Warned]:
    records = [record for row in table.rows for record in row.records.values()]
    busy = [share for record in records if (share := record.get("others_share") or 0) > BUSY]
    if table.plan.jobs > 1:
        yield Warned("", f"{table.plan.jobs} runs at once: times include their waiting for each other")
    elif busy:
        yield Warned(
            "", f"other processes took up to {max(busy):.0%} of the machine during {len(busy)} of {len(records)} runs"
        )
    for name in GOVERNED:
        apart = [r for r in records if "after" in r and _at(r, "before", name) != _at(r, "after", name)]
        if apart:
            yield Warned("", f"the machine's {name} changed during {len(apart)} of {len(records)} runs")
    sittings = {record.get("sitting") for record in records}
    if len(sittings) > 1:
        yield Warned("", f"measured in {len(sittings)} sittings: the first run of each met a machine that had rested")
    if (drift := _drift(table)) is not None and abs(drift) > DRIFT:
        word = "rose" if drift > 0 else "fell"
        yield Warned("", f"times {word} by {abs(drift):.1%} from the first run to the last: the machine drifted")
    waited = [record for record in records if (record.get("cooled_s") or 0) > 60]
    if waited:
        yield Warned("", f"{len(waited)} runs began warmer than the first by more than 2 °C, after a minute of waiting")


def _at(record: Mapping[str, Any], when: str, name: str) -> object:
    """A condition before or after a run."""
    return (record.get(when) or {}).get(name)


def _meters(table: Table) -> Iterator[Warned]:
    """What the instruments say of their own figures."""
    return of_meters([r.energy for row in table.rows for r in row.results.values() if r.energy.domains])


def of_meters(energies: Sequence[Energy]) -> Iterator[Warned]:
    """Notes of some runs' instruments, each once."""
    yield from (Warned("", f"energy, {text}") for text in gathered([energy.notes for energy in energies]))


def _order(table: Table) -> dict[tuple[str, int], int]:
    """The runs that count in the order in which they were made: not the planned one where some were made again."""
    planned = {(run.arm.key, run.seed): index for index, run in enumerate(table.plan.runs())}
    begun = {
        (row.arm.key, seed): str(record.get("started") or "")
        for row in table.rows
        for seed, record in row.records.items()
    }
    return {key: index for index, key in enumerate(sorted(begun, key=lambda key: (begun[key], planned[key])))}


def _drift(table: Table) -> float | None:
    """How far seconds a pass moved along the bench, as a share: least squares on the order of runs, each arm about its own mean.

    None where the slope is within two of its standard errors.
    """
    points: list[tuple[float, float]] = []
    order = _order(table)
    for row in table.rows:
        own = [
            (order[row.arm.key, seed], math.log(value))
            for seed, value in row.figures["s_per_pass"].values.items()
            if value > 0
        ]
        if len(own) > 1:
            at = sum(x for x, _ in own) / len(own), sum(y for _, y in own) / len(own)
            points += [(x - at[0], y - at[1]) for x, y in own]
    squares = sum(x * x for x, _ in points)
    freedom = len(points) - 1 - sum(len(row.results) > 1 for row in table.rows)
    if freedom < 3 or squares == 0:
        return None
    slope = sum(x * y for x, y in points) / squares
    error = math.sqrt(sum((y - slope * x) ** 2 for x, y in points) / freedom / squares)
    return math.expm1(slope * (len(order) - 1)) if abs(slope) > 2 * error else None


def _arm(row: Row) -> Iterator[Warned]:
    about = row.arm.label
    for text in row.arm.far:
        yield Warned(about, f"far from its paper's conditions: {text}")
    for text in row.arm.differs:
        yield Warned(about, f"differs in more than `learn` and `train`: {text}")
    for text in row.arm.trains:
        yield Warned(about, f"trains otherwise: {text}")
    for result in row.results.values():
        energy = result.energy
        if not energy.joules or energy.resolution_s is None:
            continue
        if (error := energy.random / energy.joules) > WANTED:
            yield Warned(
                about,
                f"{result.train_s:.2g} s of training are short for a meter that moves every {energy.resolution_s:.2g} s: "
                f"joules err by {error:.1%}, and {(error / WANTED) ** 2:.2g} times as many passes would bring that to {WANTED:.0%}",
            )
            break
    if any(result.energy.exclusive is False for result in row.results.values()):
        yield Warned(about, "another process was seen on the device: its energy is in the figure")
    slowed = [result for result in row.results.values() if result.energy.throttled > 0]
    if slowed:
        yield Warned(
            about, f"the board was slowed down for heat or power during {len(slowed)} of {len(row.results)} runs"
        )
    gap = max((result.energy.power_gap for result in row.results.values()), default=0.0)
    if gap > GAP:
        yield Warned(about, f"the energy counter and the power sampled beside it are {gap:.0%} apart")
    if row.arm.protocol == "converged":
        capped = [
            r for r in row.results.values() if any(why != "patience" for _, epochs, why in r.phases if epochs > 1)
        ]
        if capped:
            yield Warned(about, f"{len(capped)} of {len(row.results)} runs came to the cap of epochs: not converged")


def _floor(table: Table, protocol: str) -> Iterator[Warned]:
    rows = table.of(protocol)
    floors = [row for row in rows if row.arm.floor and row.figures["accuracy"].summary is not None]
    for floor in floors:
        least = floor.figures["accuracy"].summary
        assert least is not None
        for row in rows:
            own = row.figures["accuracy"].summary
            if own is not None and not row.arm.floor and own.mean <= least.mean:
                yield Warned(
                    row.arm.label,
                    f"no more accurate than `{floor.arm.label}`, whose hidden blocks learn nothing ({protocol})",
                )
