"""The benchmark of the meter's cost: its scripted instruments move, and what it says follows from what it measured."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks import meter


def results(overhead_s: float, ratio: float) -> dict[str, list[dict[str, Any]]]:
    def run(seconds: float) -> dict[str, Any]:
        totals = {"overhead_s": overhead_s, "window_s": 10.0}
        times = {"total_s": seconds, "processor_s": seconds}
        return {"energy": {"totals": totals}, "time": times, "protocol": {"epochs_run": 4}}

    drift = [10.0, 10.3, 9.8, 10.1, 10.2, 9.9]
    chance = [1.01, 0.99, 1.0, 1.005, 0.995, 1.0]
    return {
        "with": [run(ratio * s * c) for s, c in zip(drift, chance, strict=True)],
        "without": [run(s) for s in drift],
    }


@pytest.mark.parametrize(
    ("overhead_s", "ratio", "fine", "said"),
    [
        (0.04, 1.0, True, "within 0.5%"),
        (0.06, 1.0, False, "OVER 0.5%"),
        (0.04, 1.05, False, "DIFFERENT"),
    ],
)
def test_verdicts(overhead_s: float, ratio: float, fine: bool, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert meter.report(results(overhead_s, ratio)) is fine
    assert said in capsys.readouterr().out


def test_the_scripted_board_draws_its_watts_and_its_calls_take_their_time() -> None:
    nvml = meter.fake_nvml(0.01)
    start, first = time.monotonic(), nvml.nvmlDeviceGetTotalEnergyConsumption("a")
    assert time.monotonic() - start >= 0.01
    time.sleep(0.5)
    joules = (nvml.nvmlDeviceGetTotalEnergyConsumption("a") - first) / 1000
    elapsed = time.monotonic() - start
    assert joules <= meter.WATTS * (elapsed + meter.TICK_S)
    assert joules >= meter.WATTS * (0.5 - meter.TICK_S)


def test_the_powercap_tree_is_fed_and_let_go(tmp_path: Path) -> None:
    with meter.fed_powercap(tmp_path) as folder:
        file = folder / "intel-rapl:0" / "energy_uj"
        deadline = time.monotonic() + 30.0
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        first = int(file.read_text())
        while int(file.read_text()) == first and time.monotonic() < deadline:
            time.sleep(0.01)
        assert int(file.read_text()) > first
