"""How long `lpc check` takes as a whole process, against importing the two libraries that it is written with.

    python -m benchmarks.startup [--rounds 21]

Every command is started once a round, in turn, with the modules' bytecode cached; a figure is the median of the rounds' ratios. Seconds
of the wall clock and of the processor: a process of one thread on an idle machine takes as many of the one as of the
other, and on a shared machine the second are the process's own.
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
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMPORTS = "import lark, networkx"
BOUND = 1.5
MODULE = [sys.executable, "-m", "lpc"]
PROGRAM = "examples/digits.lp"
COMMANDS: dict[str, list[str]] = {
    f'python -c "{IMPORTS}"': [sys.executable, "-c", IMPORTS],
    "python -c pass": [sys.executable, "-c", "pass"],
    "lpc check digits.lp": [*MODULE, "check", PROGRAM],
    "lpc compile digits.lp": [*MODULE, "compile", PROGRAM, "-o", "-"],
    "lpc fmt --check digits.lp": [*MODULE, "fmt", "--check", PROGRAM],
    "lpc --version": [*MODULE, "--version"],
    "lpc --help": [*MODULE, "--help"],
}
BASE, CHECK = f'python -c "{IMPORTS}"', "lpc check digits.lp"
HEAVY = ("torch", "numpy", "sklearn", "networkx", "jinja2", "lark", "click")
FORBIDDEN = {
    "lpc check digits.lp": {"torch", "numpy", "sklearn"},
    "lpc fmt --check digits.lp": {"torch", "numpy", "sklearn", "networkx", "jinja2"},
    "lpc --version": {"torch", "numpy", "sklearn", "networkx", "jinja2"},
    "lpc --help": {"torch", "numpy", "sklearn", "networkx", "jinja2"},
}
"""What a command must not import."""


def environment(bytecode: Path) -> dict[str, str]:
    """This process's, but for Python's own settings; bytecode is kept in a folder of ours, so that the first start is the slow one."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**own, "PYTHONPYCACHEPREFIX": str(bytecode)}


def start(command: Sequence[str], env: Mapping[str, str]) -> tuple[float, float]:
    """Wall and processor seconds of one process from its start to its end."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env, cwd=ROOT)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def imported(command: Sequence[str], env: Mapping[str, str]) -> set[str]:
    """Top-level names of all modules that a `python` command imports."""
    python, *rest = command
    done = subprocess.run(
        [python, "-X", "importtime", *rest], check=True, capture_output=True, text=True, env=env, cwd=ROOT
    )
    names = (line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:"))
    return {name.partition(".")[0] for name in names}


def compare(rounds: int, env: Mapping[str, str]) -> dict[str, list[tuple[float, float]]]:
    """Wall and processor seconds of every command, a round a pair."""
    for command in COMMANDS.values():
        start(command, env)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for number in range(rounds):
        names = list(COMMANDS) if number % 2 else list(reversed(COMMANDS))
        for name in names:
            taken[name].append(start(COMMANDS[name], env))
    return taken


def ratio(over: Sequence[float], under: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.startup", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args(arguments)
    within = True
    with tempfile.TemporaryDirectory() as folder:
        env = environment(Path(folder))
        taken = compare(options.rounds, env)
        print(
            f"| {'command':34} | wall ms | ratio | processor ms | ratio | imports |\n| --- | --- | --- | --- | --- | --- |"
        )
        base_wall, base_own = zip(*taken[BASE], strict=True)
        for name, command in COMMANDS.items():
            wall, own = zip(*taken[name], strict=True)
            modules = imported(command, env)
            figures = f"{statistics.median(wall) * 1e3:.0f} | {ratio(wall, base_wall):.2f} | "
            figures += f"{statistics.median(own) * 1e3:.0f} | {ratio(own, base_own):.2f}"
            print(f"| {name:34} | {figures} | {' '.join(m for m in HEAVY if m in modules)} |", flush=True)
            if wrong := modules & FORBIDDEN.get(name, set()):
                print(f"  OVER: imports {', '.join(sorted(wrong))}")
                within = False
    wall, _ = zip(*taken[CHECK], strict=True)
    check = ratio(wall, base_wall)
    print(f"{CHECK} / {BASE}: {check:.2f}, {'within' if check <= BOUND else 'OVER'} {BOUND}")
    return 0 if within and check <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
