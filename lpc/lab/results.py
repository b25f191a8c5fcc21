"""A run's `result.json`, read: the one place that knows its keys (`docs/result.schema.json`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

RESULT = "result.json"
ENOUGH = 0.99
"""The share of a training window that must be covered for its joules to count."""
T = TypeVar("T")


class Unreadable(Exception):
    """A file that is no result of a finished run, and why."""


@dataclass(frozen=True)
class Environment:
    """Where a run took place. Runs of two environments are not compared."""

    torch: str
    python: str
    device: str
    device_name: str
    threads: int
    platform: str


@dataclass(frozen=True)
class Energy:
    """Joules of a run's training window, validation and checkpoints left out. `joules` None: not known, `why` says so."""

    joules: float | None = None
    systematic: float = 0.0
    """Of `joules`, one standard deviation that cancels in a ratio on one device."""
    resolution_s: float | None = None
    """Of the slowest instrument among those summed."""
    contains: tuple[str, ...] = ()
    """The domains summed with their sources: `gpu: nvml-counter`."""
    missing: tuple[str, ...] = ()
    exclusive: bool | None = None
    throttled: float = 0.0
    """The share of looks at which a board was slowed down for heat or power."""
    power_gap: float = 0.0
    """How far a counter and the power sampled beside it were apart, as a share."""
    why: str = ""


@dataclass(frozen=True)
class Result:
    """A finished run. Times in seconds, memory in bytes; None is not known."""

    path: Path
    program: str
    variant: str
    """`base` for the program without one."""
    seed: int
    source_sha256: str
    settings: Mapping[str, str]
    rules: Mapping[str, str]
    environment: Environment
    conditions: Mapping[str, object]
    """What the meter says of the device: power limit, driver."""
    data_source: str
    published: bool | None
    examples: Mapping[str, int | None]
    epochs: int | None
    batch: int | None
    order: str
    patience: int | None
    data_passes: int
    phases: tuple[tuple[str, int, str], ...]
    """Name, epochs run and why it stopped, of each."""
    scored_on: str
    """`test`, else `validation`, else `train`."""
    accuracy: float | None
    loss: float | None
    train_s: float
    total_s: float
    peak_allocated: int | None
    peak_process: int | None
    flops: int | None
    energy: Energy = field(default_factory=Energy)

    @property
    def name(self) -> str:
        return f"{self.program} {self.variant}, seed {self.seed}"


def read_result(path: Path) -> Result:
    """A run's result from its folder or file. Raises Unreadable."""
    file = path / RESULT if path.is_dir() else path
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError as problem:
        raise Unreadable("no result.json: the run did not finish") from problem
    except OSError as problem:
        raise Unreadable(f"result.json cannot be read: {problem.strerror}") from problem
    except ValueError as problem:
        raise Unreadable("result.json is not whole") from problem
    if not isinstance(found, dict) or found.get("schema_version") != 1:
        raise Unreadable("result.json is no result of a script of lpc's")
    return result_of(found, file)


def result_of(found: Mapping[str, Any], file: Path) -> Result:
    """The same from the parsed file."""
    scored_on = next((part for part in ("test", "validation") if found.get(part)), "train")
    score = _at(found, scored_on, dict)
    environment, protocol, data = (_at(found, key, dict) for key in ("environment", "protocol", "data"))
    time, memory, flops = _at(found, "time", dict), found.get("memory") or {}, found.get("flops") or {}
    energy = found.get("energy")
    return Result(
        path=file,
        program=_at(found, "program", str),
        variant=found.get("variant") or "base",
        seed=_at(found, "seed", int),
        source_sha256=_at(found, "source_sha256", str),
        settings=_at(found, "settings", dict),
        rules=_at(found, "rules", dict),
        environment=Environment(
            torch=_at(environment, "torch", str),
            python=_at(environment, "python", str),
            device=_at(environment, "device", str),
            device_name=_at(environment, "device_name", str),
            threads=_at(environment, "threads", int),
            platform=_at(environment, "platform", str),
        ),
        conditions=dict((energy or {}).get("conditions") or {}),
        data_source=_at(data, "source", str),
        published=data.get("published"),
        examples=_at(data, "examples", dict),
        epochs=protocol.get("epochs"),
        batch=protocol.get("batch"),
        order=_at(protocol, "order", str),
        patience=protocol.get("patience"),
        data_passes=_at(protocol, "data_passes", int),
        phases=tuple(
            (_at(phase, "name", str), _at(phase, "epochs_run", int), _at(phase, "stopped_by", str))
            for phase in _at(protocol, "phases", list)
        ),
        scored_on=scored_on,
        accuracy=_number(score.get("accuracy")),
        loss=_number(score.get("loss")),
        train_s=float(_at(time, "train_s", (int, float))),
        total_s=float(_at(time, "total_s", (int, float))),
        peak_allocated=memory.get("peak_allocated_bytes"),
        peak_process=memory.get("peak_process_bytes"),
        flops=flops.get("total"),
        energy=energy_of(energy),
    )


def energy_of(energy: Mapping[str, Any] | None) -> Energy:
    """What was measured in training, summed over domains; estimates are no part of it."""
    if not energy:
        return Energy(why="the program does not `measure energy`")
    seconds = _number(((energy.get("phases") or {}).get("train") or {}).get("seconds")) or 0.0
    joules, systematic, resolutions, contains, missing, notes = 0.0, 0.0, [], [], [], []
    alone: list[bool | None] = []
    throttled, gap = 0.0, 0.0
    for domain in energy.get("domains") or []:
        name, source = str(domain.get("domain")), str(domain.get("source"))
        train = (domain.get("phases") or {}).get("train") or {}
        measured, covered = _number(train.get("joules")), _number(train.get("window_s")) or 0.0
        if source.startswith("estimate"):
            missing.append(name)
            notes.append(f"{name}: an estimate, no measurement")
        elif source == "none" or measured is None:
            missing.append(name)
            notes.append(str(domain.get("note") or f"{name}: nothing was measured in training"))
        elif covered < ENOUGH * seconds:
            missing.append(name)
            notes.append(f"{name}: {seconds - covered:.3g} s of {seconds:.3g} s of training were lost")
        else:
            joules += measured
            uncertainty = train.get("uncertainty") or {}
            systematic = (systematic**2 + (_number(uncertainty.get("systematic")) or 0.0) ** 2) ** 0.5
            resolutions.append(_number(domain.get("resolution_s")))
            contains.append(f"{name}: {source}")
            if domain.get("scope") == "board":  # a processor is always shared
                alone.append(domain.get("exclusive"))
            throttled = max(throttled, _number(domain.get("throttled_share")) or 0.0)
            gap = max(gap, abs(_number(domain.get("power_gap")) or 0.0))
    if not contains:
        return Energy(missing=tuple(missing), why="; ".join(dict.fromkeys(notes)) or "there is no meter")
    known = [resolution for resolution in resolutions if resolution is not None]
    exclusive = False if False in alone else None if None in alone or not alone else True
    return Energy(
        joules=joules,
        systematic=systematic,
        resolution_s=max(known, default=None),
        contains=tuple(contains),
        missing=tuple(missing),
        exclusive=exclusive,
        throttled=throttled,
        power_gap=gap,
        why="; ".join(notes),
    )


def _at(found: Any, key: str, kind: type[T] | tuple[type[Any], ...]) -> T:
    value = found.get(key) if isinstance(found, Mapping) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Unreadable(f"result.json has no `{key}` as it should be")
    return value


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
