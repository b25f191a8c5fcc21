"""Every pitfall of energy meters that docs/energy.md lists, with scripted counters: a naive meter falls into each, ours into none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.runtime import pitfalls_meaning, pitfalls_reading, pitfalls_using
from tests.runtime.fake_meters import FakeMachine, fake_machine
from tests.runtime.pitfall import PITFALLS

SCENARIOS = (pitfalls_reading, pitfalls_meaning, pitfalls_using)
"""Which put themselves into `PITFALLS`."""
PAGE = Path(__file__).resolve().parents[2] / "docs" / "energy.md"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    return fake_machine(tmp_path, monkeypatch)


@pytest.mark.parametrize("name", [f"{number}" for number in range(1, 34)])
def test_the_naive_meter_is_wrong_and_ours_is_right(name: str, machine: FakeMachine) -> None:
    scenario = next(found for title, found in PITFALLS.items() if title.partition(" ")[0] == name)
    assert scenario(machine) == (False, True)


def test_the_page_lists_them_all() -> None:
    assert len(PITFALLS) == sum(
        name.startswith("_") and callable(found) for each in SCENARIOS for name, found in vars(each).items()
    )
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [f"{number} {title.strip()}" for number, title in rows] == sorted(
        PITFALLS, key=lambda title: int(title.split()[0])
    )
