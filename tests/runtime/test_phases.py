"""Patience, and training in several phases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lpc.runtime.task import Phase, Task
from tests.runtime.running import PLAIN, Killed, changed, log, result, run, same, tensors, without_times
from tests.runtime.sample_digits import TASK, train_step


def test_patience_stops_and_keeps_the_best_epoch(tmp_path: Path) -> None:
    accuracies = iter([10, 30, 20, 30, 25, 90])
    states: list[dict[str, Tensor]] = []

    def judged(net: Any, image: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        states.append({name: tensor.clone() for name, tensor in net.state_dict().items()})
        return torch.tensor(1.0), torch.tensor(next(accuracies))

    task = replace(TASK, score=judged, patience=3)
    assert run(tmp_path, "--epochs", "9", task=task) == 0
    protocol = result(tmp_path)["protocol"]
    assert (protocol["epochs_run"], protocol["stopped_by"], protocol["best_epoch"]) == (5, "patience", 2)
    assert result(tmp_path)["validation"]["accuracy"] == 30 / 200
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in tensors(tmp_path).items())
    assert run(tmp_path, "--epochs", "9", "--resume", task=task) == 0
    assert result(tmp_path)["protocol"]["epochs_run"] == 5


def test_patience_watches_the_loss_where_the_target_is_no_class(tmp_path: Path) -> None:
    losses = iter([3.0, 2.0, 2.5, 2.25])

    def judged(net: Any, image: Tensor, label: Tensor) -> tuple[Tensor, None]:
        return torch.tensor(next(losses)), None

    assert run(tmp_path, "--epochs", "9", task=replace(TASK, score=judged, patience=2, label=None)) == 0
    assert result(tmp_path)["protocol"]["best_epoch"] == 2
    assert result(tmp_path)["validation"] == {"loss": 2.0, "accuracy": None}


def sequential() -> Task:
    """First the hidden blocks, then, frozen and their output computed once, the read-out; each with patience."""

    def hidden_step(net: Any, optimizers: Any, image: Tensor, label: Tensor, step: int) -> tuple[Tensor, None]:
        losses, _ = train_step(net, {"adam": optimizers["adam"]}, image, label, step)
        return losses[:2], None

    def hidden_optimizers(net: Any) -> dict[str, torch.optim.Optimizer]:
        return {"adam": torch.optim.Adam([*net.hidden1.parameters(), *net.hidden2.parameters()], lr=1e-3)}

    def prefix(net: Any, part: tuple[Tensor, ...], size: int) -> tuple[Tensor, ...]:
        assert not net.training
        return part[1], net.hidden2(net.hidden1(part[0]))

    def readout_step(net: Any, optimizers: Any, label: Tensor, hidden2: Tensor, step: int) -> tuple[Tensor, Tensor]:
        assert net.readout.training
        assert not net.hidden1.training
        scores = net.readout(hidden2)
        loss = torch.nn.functional.cross_entropy(scores, label)
        loss.backward()
        optimizers["sgd"].step()
        optimizers["sgd"].zero_grad()
        return loss.detach()[None], scores.detach()

    def readout_mode(net: Any) -> None:
        net.eval()
        net.readout.train()

    first = Phase("hidden", ("hidden1", "hidden2"), hidden_step, hidden_optimizers, flops=10, watch=False)
    second = Phase(
        "readout",
        ("readout",),
        readout_step,
        lambda net: {"sgd": torch.optim.SGD(net.readout.parameters(), lr=0.1, momentum=0.9)},
        mode=readout_mode,
        part=prefix,
        label=0,
        flops=1,
        part_flops=7,
    )
    return replace(TASK, phases=(first, second), order="sequential", patience=2)


def test_phases_follow_each_other(tmp_path: Path) -> None:
    assert run(tmp_path, task=sequential()) == 0
    found = result(tmp_path)
    assert [(phase["name"], phase["epochs_run"]) for phase in found["protocol"]["phases"]] == [
        ("hidden", 3),
        ("readout", 3),
    ]
    assert found["protocol"]["data_passes"] == 6
    assert found["flops"]["total"] == 600 * 10 + 600 + 200 * 7
    assert [(r["phase"], r["epoch"], r["train/loss"] is None) for r in log(tmp_path)] == [
        *(("hidden", k, True) for k in (1, 2, 3)),
        *(("readout", k, False) for k in (1, 2, 3)),
    ]
    assert found["blocks"]["hidden1"]["loss"] is not None
    assert found["train"]["accuracy"] > 0


def test_phases_go_on_where_they_were_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path / "whole", task=sequential())
    real, left = Path.replace, [0]

    def killing_replace(path: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return real(path, target)

    monkeypatch.setattr(Path, "replace", killing_replace)
    for kill_at in range(2, 9):
        folder = tmp_path / str(kill_at)
        left[0] = kill_at
        with pytest.raises(Killed):
            run(folder, task=sequential())
        assert run(folder, "--resume", task=sequential()) == 0
        assert same(tensors(folder, "checkpoint.pt"), tensors(tmp_path / "whole", "checkpoint.pt"))
        assert without_times(log(folder)) == without_times(log(tmp_path / "whole"))


def test_of_several_phases_none_may_grow(tmp_path: Path) -> None:
    run(tmp_path, "--epochs", "1", task=sequential())
    assert run(tmp_path, "--epochs", "2", "--resume", task=sequential()) == 2


def test_a_phase_of_one_pass_gathers_and_solves(tmp_path: Path) -> None:
    sums = {"rows": 0}

    def gather(net: Any, optimizers: Any, image: Tensor, label: Tensor, step: int) -> tuple[Tensor, None]:
        sums["rows"] += len(image)
        return torch.zeros(0), None

    def solve(net: Any) -> None:
        with torch.no_grad():
            net.readout.linear.bias.fill_(sums["rows"])

    fit = Phase("fit", (), gather, lambda net: {}, passes=1, finish=solve, watch=False)
    assert run(tmp_path, "--epochs", "2", task=replace(TASK, phases=(PLAIN, fit))) == 0
    assert tensors(tmp_path)["readout.linear.bias"].tolist() == [200.0] * 10
    assert [phase["epochs_run"] for phase in result(tmp_path)["protocol"]["phases"]] == [2, 1]
    assert result(tmp_path)["flops"] is None


def test_a_phase_may_be_judged_by_a_score_of_its_own(tmp_path: Path) -> None:
    def own(net: Any, image: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        return torch.tensor(0.25), torch.tensor(1)

    assert run(tmp_path, task=changed(score=own)) == 0
    assert {record["validation/loss"] for record in log(tmp_path)} == {0.25}
    assert result(tmp_path)["validation"]["loss"] != 0.25
