"""What is tuned for: the validation part's figure, joules or seconds of training. The test part is no objective."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lpc.ir.program import Program
from lpc.ir.types import Label
from lpc.lab.results import Result

NAMES = ("accuracy", "energy", "time")


class Unfit(Exception):
    """What was asked for does not fit the program, in one line."""


@dataclass(frozen=True)
class Objective:
    name: str
    """As `--objective` has it; `accuracy` of a target that is no class is the loss."""
    title: str
    unit: str
    more: bool
    """More is better."""
    of: Callable[[Result], float | None]
    missing: Callable[[Result], str]
    """Why `of` gives None."""

    def text(self, value: float) -> str:
        if self.unit == "%":
            return f"{100 * value:.2f} %"
        return f"{value:.4g}{f' {self.unit}' if self.unit else ''}"

    def better(self, one: float, other: float) -> bool:
        return one > other if self.more else one < other


ACCURACY = Objective("accuracy", "validation accuracy", "%", True, lambda r: r.accuracy, lambda _: "there is none")
LOSS = Objective("accuracy", "validation loss", "", False, lambda r: r.loss, lambda _: "there is none")
ENERGY = Objective("energy", "joules of training", "J", False, lambda r: r.energy.joules, lambda r: r.energy.why)
TIME = Objective("time", "seconds of training", "s", False, lambda r: r.train_s, lambda _: "there is none")


def scores_text(found: Sequence[Objective], values: Sequence[float]) -> str:
    """`validation accuracy 97.22 %, joules of training 12.5 J`."""
    return ", ".join(
        f"{objective.title} {objective.text(value)}" for objective, value in zip(found, values, strict=True)
    )


def objectives(names: Sequence[str], program: Program) -> tuple[Objective, ...]:
    """The objectives in the order given, each once. Raises Unfit where the program has no such figure."""
    assert program.network is not None and program.objective is not None
    is_class = isinstance(program.network.type_of(program.objective.target), Label)
    found = {"accuracy": ACCURACY if is_class else LOSS, "energy": ENERGY, "time": TIME}
    if "energy" in names and not program.measurements.energy:
        raise Unfit("`--objective energy` needs joules, and the program measures none: write `measure energy` into it")
    return tuple(found[name] for name in dict.fromkeys(names))
