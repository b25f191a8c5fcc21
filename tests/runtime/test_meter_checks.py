"""How counters are watched, held against another instrument, and given up."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from lpc.runtime.meter import Meter
from lpc.runtime.rapl import open_rapl
from tests.runtime.fake_meters import FakeBoard, FakeMachine, FakeTime, domain, fake_machine, scripted
from tests.runtime.pitfall import CPU, CUDA, ZONE, closed, opened


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    return fake_machine(tmp_path, monkeypatch)


def test_two_wraps_in_one_window_cannot_be_seen_and_are_not_guessed(machine: FakeMachine) -> None:
    machine.powercap.add(ZONE, "package-0", watts=60.0, range_uj=65_532_610_987)
    meter = opened(machine)
    machine.time.sleep(300.0)
    found = closed(meter)
    assert found["joules"] is None
    assert "wrapped twice" in found["note"]


def test_wraps_in_a_long_pass_are_seen_by_a_look_in_between(machine: FakeMachine) -> None:
    """Ten minutes without a boundary, over which the counter wraps, are whole: a thread looked meanwhile."""
    machine.powercap.add(ZONE, "package-0", watts=300.0, range_uj=65_532_610_987)
    meter = opened(machine)
    zone = meter.ledgers["cpu 0"].counter.read.__self__  # type: ignore[union-attr]
    for _ in range(15):
        machine.time.sleep(40.0)
        zone.look()
    found = closed(meter)
    assert (found["joules"], found["lost_s"]) == (180_000.0, 0.0)


def test_the_look_in_between_is_a_thread_that_ends_with_the_meter(machine: FakeMachine) -> None:
    machine.powercap.add(ZONE, "package-0", watts=300.0)
    before = set(threading.enumerate())
    (cpu, _dram) = open_rapl(machine.powercap.root)
    (watching,) = set(threading.enumerate()) - before
    cpu.close()
    watching.join(30)
    assert not watching.is_alive()


def test_a_counter_and_its_power_that_agree_are_told_so(machine: FakeMachine) -> None:
    board = FakeBoard("GPU-a", watts=200.0, has_instant=True)
    machine.install(board)
    meter = opened(machine, CUDA, idle=1.0)
    meter.enter("train")
    for _ in range(100):
        machine.time.sleep(0.1)
        meter.ledgers["gpu 0"].power.sample()  # type: ignore[union-attr]
    meter.enter("checkpoint")
    meter.enter("train")
    assert meter.ledgers["gpu 0"].power is None  # once is enough
    found = closed(meter, "gpu")
    assert abs(found["power_gap"]) < 0.02
    assert "apart" not in found["note"]


def test_a_device_that_is_gone_at_the_end_has_no_figure_and_the_run_goes_on() -> None:
    time = FakeTime()
    meter = Meter([scripted([0, 100_000_000, OSError("GPU is lost")])], CPU, time.monotonic)
    for _ in range(2):
        time.sleep(1.0)
        meter.enter("train")
    meter.close()
    gpu = domain(meter, "gpu")
    assert (gpu["joules"], gpu["phases"], gpu["complete"]) == (None, {}, False)
    assert "GPU is lost" in gpu["note"]
    assert meter.seconds()["train"] == 1.0


@pytest.mark.parametrize("failures", [1, 2])
def test_a_device_that_comes_back_has_lost_some_windows_only(failures: int) -> None:
    time = FakeTime()
    readings: list[int | Exception] = [0, 100_000_000, *[OSError("busy")] * failures, 500_000_000, 600_000_000]
    meter = Meter([scripted(readings)], CPU, time.monotonic)
    for _ in readings[2:]:
        time.sleep(1.0)
        meter.enter("train")
    time.sleep(1.0)
    meter.close()
    gpu = domain(meter, "gpu")
    assert (gpu["joules"], gpu["lost_s"]) == (200.0, failures + 1.0)
