"""What the fidelity table says follows from the results it finds; runs are never made twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import lpc
from benchmarks import fidelity
from benchmarks.fidelity import Run, line, place, row


def result(accuracy: float) -> dict[str, Any]:
    return {
        "seed": 1,
        "test": {"accuracy": accuracy},
        "protocol": {"batch": 128, "epochs_run": 20},
        "environment": {"threads": 2},
        "time": {"total_s": 61.6},
    }


def test_a_run_is_judged_by_its_bound_or_by_another_run() -> None:
    plain = Run("plain", "mono_forward", "98.74 (paper)", 6, least=98.0)
    assert (
        line(row(plain, result(0.985), {}, quick=False))
        == "| plain | 98.74 (paper) | 98.0 | 98.50 | 20 | 62 | within |"
    )
    assert row(plain, result(0.98), {}, quick=False).within is True
    assert row(plain, result(0.9799), {}, quick=False).within is False
    beside = Run("beside", "predictive_coding", "", 4, below=("plain", 0.2))
    assert row(beside, result(0.978), {"plain": 98.0}, quick=False).within is True
    assert row(beside, result(0.9779), {"plain": 98.0}, quick=False).within is False
    assert row(beside, result(0.978), {}, quick=False).within is None


def test_the_short_version_judges_nothing_and_what_was_not_run_says_so() -> None:
    plain = Run("plain", "mono_forward", "", 6, least=98.0)
    assert row(plain, result(0.5), {}, quick=True).within is None
    assert line(row(plain, None, {}, quick=False)) == "| plain |  | 98.0 | not run | | | |"


def test_a_finished_run_is_found_and_not_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = fidelity.RUNS[0]
    out = place(run, tmp_path, quick=False)
    out.mkdir()
    (out / "result.json").write_text(json.dumps(result(0.985)), encoding="utf-8")
    monkeypatch.setattr(fidelity, "compiled", lambda *given: pytest.fail(f"made again: {given}"))
    assert fidelity.main(["--out", str(tmp_path), "--only", run.name]) == 0
    said = capsys.readouterr().out
    assert f"| {run.name} | {run.published} | 98.0 | 98.50 | 20 | 62 | within |" in said
    assert said.count("not run") == len(fidelity.RUNS) - 1
    kept = json.loads((tmp_path / "fidelity.json").read_text(encoding="utf-8"))
    assert (kept["runs"][0]["name"], kept["runs"][0]["accuracy"], kept["runs"][1]["accuracy"]) == (run.name, 98.5, None)


def test_an_edited_program_is_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fidelity, "PROGRAMS", tmp_path)
    run = Run("plain", "p", "", 6)
    (tmp_path / "p.lp").write_text("a", encoding="utf-8")
    before = place(run, tmp_path, quick=False)
    assert before != place(run, tmp_path, quick=True)
    (tmp_path / "p.lp").write_text("b", encoding="utf-8")
    assert before != place(run, tmp_path, quick=False)


def test_every_run_is_of_a_program_that_compiles() -> None:
    names = [run.name for run in fidelity.RUNS]
    assert len(set(names)) == len(names)
    for program, variant in {(run.program, run.variant) for run in fidelity.RUNS}:
        checked = lpc.check(fidelity.PROGRAMS / f"{program}.lp", variant=variant)
        assert not checked.errors, (program, variant)
    for run in fidelity.RUNS:
        assert run.below is None or run.below[0] in names[: names.index(run.name)]
