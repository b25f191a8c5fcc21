"""Activation memory of one training step against depth: a chain of linear(512) and ReLU blocks, batch 4096, plain SGD.

    python -m benchmarks.memory [--depths 8 32 128] [--by-hand]

A figure is the most that torch's CPU allocator held during the second step, beyond what stood before it (parameters,
optimizer state, batch): every allocation and release counted, exact and repeatable. Resident memory would not do: what a process
has freed it may keep. Every point is a fresh process. Activations of one block are 8 MiB here, its weight is 1 MiB.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from benchmarks import emitted
from benchmarks.by_hand import chain
from benchmarks.by_hand.trainer import Trainer, on
from benchmarks.compare import Step

WIDTH, BATCH, CLASSES = 512, 4096, 10
BY_HAND: dict[str, Callable[[int, int], Trainer]] = {"mono_forward": chain.MonoForward, "backprop": chain.Backprop}
GROWTH, MOST = 1.05, 40.0
"""Bounds for generated Mono-Forward: the deepest chain over the shallowest, and MiB at any depth."""


def make(rule: str, way: str, depth: int, folder: Path) -> Step:
    """The step of a chain, `way` being `by hand` or `generated`."""
    batches = [(torch.rand(BATCH, WIDTH), torch.randint(0, CLASSES, (BATCH,)))]
    if way == "by hand":
        return on(BY_HAND[rule](depth, WIDTH), batches)
    return emitted.step_of(emitted.compiled(emitted.chain(depth, WIDTH, rule, BATCH), "chain", folder), batches)


def most_held(step: Step, folder: Path) -> int:
    """Bytes that torch's allocator held at most during the call, beyond what stood before it."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        step()
    trace = folder / "trace.json"
    profile.export_chrome_trace(str(trace))
    events = json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]
    changes = [event["args"] for event in events if event.get("name") == "[memory]"]
    before = int(changes[0]["Total Allocated"]) - int(changes[0]["Bytes"])
    return max(int(change["Total Allocated"]) for change in changes) - before


def measure(rule: str, way: str, depth: int) -> float:
    """MiB of the second step, in this process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        step = make(rule, way, depth, folder)
        step()
        return most_held(step, folder) / 2**20


def in_a_fresh_process(rule: str, way: str, depth: int) -> float:
    command = [sys.executable, "-m", "benchmarks.memory", "--point", rule, way, str(depth)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.splitlines()[-1])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.memory", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--depths", nargs="+", type=int, default=[8, 32, 128])
    parser.add_argument("--by-hand", action="store_true", help="leave the generated scripts out")
    parser.add_argument("--point", nargs=3, metavar=("RULE", "WAY", "DEPTH"), help="measure one point in this process")
    options = parser.parse_args(arguments)
    if options.point:
        rule, way, depth = options.point
        print(measure(rule, way, int(depth)))
        return 0
    print(f"MiB at depth{'':20}" + "".join(f"{depth:10}" for depth in options.depths))
    within = True
    for rule in BY_HAND:
        for way in ["by hand"] if options.by_hand else ["by hand", "generated"]:
            held = [in_a_fresh_process(rule, way, depth) for depth in options.depths]
            print(f"{rule + ', ' + way:32}" + "".join(f"{mib:10.1f}" for mib in held), flush=True)
            if (rule, way) == ("mono_forward", "generated"):
                growth = held[-1] / held[0]
                within = growth <= GROWTH and max(held) <= MOST
                verdict = "within" if within else "OVER"
                print(
                    f"  {growth:.3f} times from first to last depth, {verdict} {GROWTH} and {MOST:.0f} MiB", flush=True
                )
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
