"""Trials that nobody trains: a script's place is taken by a function of the values it was compiled with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lpc.cli.scripts import read_script
from lpc.lab.plan import Options
from lpc.lab.tune import Tuning
from lpc.lab.tune_plan import TunePlan, make_plan
from lpc.lab.tune_storage import storage_at
from lpc.passes.check import check_source
from lpc.source import Source
from tests.lab.made_runs import domain, result

TUNED = """\
# A program to tune.
network tuned

let width = search(8, 64, int)  # neurons

data image, label = digits(validation = 20%, test = 10%)

block hidden  = image  -> flatten -> linear(width) -> relu
block readout = hidden -> linear(10)

objective cross_entropy(readout, label)

learn all with mono_forward(lr = search(1e-4, 1e-1, log))

train epochs = 6, batch = search(32, 64, 128), optimizer = adam, patience = 2, seed = 1
measure energy

variant backprop { learn all with backprop }
"""


@dataclass(frozen=True)
class Outcome:
    """What a trial would have come to: validation accuracy after each epoch, and what it cost. `status`: of its script."""

    accuracies: Sequence[float]
    seconds: float = 2.0
    joules: float | None = 10.0
    status: int = 0


Trained = Callable[[Mapping[str, str]], Outcome]


def usual(values: Mapping[str, str]) -> Outcome:
    """Better the wider, and the nearer the rate is to 0.01; what it costs goes with the width."""
    width, rate = float(values["width"]), float(values.get("all.mono_forward.lr", 0.01))
    accuracy = 0.5 + width / 200 - 0.1 * abs(rate - 0.01)
    return Outcome([accuracy], seconds=width / 10, joules=width)


@dataclass
class Trainee:
    """A script under way: each look at it is an epoch."""

    folder: Path
    will: Outcome
    made: Mapping[str, Any]
    epoch: int = 0
    told: bool = False

    def poll(self) -> int | None:
        if self.will.status:
            (self.folder / "stderr.txt").write_text("tuned: the loss is nan at step 3\n", encoding="utf-8")
            return self.will.status
        if self.told:
            return 143
        if self.epoch == len(self.will.accuracies):
            (self.folder / "result.json").write_text(json.dumps(self.made), encoding="utf-8")
            return 0
        share = (self.epoch + 1) / len(self.will.accuracies)
        record = {
            "phase": "train",
            "epoch": self.epoch + 1,
            "seconds": share * self.will.seconds,
            "validation/loss": 0.5,
            "validation/accuracy": self.will.accuracies[self.epoch],
            "joules": None if self.will.joules is None else share * self.will.joules,
        }
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        self.epoch += 1
        return None

    def wait(self) -> int:
        while (status := self.poll()) is None:
            pass
        return status

    def terminate(self) -> None:
        self.told = True


@dataclass
class Trainer:
    """Launches such scripts. `started`: variant and values of each; `die_after`: the launch at which the command is killed."""

    trained: Trained = usual
    started: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    arguments: list[list[str]] = field(default_factory=list)
    die_after: int | None = None

    def __call__(self, script: Path, arguments: Sequence[str], folder: Path) -> Trainee:
        if self.die_after is not None and len(self.started) >= self.die_after:
            raise KeyboardInterrupt
        read = read_script(str(script))
        values = dict(read.settings)
        self.started.append((read.variant or "base", values))
        self.arguments.append([*arguments])
        will = self.trained(values)
        accuracy = max(will.accuracies, default=0.0)
        energy = [domain(None if will.joules is None else will.joules / 0.9, will.seconds)]
        changes = {"validation.accuracy": accuracy, "time.train_s": will.seconds, "energy.domains": energy}
        made = {
            **result(1, **{**changes, "energy.phases.train.seconds": will.seconds}),
            "program": "tuned",
            "variant": read.variant,
            "source_sha256": read.source_sha256,
            "settings": values,
        }
        return Trainee(folder, will, made)


def planned(
    text: str = TUNED, variants: Sequence[str] = ("base",), objectives: tuple[str, ...] = ("accuracy",), seed: int = 1
) -> TunePlan:
    checked = check_source(Source("tuned.lp", text))
    assert not checked.errors
    programs = {name: checked.programs[name] for name in variants}
    return make_plan(checked.source, programs, (), objectives, seed, Options())[0]


def tuning(plan: TunePlan, folder: Path, trainer: Trainer, trials: int = 8, **changes: Any) -> Tuning:
    """Carried out in a folder; `url` and `worker` as a second machine would have others."""
    folder.mkdir(exist_ok=True)
    storage = storage_at(changes.pop("url", None), folder).open()
    subjects = plan.open(storage, changes.pop("worker", "here"))
    return Tuning(subjects, folder, trainer, trials, sleep=lambda _: None, **changes)
