"""What can be foreseen to go wrong in a run: one line, an exit status, nothing lost."""

from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lpc.runtime.main import main
from tests.runtime.running import changed, run, same, tensors
from tests.runtime.sample_digits import TASK, train_step


def test_a_full_disk_is_named_and_leaves_the_last_checkpoint_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, "--epochs", "1")
    before = (tmp_path / "checkpoint.pt").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    capsys.readouterr()
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        assert run(tmp_path, "--resume", "--quiet") == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"cannot write {tmp_path / 'checkpoint.pt'}: File too large" in said
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    assert not (tmp_path / "checkpoint.pt.part").exists()


def test_a_bad_loss_names_block_place_and_step_and_keeps_the_last_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def step(net: Any, optimizers: Any, image: Tensor, label: Tensor, step: int) -> tuple[Tensor, Tensor]:
        losses, scores = train_step(net, optimizers, image, label, step)
        losses[1] = losses[1] / (0.0 if step == 6 else 1.0)
        return losses, scores

    assert run(tmp_path, task=changed(step=step)) == 1
    assert "the loss is inf at step 6 in block hidden2 (digits.lp:4)" in capsys.readouterr().err.splitlines()[-1]
    run(tmp_path / "one", "--epochs", "1")
    assert same(tensors(tmp_path, "checkpoint.pt"), tensors(tmp_path / "one", "checkpoint.pt"))
    assert not (tmp_path / "result.json").exists()


def test_a_bad_parameter_names_block_and_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def step(net: Any, optimizers: Any, image: Tensor, label: Tensor, step: int) -> tuple[Tensor, Tensor]:
        found = train_step(net, optimizers, image, label, step)
        if step == 3:
            net.hidden2.linear.weight.data[3, 4] = torch.nan
        return found

    assert run(tmp_path, task=changed(step=step)) == 1
    said = capsys.readouterr().err
    assert "hidden2.linear.weight is not finite after step 3 in block hidden2 (digits.lp:4)" in said


def test_long_passes_are_looked_at_every_thousand_steps(tmp_path: Path) -> None:
    steps = []

    def step(net: Any, optimizers: Any, image: Tensor, label: Tensor, step: int) -> tuple[Tensor, None]:
        steps.append(step)
        return torch.full((3,), torch.nan if step == 2 else 1.0), None

    task = changed(replace(TASK, batch=1, data=TASK.data), step=step)
    assert main(task, ["--data", "synthetic", "--out", str(tmp_path), "--threads", "1"]) == 1
    assert len(steps) in {800, 1000}


def test_what_fails_in_a_block_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def step(net: Any, optimizers: Any, image: Tensor, label: Tensor, step: int) -> tuple[Tensor, Tensor]:
        return train_step(net, optimizers, image[:, :, :7], label, step)

    assert run(tmp_path, task=changed(step=step)) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "in block hidden1 (digits.lp:3)" in said
    assert "at step 0" in said


@pytest.mark.parametrize(
    "options",
    [
        ("--epochs", "-1"),
        ("--epochs", "two"),
        ("--epochs", "1", "--steps", "1"),
        ("--limit", "0"),
        ("--threads", "0"),
        ("--threads", "99999"),
        ("--resume", "--overwrite"),
        ("--device", "abacus"),
        ("--device", "cuda:99"),
        ("--device", "cpu:x"),
        ("--epoch", "1"),
        ("--data",),
        ("surplus",),
    ],
)
def test_wrong_options_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    assert run(tmp_path / "run", *options) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "run").exists()
