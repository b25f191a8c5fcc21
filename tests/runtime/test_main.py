"""Whole runs in this process: files, protocol, resume, and what goes wrong."""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lpc.runtime.carbon import carbon
from lpc.runtime.main import main
from lpc.runtime.meter import open_meter
from lpc.runtime.random import RANDOM
from lpc.runtime.task import Phase, Task
from tests.runtime.sample_digits import TASK, Network, train_step

PLAIN = TASK.phases[0]


@pytest.fixture(autouse=True)
def _defaults() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_num_threads(threads)
    RANDOM.seed, RANDOM.device = 1, "cpu"


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


# What a run leaves behind


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


# Going on


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


class Killed(BaseException):
    """What no part of a script catches, as nothing catches `kill -9`."""


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


# Going wrong


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


# Patience and phases


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
    assert found["flops"]["total"] == 600 * 10 + 600
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
