"""What is read of a result.json, and what is said of one that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lpc.lab.energy import Energy, energy_of
from lpc.lab.results import Unreadable, read_result
from tests.lab.made_runs import domain, result

SECONDS = 2.0


def energy(*domains: dict[str, Any]) -> Energy:
    return energy_of({"domains": list(domains), "phases": {"train": {"seconds": SECONDS}}})


def test_a_result(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(result(7)), encoding="utf-8")
    found = read_result(tmp_path)
    assert read_result(tmp_path / "result.json") == found
    assert (found.seed, found.variant, found.scored_on, found.accuracy) == (7, "base", "validation", 0.9)
    assert found.energy.joules == pytest.approx(90.0)
    assert found.energy.contains == ("gpu: nvml-counter",)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "no result.json: the run did not finish"),
        ("", "result.json is not whole"),
        (json.dumps(result())[:-40], "result.json is not whole"),
        ("[1, 2]", "no result of a script of lpc's"),
        ('{"schema_version": 2}', "no result of a script of lpc's"),
        (json.dumps({**result(), "time": None}), "has no `time` as it should be"),
        (json.dumps({**result(), "seed": True}), "has no `seed` as it should be"),
        (json.dumps(result(**{"environment.threads": "two"})), "has no `threads` as it should be"),
    ],
)
def test_what_is_no_result_is_named(content: str | None, why: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "result.json").write_text(content, encoding="utf-8")
    with pytest.raises(Unreadable, match=why.replace("(", r"\(")):
        read_result(tmp_path)


def test_no_meter_is_no_zero() -> None:
    assert energy_of(None).why == "the program does not `measure energy`"
    found = energy(domain(None, SECONDS))
    assert found.joules is None
    assert found.why == "no GPU to measure"


def test_an_estimate_is_no_measurement() -> None:
    found = energy(domain(100.0, SECONDS, source="estimate:flops"))
    assert found.joules is None
    assert "an estimate" in found.why


def test_a_window_that_was_lost_gives_no_figure() -> None:
    found = energy(domain(100.0, SECONDS / 2))
    assert found.joules is None
    assert "1 s of 2 s of training were lost" in found.why


def test_domains_add_up_and_what_is_missing_is_named() -> None:
    slow = domain(50.0, SECONDS, domain="cpu", source="rapl", resolution_s=0.5, exclusive=None, power_gap=-0.2)
    found = energy(domain(100.0, SECONDS), slow, domain(None, SECONDS, domain="dram", note="no zone"))
    assert found.joules == pytest.approx(135.0)
    assert found.systematic == pytest.approx(0.018 * (100**2 + 50**2) ** 0.5)
    assert (found.resolution_s, found.missing, found.exclusive) == (0.5, ("dram",), None)
    assert (found.power_gap, found.throttled) == (0.2, 0.0)


def test_training_that_was_over_before_the_meter_moved_is_not_known_and_no_0() -> None:
    for counted, every in ((0.0, 0.1), (50.0, 1.5 * SECONDS)):
        found = energy(domain(counted, SECONDS, resolution_s=every))
        assert found.joules is None
        assert found.why == "gpu: training was over before the meter moved"
