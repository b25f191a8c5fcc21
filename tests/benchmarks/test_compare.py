from __future__ import annotations

import time

import pytest

from benchmarks import compare as module
from benchmarks.compare import Comparison, compare


def test_a_figure_is_the_median_of_the_rounds_ratios() -> None:
    taken = Comparison({"slow": (2.0, 4.0, 90.0), "fast": (1.0, 4.0, 30.0)})
    assert taken.ratios("slow", over="fast") == (2.0, 1.0, 3.0)
    assert taken.ratio("slow", over="fast") == 2.0
    assert taken.median("slow") == 4.0
    assert taken.best(["slow", "fast"]) == "fast"
    assert [line.split()[:3] for line in taken.table(over="fast").splitlines()[1:]] == [
        ["slow", "4000.000", "2.000"],
        ["fast", "4000.000", "1.000"],
    ]


def test_what_takes_longer_is_slower() -> None:
    taken = compare({"short": lambda: time.sleep(2e-3), "long": lambda: time.sleep(2e-2)}, rounds=4, seconds=0.02)
    assert taken.ratio("long", over="short") > 2
    assert all(len(times) == 4 for times in taken.seconds.values())
    assert len(taken.others) == 8


def test_a_disturbed_moment_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = iter([0.5, 0.3, 0.0])

    class Others:
        def share(self) -> float:
            return next(shares)

    monkeypatch.setattr(module, "Others", Others)
    calls = []
    _, share = module.quiet_round(lambda: calls.append(1), seconds=0.0)
    assert share == 0.0
    assert len(calls) == 3 * 4  # three tries of one warm-up and three calls


def test_after_some_tries_the_least_disturbed_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = iter([0.5, 0.2, 0.3, 0.4, 0.6])

    class Others:
        def share(self) -> float:
            return next(shares)

    monkeypatch.setattr(module, "Others", Others)
    assert module.quiet_round(lambda: None, seconds=0.0)[1] == 0.2


def test_the_processor_s_clock_is_not_disturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Others:
        def share(self) -> float:
            return 0.9

    monkeypatch.setattr(module, "Others", Others)
    calls: list[int] = []
    module.quiet_round(lambda: calls.append(1), seconds=0.0, clock=time.process_time)
    once = len(calls)
    module.quiet_round(lambda: calls.append(1), seconds=0.0)
    assert len(calls) - once == module.TRIES * once
