"""A run that was stopped, killed or cut short goes on to the bits of one that was not."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lpc.runtime.task import Phase
from tests.runtime.running import PLAIN, Killed, changed, log, result, run, same, tensors, without_times
from tests.runtime.sample_digits import TASK, train_step


def test_going_on_ends_in_the_bits_of_one_run(tmp_path: Path) -> None:
    run(tmp_path / "whole")
    run(tmp_path / "parts", "--epochs", "1")
    assert run(tmp_path / "parts", "--resume") == 0
    assert same(tensors(tmp_path / "whole", "checkpoint.pt"), tensors(tmp_path / "parts", "checkpoint.pt"))
    assert without_times(log(tmp_path / "whole")) == without_times(log(tmp_path / "parts"))
    assert result(tmp_path / "parts")["train"] == result(tmp_path / "whole")["train"]


@pytest.mark.parametrize("cut", range(1, 12))
def test_going_on_in_the_middle_of_a_pass(tmp_path: Path, cut: int) -> None:
    run(tmp_path / "whole", "--steps", "11")
    run(tmp_path / "parts", "--steps", str(cut))
    assert result(tmp_path / "parts")["protocol"]["phases"][0]["steps_run"] == cut
    assert run(tmp_path / "parts", "--resume", "--steps", "11") == 0
    assert same(tensors(tmp_path / "whole", "checkpoint.pt"), tensors(tmp_path / "parts", "checkpoint.pt"))
    assert without_times(log(tmp_path / "whole")) == without_times(log(tmp_path / "parts"))
    assert result(tmp_path / "parts")["protocol"]["stopped_by"] == "steps"


def test_going_on_with_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    for options in ((), ("--steps", "5")):
        folder = tmp_path / str(len(options))
        run(folder, *options)
        before, logged = result(folder), log(folder)
        assert run(folder, "--resume", *options) == 0
        assert log(folder) == logged
        assert {**result(folder), "time": 0, "memory": 0} == {**before, "time": 0, "memory": 0}


def test_time_adds_up_over_parts(tmp_path: Path) -> None:
    run(tmp_path, "--epochs", "1")
    before = result(tmp_path)["time"]["total_s"]
    run(tmp_path, "--resume")
    assert result(tmp_path)["time"]["total_s"] > before
    assert [a["seconds"] < b["seconds"] for a, b in zip(log(tmp_path), log(tmp_path)[1:], strict=False)] == [True, True]


def test_going_on_with_nothing_starts(tmp_path: Path) -> None:
    assert run(tmp_path, "--resume") == 0
    assert len(log(tmp_path)) == 3


def test_lines_after_the_checkpoint_are_dropped(tmp_path: Path) -> None:
    run(tmp_path, "--epochs", "1")
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"epoch": 2, "half": ')
    run(tmp_path, "--resume")
    assert [record["epoch"] for record in log(tmp_path)] == [1, 2, 3]


def test_how_parameters_are_grouped_may_change(tmp_path: Path) -> None:
    def apart(net: Any) -> dict[str, torch.optim.Optimizer]:
        first = torch.optim.Adam(net.readout.parameters(), lr=1e-3, fused=True)
        rest = [{"params": block.parameters()} for block in (net.hidden2, net.hidden1)]
        return {"adam": first, "other": torch.optim.Adam(rest, lr=1e-3, fused=True)}

    def step(net: Any, optimizers: Any, image: Tensor, label: Tensor, step: int) -> tuple[Tensor, Tensor]:
        found = train_step(net, optimizers, image, label, step)
        optimizers["other"].step()
        optimizers["other"].zero_grad()
        return found

    run(tmp_path / "whole")
    run(tmp_path / "parts", "--epochs", "1")
    assert run(tmp_path / "parts", "--resume", task=changed(optimizers=apart, step=step)) == 0
    assert same(tensors(tmp_path / "whole"), tensors(tmp_path / "parts"))


@pytest.mark.parametrize(
    ("options", "change", "named"),
    [
        (("--seed", "2"), {}, "seed"),
        (("--limit", "100"), {}, "number of training examples"),
        ((), {"source_sha256": "1" * 64}, "program"),
        ((), {"settings": {"width": "3"}}, "settings"),
        ((), {"variant": "backprop"}, "variant"),
    ],
)
def test_another_runs_checkpoint_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], change: dict[str, Any], named: str
) -> None:
    run(tmp_path, "--epochs", "1")
    before = (tmp_path / "checkpoint.pt").read_bytes()
    assert run(tmp_path, "--resume", *options, task=replace(TASK, **change)) == 2
    assert f"another {named}" in capsys.readouterr().err.splitlines()[-1]
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_a_damaged_checkpoint_is_named_and_not_trained_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, "--epochs", "1")
    path = tmp_path / "checkpoint.pt"
    whole, where = path.read_bytes(), tensors(tmp_path, "checkpoint.pt")
    torch.manual_seed(0)
    for place in torch.randint(len(whole), (40,)).tolist():
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        status = run(tmp_path, "--resume", "--epochs", "1")
        if status == 0:  # a byte nobody reads
            assert same(tensors(tmp_path, "checkpoint.pt"), where)
        else:
            assert status == 1
            assert str(path) in capsys.readouterr().err.splitlines()[-1]
    for length in (0, 1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert run(tmp_path, "--resume") == 1


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, "--epochs", "1")
    torch.save({"some": "thing"}, tmp_path / "checkpoint.pt")
    assert run(tmp_path, "--resume") == 1
    assert "does not fit" in capsys.readouterr().err


def test_killed_at_any_write_it_goes_on_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path / "whole")
    whole = (
        tensors(tmp_path / "whole", "checkpoint.pt"),
        tensors(tmp_path / "whole"),
        without_times(log(tmp_path / "whole")),
    )
    real_open, real_replace, left = Path.open, Path.replace, [0]

    def tick() -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    def killing_open(path: Path, *arguments: Any, **more: Any) -> Any:
        file = real_open(path, *arguments, **more)
        if path.is_relative_to(tmp_path / "parts"):
            tick()
        return file

    def killing_replace(path: Path, target: Path) -> Path:
        tick()
        found = real_replace(path, target)
        tick()
        return found

    monkeypatch.setattr(Path, "open", killing_open)
    monkeypatch.setattr(Path, "replace", killing_replace)
    for kill_at in range(1, 100):
        folder = tmp_path / "parts" / str(kill_at)
        left[0] = kill_at
        try:
            assert run(folder, "--quiet") == 0
        except Killed:
            left[0] = 0
            if (folder / "result.json").exists():
                result(folder)
            assert run(folder, "--resume", "--quiet") == 0
            assert same(tensors(folder, "checkpoint.pt"), whole[0])
            assert same(tensors(folder), whole[1])
            assert without_times(log(folder)) == whole[2]
        else:
            assert kill_at > 15
            return
    raise AssertionError("the run never ended")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_lets_the_step_end_and_is_gone_on_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int, status: int
) -> None:
    def step(net: Any, optimizers: Any, image: Tensor, label: Tensor, step: int) -> tuple[Tensor, Tensor]:
        if step == 5:
            os.kill(os.getpid(), number)
        return train_step(net, optimizers, image, label, step)

    run(tmp_path / "whole")
    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    assert run(tmp_path / "parts", task=changed(step=step)) == status
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == handlers
    assert "--resume" in capsys.readouterr().err.splitlines()[-1]
    assert torch.load(tmp_path / "parts" / "checkpoint.pt", weights_only=True)["step"] == 6
    assert len(log(tmp_path / "parts")) == 1
    assert not (tmp_path / "parts" / "result.json").exists()
    assert run(tmp_path / "parts", "--resume") == 0
    assert same(tensors(tmp_path / "whole", "checkpoint.pt"), tensors(tmp_path / "parts", "checkpoint.pt"))
    assert without_times(log(tmp_path / "whole")) == without_times(log(tmp_path / "parts"))


def test_a_pass_that_gathers_sums_starts_again_after_a_signal(tmp_path: Path) -> None:
    rows: list[int] = []
    signals = [signal.SIGTERM]

    def gather(net: Any, optimizers: Any, image: Tensor, label: Tensor, step: int) -> tuple[Tensor, None]:
        rows.append(len(image))
        if step == 2 and signals:
            os.kill(os.getpid(), signals.pop())
        return torch.zeros(0), None

    task = replace(TASK, phases=(PLAIN, Phase("fit", (), gather, lambda net: {}, passes=1, watch=False)))
    assert run(tmp_path, task=task) == 143
    rows.clear()
    assert run(tmp_path, "--resume", task=task) == 0
    assert sum(rows) == 200
