"""The processor back-end, against a fake powercap tree."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lpc.runtime.counter import EnergyCounter
from lpc.runtime.meter import open_meter
from lpc.runtime.rapl import open_rapl
from tests.runtime.fake_meters import FakeMachine, fake_machine

CPU = torch.device("cpu")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    return fake_machine(tmp_path, monkeypatch)


def opened(machine: FakeMachine) -> list[tuple[str, str, str]]:
    return [(found.domain, found.device, found.source) for found in open_rapl(machine.powercap.root)]


def joules(machine: FakeMachine, seconds: float) -> dict[str, float | None]:
    """Measured by domain, both sockets together, over so many seconds."""
    meter = open_meter(CPU, 0.0, machine.powercap.root)
    machine.time.sleep(seconds)
    meter.close()
    sums: dict[str, float | None] = {}
    for found in meter.result()["domains"]:
        earlier = sums.get(found["domain"])
        sums[found["domain"]] = found["joules"] if earlier is None else earlier + found["joules"]
    return sums


def test_packages_and_dram_are_counted_once_and_nothing_else(machine: FakeMachine) -> None:
    """The package lies within psys; core and uncore within the package; MMIO tells the same package again."""
    add = machine.powercap.add
    add("intel-rapl:0", "package-0", watts=50.0, start_uj=10_000_000)
    add("intel-rapl:0:0", "core", watts=30.0, start_uj=20_000_000)
    add("intel-rapl:0:1", "uncore", watts=5.0, start_uj=30_000_000)
    add("intel-rapl:0:2", "dram", watts=8.0, start_uj=40_000_000)
    add("intel-rapl:1", "psys", watts=90.0, start_uj=50_000_000)
    add("intel-rapl-mmio:0", "package-0", watts=49.0, start_uj=90_000_000)
    assert opened(machine) == [("cpu", "package-0", "rapl"), ("dram", "intel-rapl:0:2", "rapl")]
    assert joules(machine, 2.0) == {"gpu": None, "cpu": 100.0, "dram": 16.0}


def test_zones_may_be_nested_or_listed_twice(machine: FakeMachine) -> None:
    machine.powercap.add("intel-rapl:0", "package-0", watts=50.0, start_uj=10_000_000)
    machine.powercap.add("intel-rapl:0/intel-rapl:0:0", "dram", watts=8.0, start_uj=40_000_000)
    for link, zone in (("intel-rapl:0:0", "intel-rapl:0/intel-rapl:0:0"), ("intel-rapl", ".")):
        (machine.powercap.root / link).symlink_to(machine.powercap.root / zone, target_is_directory=True)
    assert opened(machine) == [("cpu", "package-0", "rapl"), ("dram", "intel-rapl:0:0", "rapl")]


def test_two_sockets_are_summed(machine: FakeMachine) -> None:
    machine.powercap.add("intel-rapl:0", "package-0", watts=50.0, start_uj=10_000_000)
    machine.powercap.add("intel-rapl:1", "package-1", watts=70.0, start_uj=99_000_000)
    assert joules(machine, 2.0) == {"gpu": None, "cpu": 240.0, "dram": None}


def test_dies_that_mirror_one_counter_are_counted_once(machine: FakeMachine) -> None:
    machine.powercap.add("intel-rapl:0", "package-0-die-0", watts=50.0, start_uj=10_000_000)
    machine.powercap.add("intel-rapl:1", "package-0-die-1", watts=50.0, start_uj=10_000_000)
    assert opened(machine) == [("cpu", "package-0-die-0", "rapl"), ("dram", "", "none")]


def test_a_wrap_is_one_range_more(machine: FakeMachine) -> None:
    limit = 262_143_328_850
    machine.powercap.add("intel-rapl:0", "package-0", watts=103.29, start_uj=limit - 2_000_000, range_uj=limit)
    meter = open_meter(CPU, 0.0, machine.powercap.root)
    before = machine.powercap.microjoules["intel-rapl:0"]
    machine.time.sleep(0.1)
    assert machine.powercap.microjoules["intel-rapl:0"] < before
    meter.close()
    cpu = meter.result()["domains"][1]
    assert (cpu["joules"], cpu["lost_s"]) == (10.329, 0.0)


def test_a_window_in_which_the_counter_may_have_wrapped_twice_is_lost(machine: FakeMachine) -> None:
    """65 kJ at up to 700 W wrap every 94 s: after 300 s the same difference may mean one more range, or two."""
    machine.powercap.add("intel-rapl:0", "package-0", watts=60.0, range_uj=65_532_610_987)
    meter = open_meter(CPU, 0.0, machine.powercap.root)
    for _ in range(4):  # looked at often enough, nothing is in doubt
        machine.time.sleep(75.0)
        meter.enter("train")
    assert meter.joules() == 18_000.0
    machine.time.sleep(300.0)
    meter.close()
    cpu = meter.result()["domains"][1]
    assert (cpu["joules"], cpu["lost_s"]) == (18_000.0, 300.0)
    assert "wrapped twice" in cpu["note"]


def test_a_wrap_without_a_range_is_lost(machine: FakeMachine) -> None:
    folder = machine.powercap.add("intel-rapl:0", "package-0", watts=100.0, start_uj=10**9, range_uj=2 * 10**9)
    (folder / "max_energy_range_uj").write_text("unknown\n")
    meter = open_meter(CPU, 0.0, machine.powercap.root)
    machine.time.sleep(15.0)
    meter.close()
    cpu = meter.result()["domains"][1]
    assert (cpu["joules"], cpu["lost_s"]) == (None, 15.0)
    assert "went back" in cpu["note"]


def test_a_counter_one_may_not_read_is_told_from_none(machine: FakeMachine) -> None:
    real = Path.read_text

    def read_text(path: Path, *args: str) -> str:
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return real(path, *args)

    machine.powercap.add("intel-rapl:0", "package-0", watts=50.0)
    machine.monkeypatch.setattr(Path, "read_text", read_text)
    cpu, dram = open_rapl(machine.powercap.root)
    assert (cpu.source, cpu.note) == ("none", "only root may read the counter")
    assert cpu.cure.startswith("sudo chmod a+r ")
    assert (dram.source, dram.note) == ("none", f"no RAPL zone in {machine.powercap.root}")


def test_a_counter_that_stands_still_is_refused(machine: FakeMachine) -> None:
    machine.powercap.add("intel-rapl:0", "package-0", watts=0.0)
    machine.powercap.watts.clear()
    cpu = open_rapl(machine.powercap.root)[0]
    assert (cpu.source, cpu.note) == ("none", "the counter does not move")


@pytest.mark.parametrize("content", ["", "garbage", "12.5 J"])
def test_a_counter_with_nonsense_in_it_is_refused(machine: FakeMachine, content: str) -> None:
    folder = machine.powercap.add("intel-rapl:0", "package-0", watts=0.0)
    machine.powercap.watts.clear()
    (folder / "energy_uj").write_text(content)
    cpu = open_rapl(machine.powercap.root)[0]
    assert cpu.source == "none"
    assert "cannot be read" in cpu.note


def test_a_zone_that_vanishes_makes_the_figure_null(machine: FakeMachine) -> None:
    folder = machine.powercap.add("intel-rapl:0", "package-0", watts=50.0)
    meter = open_meter(CPU, 0.0, machine.powercap.root)
    machine.time.sleep(1.0)
    meter.enter("train")
    assert meter.joules() == 50.0
    machine.powercap.watts.clear()
    (folder / "energy_uj").unlink()
    for _ in range(3):
        machine.time.sleep(1.0)
        meter.enter("train")
    meter.close()
    cpu = meter.result()["domains"][1]
    assert cpu["joules"] is None
    assert "given up" in cpu["note"]
    assert meter.seconds()["train"] == 3.0


def test_the_socket_is_never_called_one_s_own(machine: FakeMachine) -> None:
    machine.powercap.add("intel-rapl:0", "package-0", watts=50.0)
    found: EnergyCounter = open_rapl(machine.powercap.root)[0]
    assert found.exclusive() is False
    assert "whole socket" in found.note
