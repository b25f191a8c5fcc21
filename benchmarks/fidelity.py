"""Accuracy on MNIST beside published figures: the programs in `benchmarks/fidelity/`, compiled and trained in full.

    python -m benchmarks.fidelity --data DIR [--out DIR] [--quick] [--only NAME ...] [--threads N] [--table]

Every run has a folder of its own in `--out`. A finished run is not made again, a broken one goes on from its checkpoint:
the command can be stopped and started at will. Settings were chosen by validation accuracy on 5 000 held-back
training images; these runs train on all 60 000, and the test set is looked at once, at the end. `--quick` trains a few epochs
of each, into a folder of its own; its bounds are not judged.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).with_suffix("")


@dataclass(frozen=True)
class Run:
    """One training run, what others reached, and what it must reach: percentages of the test set."""

    name: str
    program: str
    published: str
    """Figures that others printed for this rule, with where; not always for this very network."""
    quick: int
    """Epochs of the short version."""
    variant: str | None = None
    seed: int = 1
    least: float | None = None
    below: tuple[str, float] | None = None
    """A run that this one is compared with, and by how much it may be worse: percentage points."""

    def bound(self) -> str:
        if self.below is not None:
            return f"{self.below[0]} - {self.below[1]}"
        return "" if self.least is None else f"{self.least}"


MONO = "98.74 (Gong et al. 2025)"
BACKPROP = "98.69 (Gong et al. 2025)"
FEEDBACK = "97.27, 6x256 (Kao, Hariharan 2024)"
FORWARD = "98.55 (loeweX), 98.33 (Spyra 2025)"
CASCADE = "98.62, 98.88 (Spyra 2025, two editions)"
PREDICTIVE = "equals backprop (Rosenbaum 2022)"
RUNS = (
    Run("mono_forward", "mono_forward", MONO, 6, least=98.0),
    Run("backprop", "mono_forward", BACKPROP, 6, variant="backprop", least=97.9),
    Run("dfa_tanh", "direct_feedback_alignment", FEEDBACK, 6, least=97.5),
    Run("backprop_256", "predictive_coding", "98.19, 6x256 (Kao, Hariharan 2024)", 4),
    Run("predictive_fixed", "predictive_coding", PREDICTIVE, 4, variant="fixed", below=("backprop_256", 0.2)),
    Run("predictive_strict", "predictive_coding", PREDICTIVE, 4, variant="strict", below=("backprop_256", 1.5)),
    Run("cascaded_forward", "cascaded_forward", CASCADE, 2, least=98.0),
    Run("dfa_relu", "direct_feedback_alignment_relu", "", 6),
    Run("forward_forward", "forward_forward", FORWARD, 8, least=97.8),
    Run("mono_forward_2", "mono_forward", MONO, 0, seed=2, least=98.0),
    Run("mono_forward_3", "mono_forward", MONO, 0, seed=3, least=98.0),
    Run("backprop_2", "mono_forward", BACKPROP, 0, variant="backprop", seed=2, least=97.9),
    Run("backprop_3", "mono_forward", BACKPROP, 0, variant="backprop", seed=3, least=97.9),
    Run("least_squares", "cascaded_forward", "", 0, variant="least_squares"),
)
"""In the order of their interest: whoever stops early has the most of it."""


@dataclass(frozen=True)
class Row:
    """What came of a run. Accuracy in per cent of the test set; seconds are the script's own, resumed parts included."""

    name: str
    published: str
    bound: str
    accuracy: float | None
    within: bool | None
    epochs: int | None
    seconds: float | None
    settings: str


def place(run: Run, folder: Path, quick: bool) -> Path:
    """A run's folder: named after it and its program's text, so that an edited program is another run."""
    text = (PROGRAMS / f"{run.program}.lp").read_bytes() + (b"%d" % run.quick if quick else b"")
    return folder / f"{run.name}-{hashlib.sha256(text).hexdigest()[:8]}"


def compiled(run: Run, out: Path, quick: bool) -> Path:
    """The run's script, written beside its folder."""
    script = out.with_name(f"{out.name.replace('-', '_')}.py")
    command = [sys.executable, "-m", "lpc", "compile", str(PROGRAMS / f"{run.program}.lp"), "-o", str(script)]
    command += ["--variant", run.variant] if run.variant else []
    command += ["--set", f"train.epochs={run.quick}"] if quick else []
    done = subprocess.run([*command, "--force"], check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return script


def finished(out: Path) -> dict[str, Any] | None:
    """The result in a run's folder, if it came to one."""
    path = out / "result.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def train(run: Run, folder: Path, options: argparse.Namespace) -> dict[str, Any] | None:
    """The run's result, made now unless it is there; None where training failed, or was stopped."""
    out = place(run, folder, options.quick)
    if finished(out) is None:
        command = [sys.executable, str(compiled(run, out, options.quick)), "--data", str(options.data)]
        command += ["--out", str(out), "--seed", str(run.seed), "--resume", "--quiet"]
        command += ["--threads", str(options.threads)] if options.threads else []
        subprocess.run(command, check=False)
    return finished(out)


def row(run: Run, result: Mapping[str, Any] | None, reached: Mapping[str, float], quick: bool) -> Row:
    """A line of the table; `reached` has the accuracies of runs that this one may be compared with."""
    if result is None:
        return Row(run.name, run.published, run.bound(), None, None, None, None, "")
    accuracy = 100 * float(result["test"]["accuracy"])
    least = run.least
    if run.below is not None:
        beside, points = run.below
        least = reached[beside] - points if beside in reached else None
    within = None if least is None or quick else round(accuracy, 2) >= round(least, 2)
    protocol = result["protocol"]
    settings = f"batch {protocol['batch']}, seed {result['seed']}, {result['environment']['threads']} threads"
    return Row(
        run.name, run.published, run.bound(), accuracy, within, protocol["epochs_run"],
        result["time"]["total_s"], settings,
    )  # fmt: skip


HEAD = ("| run | published | bound | ours | epochs | seconds | |", "| --- | --- | --- | --- | --- | --- | --- |")


def line(row: Row) -> str:
    """A line of a Markdown table."""
    if row.accuracy is None:
        return f"| {row.name} | {row.published} | {row.bound} | not run | | | |"
    verdict = {None: "", True: "within", False: "BELOW"}[row.within]
    seconds = f"{row.seconds:.0f}"
    return f"| {row.name} | {row.published} | {row.bound} | {row.accuracy:.2f} | {row.epochs} | {seconds} | {verdict} |"


def rows(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """A row for every run, in order; those that `--only` leaves out, all of them with `--table`, are found or not, never made."""
    reached: dict[str, float] = {}
    for run in RUNS:
        if options.quick and not run.quick:
            continue
        wanted = not options.table and run.name in (options.only or [run.name])
        result = train(run, folder, options) if wanted else finished(place(run, folder, options.quick))
        made = row(run, result, reached, options.quick)
        if made.accuracy is not None:
            reached[run.name] = made.accuracy
        yield made


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fidelity", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("data"), help="where MNIST's files are")
    parser.add_argument("--out", type=Path, default=Path("runs/fidelity"))
    parser.add_argument("--quick", action="store_true", help="a few epochs of each, about ten minutes")
    parser.add_argument("--only", nargs="+", choices=[run.name for run in RUNS], metavar="NAME")
    parser.add_argument("--threads", type=int, default=0, help="of each run; 0: torch's choice")
    parser.add_argument("--table", action="store_true", help="train nothing, show what is there")
    options = parser.parse_args(arguments)
    folder = options.out / "quick" if options.quick else options.out
    folder.mkdir(parents=True, exist_ok=True)
    if options.quick:
        print("the short version: a few epochs each, bounds are not judged", flush=True)
    print(*HEAD, sep="\n", flush=True)
    made: list[Row] = []
    for each in rows(options, folder):
        made.append(each)
        print(line(each), flush=True)
        text = json.dumps({"quick": options.quick, "runs": [asdict(r) for r in made]}, indent=1)
        (folder / "fidelity.json").write_text(text + "\n", encoding="utf-8")
    asked = [each for each in made if each.name in (options.only or [each.name])]
    return 0 if all(each.accuracy is not None and each.within is not False for each in asked) else 1


if __name__ == "__main__":
    sys.exit(main())
