"""Start-up and growth are of whole processes; training is of whole scripts."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import growth, startup, training
from benchmarks.growth import Point


def test_seconds_of_a_process_are_of_the_wall_and_of_its_own() -> None:
    code = "import time; time.sleep(0.3)"
    wall, own = startup.start([sys.executable, "-S", "-c", code], dict(os.environ))
    assert wall > 0.3 > own > 0


def test_imports_are_told_by_their_first_names() -> None:
    found = startup.imported([sys.executable, "-c", "import json.decoder"], dict(os.environ))
    assert "json" in found
    assert not any("." in name for name in found)
    assert "networkx" not in found


def test_a_growing_time_per_block_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    def points(seconds: float, mib: float = 100.0) -> dict[int, list[Point]]:
        return {1000: [Point(0.5, 0.5, 50.0, 1)], 10_000: [Point(seconds, seconds, mib, 1)]}

    assert growth.judged(points(5.0))
    assert "10000 / 1000: 1.00, within 1.5" in capsys.readouterr().out
    assert not growth.judged(points(8.0))
    assert "1.60, OVER 1.5" in capsys.readouterr().out
    assert not growth.judged(points(5.0, mib=2000.0))


def test_a_point_is_of_the_process_that_compiles(tmp_path: Path) -> None:
    point = growth.measure(growth.written_out(3), tmp_path)
    assert point.wall > 0.1
    assert point.own > 0.1
    assert 20 < point.mib < 1000
    assert point.script == (tmp_path / "chain_script.py").stat().st_size
    with pytest.raises(subprocess.CalledProcessError):
        growth.measure("network", tmp_path)


def test_a_step_s_time_is_told_from_the_rest(tmp_path: Path) -> None:
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Phase:
        step: Any

    @dataclass(frozen=True)
    class Task:
        phases: tuple[Phase, ...]

    def main(task: Task, arguments: list[str]) -> int:
        assert arguments[arguments.index("--epochs") + 1] == "7"
        out = Path(arguments[arguments.index("--out") + 1])
        time.sleep(0.02)
        assert task.phases[0].step(1, 2) == (1, 2)
        (out / "result.json").write_text('{"time": {"train_s": 1.0}}', encoding="utf-8")
        return 0

    def step(*given: int) -> tuple[int, ...]:
        time.sleep(0.04)
        return given

    script: Any = SimpleNamespace(TASK=Task((Phase(step),)), main=main)
    spent = training.whole(script, Namespace(data="nowhere", epochs=7), tmp_path)
    assert 0.04 <= spent.in_steps[0] < spent.wall - 0.01
    assert spent.phases == {"train_s": 1.0}
