"""The mutation score: of the ways in which rules and passes can be wrong, how many laws and validation find.

    python -m benchmarks.mutations --out FOLDER [--rules NAME ...] [--passes NAME ...] [--limit 60] [--seed 0] [--jobs 1]

Changes the code of each learning rule's step and of each optimisation pass (a sign, a transpose, a missing 1/B, a detach dropped,
another stream, an off-by-one, a stale activation, a wrong constant, ...), one change a mutant, `--limit` mutants a rule or pass
drawn by `--seed`. Of a mutant that behaves otherwise on fixed programs, the rule's own laws, the laws of every program and
translation validation are tried until one is broken; a mutant that does not end within a minute of the processor is killed too.
One that fails wherever it is used is not counted, nor one that is equivalent: that computes the same numbers and leaves
nothing behind. Results go to `FOLDER/results.jsonl` as they are found; a run that was stopped goes on. Ends with a table in
Markdown, every survivor by name, and status 1 where the score is below 97 % or fewer than 200 mutants behave otherwise.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # children are forked, and one thread is what a fork has

import hypothesis.strategies
import numpy as np
import torch

from benchmarks.mutants.table import report
from benchmarks.mutants.targets import Target, passes, rules
from benchmarks.mutants.trying import KILLED, SURVIVES, Result, try_all

LIMIT, SCORE, LEAST = 60, 0.97, 200


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mutations", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = {"rules": [target.name for target in rules()], "passes": [target.name for target in passes()]}
    parser.add_argument("--out", type=Path, required=True, help="a folder for results")
    parser.add_argument(
        "--rules", nargs="*", choices=known["rules"], metavar="NAME", help="all, where neither is given"
    )
    parser.add_argument("--passes", nargs="*", choices=known["passes"], metavar="NAME", help=", ".join(known["passes"]))
    parser.add_argument("--becomes", default="", metavar="TEXT", help="only mutants whose changed lines hold this text")
    parser.add_argument("--limit", type=int, default=LIMIT, help="mutants a rule or pass; 0: all there are")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args(arguments)
    began = time.perf_counter()
    torch.set_num_threads(1)
    chosen = _chosen(options.rules, options.passes)
    options.out.mkdir(parents=True, exist_ok=True)
    sampled = [(target, target.sample(options.limit, options.seed, options.becomes)) for target in chosen]
    results = try_all(sampled, options.out / "results.jsonl", digest(), options.jobs, _say)
    print(report(chosen, results))
    _say(
        f"{time.perf_counter() - began:.0f} s, {sum(result.seconds for result in results):.0f} s of the processor in all"
    )
    return 0 if enough(results) else 1


def _chosen(some_rules: Sequence[str] | None, some_passes: Sequence[str] | None) -> list[Target]:
    if some_rules is None and some_passes is None:
        return [*rules(), *passes()]
    named = {*(some_rules or ()), *(some_passes or ())}
    return [target for target in (*rules(), *passes()) if target.name in named]


def enough(results: Sequence[Result]) -> bool:
    """Whether there are as many mutants, and as few survivors, as the project asks for."""
    killed = sum(result.verdict == KILLED for result in results)
    counted = killed + sum(result.verdict == SURVIVES for result in results)
    return counted >= LEAST and killed >= SCORE * counted


def digest() -> str:
    """Of everything that a result follows from: the project's code, and the versions of what draws and computes."""
    root = Path(__file__).resolve().parent.parent
    found = sha256(f"{sys.version} {torch.__version__} {np.__version__} {hypothesis.__version__}".encode())
    for folder in ("lpc", "benchmarks/mutants"):
        for file in sorted((root / folder).rglob("*.py")):
            found.update(file.read_bytes())
    return found.hexdigest()[:16]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
