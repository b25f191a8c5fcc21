"""The study's command: its programs compile, its benches are ones that `lpc bench` takes, its table says what they found."""

from __future__ import annotations

from pathlib import Path

import pytest

import lpc
from benchmarks.study import CELLS, COLUMNS, HEAD, PROGRAMS, Cell, command, lines, main, table
from lpc.lab.bench import Bench
from lpc.lab.bench_json import FILE, bench_json
from lpc.lab.bench_reading import bench_findings
from lpc.lab.comparison import tabulate
from lpc.lab.conditions import Conditions
from lpc.lab.files import write_json
from tests.cli.running import lpc as lpc_command
from tests.lab.made_runs import Launcher, plan, usual


@pytest.mark.parametrize("program", sorted({cell.program for cell in CELLS}))
def test_programs_have_no_errors_and_both_protocols_a_baseline(program: str) -> None:
    checked = lpc.check(PROGRAMS / f"{program}.lp")
    assert checked.ok
    assert (PROGRAMS / f"{program}.lp").read_text(encoding="utf-8").count("variant backprop") == 1


def test_all_programs_are_in_a_cell() -> None:
    assert {path.stem for path in PROGRAMS.glob("*.lp")} == {cell.program for cell in CELLS}


def test_a_cell_says_the_baseline_first_and_what_is_against_it(tmp_path: Path) -> None:
    planned = plan("base", "slow")
    Bench(planned, tmp_path, Launcher(usual), look_now=Conditions).conduct(planned.runs())
    write_json(tmp_path / FILE, bench_json(tabulate(tmp_path, planned, {}), []))
    rows = list(lines(Cell("mnist", "matched", 3, first={"base": "a figure"}), bench_findings(tmp_path)))
    baseline, slow = (row.split(" | ") for row in rows)
    assert len(baseline) == len(slow) == len(HEAD[0].split(" | ")) == 6 + len(COLUMNS)
    assert (baseline[1], slow[1]) == ("`base`", "`slow`")
    assert baseline[-2] == "a figure" and slow[-2] == ""
    time = 4 + [metric for metric, _ in COLUMNS].index("time_s")
    assert baseline[time].endswith(" s") and slow[time].startswith("×") and "[" in slow[time]


def test_the_table_is_there_before_anything_is_trained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--table", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == list(HEAD)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_a_cell_is_a_bench_that_lpc_takes(cell: Cell, tmp_path: Path) -> None:
    """All the way to its data, which is not there: nothing is trained, nothing stays."""
    done = lpc_command(*command(cell, tmp_path / "cell", tmp_path, quick=cell.seeds == 3, threads=1))
    assert done.status == 2
    assert "train-images-idx3-ubyte.gz" in done.err
    assert not (tmp_path / "cell").exists()


def test_the_short_version_is_marked_as_such() -> None:
    assert table(["| a row |"], quick=True).startswith("The short version: ")
    assert table(["| a row |"], quick=False) == "\n".join([*HEAD, "| a row |"]) + "\n"
    assert CELLS[0].length(quick=True) == ("--set", "train.epochs=4")
    assert CELLS[1].length(quick=False) == ("--set", "train.epochs=100", "--patience", "20")
