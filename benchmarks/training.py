"""Whole training of MNIST 2x1000 by generated scripts, against nothing but the steps of backpropagation as everyone writes it.

    python -m benchmarks.training --data DIR [--epochs 10] [--rounds 3] [--threads N]

A script's time is all that `python train.py` does once torch is loaded (with what the first optimizer of a process loads, most
of a second): data, initial weights, training, metering, progress,
log, checkpoints, test, result. Bare steps are as many steps of `by_hand.backprop.Usual` on batches that lie ready. All run in one
process, in turn; ratios are taken within a round, and the median counts. Seconds are of the wall clock; those of the processor,
beside them, are this process's own: on a machine that is shared, run one thread and read these.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from benchmarks import emitted
from benchmarks.by_hand import backprop
from benchmarks.by_hand.trainer import on
from benchmarks.machine import Others
from benchmarks.steps import SIZES, batches

BATCH, EXAMPLES = 128, 60_000
STEPS = -(-EXAMPLES // BATCH)
"""Of a pass over the data."""
BOUNDS = {"mono_forward": 0.82, "backprop": 0.96}
OUTSIDE = 0.05
BARE = "bare steps, as usual"
PROGRAM = f"""network timed
data image, label = mnist
block hidden1 = image   -> flatten -> linear(1000) -> relu
block hidden2 = hidden1 -> linear(1000) -> relu
block readout = hidden2 -> linear(10)
objective cross_entropy(readout, label)
learn all with RULE
train epochs = 1, batch = {BATCH}, optimizer = adam(lr = 1e-3), seed = 1
measure energy, memory, flops
"""


@dataclass(frozen=True)
class Spent:
    """One run: seconds of the wall clock and of the processor, and where a script says they went."""

    wall: float
    own: float
    in_steps: tuple[float, float] = (0.0, 0.0)
    phases: dict[str, float] = field(default_factory=dict)


class Timed:
    """A step that adds up the seconds spent in it, of the wall clock and of the processor."""

    def __init__(self, step: Callable[..., Any]) -> None:
        self.step, self.wall, self.own = step, 0.0, 0.0

    def __call__(self, *arguments: Any) -> Any:
        began, own = time.perf_counter(), time.process_time()
        result = self.step(*arguments)
        self.wall += time.perf_counter() - began
        self.own += time.process_time() - own
        return result


def whole(module: ModuleType, options: argparse.Namespace, out: Path) -> Spent:
    """Everything a script does, from its options to its result."""
    (phase,) = module.TASK.phases
    timed = Timed(phase.step)
    task = dataclasses.replace(module.TASK, phases=(dataclasses.replace(phase, step=timed),))
    arguments = ["--data", str(options.data), "--out", str(out), "--overwrite", "--epochs", str(options.epochs)]
    began, own = time.perf_counter(), time.process_time()
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(said):
        status = module.main(task, arguments)
    wall, own = time.perf_counter() - began, time.process_time() - own
    if status:
        raise SystemExit(f"the script failed: {said.getvalue().splitlines()[-1]}")
    result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    return Spent(wall, own, (timed.wall, timed.own), result["time"])


def bare(epochs: int) -> Spent:
    """As many steps as a script makes, and nothing else."""
    size = SIZES["784-1000-1000-10"]
    step = on(backprop.Usual(size.dims), batches(size))
    step()
    began, own = time.perf_counter(), time.process_time()
    for _ in range(epochs * STEPS):
        step()
    return Spent(time.perf_counter() - began, time.process_time() - own)


def rounds(options: argparse.Namespace, folder: Path) -> dict[str, list[Spent]]:
    """Every way of training in every round, one after another."""
    modules = {rule: emitted.compiled(PROGRAM.replace("RULE", rule), rule, folder) for rule in BOUNDS}
    taken: dict[str, list[Spent]] = {name: [] for name in (BARE, *modules)}
    for number in range(options.rounds):
        names = list(taken) if number % 2 == 0 else list(reversed(taken))
        for name in names:
            spent = bare(options.epochs) if name == BARE else whole(modules[name], options, folder / f"{name}_run")
            taken[name].append(spent)
    return taken


def median(taken: Sequence[Spent], over: Sequence[Spent], value: Callable[[Spent], float]) -> float:
    return statistics.median(value(a) / value(b) for a, b in zip(taken, over, strict=True))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("data"), help="where MNIST's files are")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    others = Others()
    with tempfile.TemporaryDirectory() as folder:
        taken = rounds(options, Path(folder))
    print(f"{options.epochs} epochs, {options.threads} threads, median of {options.rounds} rounds; other programs took")
    print(f"{others.share():.0%} of the machine")
    print("| | wall s | ratio | processor s | ratio | outside the step |\n| --- | --- | --- | --- | --- | --- |")
    within = True
    for name, runs in taken.items():
        wall, own = (statistics.median(values) for values in zip(*((r.wall, r.own) for r in runs), strict=True))
        ratio, owned = (median(runs, taken[BARE], value) for value in (lambda r: r.wall, lambda r: r.own))
        outside = statistics.median(1 - r.in_steps[0] / r.wall for r in runs)
        outside_own = statistics.median(1 - r.in_steps[1] / r.own for r in runs)
        share = "" if name == BARE else f"{outside:.1%} of wall, {outside_own:.1%} of processor"
        print(f"| {name} | {wall:.2f} | {ratio:.3f} | {own:.2f} | {owned:.3f} | {share} |", flush=True)
        if name != BARE:
            within = within and ratio <= BOUNDS[name] and outside <= OUTSIDE
    for name, bound in BOUNDS.items():
        ratio = median(taken[name], taken[BARE], lambda run: run.wall)
        phases = ", ".join(f"{phase} {seconds:.2f}" for phase, seconds in taken[name][-1].phases.items() if seconds)
        print(f"{name}: {'within' if ratio <= bound else 'OVER'} {bound}; the last run's result says {phases}")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
