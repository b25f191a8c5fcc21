"""The benchmark commands run, and what they say follows from what they measured."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks import emitted, memory, steps
from benchmarks.compare import Comparison


def test_every_hand_written_step_is_timed(capsys: pytest.CaptureFixture[str]) -> None:
    tiny = ["--by-hand", "--network", "64-64-32-10", "--rounds", "2", "--seconds", "0.01", "--threads", "1"]
    assert steps.main(tiny) == 0
    said = capsys.readouterr().out
    for rule in steps.BY_HAND:
        for name in steps.hand_written(rule):
            assert name in said


def test_a_generated_step_is_held_against_the_best_by_hand_and_a_rule_against_backpropagation() -> None:
    seconds = {
        steps.USUAL: 2.0,
        "backprop, by hand, fused": 1.0,
        "backprop, generated": 1.02,
        "mono_forward, by hand, at once": 0.9,
        "mono_forward, by hand, together": 0.8,
        "mono_forward, generated": 0.85,
    }
    taken = Comparison({name: (time,) for name, time in seconds.items()})
    size = steps.SIZES["784-1000-1000-10"]
    found = [
        (name, over, round(taken.ratio(name, over), 3), bound)
        for name, over, bound in steps.verdicts(taken, size, ["backprop", "mono_forward"])
    ]
    assert found == [
        ("backprop, generated", "backprop, by hand, fused", 1.02, 1.05),
        ("mono_forward, generated", "mono_forward, by hand, together", 1.062, 1.05),
        ("backprop, generated", steps.USUAL, 0.51, 0.85),
        ("mono_forward, generated", "backprop, generated", 0.833, 0.87),
        ("mono_forward, by hand, together", "backprop, by hand, fused", 0.8, None),
    ]
    assert steps.sentence("a", "b", 1.062, 1.05) == "  1.062  a / b: OVER 1.05"
    assert steps.sentence("a", "b", 1.02, 1.05) == "  1.020  a / b: within 1.05"


def test_a_script_is_stepped_as_its_own_loop_does() -> None:
    seen: list[Any] = []
    script: Any = SimpleNamespace(
        Network=lambda: "net",
        add_learning_parameters=seen.append,
        make_optimizers=lambda net: f"optimizer of {net}",
        train_step=lambda *given: seen.append(given),
    )
    batches = [(torch.zeros(1), torch.zeros(1)), (torch.ones(1), torch.ones(1))]
    step = emitted.step_of(script, batches)
    for _ in range(3):
        step()
    net, *calls = seen
    assert net == "net"
    assert [(call[:2], [part.item() for part in call[2:4]], call[4]) for call in calls] == [
        (("net", "optimizer of net"), [value, value], number) for number, value in enumerate([0.0, 1.0, 0.0])
    ]


def test_memory_is_the_most_that_was_held_at_one_time(tmp_path: Any) -> None:
    kept: list[Tensor] = [torch.empty(2**18)]

    def step() -> None:
        first = torch.empty(2**18)  # 1 MiB
        second = torch.empty(2**18)
        del first, second
        kept.append(torch.empty(2**17))

    assert memory.most_held(step, tmp_path) == 2 * 2**20
