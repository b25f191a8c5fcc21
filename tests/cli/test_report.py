"""`lpc report`: where it writes, what it leaves alone, and what it says of folders that are none of its own."""

from __future__ import annotations

import csv
import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import lpc
from tests.lab.made_bench import made_plan, make_bench


@pytest.fixture
def bench(here: Path) -> Path:
    return make_bench(here / "bench" / "made", made_plan(("backprop", "base"), seeds=(1, 2)))


def test_the_newest_bench_becomes_a_page_beside_it(bench: Path) -> None:
    done = lpc("report")
    assert done.status == 0
    assert done.out == ""
    assert "of bench/made" in done.err.replace("\\", "/")
    assert done.last.replace("\\", "/") == "bench/made/report.html holds the report; it opens in a browser"
    page = (bench / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert lpc("report", bench).status == 0, "its own file is written again"
    assert (bench / "report.html").read_text(encoding="utf-8") == page


def test_a_file_of_somebody_elses_is_left_alone(bench: Path) -> None:
    for form, name in (("html", "mine.html"), ("md", "mine.md"), ("csv", "mine.csv"), ("json", "mine.json")):
        mine = bench / name
        mine.write_text("my notes\n", encoding="utf-8")
        done = lpc("report", bench, "--format", form, "--out", mine)
        assert done.status == 2
        assert f"{name} was not written by `lpc report`" in done.err
        assert mine.read_text(encoding="utf-8") == "my notes\n"
        assert lpc("report", bench, "--format", form, "--out", mine, "--force").status == 0
        assert lpc("report", bench, "--format", form, "--out", mine).status == 0, "lpc wrote it now"


@pytest.mark.parametrize(
    ("form", "begins"),
    [
        ("md", "<!-- written by lpc "),
        ("csv", "protocol,variant,"),
        ("latex", "% written by lpc "),
        ("json", "{\n"),
    ],
)
def test_text_is_printed_or_goes_into_a_folder(bench: Path, here: Path, form: str, begins: str) -> None:
    printed = lpc("report", "bench/made", "--format", form)
    assert printed.status == 0
    assert printed.out.startswith(begins)
    (here / "out").mkdir()
    assert lpc("report", "bench/made", "--format", form, "--out", "out").status == 0
    (made,) = (here / "out").iterdir()
    assert made.read_text(encoding="utf-8") == printed.out
    assert lpc("report", "bench/made", "--format", form, "--out", "-").out == printed.out


def test_emissions_go_beside_the_bench(bench: Path) -> None:
    assert lpc("report", "--format", "emissions").status == 0
    rows = list(csv.DictReader((bench / "emissions.csv").open(encoding="utf-8")))
    assert [row["run_id"] for row in rows][:2] == ["runs/matched/backprop/1", "runs/matched/backprop/2"]
    assert lpc("report", "--format", "emissions").status == 0
    (bench / "emissions.csv").write_text("timestamp,project_name\n", encoding="utf-8")
    assert lpc("report", "--format", "emissions").status == 2, "CodeCarbon's own file is not lpc's"


def test_one_run_is_reported_from_its_folder_or_its_file(bench: Path, here: Path) -> None:
    run = bench / "runs" / "matched" / "base" / "1"
    assert lpc("report", run).status == 0
    assert "made base, seed 1" in (run / "report.html").read_text(encoding="utf-8")
    assert lpc("report", run / "result.json", "--format", "md").out == lpc("report", run, "--format", "md").out


def test_folders_that_are_no_bench(bench: Path, here: Path) -> None:
    (here / "empty").mkdir()
    assert lpc("report", "empty").err == "lpc: empty: neither a run nor a folder of runs\n"
    assert lpc("report", "nowhere").err == "lpc: nowhere: no such folder\n"
    (bench / "bench.json").unlink()
    assert "the bench is not finished" in lpc("report", bench).err
    assert "there is no finished bench below bench" in lpc("report").err
    (bench / "bench.json").write_text('{"schema_version": 1, "va', encoding="utf-8")
    done = lpc("report", bench)
    assert (done.status, "bench.json is not whole" in done.err) == (2, True)
    assert not (bench / "report.html").exists()


def test_a_run_that_is_half_written_is_named(bench: Path) -> None:
    (bench / "runs" / "matched" / "base" / "2" / "result.json").write_text("{", encoding="utf-8")
    done = lpc("report", bench)
    assert done.status == 0
    assert "left aside, runs/matched/base/2: result.json is not whole" in done.err


def test_a_page_without_matplotlib_is_refused_in_one_line(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lpc.cli.report.find_spec", lambda _: None)
    done = lpc("report", bench)
    assert (done.status, done.err) == (
        2,
        "lpc: a page needs Matplotlib: pip install 'lpc[lab]' (or --format md)\n",
    )
    assert lpc("report", bench, "--format", "md").status == 0


@pytest.mark.parametrize("form", ["mlflow", "tensorboard"])
def test_a_tool_that_is_not_there_is_one_line(bench: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setattr("lpc.cli.report.find_spec", lambda _: None)
    done = lpc("report", bench, "--format", form)
    assert (done.status, done.err) == (2, f"lpc: {form} is not installed: pip install {form}\n")
    assert not (bench / form).exists()


class Client:
    """MLflow's, as far as it is used. Runs stay between clients, as in a file."""

    runs: dict[str, dict[str, Any]]

    def __init__(self, tracking_uri: str) -> None:
        assert tracking_uri.startswith("sqlite:///")

    def get_experiment_by_name(self, name: str) -> Any:
        return types.SimpleNamespace(experiment_id="1") if self.runs else None

    def create_experiment(self, name: str, artifact_location: str) -> str:
        return "1"

    def search_runs(self, experiments: list[str], max_results: int) -> list[Any]:
        return [types.SimpleNamespace(data=types.SimpleNamespace(tags=run["tags"])) for run in self.runs.values()]

    def create_run(self, experiment: str, tags: dict[str, str], run_name: str) -> Any:
        self.runs[run_name] = {"tags": tags, "params": {}, "metrics": {}}
        return types.SimpleNamespace(info=types.SimpleNamespace(run_id=run_name))

    def log_param(self, run: str, name: str, value: str) -> None:
        self.runs[run]["params"][name] = value

    def log_metric(self, run: str, name: str, value: float, step: int | None = None) -> None:
        self.runs[run]["metrics"][name, step] = value

    def set_terminated(self, run: str, status: str) -> None:
        assert status == "FINISHED"


def test_mlflow_gets_every_run_once(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Client, "runs", {}, raising=False)
    monkeypatch.setitem(sys.modules, "mlflow", types.ModuleType("mlflow"))
    tracking = types.ModuleType("mlflow.tracking")
    monkeypatch.setattr(tracking, "MlflowClient", Client, raising=False)
    monkeypatch.setitem(sys.modules, "mlflow.tracking", tracking)
    monkeypatch.setattr("lpc.cli.report.find_spec", lambda _: object())
    assert "holds 4 new runs" in lpc("report", bench, "--format", "mlflow").last
    assert "holds 0 new runs" in lpc("report", bench, "--format", "mlflow").last
    run = Client.runs["matched-base-2"]
    whole = json.loads((bench / "runs" / "matched" / "base" / "2" / "result.json").read_text(encoding="utf-8"))
    assert run["metrics"]["accuracy", None] == whole["validation"]["accuracy"]
    assert run["params"]["rule.readout"] == "mono_forward"
    assert run["tags"]["energy"] == "gpu: nvml-counter"
    assert {step for name, step in run["metrics"] if name == "train/loss"} == {1, 2, 3}
    assert ("train/accuracy", 1) not in run["metrics"], "what is not known is not 0"


def test_tensorboard_gets_a_folder_a_run(bench: Path, here: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    assert "holds 4 new runs" in lpc("report", bench, "--format", "tensorboard", "--out", "events").last
    assert "holds 0 new runs" in lpc("report", bench, "--format", "tensorboard", "--out", "events").last
    assert len(list((here / "events").glob("*/events.out.tfevents.*"))) == 4
