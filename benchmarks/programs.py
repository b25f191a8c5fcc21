"""Found bugs: random programs over the whole language, and a broken version of each. None may end in a traceback.

    python -m benchmarks.programs [--examples 10000] [--seed 1] [--jobs N] [--save DIR] [--chunk 500]

Each program is refused with diagnostics, or it compiles. What compiles (the base, and every variant) is held against the reference
interpreter in float64, in both orders of its step where these differ; its script then runs as the program says, on data made for
it, in this process, and one in a hundred also as a process of its own. The same applies to the broken version.

A chunk of programs is a fresh process, so that a crash or growing memory names its chunk. Programs follow from `--seed` and
the chunk's number, whatever `--jobs`. The first failure of a chunk ends it: its program is made as small as it will go, printed, and
saved in `--save`. Exit status 1 where anything failed.

A run that was stopped goes on with the same command, where it had a `--save`: a chunk that ended well is not drawn again, as long as
nothing of lpc and of these benchmarks has changed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import lpc
from benchmarks import tally
from benchmarks.tally import Tally

TALLY, LAST = "tally.json", "last.lp"
SOURCES = {".py", ".j2", ".lark"}
PATIENCE = 10, 3600
"""Seconds a chunk may take: so many a program, and some more in which a failure is made smaller."""


def started(number: int, examples: int, seed: int) -> Tally:
    """A chunk in a process of its own. One that leaves no tally crashed, on the last program it began."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.programs", "--worker", folder]
        command += ["--examples", str(examples), "--seed", str(seed)]
        limit = examples * PATIENCE[0] + PATIENCE[1]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=limit)
            status, said = f"crashed with status {done.returncode}", done.stderr[-4000:]
        except subprocess.TimeoutExpired:
            status, said = f"came to no end in {limit} s", ""
        result, last = Path(folder, TALLY), Path(folder, LAST)
        if result.exists():
            return tally.read(result.read_text(encoding="utf-8"))
        text = last.read_text(encoding="utf-8", errors="replace") if last.exists() else ""
        return Tally(failures=[{"text": text, "what": f"chunk {number} {status}", "trace": said}])


def version() -> str:
    """A digest of all that a verdict hangs on: lpc, and these benchmarks."""
    here = Path(__file__).parent
    roots = [Path(lpc.__file__).parent, here, here.parent / "grammar"]
    files = sorted(path for root in roots for path in root.rglob("*") if path.suffix in SOURCES)
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:12]


def kept(number: int, examples: int, seed: int, save: Path | None) -> Tally:
    """A chunk, or what an earlier run left of it."""
    path = save and save / f"{version()}-seed{seed}-chunk{number}-{examples}.json"
    if path and path.exists():
        return tally.read(path.read_text(encoding="utf-8"))
    found = started(number, examples, 1_000_000 * seed + number)
    if path and not found.failures:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(tally.written(found), encoding="utf-8")
        part.replace(path)
    return found


def run(examples: int, seed: int, jobs: int, size: int, save: Path | None) -> Tally:
    """All chunks, a line each."""
    sizes = [min(size, examples - start) for start in range(0, examples, size)]
    total, began = Tally(), time.perf_counter()
    with ThreadPoolExecutor(jobs) as pool:
        waiting = {pool.submit(kept, number, count, seed, save): number for number, count in enumerate(sizes)}
        for done in as_completed(waiting):
            number, found = waiting[done], done.result()
            total.add(found)
            print(
                f"chunk {number}: {found.drawn} programs, {found.legal} legal, {found.compiled} compiled, "
                f"{found.seconds:.0f} s, {sum(found.mib):.0f} MiB; "
                f"{total.drawn} of {examples} after {time.perf_counter() - began:.0f} s",
                flush=True,
            )
            for failure in found.failures:
                report(number, failure, save)
    return total


def report(number: int, failure: Mapping[str, str], save: Path | None) -> None:
    print(f"\nFAILED in chunk {number}: {failure['what']}\n\n{failure['text']}\n{failure['trace']}", flush=True)
    if save is not None:
        save.mkdir(parents=True, exist_ok=True)
        (save / f"chunk{number}.lp").write_bytes(failure["text"].encode("utf-8", "surrogatepass"))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.programs", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time")
    parser.add_argument("--chunk", type=int, default=500, help="programs a process")
    parser.add_argument("--save", type=Path, help="where programs that failed are kept, and what was done")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.worker:
        from benchmarks.drawing import chunk

        found = chunk(options.examples, options.seed, options.worker)
        (options.worker / TALLY).write_text(tally.written(found), encoding="utf-8")
        return 0
    total = run(options.examples, options.seed, options.jobs, options.chunk, options.save)
    print(f"\n{tally.summary(total)}")
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main())
