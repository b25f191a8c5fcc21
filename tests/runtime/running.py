"""Runs of the sample in this process, and what they leave behind."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lpc.runtime.main import main
from lpc.runtime.task import Task
from tests.runtime.sample_digits import TASK

PLAIN = TASK.phases[0]


class Killed(BaseException):
    """What no part of a script catches, as nothing catches `kill -9`."""


def run(folder: Path, *options: str, task: Task = TASK) -> int:
    """Exit status of a run on 200 made-up examples: four steps an epoch, the last one smaller."""
    return main(task, ["--data", "synthetic", "--limit", "200", "--threads", "1", "--out", str(folder), *options])


def changed(task: Task = TASK, **phase: Any) -> Task:
    """The task with its one phase changed."""
    return replace(task, phases=(replace(task.phases[0], **phase),))


def result(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def tensors(folder: Path, file: str = "model.pt") -> dict[str, Tensor]:
    found: dict[str, Any] = torch.load(folder / file, weights_only=True)
    return found["parameters"] if file == "checkpoint.pt" else found


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def without_times(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in record.items() if key != "seconds"} for record in records]
