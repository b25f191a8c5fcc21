"""Where a run stands, saved in `checkpoint.pt` and found again."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lpc.runtime.checkpoint import load_optimizer_state, load_whole, optimizer_state, state, write_whole
from lpc.runtime.data import Splits
from lpc.runtime.failure import BadInput, Failure
from lpc.runtime.options import Options
from lpc.runtime.task import Phase, Task


@dataclass
class Run:
    """A run under way. `step` counts the phase's steps done; losses [steps, columns] and predictions are of its last pass."""

    task: Task
    options: Options
    device: torch.device
    splits: Splits
    net: nn.Module
    clock: Any
    signals: list[int]
    phase: int = 0
    step: int = 0
    losses: Tensor = field(default_factory=lambda: torch.empty(0))
    right: Tensor | int = 0
    judged: int = 0
    best: dict[str, Tensor] | None = None  # the state after the phase's best epoch, under patience
    history: list[dict[str, Any]] = field(default_factory=list)  # the lines of log.jsonl
    optimizers: dict[str, Optimizer] = field(default_factory=dict)

    @property
    def now(self) -> Phase:
        return self.task.phases[self.phase]

    @property
    def size(self) -> int:
        """Examples of a full batch."""
        return self.task.batch or len(self.splits.train[0])

    @property
    def per_epoch(self) -> int:
        return math.ceil(len(self.splits.train[0]) / self.size)

    @property
    def length(self) -> int:
        """Steps of the phase."""
        steps = self.task.steps if self.task.epochs is None else self.task.epochs * self.per_epoch
        return self.now.passes * self.per_epoch if self.now.passes and steps else steps or 0

    def records(self, phase: Phase) -> list[dict[str, Any]]:
        return [record for record in self.history if record["phase"] == phase.name]

    def best_epoch(self, phase: Phase) -> int | None:
        """The first of the epochs that validation likes best, where patience watches the phase."""
        records = self.records(phase) if self.task.patience and phase.watch else []
        return max(records, key=merit)["epoch"] if records else None

    def out_of_patience(self, phase: Phase) -> bool:
        best = self.best_epoch(phase)
        return best is not None and self.records(phase)[-1]["epoch"] - best >= (self.task.patience or 0)

    def final(self) -> dict[str, Any]:
        """The record of the network as a finished run leaves it."""
        best = self.best_epoch(self.now)
        records = [record for record in self.records(self.now) if best in {None, record["epoch"]}]
        return records[-1] if records else {}

    def place(self, block: str) -> str:
        return f"in block {block} ({self.task.places.get(block, '?')})"

    def precision(self) -> AbstractContextManager[object]:
        """Around a step: bf16 computes in bfloat16 what torch deems safe, and keeps parameters in float32."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.task.precision == "bf16" else nullcontext()

    def identity(self) -> dict[str, Any]:
        """What a checkpoint must share with the run that goes on from it. Of several phases none may grow."""
        return {
            "program": self.task.source_sha256,
            "variant": self.task.variant,
            "settings": self.task.settings,
            "seed": self.options.seed,
            "device": self.device.type,
            "number of training examples": len(self.splits.train[0]),
            "length": (self.task.epochs, self.task.steps) if len(self.task.phases) > 1 else None,
        }

    def save(self) -> None:
        content = {
            "identity": self.identity(),
            "parameters": state(self.net),
            "optimizer": optimizer_state(self.net, self.optimizers),
            "losses": self.losses.cpu(),
            "right": int(self.right),
            "clock": self.clock.totals(),
            "random": torch.get_rng_state(),  # nothing here draws from it, foreign code may
            **{name: getattr(self, name) for name in ("phase", "step", "judged", "best", "history")},
        }
        write_whole(self.options.out / "checkpoint.pt", lambda file: torch.save(content, file))

    def load(self) -> None:
        """Go on from the checkpoint; one of another run is refused."""
        path = self.options.out / "checkpoint.pt"
        saved = load_whole(path)
        try:
            for what, value in self.identity().items():
                if saved["identity"][what] != value:
                    raise BadInput(f"{path} has another {what}: {saved['identity'][what]}, not {value}")
            for name in ("phase", "step", "right", "judged", "best", "history"):
                setattr(self, name, saved[name])
            self.net.load_state_dict(saved["parameters"])
            self.optimizers = self.now.optimizers(self.net)
            load_optimizer_state(self.net, self.optimizers, saved["optimizer"])
            self.losses = saved["losses"].to(self.device)
            self.clock.restore(saved["clock"])
            torch.set_rng_state(saved["random"])
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError) as problem:
            raise Failure(f"{path} does not fit this script: {' '.join(str(problem).split())}") from problem
        last = self.records(self.now)[-1:]
        if last and last[0]["step"] == self.step < self.length and self.step % self.per_epoch:
            self.history.pop()  # of a pass that `--steps` cut short, and that now goes on


def merit(record: dict[str, Any]) -> float:
    """What patience watches: validation accuracy, or for a target that is no class, the loss."""
    accuracy, loss = record["validation/accuracy"], record["validation/loss"]
    return float(-loss if accuracy is None else accuracy)
