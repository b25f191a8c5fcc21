"""Whole runs in this process: the files, the figures, the protocol, the options, what is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from lpc.runtime.carbon import carbon
from lpc.runtime.data import Splits, split
from lpc.runtime.main import main
from lpc.runtime.meter import open_meter
from lpc.runtime.names import use_names
from lpc.runtime.options import Options
from lpc.runtime.random import RANDOM
from tests.runtime.running import PLAIN, changed, log, result, run, same, tensors
from tests.runtime.sample_digits import TASK, Hidden1, Network, load_data, train_step


def test_a_run_leaves_four_files(tmp_path: Path) -> None:
    assert run(tmp_path) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt", "log.jsonl", "model.pt", "result.json"]


def test_the_model_loads_into_the_network(tmp_path: Path) -> None:
    run(tmp_path)
    Network().load_state_dict(tensors(tmp_path))
    assert "hidden1.mono_forward.projection" not in tensors(tmp_path)
    assert "hidden1.mono_forward.projection" in tensors(tmp_path, "checkpoint.pt")


def test_the_result_says_what_happened(tmp_path: Path) -> None:
    run(tmp_path)
    found = result(tmp_path)
    assert found["protocol"]["epochs_run"] == 3
    assert found["protocol"]["stopped_by"] == "epochs"
    assert found["protocol"]["phases"][0]["examples"] == 600
    assert found["flops"] == {"per_step": 64 * 40_000, "total": 600 * 40_000, "source": "modelled"}
    assert found["blocks"]["hidden1"] == {
        "loss": log(tmp_path)[-1]["block/hidden1/loss"],
        "parameters": 4160,
        "rule_parameters": 640,
    }
    assert found["validation"]["loss"] == log(tmp_path)[-1]["validation/loss"]
    assert found["test"] is None
    assert found["energy"] is None
    assert found["data"]["examples"] == {"train": 200, "validation": 200, "test": None}


def test_without_its_test_part_a_run_is_the_same_run(tmp_path: Path) -> None:
    def load(options: Options) -> Splits:
        return split(load_data(options), test=0.5)

    task = replace(TASK, load=load)
    for folder, *options in (("whole",), ("without", "--no-test")):
        assert main(task, ["--data", "elsewhere", "--limit", "200", "--out", str(tmp_path / folder), *options]) == 0
    whole, without = result(tmp_path / "whole"), result(tmp_path / "without")
    assert whole["test"] is not None and "test_left_out" not in whole["data"]
    assert without["test"] is None and without["data"]["test_left_out"] is True
    assert without["data"]["examples"] == {**whole["data"]["examples"], "test": None}
    assert without["validation"] == whole["validation"]


def test_what_is_not_measured_is_null(tmp_path: Path) -> None:
    run(tmp_path, task=changed(replace(TASK, memory=None), flops=None))
    assert result(tmp_path)["memory"] is None
    assert result(tmp_path)["flops"] is None


def test_figures_are_means_over_examples_though_the_last_batch_is_smaller(tmp_path: Path) -> None:
    seen: list[tuple[float, int, int]] = []

    def step(net: Any, optimizers: Any, image: Tensor, label: Tensor, step: int) -> tuple[Tensor, Tensor]:
        losses, scores = train_step(net, optimizers, image, label, step)
        seen.append((float(losses[2]), len(image), int((scores.argmax(1) == label).sum())))
        return losses, scores

    run(tmp_path, "--epochs", "1", task=changed(step=step))
    (record,) = log(tmp_path)
    assert [rows for _, rows, _ in seen] == [64, 64, 64, 8]
    assert record["train/loss"] == pytest.approx(sum(loss * rows for loss, rows, _ in seen) / 200, rel=1e-7)
    assert record["train/accuracy"] == sum(right for *_, right in seen) / 200


def test_validation_is_scored_in_inference_over_all_rows(tmp_path: Path) -> None:
    def judged(net: Any, image: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        assert not net.training
        assert not torch.is_grad_enabled()
        return image.mean(), torch.tensor(len(image))

    run(tmp_path, "--epochs", "1", task=replace(TASK, score=judged))
    assert result(tmp_path)["validation"]["accuracy"] == 1.0


def test_no_epochs_write_the_initial_state(tmp_path: Path) -> None:
    assert run(tmp_path, "--epochs", "0") == 0
    RANDOM.seed = 1
    expected = RANDOM.uniform("hidden1.linear.weight", (64, 64), -1 / 8, 1 / 8)
    assert torch.equal(tensors(tmp_path)["hidden1.linear.weight"], expected)
    assert log(tmp_path) == []
    assert result(tmp_path)["train"] == {"loss": None, "accuracy": None}
    assert result(tmp_path)["validation"]["accuracy"] is not None
    assert run(tmp_path, "--resume", "--epochs", "1") == 0
    assert result(tmp_path)["protocol"]["epochs_run"] == 1


def test_the_same_seed_gives_the_same_bits_and_another_does_not(tmp_path: Path) -> None:
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        run(tmp_path / name, "--epochs", "1", "--seed", seed)
    assert same(tensors(tmp_path / "a"), tensors(tmp_path / "b"))
    assert not same(tensors(tmp_path / "a"), tensors(tmp_path / "c"))


@pytest.mark.parametrize(("precision", "dtype"), [("f64", torch.float64), ("bf16", torch.float32)])
def test_precisions(tmp_path: Path, precision: str, dtype: torch.dtype) -> None:
    kinds = set()

    def step(net: Any, optimizers: Any, image: Tensor, label: Tensor, step: int) -> tuple[Tensor, Tensor]:
        kinds.add((image.dtype, torch.is_autocast_enabled("cpu"), net.hidden1(image).dtype))
        return train_step(net, optimizers, image, label, step)

    assert run(tmp_path, "--epochs", "1", task=changed(replace(TASK, precision=precision), step=step)) == 0
    inside = torch.bfloat16 if precision == "bf16" else dtype
    assert kinds == {(dtype, precision == "bf16", inside)}
    assert {tensor.dtype for tensor in tensors(tmp_path).values()} == {dtype}


def test_a_batch_of_all_is_the_training_part_itself(tmp_path: Path) -> None:
    rows = []

    def step(net: Any, optimizers: Any, image: Tensor, label: Tensor, step: int) -> tuple[Tensor, Tensor]:
        rows.append(len(image))
        return train_step(net, optimizers, image, label, step)

    assert run(tmp_path, "--epochs", "2", task=changed(replace(TASK, batch=None), step=step)) == 0
    assert rows == [200, 200]


def test_rates_move_by_step(tmp_path: Path) -> None:
    rates = []

    def step(net: Any, optimizers: Any, image: Tensor, label: Tensor, step: int) -> tuple[Tensor, Tensor]:
        rates.append(optimizers["adam"].param_groups[0]["lr"])
        return train_step(net, optimizers, image, label, step)

    run(
        tmp_path, "--epochs", "2", task=changed(replace(TASK, rate=lambda step, per_epoch: step / per_epoch), step=step)
    )
    assert rates == pytest.approx([1e-3 * k / 4 for k in range(8)])


def test_batches_can_be_changed_at_random_by_step(tmp_path: Path) -> None:
    steps = []

    def augment(batch: tuple[Tensor, ...], step: int) -> tuple[Tensor, ...]:
        steps.append(step)
        return batch[0] * 0, batch[1]

    def step(net: Any, optimizers: Any, image: Tensor, label: Tensor, step: int) -> tuple[Tensor, Tensor]:
        assert not image.any()
        return train_step(net, optimizers, image, label, step)

    assert run(tmp_path, "--epochs", "2", task=changed(replace(TASK, augment=augment), step=step)) == 0
    assert steps == list(range(8))


def test_a_meter_takes_the_place_of_the_stopwatch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path / "plain")
    task = replace(TASK, meter=open_meter, carbon=lambda joules: carbon(joules, 385.0))
    assert run(tmp_path / "metered", "--epochs", "1", task=task) == 0
    assert run(tmp_path / "metered", "--resume", task=task) == 0
    assert same(tensors(tmp_path / "plain", "checkpoint.pt"), tensors(tmp_path / "metered", "checkpoint.pt"))
    energy = result(tmp_path / "metered")["energy"]
    assert {domain["domain"] for domain in energy["domains"]} >= {"gpu", "cpu"}
    if energy["totals"]["measured_joules"] is None:
        assert result(tmp_path / "metered")["carbon"] is None
        assert "energy not measured (" in capsys.readouterr().out


# Saying it


def test_json_prints_the_result_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, "--json", "--quiet")
    said = capsys.readouterr()
    assert json.loads(said.out) == result(tmp_path)
    assert said.err == ""


def test_a_line_an_epoch_and_a_summary_with_the_place_last(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path)
    said = capsys.readouterr()
    assert [line.split(":")[0] for line in said.err.splitlines()] == [
        f"digits train epoch {k} ({4 * k} of 12 steps)" for k in (1, 2, 3)
    ]
    assert str(tmp_path / "result.json") in said.out.splitlines()[-1]
    assert said.out.startswith("validation ")


def test_quiet_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, "--quiet")
    assert capsys.readouterr() == ("", "")


def test_a_loss_that_does_not_move_is_noted_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def step(net: Any, optimizers: Any, image: Tensor, label: Tensor, step: int) -> tuple[Tensor, Tensor]:
        losses, scores = train_step(net, optimizers, image, label, step)
        losses[1] = 2.5
        return losses, scores

    run(tmp_path, task=changed(step=step))
    notes = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note")]
    assert notes == ["note: the loss of hidden2 does not move"]


def test_a_block_with_nothing_to_train_is_not_said_to_stand_still(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def step(net: Any, optimizers: Any, image: Tensor, label: Tensor, step: int) -> tuple[Tensor, Tensor]:
        losses, scores = train_step(net, optimizers, image, label, step)
        return torch.cat([losses, torch.ones(1)]), scores

    run(tmp_path, task=changed(step=step, columns=(*TASK.phases[0].columns, "shape")))
    assert "does not move" not in capsys.readouterr().err


# Folders


def test_an_earlier_run_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, "--epochs", "1")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert run(tmp_path) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert all(way in said for way in ("--resume", "--overwrite", "--out"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_overwrite_discards_the_run_and_nothing_else(tmp_path: Path) -> None:
    run(tmp_path, "--epochs", "2")
    (tmp_path / "train.py").write_text("mine")
    assert run(tmp_path, "--epochs", "1", "--overwrite") == 0
    assert len(log(tmp_path)) == 1
    assert (tmp_path / "train.py").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert run(tmp_path / "file" / "run") == 2
    assert capsys.readouterr().err.count("\n") == 1


# Names


class Renamed(nn.Module):
    """A network whose block `forward` cannot be called so in Python."""

    RENAMED: ClassVar[dict[str, str]] = {"block_forward": "forward"}

    def __init__(self) -> None:
        super().__init__()
        self.block_forward = Hidden1()
        self.readout = nn.ModuleDict({"linear": nn.Linear(64, 10)})
        use_names(self, self.RENAMED)


def renamed_step(net: Any, optimizers: Any, image: Tensor, label: Tensor, step: int) -> tuple[Tensor, Tensor]:
    scores = net.readout["linear"](net.block_forward(image))
    loss = torch.nn.functional.cross_entropy(scores, label)
    loss.backward()
    optimizers["adam"].step()
    optimizers["adam"].zero_grad()
    return loss.detach()[None], scores.detach()


def test_files_have_the_programs_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = replace(
        TASK,
        network=Renamed,
        learning=lambda net: None,
        score=lambda net, image, label: (torch.tensor(1.0), None),
        rules={"forward": "backprop", "readout": "backprop"},
        places={"forward": "digits.lp:3"},
        phases=(replace(PLAIN, step=renamed_step, columns=("readout",)),),
    )
    run(tmp_path / "whole", task=task)
    run(tmp_path / "parts", "--epochs", "1", task=task)
    assert run(tmp_path / "parts", "--resume", task=task) == 0
    assert same(tensors(tmp_path / "whole"), tensors(tmp_path / "parts"))
    assert next(iter(tensors(tmp_path / "parts"))) == "forward.linear.weight"
    assert torch.equal(
        tensors(tmp_path / "parts", "checkpoint.pt")["forward.linear.bias"],
        tensors(tmp_path / "parts")["forward.linear.bias"],
    )
    assert result(tmp_path / "parts")["blocks"]["forward"]["parameters"] == 4160
    Renamed().load_state_dict(tensors(tmp_path / "parts"))
    broken = changed(task, step=lambda net, optimizers, image, label, step: net.block_forward(image[:, :, :7]))
    assert run(tmp_path / "broken", task=broken) == 1
    assert "in block forward (digits.lp:3)" in capsys.readouterr().err
