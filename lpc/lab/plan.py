"""What a bench is going to run: every arm with every seed, in an order drawn by chance, each in a folder of its own."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lpc.lab.arms import Arm
from lpc.lab.protocols import Protocol
from lpc.version import VERSION


@dataclass(frozen=True)
class Options:
    """What scripts are started with, the same for all."""

    data: str | None = None
    device: str | None = None
    threads: int | None = None
    limit: int | None = None
    idle: int | None = None
    download: bool = False

    def arguments(self) -> list[str]:
        given = [(name, value) for name, value in vars(self).items() if value is not None and name != "download"]
        made = [part for name, value in given for part in (f"--{name}", str(value))]
        return [*made, *(["--download"] if self.download else [])]


@dataclass(frozen=True)
class PlannedRun:
    arm: Arm
    seed: int
    warm_up: bool = False

    @property
    def folder(self) -> Path:
        """Under the bench's."""
        return Path("warm-up") / self.arm.key if self.warm_up else Path("runs") / self.arm.key / str(self.seed)


@dataclass(frozen=True)
class Plan:
    """`baseline` is a label; every protocol has an arm of it."""

    name: str
    arms: tuple[Arm, ...]
    baseline: str
    protocols: tuple[Protocol, ...]
    seeds: tuple[int, ...]
    order_seed: int = 1
    options: Options = field(default_factory=Options)
    jobs: int = 1
    left_out: tuple[str, ...] = ()
    """Controls that were asked for and are not among the arms, and why."""

    def of(self, protocol: str) -> list[Arm]:
        """A protocol's arms, the baseline first."""
        found = [arm for arm in self.arms if arm.protocol == protocol]
        return sorted(found, key=lambda arm: arm.label != self.baseline)

    def runs(self) -> Iterator[PlannedRun]:
        """Seed by seed, the arms of each in an order of its own: what drifts along the bench favours none."""
        for seed in self.seeds:
            arms = list(self.arms)
            random.Random(f"{self.order_seed}/{seed}").shuffle(arms)
            yield from (PlannedRun(arm, seed) for arm in arms)

    def warm_ups(self, *, every_arm: bool = False) -> list[PlannedRun]:
        """The pair that is run first and thrown away; all arms of the matched protocol, where their length hangs on it."""
        first = next(iter(self.protocols)).name
        arms = self.of("matched") if every_arm else self.of(first)[:2]
        return [PlannedRun(arm, self.seeds[0], warm_up=True) for arm in arms]

    def name_of(self, run: PlannedRun) -> str:
        """What a run is called to the user; by its protocol too, where there are two."""
        protocol = f" ({run.arm.protocol})" if len(self.protocols) > 1 else ""
        return f"{run.arm.label}{protocol}, {'warm-up' if run.warm_up else f'seed {run.seed}'}"

    def with_arms(self, arms: Sequence[Arm]) -> Plan:
        return replace(self, arms=tuple(arms))

    def identity(self) -> dict[str, Any]:
        """What a bench must share with the folder it goes on in; seeds may be added, and others be left for later."""
        return {
            "version": 1,
            "lpc": VERSION,
            "baseline": self.baseline,
            "protocols": [self.protocol_json(protocol) for protocol in self.protocols],
            "order_seed": self.order_seed,
            "options": {name: value for name, value in vars(self.options).items() if name != "download"},
            "arms": {
                arm.key: {"script_sha256": arm.script_sha256, "settings": dict(arm.settings)} for arm in self.arms
            },
        }

    def protocol_json(self, protocol: Protocol) -> dict[str, Any]:
        return {
            "name": protocol.name,
            "match": protocol.match if protocol.name == "matched" else None,
            "budget": protocol.budget.count,
            "counted_in": protocol.budget.kind,
            "patience": protocol.patience,
            "says": protocol.text(self.baseline),
        }


def other_parts(here: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    """In what two identities differ, in words."""
    words = {"arms": "program or variants", "order_seed": "order seed"}
    return [words.get(name, name) for name, value in here.items() if there.get(name) != value]
