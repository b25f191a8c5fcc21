"""What `lpc bench` adds to the runs it starts: its wall time less the sum of theirs.

    python -m benchmarks.bench_overhead [--program examples/fashion.lp] [--data data] [--seeds 3] [--epochs 2]

The variants of a program, the warm-up pair among the runs. Bound: 3 % of the wall time. A run's time is from its start as a process
to its end, so what is left is compiling every variant, looking at the machine, writing files, and the table.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
BOUND = 0.03


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--program", default=str(ROOT / "examples" / "fashion.lp"))
    parser.add_argument("--data", default="data")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument(
        "--limit", type=int, help="examples of each part, for a smoke run: the figure is then not the figure"
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "lpc", "bench", options.program, "--out", folder, "--data", options.data]
        command += ["--seeds", str(options.seeds), "--set", f"train.epochs={options.epochs}"]
        command += ["--limit", str(options.limit)] if options.limit else []
        began = time.monotonic()
        status = subprocess.run(command, check=False, cwd=Path.cwd()).returncode
        wall = time.monotonic() - began
        if status:
            return status
        runs = [json.loads(path.read_text(encoding="utf-8"))["wall_s"] for path in Path(folder).rglob("run.json")]
    share = (wall - sum(runs)) / wall
    good = share <= BOUND
    print(
        f"\n{len(runs)} runs of {sum(runs):.1f} s in a bench of {wall:.1f} s: {wall - sum(runs):.2f} s, {share:.2%} of it, are lpc's own"
    )
    print(f"bound {BOUND:.0%}: {'within' if good else 'OVER'}")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
