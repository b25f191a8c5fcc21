"""What a `lpc tune` is of: a program's variants, what they are tuned for, and under which names their studies are kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.storages import BaseStorage

from lpc.ir.program import Program
from lpc.lab.plan import Options
from lpc.lab.tune import Subject
from lpc.lab.tune_objectives import Objective, Unfit, objectives
from lpc.lab.tune_programs import Settings, require_tunable
from lpc.lab.tune_study import Study
from lpc.source import Source
from lpc.version import VERSION


@dataclass(frozen=True)
class TunePlan:
    source: Source
    programs: Mapping[str, Program]
    """By variant."""
    settings: Settings
    objectives: tuple[Objective, ...]
    seed: int
    options: Options

    @property
    def name(self) -> str:
        return next(iter(self.programs.values())).name

    def identity(self) -> dict[str, Any]:
        """What trials must share to be of one study: the program, what is asked of it, and the data."""
        return {
            "lpc": VERSION,
            "program": self.source.sha256,
            "settings": dict(self.settings),
            "objectives": [objective.title for objective in self.objectives],
            "seed": self.seed,
            "limit": self.options.limit,
            "synthetic": self.options.data == "synthetic",
        }

    def study_name(self, variant: str) -> str:
        """Tells studies apart that share a server: machines with the same command share one, others do not."""
        digest = hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()
        return f"{self.name}-{variant}-{digest[:12]}"

    def open(self, storage: BaseStorage, worker: str) -> list[Subject]:
        """Each variant's study, made where it is not there."""
        directions = ["maximize" if objective.more else "minimize" for objective in self.objectives]
        return [
            Subject(variant, program, self.settings, self.objectives, self._study(storage, variant, directions, worker))
            for variant, program in self.programs.items()
        ]

    def _study(self, storage: BaseStorage, variant: str, directions: list[str], worker: str) -> Study:
        found = optuna.create_study(
            storage=storage, study_name=self.study_name(variant), directions=directions, load_if_exists=True
        )
        if "lpc" not in found.user_attrs:
            found.set_user_attr("lpc", self.identity())
        return Study(found, variant, self.objectives, self.seed, worker)


def make_plan(
    source: Source,
    programs: Mapping[str, Program],
    settings: Settings,
    names: tuple[str, ...],
    seed: int,
    options: Options,
) -> tuple[TunePlan, list[str]]:
    """The plan, and the variants that search nothing. Raises Unfit."""
    tuned = {variant: program for variant, program in programs.items() if program.searches}
    for variant, program in (tuned or programs).items():
        require_tunable(source, variant, program, settings)
    found = [objectives(names, program) for program in tuned.values()]
    if any(one != found[0] for one in found):
        raise Unfit("the variants' targets differ: tune them one by one (--variant)")
    plan = TunePlan(source, tuned, settings, found[0], seed, options)
    return plan, [variant for variant in programs if variant not in tuned]
