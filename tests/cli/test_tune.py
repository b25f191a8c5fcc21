"""`lpc tune`: what it writes, what it refuses, and that it goes on where it was."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from lpc.lab import processes
from lpc.passes.check import check_source
from lpc.source import Source
from tests.cli.running import ROOT, Done, lpc
from tests.lab.made_trials import TUNED, Outcome, Trainer, usual

TRAINER = Trainer()
FOLDER = Path("tune/tuned")
BEST = FOLDER / "tuned-base.lp"


@pytest.fixture
def at_once(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody trains; `tuned.lp` is there."""
    TRAINER.started.clear()
    TRAINER.arguments.clear()
    TRAINER.trained, TRAINER.die_after = usual, None
    monkeypatch.setattr(processes, "launcher", lambda _environment, _lock: TRAINER)
    (here / "tuned.lp").write_text(TUNED, encoding="utf-8")
    return here


def tune(*arguments: str) -> Done:
    return lpc("tune", "tuned.lp", *arguments)


def test_tuning(at_once: Path) -> None:
    done = tune("--variant", "base", "--trials", "4", "--data", "elsewhere")
    assert done.status == 0, done.err
    assert done.out.startswith("base: 4 trials (4 complete)\n  best: trial ")
    assert "  lpc run tuned.lp --set width=" in done.out
    assert "note: the best of several is chosen by the validation part" in done.out
    assert "[4/4] trial 3: validation accuracy " in done.err
    assert done.last == f"{FOLDER / 'tune.csv'} and tune.json hold every trial; {BEST} has the values in place"
    assert all(given[given.index("--data") + 1] == "elsewhere" for given in TRAINER.arguments)
    best = max(TRAINER.started, key=lambda one: usual(one[1]).accuracies[0])[1]
    text = BEST.read_text(encoding="utf-8")
    assert text == (
        TUNED.replace("search(8, 64, int)", best["width"])
        .replace("search(1e-4, 1e-1, log)", best["all.mono_forward.lr"])
        .replace("search(32, 64, 128)", best["train.batch"])
    )
    assert lpc("check", str(BEST)).status == 0
    (settings,) = [line for line in done.out.splitlines() if line.startswith("  lpc run")]
    assert lpc(*("compile" if word == "run" else word for word in settings.split()[1:])).status == 0

    TRAINER.started.clear()
    again = tune("--variant", "base", "--trials", "4", "--data", "elsewhere")
    assert (TRAINER.started, again.out) == ([], done.out)
    more = tune("--variant", "base", "--trials", "6", "--data", "elsewhere", "--quiet", "--json")
    assert len(TRAINER.started) == 2
    assert json.loads(more.out) == json.loads((FOLDER / "tune.json").read_text(encoding="utf-8"))
    assert "[" not in more.err


def test_all_variants_are_the_default_with_equal_budgets(at_once: Path) -> None:
    done = tune("--trials", "3")
    assert done.status == 0, done.err
    assert [variant for variant, _ in TRAINER.started] == ["base", "backprop"] * 3
    assert BEST.exists() and (FOLDER / "tuned-backprop.lp").exists()
    assert "--variant backprop --set width=" in done.out
    checked = check_source(
        Source("x.lp", (FOLDER / "tuned-backprop.lp").read_text(encoding="utf-8")), variant="backprop"
    )
    assert not checked.errors and not checked.program.searches
    TRAINER.started.clear()
    assert tune("--all-variants", "--trials", "3").status == 0
    assert TRAINER.started == []


def test_a_variant_that_searches_nothing_is_left_out(at_once: Path) -> None:
    text = TUNED.replace("search(8, 64, int)", "16").replace("search(32, 64, 128)", "32")
    Path("tuned.lp").write_text(text, encoding="utf-8")
    TRAINER.trained = lambda values: Outcome([float(values["all.mono_forward.lr"])])
    done = tune("--trials", "2")
    assert done.status == 0, done.err
    assert "backprop: nothing to search, left out" in done.err


def test_settings_stay_settings(at_once: Path) -> None:
    done = tune("--variant", "base", "--trials", "2", "--set", "width=12", "--set", "train.epochs=2")
    assert done.status == 0, done.err
    assert "lpc run tuned.lp --set width=12 --set train.epochs=2 --set train.batch=" in done.out
    text = BEST.read_text(encoding="utf-8")
    assert "let width = search(8, 64, int)  # neurons" in text and "epochs = 6" in text


def test_several_objectives_write_a_program_for_each_point(at_once: Path) -> None:
    done = tune("--variant", "base", "--objective", "accuracy", "--objective", "energy", "--trials", "6")
    assert done.status == 0, done.err
    table = json.loads((FOLDER / "tune.json").read_text(encoding="utf-8"))
    best = table["studies"][0]["best"]
    assert len(best) > 1
    assert [one["file"] for one in best] == [f"tuned-base-{one['trial']}.lp" for one in best]
    assert sorted(path.name for path in FOLDER.glob("*.lp")) == sorted(one["file"] for one in best)
    assert "Pareto set" in done.out and "joules of training" in done.out
    trials = {trial["number"]: trial for trial in table["studies"][0]["trials"]}
    for one in best:
        text = (FOLDER / one["file"]).read_text(encoding="utf-8")
        assert f"width = {trials[one['trial']]['values']['width']} " in text


def test_a_program_that_was_edited_is_not_overwritten(at_once: Path) -> None:
    assert tune("--variant", "base", "--trials", "1").status == 0
    BEST.write_text("# mine now\n", encoding="utf-8")
    done = tune("--variant", "base", "--trials", "5")
    assert done.status == 2
    assert done.err == f"lpc: {BEST} is there, and edited or no work of lpc's: --force overwrites it in the end\n"
    assert BEST.read_text(encoding="utf-8") == "# mine now\n"
    assert len(TRAINER.started) == 1
    assert tune("--variant", "base", "--trials", "5", "--force").status == 0
    assert BEST.read_text(encoding="utf-8") != "# mine now\n"


def test_a_point_that_was_edited_is_left_alone_and_nothing_else_is_lost(at_once: Path) -> None:
    arguments = ["--variant", "base", "--objective", "accuracy", "--objective", "energy", "--trials", "4"]
    assert tune(*arguments).status == 0
    edited = min(FOLDER.glob("*.lp"))
    edited.write_text("# mine now\n", encoding="utf-8")
    (FOLDER / "tune.csv").unlink()
    done = tune(*arguments)
    assert done.status == 2
    assert done.last == f"lpc: {edited}: edited, or no work of lpc's, and left alone; --force overwrites"
    assert edited.read_text(encoding="utf-8") == "# mine now\n"
    assert (FOLDER / "tune.csv").exists()


def test_a_folder_of_another_study_is_refused(at_once: Path) -> None:
    assert tune("--variant", "base", "--trials", "1").status == 0
    other = tune("--variant", "base", "--trials", "1", "--seed", "2")
    assert other.status == 2
    assert other.err == f"lpc: {FOLDER} holds another study (seed differ): --out DIR goes elsewhere\n"
    Path("tuned.lp").write_text(TUNED + "# changed\n", encoding="utf-8")
    changed = tune("--variant", "base", "--trials", "1")
    assert changed.status == 2
    assert (
        changed.err
        == f"lpc: {FOLDER} holds the study of another program (its hash differs): --out DIR goes elsewhere\n"
    )
    assert len(TRAINER.started) == 1
    assert tune("--variant", "base", "--trials", "1", "--out", "elsewhere").status == 0


@pytest.mark.parametrize(
    ("change", "arguments", "said"),
    [
        (("search(", "search("), ["--variant", "bakcprop"], "did you mean `backprop`?"),
        (("search(", "search("), ["--variant", "base", "--all-variants"], "it is one or the other"),
        (("search(", "search("), ["--objective", "speed"], "'speed' is not one of"),
        (("search(", "search("), ["--trials", "0"], "--trials"),
        (("search(", "search("), ["--set", "width=search(1, 9)"], "write it into the program"),
        (("search(", "search("), ["--storage", "studies"], "`--storage` takes the URL of a database"),
        (("validation = 20%, ", ""), ["--set", "train.patience=none"], "has no validation part"),
        (("measure energy", "measure memory"), ["--objective", "energy"], "write `measure energy` into it"),
    ],
)
def test_wrong_usage(at_once: Path, change: tuple[str, str], arguments: list[str], said: str) -> None:
    text = TUNED.replace(*change)
    if "no validation" in said:
        text, arguments = text.replace("patience = 2, ", ""), []
    Path("tuned.lp").write_text(text, encoding="utf-8")
    done = tune(*arguments)
    assert (done.status, TRAINER.started) == (2, [])
    assert said in done.err and done.err.count("\n") == 1
    assert not Path("tune").exists()


def test_a_program_without_a_search(at_once: Path) -> None:
    done = lpc("tune", "sound.lp")
    assert (done.status, done.err) == (2, "lpc: `sound` has no `search(...)`: there is nothing to tune\n")


def test_data_that_are_missing_leave_nothing_behind(at_once: Path) -> None:
    TRAINER.trained = lambda _: Outcome([], status=2)
    done = tune("--variant", "base")
    assert (done.status, done.err) == (2, "lpc: tuned: the loss is nan at step 3\n")
    assert not Path("tune").exists()


def test_where_every_trial_fails_nothing_is_chosen(at_once: Path) -> None:
    TRAINER.trained = lambda _: Outcome([], status=1)
    done = tune("--variant", "base", "--trials", "2")
    assert done.status == 1
    assert "base: 2 trials (2 failed)\n  no trial is complete: nothing is chosen\n" in done.out
    assert "trial 1: failed: tuned: the loss is nan at step 3" in done.err
    assert not BEST.exists()


def test_ctrl_c_ends_cleanly_and_the_same_command_goes_on(at_once: Path) -> None:
    TRAINER.die_after = 2
    done = tune("--variant", "base", "--trials", "4")
    assert done.status == 130
    assert "stopped; the same command goes on" in done.err
    assert (FOLDER / "tune.csv").read_text(encoding="utf-8").count("complete") == 2
    TRAINER.die_after = None
    done = tune("--variant", "base", "--trials", "4")
    assert done.status == 0, done.err
    assert "1 interrupted trial is made again" in done.err
    assert len(TRAINER.started) == 4
    assert done.out.startswith("base: 4 trials (4 complete, 1 interrupted)\n")


def test_a_locked_storage_is_named(at_once: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lpc.lab.tune_storage.LOCKED_S", 0.05)
    assert tune("--variant", "base", "--trials", "1").status == 0
    other = sqlite3.connect(FOLDER / "study.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    done = tune("--variant", "base", "--trials", "2")
    other.close()
    assert done.status == 2
    assert (
        done.err
        == f"lpc: the storage {(FOLDER / 'study.db').as_posix()} cannot be used: database is locked; nothing is lost\n"
    )
    assert tune("--variant", "base", "--trials", "2").status == 0
    assert len(TRAINER.started) == 2


def test_a_storage_that_is_not_there_leaves_nothing_behind(at_once: Path) -> None:
    done = tune("--variant", "base", "--storage", "sqlite:///nowhere/studies.db")
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert done.err.startswith(
        "lpc: the storage sqlite:///nowhere/studies.db cannot be used: unable to open database file"
    )
    assert not Path("tune").exists()


def test_a_folder_at_work_is_left_alone(at_once: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FOLDER.mkdir(parents=True)
    monkeypatch.setattr(processes, "LOCK_WAIT_S", 0.0)
    lock = processes.Lock(FOLDER)
    done = tune("--variant", "base")
    lock.close()
    assert done.status == 2
    assert "another tuning, or a trial that outlived one, is at work there" in done.err


def test_without_its_packages_it_is_one_line(at_once: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lpc.cli.extras.find_spec", lambda name: None if name == "optuna" else object())
    done = tune()
    assert (done.status, done.err) == (2, "lpc: tuning needs optuna: pip install 'lpc[lab]'\n")


def test_trials_at_once_share_the_processor_and_are_warned_of(at_once: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    done = tune("--variant", "base", "--trials", "4", "--jobs", "4", "--objective", "time")
    assert done.status == 0, done.err
    assert all(given[given.index("--threads") + 1] == "2" for given in TRAINER.arguments)
    assert done.err.startswith("warning: trials at once disturb each other's time and energy")


def run_lpc(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lpc", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **(environment or {})},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


@pytest.mark.slow
def test_a_whole_tuning_of_digits(tmp_path: Path) -> None:
    """Three trials of an epoch in processes of their own; the program that comes of it trains to the same figure."""
    text = TUNED.replace("epochs = 6", "epochs = 1").replace("search(1e-4, 1e-1, log)", "search(1e-3, 1e-2, log)")
    (tmp_path / "tuned.lp").write_text(text, encoding="utf-8")
    done = run_lpc(tmp_path, "tune", "tuned.lp", "--variant", "base", "--trials", "3", "--threads", "1", "--out", "t")
    assert done.returncode == 0, done.stderr
    table = json.loads((tmp_path / "t" / "tune.json").read_text(encoding="utf-8"))
    (study,) = table["studies"]
    assert [trial["state"] for trial in study["trials"]] == ["complete"] * 3
    (best,) = study["best"]
    chosen = study["trials"][best["trial"]]
    assert chosen["accuracy"] == max(trial["accuracy"] for trial in study["trials"])
    for trial in study["trials"]:
        found = json.loads((tmp_path / "t" / "trials" / "base" / str(trial["number"]) / "result.json").read_text())
        assert found["test"] is None and found["data"]["test_left_out"] is True
        assert found["validation"]["accuracy"] == trial["accuracy"]
    again = run_lpc(tmp_path, "run", f"t/{best['file']}", "--threads", "1", "--out", "again", "--quiet")
    assert again.returncode == 0, again.stderr
    tested = json.loads((tmp_path / "again" / "result.json").read_text(encoding="utf-8"))
    assert tested["validation"]["accuracy"] == chosen["accuracy"]
    assert tested["test"] is not None
