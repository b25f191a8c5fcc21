"""How compiling grows with the program: chains of 10 to 10 000 blocks under Mono-Forward.

    python -m benchmarks.growth [--lengths 10 100 1000 10000] [--rounds 3] [--flat]

A program of one chain, `block layer[N] = ...`, or with `--flat` of N blocks written out. Every point is a fresh process of
`lpc compile`, the lengths in turn; of several rounds the median counts. Seconds of the wall clock, and of the processor, of which
the ratio is: other programs leave it alone. Memory is the most the process held; this process, which starts it, loads no
torch, for what is large here would be counted there.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks import emitted

WIDTH, BATCH = 64, 64
RATIO, SECONDS, MIB = 1.5, 15.0, 1024.0
"""Bounds: time per block of the longest chain over one of a tenth of it; seconds and MiB of the longest."""


@dataclass(frozen=True)
class Point:
    wall: float
    own: float
    """Seconds of the processor."""
    mib: float
    script: int
    """Bytes of the script."""


def written_out(length: int) -> str:
    """The text of a program of `length` blocks, each with a line of its own."""
    names = ["x", *(f"layer{number}" for number in range(1, length + 1))]
    blocks = [f"block {name} = {before} -> linear({WIDTH}) -> relu" for before, name in pairwise(names)]
    return emitted.whole(WIDTH, 10, blocks, names[-1], "mono_forward", f"batch = {BATCH}, optimizer = sgd(lr = 1e-3)")


def measure(text: str, folder: Path) -> Point:
    """One process of `lpc compile`."""
    source, script = folder / "chain.lp", folder / "chain_script.py"
    source.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "lpc", "compile", str(source), "-o", str(script), "--force"]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Point(wall, used.ru_utime + used.ru_stime, mebibytes(used), script.stat().st_size)


def mebibytes(used: resource.struct_rusage) -> float:
    """The most resident memory: in bytes on macOS, in KiB elsewhere."""
    return used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.growth", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lengths", nargs="+", type=int, default=[10, 100, 1000, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--flat", action="store_true", help="blocks written out instead of a chain")
    options = parser.parse_args(arguments)
    text = written_out if options.flat else lambda length: emitted.chain(length, WIDTH, "mono_forward", BATCH)
    points: dict[int, list[Point]] = {length: [] for length in options.lengths}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.rounds):
            for length, taken in points.items():
                taken.append(measure(text(length), Path(folder)))
    print("| blocks | s | processor s | ms a block | MiB | script KiB |\n| --- | --- | --- | --- | --- | --- |")
    for length, taken in points.items():
        wall, own = (statistics.median(values) for values in zip(*((p.wall, p.own) for p in taken), strict=True))
        most = max(point.mib for point in taken)
        print(
            f"| {length} | {wall:.2f} | {own:.2f} | {own / length * 1e3:.3f} | {most:.0f} | {taken[0].script / 1024:.0f} |"
        )
    return 0 if judged(points) else 1


def judged(points: dict[int, list[Point]]) -> bool:
    """Print what the longest chain may take, and whether it keeps to it."""
    longest = max(points)
    last = points[longest]
    within = statistics.median(p.wall for p in last) <= SECONDS and max(p.mib for p in last) <= MIB
    print(f"{longest} blocks: {'within' if within else 'OVER'} {SECONDS:.0f} s and {MIB:.0f} MiB")
    if (tenth := longest // 10) in points:
        own = [statistics.median(p.own for p in points[length]) / length for length in (longest, tenth)]
        ratio = own[0] / own[1]
        print(f"time per block, {longest} / {tenth}: {ratio:.2f}, {'within' if ratio <= RATIO else 'OVER'} {RATIO}")
        within = within and ratio <= RATIO
    return within


if __name__ == "__main__":
    sys.exit(main())
