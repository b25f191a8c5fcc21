"""The meter as a whole: phases, resume, failures, what it does to a run. The numbers are of pitfalls others fell into."""

from __future__ import annotations

import math
import sys
import threading
import time as wall
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from lpc.codegen.inline import import_lines, inline
from lpc.runtime.carbon import carbon
from lpc.runtime.counter import EnergyCounter, EnergyReading
from lpc.runtime.meter import Meter, open_meter
from tests.runtime.fake_meters import FakeBoard, FakeMachine, FakeTime, domain, fake_machine, scripted

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)
PHASES = ("setup", "data", "train", "validate", "checkpoint", "test")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    return fake_machine(tmp_path, monkeypatch)


def test_no_meter_is_null_and_never_zero(machine: FakeMachine) -> None:
    meter = open_meter(CPU, 0.0, machine.powercap.root)
    meter.enter("train")
    machine.time.sleep(41.2)
    meter.close()
    result = meter.result()
    assert [(found["domain"], found["joules"], found["source"]) for found in result["domains"]] == [
        ("gpu", None, "none"),
        ("cpu", None, "none"),
        ("dram", None, "none"),
    ]
    assert all(found["note"] and not found["complete"] and found["lost_s"] == 41.2 for found in result["domains"])
    assert result["totals"] == {
        "measured_joules": None,
        "uncertainty_joules": None,
        "contains": [],
        "missing": ["cpu", "dram", "gpu"],
        "estimated_joules": None,
        "window_s": pytest.approx(41.2),
        "overhead_s": 0.0,
    }
    assert meter.joules() is None
    assert list(zeros_for_missing(result)) == []


def zeros_for_missing(value: Any, key: str = "") -> Iterator[str]:
    """Energies and powers that are text or 0."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from zeros_for_missing(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from zeros_for_missing(inner, key)
    elif ("joules" in key or key.endswith("_w")) and (isinstance(value, str) or value == 0):
        yield key


def test_a_validation_costs_the_phase_validate_only(machine: FakeMachine) -> None:
    zone = "intel-rapl:0"
    machine.powercap.add(zone, "package-0", watts=80.0)
    meter = open_meter(CPU, 0.0, machine.powercap.root)
    meter.enter("train")
    machine.time.sleep(2.0)
    meter.enter("validate")
    machine.powercap.watts[zone] = 100.0
    machine.time.sleep(1.0)
    machine.powercap.watts[zone] = 80.0
    meter.enter("train")
    machine.time.sleep(3.0)
    meter.close()
    cpu = domain(meter, "cpu")
    assert {phase: row["joules"] for phase, row in cpu["phases"].items()} == {
        "setup": 0.0,
        "train": 400.0,
        "validate": 100.0,
    }
    assert (cpu["joules"], cpu["window_s"], cpu["lost_s"], cpu["complete"]) == (500.0, 6.0, 0.0, True)
    assert meter.seconds() == {**dict.fromkeys(PHASES, 0.0), "train": 5.0, "validate": 1.0}
    assert meter.result()["phases"]["train"] == {"seconds": 5.0, "joules": 400.0}


def test_one_synchronise_and_one_reading_a_boundary_none_a_step(machine: FakeMachine) -> None:
    board = FakeBoard("GPU-a")
    machine.install(board)
    threads = set(threading.enumerate())
    meter = open_meter(CUDA, 0.0, machine.powercap.root)
    synced, read = machine.syncs, board.calls["energy"]
    for _ in range(3):
        meter.enter("train")
        for _ in range(100):
            machine.time.sleep(0.01)  # a step
        meter.enter("validate")
        meter.joules(), meter.seconds(), meter.totals()
    meter.close()
    assert machine.syncs - synced == board.calls["energy"] - read == 7
    assert not set(threading.enumerate()) - threads  # one of an earlier test's may end meanwhile


def test_the_device_is_waited_for_before_the_counter_is_read(machine: FakeMachine) -> None:
    board = FakeBoard("GPU-a", tick_s=0.001)
    machine.install(board)
    meter = open_meter(CUDA, 0.0, machine.powercap.root)
    meter.enter("train")
    machine.monkeypatch.setattr(torch.cuda, "synchronize", lambda _: machine.time.sleep(2.0))  # what was queued
    meter.enter("validate")
    assert domain(meter, "gpu")["phases"]["train"]["joules"] == pytest.approx(400.0)
    assert meter.seconds()["train"] == pytest.approx(2.0)


def test_idle_stands_beside_and_is_not_subtracted(machine: FakeMachine) -> None:
    board = FakeBoard("GPU-a", watts=60.0)
    machine.install(board)
    meter = open_meter(CUDA, 10.0, machine.powercap.root)
    board.watts = 300.0
    meter.enter("train")
    machine.time.sleep(100.0)
    meter.close()
    gpu = domain(meter, "gpu")
    assert gpu["idle_w"] == pytest.approx(60.0, rel=0.02)
    assert gpu["joules"] == pytest.approx(30_000, rel=0.002)
    assert gpu["net_joules"] == gpu["joules"] - gpu["idle_w"] * gpu["window_s"]
    assert gpu["window_s"] == pytest.approx(100.0)


def test_without_idle_there_is_no_net(machine: FakeMachine) -> None:
    machine.install(FakeBoard("GPU-a"))
    meter = open_meter(CUDA, 0.0, machine.powercap.root)
    machine.time.sleep(5.0)
    meter.close()
    assert domain(meter, "gpu")["joules"] > 0
    assert (domain(meter, "gpu")["idle_w"], domain(meter, "gpu")["net_joules"]) == (None, None)


def test_a_reset_loses_its_window_and_keeps_what_was_before() -> None:
    time = FakeTime()
    meter = Meter([scripted([10_000_000_000, 10_440_000_000, 200_000, 300_200_000])], CPU, time.monotonic)
    for phase in ("train", "train", "test"):
        time.sleep(2.0)
        meter.enter(phase)
    gpu = domain(meter, "gpu")
    assert (gpu["joules"], gpu["window_s"], gpu["lost_s"], gpu["complete"]) == (740.0, 4.0, 2.0, False)
    assert "went back" in gpu["note"]


def test_a_bad_read_is_no_wrap() -> None:
    time = FakeTime()
    readings: list[int | Exception] = [1_000_000, 101_000_000, ValueError("not a number"), 301_000_000, 401_000_000]
    meter = Meter([scripted(readings)], CPU, time.monotonic)
    for _ in range(4):
        time.sleep(1.0)
        meter.enter("train")
    gpu = domain(meter, "gpu")
    assert (gpu["joules"], gpu["window_s"], gpu["lost_s"]) == (200.0, 2.0, 2.0)
    assert "not a number" in gpu["note"]


def test_more_than_the_device_can_draw_is_never_summed() -> None:
    time = FakeTime()
    meter = Meter([scripted([0, 300_000_000, 10**12, 10**12 + 300_000_000], limit_w=1600.0)], CPU, time.monotonic)
    for _ in range(3):
        time.sleep(1.0)
        meter.enter("train")
    gpu = domain(meter, "gpu")
    assert (gpu["joules"], gpu["lost_s"]) == (600.0, 1.0)
    assert "more energy than the device can draw" in gpu["note"]


def test_a_late_tick_in_a_short_window_is_plausible() -> None:
    """A tenth of a second at 300 W shows up within 5 ms: 6 kW on paper, and nothing wrong."""
    time = FakeTime()
    meter = Meter([scripted([0, 30_000_000], limit_w=1600.0)], CPU, time.monotonic)
    time.sleep(0.005)
    meter.close()
    assert domain(meter, "gpu")["joules"] == 30.0


def test_a_meter_that_fails_is_given_up_and_the_run_goes_on(machine: FakeMachine) -> None:
    board = FakeBoard("GPU-a")
    machine.install(board)
    meter = open_meter(CUDA, 0.0, machine.powercap.root)
    machine.time.sleep(2.0)
    meter.enter("train")
    assert meter.joules() is not None
    board.fault = RuntimeError("GPU is lost")
    for _ in range(5):
        machine.time.sleep(1.0)
        meter.enter("train")
    asked = board.calls["energy"]
    meter.enter("test")
    meter.close()
    gpu = domain(meter, "gpu")
    assert (gpu["joules"], gpu["uncertainty"], gpu["phases"], gpu["complete"]) == (None, None, {}, False)
    assert "given up: GPU is lost" in gpu["note"]
    assert board.calls["energy"] == asked
    assert meter.seconds()["train"] == 5.0


@pytest.mark.parametrize("nonsense", [None, "12 J", b"x", float("nan")])
def test_a_driver_that_answers_nonsense_harms_nothing(machine: FakeMachine, nonsense: object) -> None:
    board = FakeBoard("GPU-a")
    nvml = machine.install(board)
    meter = open_meter(CUDA, 0.0, machine.powercap.root)
    machine.monkeypatch.setattr(nvml, "nvmlDeviceGetTotalEnergyConsumption", lambda _: nonsense)
    for _ in range(4):
        meter.enter("train")
    assert domain(meter, "gpu")["joules"] is None


def test_a_lost_device_does_not_break_closing(machine: FakeMachine) -> None:
    def lost(device: torch.device) -> None:
        raise RuntimeError("device lost")

    machine.install(FakeBoard("GPU-a"))
    meter = open_meter(CUDA, 0.0, machine.powercap.root)
    machine.monkeypatch.setattr(torch.cuda, "synchronize", lost)
    with pytest.raises(RuntimeError):  # of a failed kernel the run must hear
        meter.enter("train")
    meter.close()
    assert not domain(meter, "gpu")["complete"]
    assert "interrupted" in meter.result()["notes"][0]


@pytest.mark.parametrize("epochs", [1, 10, 50])
def test_the_interval_of_a_short_phase_contains_the_truth(machine: FakeMachine, epochs: int) -> None:
    """A counter that ticks every 0.1 s charges a validation of 0.25 s at 100 W with 20 % too much, and the figure says so."""
    board = FakeBoard("GPU-a", watts=200.0)
    machine.install(board)
    meter = open_meter(CUDA, 0.0, machine.powercap.root)
    machine.time.sleep(0.0371)
    for _ in range(epochs):
        meter.enter("train")
        board.watts = 200.0
        machine.time.sleep(2.0)
        meter.enter("validate")
        board.watts = 100.0
        machine.time.sleep(0.2513)
    meter.close()
    row = domain(meter, "gpu")["phases"]["validate"]
    assert abs(row["joules"] - epochs * 25.13) < 2 * row["uncertainty"]["joules"]
    gpu = domain(meter, "gpu")
    truth = epochs * 425.13 + 0.0371 * 200
    assert abs(gpu["joules"] - truth) < 2 * gpu["uncertainty"]["random"]


def test_the_uncertainty_is_that_of_the_ends_and_of_the_instrument() -> None:
    """At 100 W and u = 0.1 s, three starts of counting (one read fails, which costs two windows): 0.1 · 100 · √(3/6) J; 2 % assumed."""
    time = FakeTime()
    readings: list[int | Exception] = [0, 200_000_000, OSError("busy"), 600_000_000, 800_000_000, 1_000_000_000]
    meter = Meter([scripted(readings)], CPU, time.monotonic)
    for _ in range(5):
        time.sleep(2.0)
        meter.enter("setup")
    gpu = domain(meter, "gpu")
    assert (gpu["joules"], gpu["window_s"]) == (600.0, 6.0)
    found = gpu["uncertainty"]
    assert found["random"] == pytest.approx(10.0 * math.sqrt(3 / 6))  # each lost window begins counting anew
    assert found["systematic"] == pytest.approx(12.0)
    assert found["joules"] == pytest.approx(math.hypot(found["random"], 12.0))
    assert gpu["phases"]["setup"]["uncertainty"]["random"] == pytest.approx(10.0 * math.sqrt(3 / 6))
    assert meter.result()["totals"]["uncertainty_joules"] == found["joules"]


def test_a_reading_that_takes_long_is_dated_half_way() -> None:
    time = FakeTime()

    takes = iter([0.0, 1.0])

    def read() -> EnergyReading:
        time.sleep(next(takes))
        return EnergyReading(round(time.now * 1e8))

    meter = Meter([EnergyCounter("cpu", source="rapl", resolution_s=0.001, read=read)], CPU, time.monotonic)
    time.sleep(2.0)
    meter.close()
    assert meter.seconds()["setup"] == 2.5
    assert meter.result()["domains"][0]["overhead_s"] == 1.0


def test_the_wall_clock_plays_no_part(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    meter = open_meter(CPU, 0.0, tmp_path)
    meter.enter("train")
    monkeypatch.setattr(wall, "time", lambda: -1_725_969_928.0)
    meter.enter("test")
    meter.close()
    assert all(0.0 <= seconds < 60.0 for seconds in meter.seconds().values())


def test_a_measured_run_ends_in_the_same_bits(machine: FakeMachine) -> None:
    def train(meter: Meter | None) -> list[torch.Tensor]:
        torch.manual_seed(3)
        net = torch.nn.Linear(8, 4)
        optimizer = torch.optim.Adam(net.parameters())
        for _ in range(3):
            if meter is not None:
                meter.enter("train")
            for _ in range(10):
                loss = net(torch.randn(16, 8)).square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            if meter is not None:
                meter.enter("validate")
        return [*net.parameters(), torch.randn(4)]

    machine.powercap.add("intel-rapl:0", "package-0", watts=50.0)
    plain = train(None)
    meter = open_meter(CPU, 0.0, machine.powercap.root)
    assert all(torch.equal(a, b) for a, b in zip(plain, train(meter), strict=True))


def test_it_stands_alone_in_a_script(machine: FakeMachine) -> None:
    """As inlined: no lpc, definitions in another order than in the modules, a known number of joules at the end."""
    machine.powercap.add("intel-rapl:0", "package-0", watts=50.0)
    parts = inline(["open_meter"])
    text = "\n".join(["from __future__ import annotations", *import_lines(parts.imports), parts.text])
    assert "lpc" not in text
    script = ModuleType("script")
    machine.monkeypatch.setitem(sys.modules, "script", script)  # dataclasses look their module up
    exec(text, script.__dict__)  # noqa: S102
    vars(script)["time"] = machine.time
    meter = script.open_meter(CPU, 0.0, machine.powercap.root)
    machine.time.sleep(2.0)
    meter.close()
    assert meter.result()["totals"]["measured_joules"] == 100.0


def test_metering_costs_little(machine: FakeMachine) -> None:
    machine.powercap.add("intel-rapl:0", "package-0", watts=50.0)
    counters = open_meter(CPU, 0.0, machine.powercap.root).ledgers["cpu 0"].counter
    meter = Meter([counters], CPU, wall.monotonic)
    for _ in range(100):
        meter.enter("train")
    assert meter.result()["domains"][0]["overhead_s"] / 100 < 0.002


def test_carbon_needs_a_measurement_and_an_intensity() -> None:
    assert carbon(None, 385.0) is None
    plain = carbon(3.6e6, 385.0)
    assert plain is not None
    assert (plain["grams"], plain["it_joules"], plain["facility_joules"]) == (385.0, 3.6e6, None)
    house = carbon(3.6e6, 100.0, pue=1.5)
    assert house is not None
    assert (house["grams"], house["it_joules"], house["facility_joules"]) == (150.0, 3.6e6, 5.4e6)
