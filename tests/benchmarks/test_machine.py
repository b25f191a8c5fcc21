from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks import machine


def test_the_share_of_others_is_what_was_busy_and_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = tmp_path / "stat"
    monkeypatch.setattr(machine, "STAT", stat)
    monkeypatch.setattr(os, "sysconf", lambda name: 100)
    cpu_seconds = iter([(1.0, 0.5), (11.0, 0.5)])
    monkeypatch.setattr(os, "times", lambda: next(cpu_seconds))
    stat.write_text("cpu  1000 0 500 8000 500 0 0 0 0 0\ncpu0 1 1 1 1\n")
    others = machine.Others()
    stat.write_text("cpu  3000 0 1000 15000 1000 0 0 0 0 0\ncpu0 1 1 1 1\n")  # 100 s more, 25 of them busy, 10 ours
    assert others.share() == pytest.approx(0.15)


def test_where_it_cannot_be_told_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "STAT", tmp_path / "absent")
    assert machine.Others().share() == 0.0
