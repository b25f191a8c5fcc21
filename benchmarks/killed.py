"""Whether a bench that is killed ends in the table of one that is not.

    python -m benchmarks.killed [--kills 20]

A bench of two variants of a small network on the handwritten digits is run undisturbed, then again, killed by `kill -9` at random
moments and started anew each time. What the runs compute (accuracies, losses, passes, operations, which runs are counted) has to be the
same to the last bit; what is measured (times, memory) is of other runs and is not compared.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROGRAM = """network killed
data image, label = digits(validation = 20%)
block hidden = image -> flatten -> linear(16) -> relu
block readout = hidden -> linear(10)
objective cross_entropy(readout, label)
learn all with mono_forward
train epochs = 1, batch = 64, seed = 1
measure memory
variant backprop { learn all with backprop }
"""
COMPUTED = ("accuracy", "loss", "data_passes", "flops")


def start(folder: Path, program: Path, seeds: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "lpc", "bench", str(program), "--out", str(folder), "--seeds", str(seeds)]
    return subprocess.Popen([*command, "--threads", "1", "--quiet"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finished(folder: Path, program: Path, seeds: int) -> dict[str, Any]:
    """What a bench that is left alone ends in. Raises RuntimeError where it fails."""
    process = start(folder, program, seeds)
    said = process.communicate()[1].decode()
    if process.returncode:
        raise RuntimeError(said)
    return computed(json.loads((folder / "bench.json").read_text(encoding="utf-8")))


def computed(table: dict[str, Any]) -> dict[str, Any]:
    """What of a table does not hang on how fast the machine is."""
    rows = [
        {
            **{key: value for key, value in row.items() if key not in ("metrics", "against")},
            "metrics": {name: row["metrics"][name] for name in COMPUTED},
            "against": row["against"] and {name: row["against"][name] for name in COMPUTED},
        }
        for row in table["variants"]
    ]
    kept = ("seeds", "order", "baseline", "protocols", "refused", "strangers")
    return {**{key: table[key] for key in kept}, "variants": rows}


def killed(folder: Path, program: Path, seeds: int, draw: random.Random, kills: int, longest: float) -> int:
    """Start and kill a bench until it has ended by itself, or so many times; how often it was killed."""
    for count in range(kills):
        process = start(folder, program, seeds)
        until = time.monotonic() + draw.uniform(0, longest)
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        if process.poll() is not None:
            return count
        process.send_signal(signal.SIGKILL)
        process.communicate()
    return kills


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    options = parser.parse_args(arguments)
    draw, done, good = random.Random(options.seed), 0, True
    with tempfile.TemporaryDirectory() as place:
        program = Path(place) / "killed.lp"
        program.write_text(PROGRAM, encoding="utf-8")
        began = time.monotonic()
        expected = finished(Path(place) / "undisturbed", program, options.seeds)
        each = (time.monotonic() - began) / (2 + 2 * options.seeds)
        print(f"undisturbed: {2 * options.seeds} runs of {each:.1f} s", flush=True)
        while done < options.kills:
            folder = Path(place) / f"killed-{done}"
            count = killed(folder, program, options.seeds, draw, options.kills - done, 4 * each)
            same = finished(folder, program, options.seeds) == expected
            good, done = good and same, done + count
            print(
                f"killed {count} times: {'the same table' if same else 'ANOTHER TABLE'} ({done} of {options.kills})",
                flush=True,
            )
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
