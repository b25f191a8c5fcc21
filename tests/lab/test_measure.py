"""What `lpc measure` finds and measures, on machines of several kinds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from lpc.lab.measure import measure, measured_text
from lpc.lab.meters import MeterStatus, board_counters, meter_text, meters
from tests.runtime.fake_meters import FakeBoard, FakeMachine, fake_machine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    found = fake_machine(tmp_path, monkeypatch)
    monkeypatch.setattr("lpc.lab.measure.time", found.time)
    return found


def with_boards(machine: FakeMachine, *boards: FakeBoard) -> None:
    machine.install(*boards)
    machine.monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    machine.monkeypatch.setattr(torch.cuda, "device_count", lambda: len(boards))


def test_meters_say_what_they_resolve_and_what_would_help(machine: FakeMachine) -> None:
    with_boards(machine, FakeBoard("GPU-a"))
    gpu, cpu, dram = meters(machine.powercap.root)
    assert gpu.window_s == pytest.approx(4.1, abs=0.2)  # 0.1 s / √6 / 1 %
    assert meter_text(gpu).startswith("gpu (Fake GPU GPU-a): nvml-counter, new every ")
    assert cpu.source == dram.source == "none"
    assert "modprobe" in cpu.cure
    assert MeterStatus("cpu", "", "none").window_s is None


def test_an_amd_board_is_asked_through_its_own_binding(machine: FakeMachine) -> None:
    board = FakeBoard("0000:c1:00.0")
    machine.install_amd(board)
    machine.monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    machine.monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert [counter.source for counter in board_counters()] == ["amdsmi-counter"]


def test_a_command_is_measured_and_its_status_is_told(machine: FakeMachine) -> None:
    with_boards(machine, FakeBoard("GPU-a", watts=200.0))
    machine.powercap.add("intel-rapl:0", "package-0", watts=50.0)

    def run(command: Sequence[str]) -> int:
        assert command == ["train", "--fast"]
        machine.time.sleep(10.0)
        return 3

    found = measure(["train", "--fast"], run, 0.0, machine.powercap.root)
    gpu, cpu, dram = found.energy["domains"]
    assert found.status == 3
    assert found.seconds == pytest.approx(10.0)
    assert (gpu["joules"], cpu["joules"], dram["joules"]) == (
        pytest.approx(2000.0, abs=20.0),
        pytest.approx(500.0),
        None,
    )
    assert found.energy["totals"]["measured_joules"] == pytest.approx(2500.0, abs=20.0)
    assert json.loads(json.dumps(found.to_json()))["command"] == ["train", "--fast"]
    lines = measured_text(found).splitlines()
    assert lines[0] == "10 s, exit status 3"
    assert lines[1].startswith("gpu (Fake GPU GPU-a): 2")
    assert " W in the mean (nvml-counter, new every " in lines[1]
    assert lines[3] == "dram: not measured, no RAPL zone in " + str(machine.powercap.root)
    assert lines[4].startswith("together: 25")


def test_idle_is_measured_before_and_told_beside(machine: FakeMachine) -> None:
    machine.powercap.add("intel-rapl:0", "package-0", watts=20.0)

    def run(_command: Sequence[str]) -> int:
        machine.powercap.watts["intel-rapl:0"] = 50.0
        machine.time.sleep(10.0)
        return 0

    found = measure(["x"], run, 30.0, machine.powercap.root)
    cpu = found.energy["domains"][1]
    assert (cpu["joules"], cpu["idle_w"], cpu["net_joules"]) == tuple(map(pytest.approx, (500.0, 20.0, 300.0)))
    assert "300 J above idle (20 W)" in measured_text(found)


def test_a_meter_that_goes_meanwhile_is_null_with_the_reason(machine: FakeMachine) -> None:
    folder = machine.powercap.add("intel-rapl:0", "package-0", watts=20.0)

    def run(_command: Sequence[str]) -> int:
        machine.time.sleep(10.0)
        machine.powercap.watts.clear()
        (folder / "energy_uj").unlink()
        return 0

    found = measure(["x"], run, 0.0, machine.powercap.root)
    assert found.status == 0
    assert found.energy["domains"][1]["joules"] is None
    assert "could not be read at the end" in measured_text(found)


def test_meters_are_closed_when_the_command_cannot_be_run(machine: FakeMachine) -> None:
    machine.powercap.add("intel-rapl:0", "package-0", watts=20.0)

    def run(_command: Sequence[str]) -> int:
        raise OSError(8, "Exec format error")

    with pytest.raises(OSError, match="Exec format"):
        measure(["x"], run, 0.0, machine.powercap.root)
