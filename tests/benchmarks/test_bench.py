"""The benchmarks of `lpc bench`, small: a bench killed for good, and what a bench adds to its runs."""

from __future__ import annotations

import copy
import sys

import pytest

from benchmarks import bench_overhead, intervals, killed
from tests.cli.running import ROOT


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9 on Windows")
def test_a_killed_bench_ends_in_the_same_table(capfd: pytest.CaptureFixture[str]) -> None:
    assert killed.main(["--kills", "2", "--seeds", "2"]) == 0
    said = capfd.readouterr().out
    assert "the same table (2 of 2)" in said


def test_another_accuracy_would_be_another_table() -> None:
    row = {"label": "a", "metrics": {name: {"mean": 1.0} for name in (*killed.COMPUTED, "time_s")}, "against": None}
    table = dict.fromkeys(("seeds", "order", "baseline", "protocols", "refused", "strangers")) | {"variants": [row]}
    other = copy.deepcopy(table)
    other["variants"][0]["metrics"]["time_s"]["mean"] = 2.0  # type: ignore[index]
    assert killed.computed(table) == killed.computed(other)
    other["variants"][0]["metrics"]["accuracy"]["mean"] = 2.0  # type: ignore[index]
    assert killed.computed(table) != killed.computed(other)


@pytest.mark.slow
def test_the_overhead_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    program = str(ROOT / "examples" / "digits.lp")
    assert bench_overhead.main(["--program", program, "--seeds", "1", "--epochs", "1", "--limit", "100"]) in (0, 1)
    said = capfd.readouterr().out
    assert "4 runs of " in said
    assert "bound 3%: " in said


def test_the_benches_of_intervals_are_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "PAIRS", (6,))
    assert intervals.main(["--benches", "2"]) == 1
    assert "NOT AS PROMISED" in capsys.readouterr().out
