"""A run's `result.json`, read: the one place that knows its keys (`docs/result.schema.json`), with `energy` for its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from lpc.lab.energy import Energy, energy_of, number

RESULT = "result.json"
PLAN = "plan.json"
"""Of a bench, which is no run."""
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
        raise Unreadable(_nothing_at(path)) from problem
    except OSError as problem:
        raise Unreadable(f"{RESULT} cannot be read: {problem.strerror}") from problem
    except ValueError as problem:
        raise Unreadable(_no_json(file)) from problem
    if not isinstance(found, dict) or found.get("schema_version") != 1:
        raise Unreadable("result.json is no result of a script of lpc's")
    return result_of(found, file)


def _nothing_at(path: Path) -> str:
    if not path.is_dir():
        return f"no such {'file' if path.suffix else 'folder'}"
    if (path / PLAN).exists():
        return "that is a bench, not a run: its runs are below its folder `runs`"
    return f"no {RESULT}: the run did not finish"


def _no_json(file: Path) -> str:
    """A file that somebody wrote is not called half a result."""
    if file.suffix == ".lp":
        return f"that is a program, not a run: `lpc run {file.name}` first"
    return f"{RESULT} is not whole" if file.name == RESULT else f"neither a run's folder nor its {RESULT}"


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
        accuracy=number(score.get("accuracy")),
        loss=number(score.get("loss")),
        train_s=float(_at(time, "train_s", (int, float))),
        total_s=float(_at(time, "total_s", (int, float))),
        peak_allocated=memory.get("peak_allocated_bytes"),
        peak_process=memory.get("peak_process_bytes"),
        flops=flops.get("total"),
        energy=energy_of(energy),
    )


def _at(found: Any, key: str, kind: type[T] | tuple[type[Any], ...]) -> T:
    value = found.get(key) if isinstance(found, Mapping) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Unreadable(f"result.json has no `{key}` as it should be")
    return value
