"""Runs as MLflow's and TensorBoard's own files, written by those tools where they are installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lpc.lab.energy import number
from lpc.lab.findings import Entry, Findings, Run
from lpc.lab.instruments import sources
from lpc.lab.metrics import METRICS

TAG = "lpc.run"
WORDS = ("phase", "epoch", "step", "seconds")
"""Of a log's line, what is no measured figure."""


def write_mlflow(findings: Findings, folder: Path) -> int:
    """Log every run that the folder's experiment has not yet; how many were new. Raises ImportError without MLflow."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{(folder / 'mlflow.db').resolve().as_posix()}")
    found = client.get_experiment_by_name(findings.title)
    artifacts = (folder / "artifacts").resolve().as_uri()
    experiment = found.experiment_id if found else client.create_experiment(findings.title, artifacts)
    there = {run.data.tags.get(TAG) for run in client.search_runs([experiment], max_results=50_000)}
    new = 0
    for entry, run in _runs(findings):
        if (mark := identity(run)) in there:
            continue
        tags = {TAG: mark, "mlflow.runName": name_of(entry, run), "protocol": entry.protocol, "variant": entry.label}
        tags["energy"] = sources(run.result.energy)
        made = client.create_run(experiment, tags=tags, run_name=name_of(entry, run))
        for name, text in parameters(entry, run).items():
            client.log_param(made.info.run_id, name, text)
        for name, value in final(run).items():
            client.log_metric(made.info.run_id, name, value)
        for step, line in enumerate(run.log, start=1):
            for name, value in logged(line).items():
                client.log_metric(made.info.run_id, name, value, step=step)
        client.set_terminated(made.info.run_id, "FINISHED")
        new += 1
    return new


def write_tensorboard(findings: Findings, folder: Path) -> int:
    """A folder of events for each run that has none yet; how many were new. Raises ImportError without TensorBoard."""
    from torch.utils.tensorboard import SummaryWriter

    new = 0
    for entry, run in _runs(findings):
        place = folder / f"{name_of(entry, run)}-{identity(run)}"
        if place.exists():
            continue
        writer = SummaryWriter(str(place))
        writer.add_text("rules", "; ".join(f"{block} {rule}" for block, rule in entry.rules.items()))
        writer.add_text("energy", sources(run.result.energy))
        for step, line in enumerate(run.log, start=1):
            for name, value in logged(line).items():
                writer.add_scalar(name, value, step)
        for name, value in final(run).items():
            writer.add_scalar(f"result/{name}", value, run.result.data_passes)
        writer.close()
        new += 1
    return new


def _runs(findings: Findings) -> Iterator[tuple[Entry, Run]]:
    for entry in findings.entries:
        for run in entry.runs.values():
            yield entry, run


def name_of(entry: Entry, run: Run) -> str:
    """A name that is a folder's too."""
    text = f"{entry.protocol}-{entry.label}-{run.seed}"
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in text)


def identity(run: Run) -> str:
    """The same for the same run only: its program, variant, seed, and how long it took."""
    result = run.result
    return f"{result.source_sha256[:12]}-{result.seed}-{round(1e6 * result.total_s)}"


def parameters(entry: Entry, run: Run) -> dict[str, str]:
    rules = {f"rule.{block}": rule for block, rule in entry.rules.items()}
    given = {"program": entry.program, "variant": entry.label, "protocol": entry.protocol, "seed": str(run.seed)}
    return {**given, **rules, **{name: str(value) for name, value in entry.settings.items()}}


def final(run: Run) -> dict[str, float]:
    found = {metric.name: number(metric.of(run.result)) for metric in METRICS}
    return {name: value for name, value in found.items() if value is not None}


def logged(line: Mapping[str, Any]) -> dict[str, float]:
    found = {name: number(value) for name, value in line.items() if name not in WORDS}
    return {name: value for name, value in found.items() if value is not None}
