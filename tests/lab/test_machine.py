"""What `lpc env` says, on machines of several kinds."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from lpc.lab.machine import Device, Machine, describe_machine, machine_text, processor_model
from lpc.lab.meters import MeterStatus
from tests.runtime.fake_meters import FakeBoard, FakeMachine, fake_machine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    return fake_machine(tmp_path, monkeypatch)


def test_a_machine_without_any_meter_says_so_per_domain(machine: FakeMachine) -> None:
    found = describe_machine(machine.powercap.root)
    assert found.torch == torch.__version__
    assert found.threads == torch.get_num_threads()
    assert [(meter.domain, meter.source) for meter in found.meters if meter.domain != "gpu"] == [
        ("cpu", "none"),
        ("dram", "none"),
    ]
    assert all(meter.why for meter in found.meters if meter.source == "none")
    json.dumps(asdict(found))


def test_boards_and_packages_are_named_with_what_they_resolve(machine: FakeMachine) -> None:
    machine.install(FakeBoard("GPU-a"))
    machine.monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    machine.monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    machine.powercap.add("intel-rapl:0", "package-0", watts=50.0)
    found = describe_machine(machine.powercap.root)
    assert found.devices[1] == Device("cuda:0", "Fake GPU")
    gpu, cpu, dram = found.meters
    assert (gpu.source, gpu.device) == ("nvml-counter", "Fake GPU GPU-a")
    assert gpu.resolution_s == pytest.approx(0.1, abs=0.004)
    assert (cpu.source, cpu.device) == ("rapl", "package-0")
    assert dram.source == "none"
    text = machine_text(found)
    assert "gpu (Fake GPU GPU-a): nvml-counter, new every 100 ms" in text
    assert "dram: not measured, no RAPL zone" in text


def test_the_one_command_that_helps_is_named(machine: FakeMachine) -> None:
    real = Path.read_text

    def read_text(path: Path, *args: str, **more: str) -> str:
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **more)

    machine.powercap.add("intel-rapl:0", "package-0", watts=50.0)
    machine.monkeypatch.setattr(Path, "read_text", read_text)
    text = machine_text(describe_machine(machine.powercap.root))
    assert "cpu (package-0): not measured, only root may read the counter" in text
    assert "  to get it: sudo chmod a+r " in text


def test_without_torch_it_still_answers(machine: FakeMachine) -> None:
    machine.monkeypatch.setitem(sys.modules, "torch", None)
    found = describe_machine(machine.powercap.root)
    assert (found.torch, found.threads) == (None, None)
    assert [device.usable for device in found.devices] == [False]
    assert "pip install 'lpc[run]'" in machine_text(found)


def test_the_text_is_one_table() -> None:
    text = machine_text(
        Machine(
            python="3.11.7",
            system="Linux x86_64",
            torch="2.13.0",
            threads=1,
            devices=(Device("cpu", "Some CPU, 2 cores"), Device("cuda", "", False, "no driver", "install one")),
            meters=(MeterStatus("cpu", "package-0", "rapl", 0.000976, "the whole socket"),),
            packages=(),
        )
    )
    assert text.splitlines() == [
        "python    3.11.7 on Linux x86_64",
        "torch     2.13.0, 1 thread",
        "devices   cpu: Some CPU, 2 cores",
        "          cuda: no, no driver",
        "            to get it: install one",
        "energy    cpu (package-0): rapl, new every 0.976 ms; the whole socket",
    ]


def test_a_processor_without_a_name_has_its_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lpc.runtime.processor.CPUINFO", tmp_path / "cpuinfo")
    assert processor_model().rsplit(", ", 1)[1].split()[0].isdigit()
    (tmp_path / "cpuinfo").write_text("processor : 0\nmodel name\t: Some CPU @ 2 GHz\n")
    assert processor_model().startswith("Some CPU @ 2 GHz, ")
