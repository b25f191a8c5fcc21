"""The NVIDIA back-end, against a fake of the binding."""

from __future__ import annotations

import ast
import math
import os
import sys
import threading
import time as wall
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lpc.runtime import counter, ledger, meter, nvml, rapl, sampled
from lpc.runtime.counter import update_period
from lpc.runtime.meter import Meter, open_meter
from lpc.runtime.nvml import open_nvml
from lpc.runtime.sampled import SampledPower
from tests.runtime.fake_meters import FakeBoard, FakeMachine, FakeTime, fake_machine

CUDA = torch.device("cuda", 0)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    return fake_machine(tmp_path, monkeypatch)


@pytest.mark.parametrize("tick_s", [0.02, 0.1, 0.25])
def test_the_counter_comes_first_and_its_period_is_measured(machine: FakeMachine, tick_s: float) -> None:
    machine.install(FakeBoard("GPU-a", tick_s=tick_s))
    found = open_nvml(CUDA)
    assert (found.source, found.scope) == ("nvml-counter", "board")
    assert found.resolution_s == pytest.approx(tick_s, abs=0.004)
    assert found.limit_w == 1600.0
    assert found.conditions() == {"gpu_power_limit_w": 400.0, "gpu_driver": "570.00", "gpu_celsius": 40}


def test_opening_takes_about_a_second_at_most(machine: FakeMachine) -> None:
    machine.install(FakeBoard("GPU-a", tick_s=60.0))
    start = machine.time.now
    found = open_nvml(CUDA)
    assert "does not move" in found.note
    assert found.source == "nvml-power-average"
    assert machine.time.now - start < 2.1
    found.close()


def test_a_board_without_counter_is_sampled_and_says_that_it_is_averaged(machine: FakeMachine) -> None:
    machine.install(FakeBoard("GPU-a", has_counter=False))
    found = open_nvml(CUDA)
    assert found.source == "nvml-power-average"
    assert found.resolution_s is not None
    assert found.resolution_s >= 1.0
    assert "no energy counter: Not Supported" in found.note
    found.close()


def test_an_average_over_a_second_resolves_no_less_however_often_it_is_updated(machine: FakeMachine) -> None:
    board = FakeBoard("GPU-a", has_counter=False)
    machine.install(board)

    def wobble(seconds: float) -> None:
        board.watts = 200.0 + math.floor(machine.time.now / 0.05) % 7

    machine.time.listeners.append(wobble)
    assert update_period(lambda: board.watts, patience=1.0, nap=0.002) == pytest.approx(0.05, abs=0.004)
    found = open_nvml(CUDA)
    assert found.resolution_s == 1.0
    found.close()


def test_a_short_sampled_window_says_how_little_is_known(machine: FakeMachine) -> None:
    machine.install(FakeBoard("GPU-a", has_counter=False))
    meter = open_meter(CUDA, 0.0, machine.powercap.root)
    machine.time.sleep(0.5)
    meter.close()
    gpu = meter.result()["domains"][0]
    assert gpu["joules"] == pytest.approx(100.0)
    assert gpu["uncertainty"]["joules"] > 0.4 * gpu["joules"]
    assert gpu["note"].count("fewer than 60 samples") == 1
    assert meter.result()["domains"][0] == gpu  # to look changes nothing


def test_neither_counter_nor_power_is_none(machine: FakeMachine) -> None:
    machine.install(FakeBoard("GPU-a", has_counter=False, has_power=False))
    found = open_nvml(CUDA)
    assert (found.source, found.read, found.scope) == ("none", None, None)
    assert "no energy counter: Not Supported; no power: Not Supported" in found.note


@pytest.mark.parametrize("visible", ["GPU-a", "GPU-c", "GPU-d"])
def test_the_board_is_the_one_torch_uses(machine: FakeMachine, visible: str) -> None:
    boards = [FakeBoard(f"GPU-{name}") for name in "abcd"]
    machine.install(*boards, visible=visible)
    found = open_nvml(CUDA)
    assert found.device == f"Fake GPU {visible}"
    assert [board.uuid for board in boards if board.calls] == [visible]


def test_a_board_nvml_does_not_list_is_null_and_not_the_first(machine: FakeMachine) -> None:
    boards = [FakeBoard("GPU-a"), FakeBoard("GPU-b")]
    machine.install(*boards, visible="MIG-c")
    found = open_nvml(CUDA)
    assert (found.source, found.read) == ("none", None)
    assert "Not Found" in found.note
    assert [board.calls for board in boards] == [{}, {}]


def test_without_the_binding_the_cure_is_named(machine: FakeMachine) -> None:
    machine.install(FakeBoard("GPU-a"))
    machine.monkeypatch.setitem(sys.modules, "pynvml", None)
    found = open_nvml(CUDA)
    assert (found.source, found.note, found.cure) == ("none", "no NVML binding", "pip install nvidia-ml-py")


def test_a_run_on_the_cpu_does_not_touch_nvml(machine: FakeMachine) -> None:
    board = FakeBoard("GPU-a")
    machine.install(board)
    assert open_nvml(torch.device("cpu")).note == "no GPU in a run on cpu"
    assert board.calls == {}


@pytest.mark.parametrize(
    ("at_open", "at_close", "expected"),
    [
        ([os.getpid()], [os.getpid()], True),
        ([os.getpid(), 4242], [os.getpid()], False),
        ([os.getpid()], [os.getpid(), 4242], False),
        ([4242], [4242], None),  # perhaps this process, under its number outside a container
        ([4242, 4343], [4242], False),
        ([], [], None),
    ],
)
def test_other_processes_on_the_board_are_told(
    machine: FakeMachine, at_open: list[int], at_close: list[int], expected: bool | None
) -> None:
    board = FakeBoard("GPU-a", pids=at_open)
    machine.install(board)
    meter = open_meter(CUDA, 0.0, machine.powercap.root)
    board.pids = at_close
    meter.close()
    assert meter.result()["domains"][0]["exclusive"] is expected


def test_a_board_cut_up_by_mig_is_shared(machine: FakeMachine) -> None:
    machine.install(FakeBoard("GPU-a", mig=True))
    found = open_nvml(CUDA)
    assert (found.scope, found.exclusive()) == ("board", False)


@given(st.lists(st.tuples(st.floats(0.001, 1.0), st.floats(0.0, 10.0)), min_size=1, max_size=20), st.floats(-20, 20))
def test_trapezoids_are_exact_for_linear_power(steps: list[tuple[float, float]], slope: float) -> None:
    """At irregular times; a constant is the slope 0."""
    time = FakeTime()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampled, "time", time)
        power = SampledPower(lambda: 300.0 + slope * (time.now - 1000.0), period=3600.0)
        power.read()
        for seconds, _ in steps:
            time.sleep(seconds)
            power.sample()
        reading = power.read()
        power.stop.set()
    elapsed = time.now - 1000.0
    assert reading.microjoules == pytest.approx((300.0 * elapsed + slope * elapsed**2 / 2) * 1e6, abs=2)
    assert reading.samples == len(steps) + 1


def test_the_sampling_thread_samples_and_ends() -> None:
    threads = set(threading.enumerate())
    power = SampledPower(lambda: 100.0, period=0.005)
    power.read()
    deadline = wall.monotonic() + 5.0
    while power.samples < 5 and wall.monotonic() < deadline:
        wall.sleep(0.005)
    reading = power.read()
    assert reading.samples >= 6
    assert reading.microjoules > 0
    power.stop.set()
    while set(threading.enumerate()) - threads and wall.monotonic() < deadline:
        wall.sleep(0.005)
    assert not set(threading.enumerate()) - threads


def test_a_hole_in_the_samples_is_not_bridged(machine: FakeMachine) -> None:
    time = machine.time
    power = SampledPower(lambda: 100.0, period=0.5)
    power.read()
    time.sleep(60.0)
    assert power.read().doubt == "no power sample for 60.0 s"
    time.sleep(0.5)
    assert power.read()[1:] == (1, "")
    power.stop.set()


def test_the_meter_starts_no_process() -> None:
    for module in (counter, sampled, nvml, rapl, ledger, meter):
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        names = {
            alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        }
        assert names.isdisjoint({"multiprocessing", "subprocess"})


def test_closing_twice_counts_once(machine: FakeMachine) -> None:
    machine.install(FakeBoard("GPU-a"))
    meter: Meter = open_meter(CUDA, 0.0, machine.powercap.root)
    machine.time.sleep(3.0)
    meter.close()
    before = meter.result()
    machine.time.sleep(3.0)
    meter.close()
    assert meter.result() == before


def test_power_of_the_moment_comes_before_its_mean(machine: FakeMachine) -> None:
    board = FakeBoard("GPU-a", has_counter=False, has_instant=True)
    machine.install(board)

    def wobble(seconds: float) -> None:
        board.watts = 200.0 + math.floor(machine.time.now / 0.1) % 7

    machine.time.listeners.append(wobble)
    found = open_nvml(CUDA)
    found.close()
    assert found.source == "nvml-power-instant"
    assert found.resolution_s == pytest.approx(0.1, abs=0.004)
    assert "power" not in board.calls


def test_a_counter_without_power_beside_it_is_held_against_nothing(machine: FakeMachine) -> None:
    machine.install(FakeBoard("GPU-a"))
    meter = open_meter(CUDA, 5.0, machine.powercap.root)
    meter.enter("train")
    machine.time.sleep(10.0)
    meter.close()
    assert meter.result()["domains"][0]["power_gap"] is None


def test_what_changed_within_a_run_is_told(machine: FakeMachine) -> None:
    board = FakeBoard("GPU-a", celsius=41)
    machine.install(board)
    meter = open_meter(CUDA, 0.0, machine.powercap.root)
    board.celsius, board.limit_w = 77, 300.0
    meter.close()
    found = meter.result()["conditions"]
    assert (found["gpu_celsius"], found["gpu_power_limit_w"], found["gpu_driver"]) == (41, 400.0, "570.00")
    assert {name: found["changed"][name] for name in found["changed"] if name.startswith("gpu")} == {
        "gpu_celsius": 77,
        "gpu_power_limit_w": 300.0,
    }
