"""What a machine says of itself, on made-up machines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lpc.lab.conditions import Conditions, Others, look


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="ascii")


def test_a_machine_that_says_nothing(tmp_path: Path) -> None:
    assert look(tmp_path, lambda: None) == Conditions()


@pytest.mark.parametrize(
    ("file", "text", "turbo"),
    [("intel_pstate/no_turbo", "0\n", "on"), ("intel_pstate/no_turbo", "1\n", "off"), ("cpufreq/boost", "1\n", "on")],
)
def test_governor_turbo_and_temperature(file: str, text: str, turbo: str, tmp_path: Path) -> None:
    write(tmp_path / "devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n")
    write(tmp_path / "devices/system/cpu" / file, text)
    for zone, millidegrees in enumerate(("45000\n", "61500\n", "-274000\n", "broken\n")):
        write(tmp_path / f"class/thermal/thermal_zone{zone}/temp", millidegrees)
    assert look(tmp_path, lambda: None) == Conditions("powersave", turbo, 61.5)
    assert look(tmp_path, lambda: 70.0).temperature_c == 70.0


def test_the_share_of_others(tmp_path: Path) -> None:
    """Of 20 s that two processors had, 8 were busy and none of them ours."""
    stat = tmp_path / "stat"
    write(stat, "cpu 1000 0 0 1000 0 0 0 0 0 0\ncpu0 ...\n")
    others = Others(stat)
    assert others.start is not None
    others.start = (*others.start[:2], 1e9)
    write(stat, "cpu 1800 0 0 2200 0 0 0 0 0 0\ncpu0 ...\n")
    assert others.share() == 1.0
    others.start = (*others.start[:2], sum(os.times()[:4]))
    assert others.share() == pytest.approx(0.4, abs=0.01)
    write(stat, "")
    assert others.share() is None
    assert Others(tmp_path / "none").share() is None
