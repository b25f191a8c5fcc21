"""Time of one training step: generated scripts beside the best written by hand, and rules beside backpropagation.

    python -m benchmarks.steps [--network 784-1000-1000-10 ...] [--rules backprop ...] [--by-hand] [--rounds 15] [--processor]

All that is compared runs in one process, interleaved (see `compare.py`). Batches are drawn, not read.
Freed memory is kept, as in every generated script. Seconds are of the wall clock; on a machine that others use at the
same time, `--processor` runs one thread and takes seconds of its own.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from benchmarks import emitted
from benchmarks.by_hand import backprop, direct_feedback_alignment, forward_forward, mono_forward
from benchmarks.by_hand.trainer import Trainer, on
from benchmarks.compare import Comparison, Step, compare
from lpc.runtime.heap import keep_heap


@dataclass(frozen=True)
class Size:
    """A network, and the most that a generated step may take of the best by hand."""

    dims: tuple[int, ...]
    batch: int
    bound: float
    wide: bool
    """Bounds on ratios between rules, and to backpropagation as usual, are for networks whose products dominate."""


SIZES = {
    "784-1000-1000-10": Size((784, 1000, 1000, 10), 128, 1.05, wide=True),
    "3072-2000-2000-2000-10": Size((3072, 2000, 2000, 2000, 10), 128, 1.05, wide=True),
    "64-64-32-10": Size((64, 64, 32, 10), 64, 1.10, wide=False),
}
USUAL = "backprop, as usual"
USUAL_BOUND = 0.85
"""Generated backpropagation against backpropagation as everyone writes it."""
RULE_BOUNDS = {"mono_forward": 0.87, "forward_forward": 1.55, "direct_feedback_alignment": 0.87}
"""A data pass of a rule against one of backpropagation, both generated."""


BY_HAND: dict[str, dict[str, Callable[[Size], Trainer]]] = {
    "backprop": {"fused": lambda size: backprop.Fused(size.dims)},
    "mono_forward": {
        "at once": lambda size: mono_forward.AtOnce(size.dims),
        "together": lambda size: mono_forward.Together(size.dims),
    },
    "forward_forward": {
        "at once": lambda size: forward_forward.AtOnce(size.dims, size.batch),
        "together": lambda size: forward_forward.Together(size.dims, size.batch),
    },
    "direct_feedback_alignment": {"cut": lambda size: direct_feedback_alignment.Cut(size.dims)},
}


def batches(size: Size, count: int = 32) -> list[tuple[Tensor, Tensor]]:
    """Inputs in [0, 1], as images are, and labels: [batch, inputs] and [batch]."""
    generator = torch.Generator().manual_seed(0)
    return [
        (
            torch.rand(size.batch, size.dims[0], generator=generator),
            torch.randint(0, size.dims[-1], (size.batch,), generator=generator),
        )
        for _ in range(count)
    ]


def hand_written(rule: str) -> list[str]:
    return [f"{rule}, by hand, {spelling}" for spelling in BY_HAND[rule]]


def generated(rule: str) -> str:
    return f"{rule}, generated"


def steps(size: Size, rules: Sequence[str], folder: Path | None) -> dict[str, Step]:
    """Everything that is timed for one network; scripts are written to `folder`, or left out without one."""
    data = batches(size)
    made = {USUAL: on(backprop.Usual(size.dims), data)}
    for rule in rules:
        for name, make in zip(hand_written(rule), BY_HAND[rule].values(), strict=True):
            made[name] = on(make(size), data)
        if folder is not None:
            text = emitted.program(size.dims, rule, size.batch)
            module = emitted.compiled(text, f"{rule}_{size.dims[0]}", folder)
            made[generated(rule)] = emitted.step_of(module, data)
    return made


def verdicts(taken: Comparison, size: Size, rules: Sequence[str]) -> Iterator[tuple[str, str, float | None]]:
    """What is compared with what, and the bound of their ratio where there is one."""
    best = {rule: taken.best(hand_written(rule)) for rule in rules}
    scripts = [rule for rule in rules if generated(rule) in taken.seconds]
    for rule in scripts:
        yield generated(rule), best[rule], size.bound
    if "backprop" not in rules:
        return
    if "backprop" in scripts:
        yield generated("backprop"), USUAL, USUAL_BOUND if size.wide else None
    for rule, bound in RULE_BOUNDS.items():
        if rule in scripts and "backprop" in scripts:
            yield generated(rule), generated("backprop"), bound if size.wide else None
        if rule in rules:
            yield best[rule], best["backprop"], None


def sentence(name: str, over: str, ratio: float, bound: float | None) -> str:
    verdict = "" if bound is None else f": {'within' if ratio <= bound else 'OVER'} {bound:.2f}"
    return f"  {ratio:.3f}  {name} / {over}{verdict}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.steps", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--network", nargs="+", choices=SIZES, default=list(SIZES), help="widths, from inputs to classes"
    )
    parser.add_argument("--rules", nargs="+", choices=BY_HAND, default=list(BY_HAND))
    parser.add_argument("--by-hand", action="store_true", help="leave the generated scripts out")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.3, help="of every variant in every round")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--heap-as-is", action="store_true", help="do not keep freed memory")
    parser.add_argument("--processor", action="store_true", help="one thread, and seconds of the processor")
    options = parser.parse_args(arguments)
    if options.processor:
        options.threads = 1
    clock = time.process_time if options.processor else time.perf_counter
    torch.set_num_threads(options.threads)
    if not options.heap_as_is:
        keep_heap()  # as every generated script does: else page faults strike whichever variant they happen to
    within = True
    for network in options.network:
        size = SIZES[network]
        with tempfile.TemporaryDirectory() as folder:
            todo = steps(size, options.rules, None if options.by_hand else Path(folder))
            taken = compare(todo, options.rounds, options.seconds, clock=clock)
        how = f"{options.threads} threads, {options.rounds} rounds of {options.seconds} s"
        how += ", processor time" if options.processor else ""
        print(f"\n{network}, batch {size.batch}, {how}")
        print(taken.table(over=USUAL))
        for name, over, bound in verdicts(taken, size, options.rules):
            ratio = taken.ratio(name, over)
            print(sentence(name, over, ratio, bound), flush=True)
            within = within and (bound is None or ratio <= bound)
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
