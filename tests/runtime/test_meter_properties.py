"""What holds for every sequence of windows and readings."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lpc.runtime.counter import EnergyCounter, EnergyReading
from lpc.runtime.meter import Meter
from tests.runtime.fake_meters import FakeBoard, FakeTime, domain, scripted

CPU = torch.device("cpu")
PHASES = ("setup", "data", "train", "validate", "checkpoint", "test")
PHASE_LIST = st.lists(st.tuples(st.sampled_from(PHASES), st.floats(0.001, 100.0), st.floats(0.001, 500.0)), max_size=30)


@given(PHASE_LIST)
def test_phases_sum_to_the_total_exactly(windows: list[tuple[str, float, float]]) -> None:
    total, readings = 0, list[int | Exception]([0])
    for _, seconds, watts in windows:
        total += round(seconds * watts * 1e6)
        readings.append(total)
    time = FakeTime()
    meter = Meter([scripted(readings)], CPU, time.monotonic)
    for phase, seconds, _ in windows:
        meter.phase = phase
        time.sleep(seconds)
        meter.enter(phase)
    gpu = domain(meter, "gpu")
    rows = meter.ledgers["gpu 0"].account["phases"].values()
    assert sum(row["microjoules"] for row in rows) == total
    assert gpu["joules"] == (total / 1e6 if windows else None)
    assert math.isclose(gpu["window_s"], sum(meter.seconds().values()))


@given(st.lists(st.one_of(st.integers(0, 10**9), st.just(None)), min_size=2, max_size=30), st.floats(0.1, 50.0))
def test_whatever_is_read_elapsed_time_is_covered_or_lost(steps: list[int | None], seconds: float) -> None:
    """Any mixture of lost reads and jumps: no second twice, none forgotten, no negative energy, no NaN."""
    total, readings = 0, list[int | Exception]()
    for step in steps:
        total += step or 0
        readings.append(OSError("gone") if step is None else total)
    time = FakeTime()
    meter = Meter([scripted(readings)], CPU, time.monotonic)
    for _ in steps[1:]:
        time.sleep(seconds)
        meter.enter("train")
    gpu = meter.ledgers["gpu 0"].result(sum(meter.seconds().values()))
    assert math.isclose(gpu["window_s"] + gpu["lost_s"], seconds * (len(steps) - 1), abs_tol=1e-5)
    assert gpu["joules"] is None or (gpu["joules"] >= 0 and math.isfinite(gpu["joules"]) and gpu["window_s"] > 0)


@given(st.floats(1.0, 700.0), st.lists(st.floats(0.01, 20.0), min_size=1, max_size=10))
def test_constant_power_gives_watts_times_seconds(watts: float, windows: list[float]) -> None:
    """Within one tick of the counter at either end, whatever the cuts: no slip between mJ, J and kWh."""
    time, board = FakeTime(), FakeBoard("GPU-a", watts=watts)
    time.listeners.append(board.pass_time)
    counter = EnergyCounter(
        "gpu", source="nvml-counter", resolution_s=0.1, read=lambda: EnergyReading(round(board.shown * 1e6))
    )
    meter = Meter([counter], CPU, time.monotonic)
    for seconds in windows:
        time.sleep(seconds)
        meter.enter("train")
    assert meter.joules() == pytest.approx(watts * sum(windows), abs=watts * 0.1 + 1e-3)


@given(st.floats(0.1, 100.0), st.floats(0.0, 1.0), st.integers(1, 10**9), st.integers(1, 10**9))
def test_cutting_a_window_in_two_changes_nothing(seconds: float, share: float, first: int, second: int) -> None:
    """Where the counter moves in both parts: one that keeps still is not believed."""

    def joules(cuts: list[float], readings: list[int | Exception]) -> float | None:
        time = FakeTime()
        meter = Meter([scripted(readings, limit_w=1e9)], CPU, time.monotonic)
        for cut in cuts:
            time.sleep(cut)
            meter.enter("setup")
        return meter.joules()

    total = first + second
    assert joules([seconds], [0, total]) == joules([seconds * share, seconds * (1 - share)], [0, first, total])
