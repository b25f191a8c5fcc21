"""The published study's cells that a small machine can run, by `lpc bench`: `examples/study/`, both protocols, beside its figures.

    python -m benchmarks.study --data DIR [--out DIR] [--quick] [--only CELL ...] [--threads N] [--table]

Every cell is a bench in a folder of its own, which goes on where it was: the command can be stopped and started at will, and run in
the background. `--quick` makes two seeds, few passes and a tenth of the data of each cell, into a folder of its own: the
shape of the table, not its figures. `--table` trains nothing. The table is Markdown, as in `docs/study.md`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lpc.lab.bench_json import FILE
from lpc.lab.bench_reading import bench_findings
from lpc.lab.figures_text import against_text, figure_text
from lpc.lab.findings import Entry, Findings
from lpc.lab.metrics import BY_NAME, Metric

PROGRAMS = Path(__file__).parents[1] / "examples" / "study"
QUICK = ("--seeds", "2", "--limit", "5000")


@dataclass(frozen=True)
class Cell:
    """One bench: a program under one protocol. `first` and `rerun`: what the study's two editions say, by variant."""

    program: str
    protocol: str
    seeds: int
    options: tuple[str, ...] = ()
    first: Mapping[str, str] = field(default_factory=dict)
    rerun: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.program}-{self.protocol}"

    def length(self, quick: bool) -> tuple[str, ...]:
        """`matched`: as the program says; `converged`: the re-run's cap and patience, of each training unit."""
        if self.protocol == "converged":
            epochs, patience = ("8", "2") if quick else ("100", "20")
            return ("--set", f"train.epochs={epochs}", "--patience", patience)
        return ("--set", "train.epochs=4") if quick else ()


CELLS = (
    Cell(
        "mnist", "matched", 6,
        first={"base": "+0.09 points, time ×0.88, 15.3 passes against 16"},
        rerun={"base": "−0.22 points, time ×1.04, energy ×0.98"},
    ),
    Cell(
        "mnist", "converged", 6,
        rerun={"base": "+0.19 points, time ×3.64, energy ×3.64"},
    ),
    Cell(
        "fashion_mnist", "matched", 6, ("--controls",),
        first={"base": "+0.51 points, time ×1.18, 23 passes against 17.7"},
        rerun={"base": "−0.49 points, time ×0.99, energy ×0.96"},
    ),
    Cell(
        "fashion_mnist", "converged", 6, ("--controls",),
        rerun={
            "base": "+0.01 points, time ×4.21, energy ×4.03",
            "deep_supervision": "+0.04 points, energy ×1.07",
            "joint_losses": "−0.09 points, energy ×1.31",
        },
    ),
    Cell(
        "forward_forward", "matched", 3,
        first={"base": "+0.24 points, time ×4.42, 77 passes against 35"},
        rerun={"base": "at own convergence −1.10 points, time ×4.1; a pass ×1.5 to 2.0"},
    ),
    Cell(
        "cascade_mnist", "matched", 3,
        first={
            "base": "−0.32 points, time ×1.88, 30 passes against 15.3",
            "dfa": "+0.08 points, time ×2.25, 37 passes against 15.3",
        },
        rerun={"base": "at own convergence −0.34 points, time ×3.9", "dfa": "at own convergence −0.34 points, time ×3.6"},
    ),
    Cell(
        "cascade_fashion_mnist", "matched", 3,
        first={
            "base": "+1.11 points, time ×3.05, 44.3 passes against 13.3",
            "dfa": "+2.47 points, time ×3.01, 47.3 passes against 13.3",
        },
        rerun={"base": "at own convergence −0.39 points, time ×6.5", "dfa": "at own convergence +0.23 points, time ×4.6"},
    ),
)  # fmt: skip
"""In the order of their interest: whoever stops early has the most of it."""

COLUMNS = (
    ("accuracy", "Δ points"),
    ("time_s", "time"),
    ("data_passes", "passes"),
    ("s_per_pass", "s/pass"),
    ("flops", "FLOPs"),
    ("peak_process_bytes", "process memory"),
    ("joules", "energy"),
)
HEAD = (
    "| cell | variant | n | accuracy | " + " | ".join(title for _, title in COLUMNS) + " | first edition | re-run |",
    "| --- | --- | --- | --- |" + " --- |" * (len(COLUMNS) + 2),
)


def command(cell: Cell, folder: Path, data: Path, quick: bool = False, threads: int = 0) -> list[str]:
    """What follows `lpc` to make the cell's bench, or to go on with it."""
    made = ["bench", str(PROGRAMS / f"{cell.program}.lp"), *cell.options, "--protocol", cell.protocol]
    made += [*cell.length(quick), *(QUICK if quick else ("--seeds", str(cell.seeds)))]
    made += ["--threads", str(threads)] if threads else []
    return [*made, "--data", str(data), "--out", str(folder)]


def bench(cell: Cell, folder: Path, options: argparse.Namespace) -> int:
    """Make the cell's bench, or go on with it; the exit status of `lpc bench`."""
    made = command(cell, folder, options.data, options.quick, options.threads)
    return subprocess.run([sys.executable, "-m", "lpc", *made], check=False, stdout=subprocess.DEVNULL).returncode


def lines(cell: Cell, made: Findings) -> Iterator[str]:
    """The rows of a cell: the baseline first, others against it, with intervals."""
    for entry in sorted(made.entries, key=lambda one: bool(one.against)):
        accuracy = entry.figures["accuracy"]
        shown = [cell.name, f"`{entry.variant}`", str(accuracy.summary.n if accuracy.summary else 0)]
        shown.append(figure_text(BY_NAME["accuracy"], accuracy))
        shown += [_compared(BY_NAME[name], entry) for name, _ in COLUMNS]
        said = [cell.first.get(entry.variant, ""), cell.rerun.get(entry.variant, "")]
        yield "| " + " | ".join([*shown, *said]) + " |"


def _compared(metric: Metric, entry: Entry) -> str:
    """A figure against the baseline's; the baseline's own, but for the accuracy, which has a column of its own."""
    if entry.figures[metric.name].summary is None:
        return "not measured"
    if entry.against:
        return against_text(metric, entry.against[metric.name])
    return "" if metric.name == "accuracy" else figure_text(metric, entry.figures[metric.name])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.study", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("data"), help="where the files of both data sets are")
    parser.add_argument("--out", type=Path, default=Path("runs/study"))
    parser.add_argument("--quick", action="store_true", help="the shape of it, about fifteen minutes")
    parser.add_argument("--only", nargs="+", choices=[cell.name for cell in CELLS], metavar="CELL")
    parser.add_argument("--threads", type=int, default=0, help="of each run; 0: torch's choice")
    parser.add_argument("--table", action="store_true", help="train nothing, show what is there")
    options = parser.parse_args(arguments)
    out = options.out / "quick" if options.quick else options.out
    out.mkdir(parents=True, exist_ok=True)
    status = 0
    rows: list[str] = []
    for cell in CELLS:
        if not options.table and cell.name in (options.only or [cell.name]):
            status = bench(cell, out / cell.name, options) or status
        folder = out / cell.name
        if (folder / FILE).exists():
            rows += lines(cell, bench_findings(folder))
            (out / "table.md").write_text(table(rows, options.quick), encoding="utf-8")
    print(table(rows, options.quick), end="")
    return status


def table(rows: Sequence[str], quick: bool) -> str:
    """Markdown; of the short version marked as such."""
    mark = (
        ["The short version: two seeds, few passes, a tenth of the data. Its figures say nothing.", ""] if quick else []
    )
    return "\n".join([*mark, *HEAD, *rows]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
