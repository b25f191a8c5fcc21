"""The AMD back-end, against a fake of the binding: no board of AMD's has been measured."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from lpc.runtime.amd import open_amd
from lpc.runtime.meter import open_meter
from tests.runtime.fake_meters import FakeBoard, FakeMachine, domain, fake_machine

CUDA = torch.device("cuda", 0)
MINE, OTHER = "0000:c1:00.0", "0000:c6:00.0"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    return fake_machine(tmp_path, monkeypatch)


@pytest.mark.parametrize("key", ["energy_accumulator", "power"])
@pytest.mark.parametrize("unit_uj", [15.3, 1.0])
def test_an_accumulator_times_its_unit_is_joules(machine: FakeMachine, key: str, unit_uj: float) -> None:
    """Before ROCm 6.2.1 the accumulator was called power."""
    board = FakeBoard(MINE, watts=200.0, tick_s=0.01)
    machine.install_amd(FakeBoard(OTHER, watts=999.0), board, key=key, unit_uj=unit_uj)
    meter = open_meter(CUDA, 0.0, machine.powercap.root)
    meter.enter("train")
    machine.time.sleep(10.0)
    meter.close()
    gpu = domain(meter, "gpu")
    assert (gpu["source"], gpu["scope"], gpu["exclusive"]) == ("amdsmi-counter", "board", True)
    assert gpu["joules"] == pytest.approx(2000.0, rel=0.002)
    assert gpu["device"] == "Fake AMD 0000:c1:00"
    assert gpu["resolution_s"] == pytest.approx(0.01, abs=0.003)
    assert gpu["uncertainty"]["systematic"] == pytest.approx(0.05 * gpu["joules"], rel=0.01)


def test_the_board_is_found_by_its_place_and_never_guessed(machine: FakeMachine) -> None:
    machine.install_amd(FakeBoard(OTHER))
    found = open_amd(CUDA)
    assert (found.source, found.read) == ("none", None)
    assert "0 boards at 0000:c1:00" in found.note


@pytest.mark.parametrize("places", [(MINE, "0000:c1:00.1")])
def test_two_boards_under_one_place_are_not_told_apart_and_not_measured(
    machine: FakeMachine, places: tuple[str, ...]
) -> None:
    machine.install_amd(*(FakeBoard(place) for place in places))
    assert "2 boards at" in open_amd(CUDA).note


def test_a_counter_that_stands_still_is_refused(machine: FakeMachine) -> None:
    machine.install_amd(FakeBoard(MINE, tick_s=1e9))
    found = open_amd(CUDA)
    assert (found.source, found.note) == ("none", "the energy counter does not move")


def test_a_board_that_has_no_counter_says_so(machine: FakeMachine) -> None:
    machine.install_amd(FakeBoard(MINE, fault=RuntimeError("not supported on guests")))
    assert open_amd(CUDA).note == "no energy counter: not supported on guests"


def test_without_the_binding_the_cure_is_named(machine: FakeMachine) -> None:
    machine.install_amd(FakeBoard(MINE))
    machine.monkeypatch.setitem(sys.modules, "amdsmi", None)
    found = open_amd(CUDA)
    assert (found.source, found.note) == ("none", "no amdsmi binding")
    assert found.cure.startswith("pip install amdsmi")


def test_a_binding_that_complains_does_not_write_into_the_run(
    machine: FakeMachine, capsys: pytest.CaptureFixture[str]
) -> None:
    amdsmi = machine.install_amd(FakeBoard(MINE))
    amdsmi.says = "Unable to find libamd_smi.so"
    assert open_amd(CUDA).source == "amdsmi-counter"
    assert capsys.readouterr().out == ""


def test_a_torch_too_old_to_tell_the_place_is_told(machine: FakeMachine) -> None:
    machine.install_amd(FakeBoard(MINE))
    machine.monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(uuid="x"))
    assert "pci_domain_id" in open_amd(CUDA).note


def test_another_process_on_the_board_is_told(machine: FakeMachine) -> None:
    board = FakeBoard(MINE, pids=[os.getpid(), 4242])
    machine.install_amd(board)
    meter = open_meter(CUDA, 0.0, machine.powercap.root)
    machine.time.sleep(1.0)
    meter.close()
    gpu = domain(meter, "gpu")
    assert gpu["exclusive"] is False
    assert "another process" in gpu["note"]


def test_a_board_lost_in_mid_run_is_null_and_the_run_goes_on(machine: FakeMachine) -> None:
    board = FakeBoard(MINE)
    machine.install_amd(board)
    meter = open_meter(CUDA, 0.0, machine.powercap.root)
    machine.time.sleep(1.0)
    meter.enter("train")
    board.fault = RuntimeError("device lost")
    for _ in range(4):
        machine.time.sleep(1.0)
        meter.enter("train")
    meter.close()
    gpu = domain(meter, "gpu")
    assert gpu["joules"] is None
    assert "given up: device lost" in gpu["note"]
    assert meter.seconds()["train"] == pytest.approx(4.0)
