"""Runs that nobody trained: results as a script leaves them, and a launcher that leaves them at once."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lpc.lab.arms import Arm
from lpc.lab.plan import Plan
from lpc.lab.protocols import Length, Protocol

MATCHED = Protocol("matched", Length("epochs", 3))
CONVERGED = Protocol("converged", Length("epochs", 30), patience=5)


def arm(label: str, protocol: str = "matched", **changes: Any) -> Arm:
    """An arm whose script is its name."""
    made: dict[str, Any] = {
        "label": label,
        "protocol": protocol,
        "program_name": "made",
        "file": "made.lp",
        "variant": label,
        "settings": (("train.epochs", "3"),),
        "source_sha256": "0" * 64,
        "script": f"# {label} {protocol}\n",
        "rules": {"hidden": label},
        "length": 3,
    }
    return Arm(**{**made, **changes})


def plan(
    *labels: str, seeds: Sequence[int] = (1, 2, 3), protocols: Sequence[Protocol] = (MATCHED,), **changes: Any
) -> Plan:
    arms = tuple(arm(label, protocol.name) for protocol in protocols for label in labels)
    return Plan("made", arms, labels[0], tuple(protocols), tuple(seeds), **changes)


def domain(joules: float | None, seconds: float, **changes: Any) -> dict[str, Any]:
    """A GPU's energy: of training all but a tenth."""
    if joules is None:
        nothing = dict.fromkeys(("joules", "resolution_s", "uncertainty", "exclusive"))
        told = {"domain": "gpu", "source": "none", "samples": 0, "phases": {}, "note": "no GPU to measure"}
        return {**told, **nothing, **changes}
    error = {"joules": 0.019 * joules, "systematic": 0.018 * joules, "random": 0.006 * joules}
    made = {
        "domain": "gpu",
        "source": "nvml-counter",
        "joules": joules,
        "resolution_s": 0.1,
        "uncertainty": {"joules": 0.021 * joules, "systematic": 0.02 * joules},
        "exclusive": True,
        "samples": 12,
        "phases": {"train": {"joules": 0.9 * joules, "window_s": seconds, "uncertainty": error}},
        "note": "",
    }
    return {**made, **changes}


def result(seed: int = 1, /, **changes: Any) -> dict[str, Any]:
    """A result.json; `changes` by path: `time.train_s`."""
    seconds = changes.get("time.train_s", 2.0)
    made: dict[str, Any] = {
        "schema_version": 1,
        "program": "made",
        "variant": "base",
        "seed": seed,
        "source_sha256": "0" * 64,
        "settings": {"train.epochs": "3"},
        "rules": {"hidden": "base"},
        "environment": {
            "torch": "2.13.0",
            "python": "3.11.7",
            "device": "cuda",
            "device_name": "A100",
            "threads": 2,
            "platform": "Linux",
        },
        "data": {"source": "digits", "examples": {"train": 90, "validation": 10, "test": None}},
        "protocol": {
            "epochs": 3,
            "batch": 64,
            "order": "simultaneous",
            "patience": None,
            "data_passes": 3,
            "phases": [{"name": "train", "epochs_run": 3, "stopped_by": "epochs"}],
        },
        "train": {"loss": 0.1, "accuracy": 0.9},
        "validation": {"loss": 0.2, "accuracy": 0.9},
        "test": None,
        "time": {"train_s": seconds, "total_s": seconds + 1},
        "memory": {"peak_allocated_bytes": 2**20, "peak_process_bytes": 2**28},
        "flops": {"total": 3_000_000},
        "energy": {
            "domains": [domain(100.0, seconds)],
            "phases": {"train": {"seconds": seconds, "joules": 90.0}},
            "conditions": {"gpu_driver": "595"},
        },
    }
    for place, value in changes.items():
        at = made
        *above, last = place.split(".")
        for key in above:
            at = at[key]
        at[last] = value
    return made


def noise(*what: object) -> float:
    """Between -1 and 1, the same for the same words."""
    import hashlib

    return int.from_bytes(hashlib.sha256(repr(what).encode()).digest()[:4], "big") / 2**31 - 1


def usual(label: str, seed: int) -> dict[str, Any]:
    """A plausible result: `slow` takes a quarter longer; seeds have days of their own."""
    day = math.exp(0.1 * noise(seed))
    seconds = 8.0 * day * (1.25 if label == "slow" else 1.0) * math.exp(0.01 * noise(label, seed, "s"))
    accuracy = 0.9 + 0.01 * noise(seed, "a") + 0.002 * noise(label, seed, "a")
    energy = [domain(100 * seconds, seconds)]
    found = result(seed, **{"time.train_s": seconds, "validation.accuracy": accuracy, "energy.domains": energy})
    return {**found, "variant": label}


@dataclass
class Ended:
    """A child that has ended already."""

    status: int

    def poll(self) -> int:
        return self.status

    def wait(self) -> int:
        return self.status

    def terminate(self) -> None: ...


@dataclass
class Launcher:
    """Leaves `make(label, seed)` where the script would have. `statuses` by label; what was started is in `started`."""

    make: Callable[[str, int], Mapping[str, Any]] = usual
    statuses: Mapping[str, int] = field(default_factory=dict)
    started: list[tuple[str, int]] = field(default_factory=list)
    die_after: int | None = None

    def __call__(self, script: Path, arguments: Sequence[str], folder: Path) -> Ended:
        if self.die_after is not None and len(self.started) >= self.die_after:
            raise KeyboardInterrupt
        found = re.match(r"# (\S+) ", script.read_text(encoding="utf-8"))
        assert found
        label, seed = found[1], int(arguments[arguments.index("--seed") + 1])
        self.started.append((label, seed))
        status = self.statuses.get(label, 0)
        if status == 0:
            (folder / "result.json").write_text(json.dumps(self.make(label, seed)), encoding="utf-8")
            (folder / "checkpoint.pt").write_bytes(b"large")
            (folder / "model.pt").write_bytes(b"small")
        else:
            (folder / "stderr.txt").write_text("made: nothing is finite\n", encoding="utf-8")
        return Ended(status)
