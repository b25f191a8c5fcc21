"""Estimates and blocks' shares: models, named as such, that leave what was measured alone."""

from __future__ import annotations

import pytest
import torch

from lpc.runtime.apportion import apportioned
from lpc.runtime.estimate import flops_estimate, with_estimate
from lpc.runtime.meter import Meter
from tests.runtime.fake_meters import FakeTime, scripted

CPU = torch.device("cpu")


def test_an_estimate_is_operations_times_a_coefficient_and_idle_at_all_times() -> None:
    found = flops_estimate(CPU, 10**13, {"train": 20.0, "validate": 5.0}, pj_per_flop=1.5, idle_w=4.0)
    assert found["phases"]["train"]["joules"] == pytest.approx(15.0 + 80.0)
    assert found["phases"]["validate"]["joules"] == pytest.approx(20.0)
    assert (found["joules"], found["window_s"], found["domain"]) == (pytest.approx(115.0), 25.0, "cpu")
    assert found["uncertainty"]["joules"] == pytest.approx(57.5)
    assert "1.5 pJ" in found["note"]
    assert "4 W" in found["note"]


def test_without_modelled_operations_there_is_no_estimate() -> None:
    found = flops_estimate(CPU, None, {"train": 20.0}, pj_per_flop=1.5, idle_w=4.0)
    assert (found["joules"], found["uncertainty"], found["complete"]) == (None, None, False)
    assert "no modelled operations" in found["note"]


def test_what_was_measured_is_left_alone() -> None:
    time = FakeTime()
    meter = Meter([scripted([0, 100_000_000])], CPU, time.monotonic)
    time.sleep(1.0)
    meter.close()
    measured = meter.result()
    both = with_estimate(measured, CPU, 10**12, meter.seconds(), pj_per_flop=1.0, idle_w=1.0)
    assert both["domains"][:-1] == measured["domains"]
    assert {**both["totals"], "estimated_joules": None} == measured["totals"]
    assert both["totals"]["estimated_joules"] == pytest.approx(2.0)


def test_joules_go_to_blocks_in_the_ratio_of_their_operations() -> None:
    found = apportioned(100.0, [({"a": 3, "b": 1}, 10), ({"b": 1}, 40)])
    assert found == {"method": "apportioned-flops", "joules": {"a": pytest.approx(37.5), "b": pytest.approx(62.5)}}


@pytest.mark.parametrize("work", [[({"a": 3}, 0)], [({"a": 0}, 10)]])
def test_nothing_computed_is_nobody_s(work: list[tuple[dict[str, int], int]]) -> None:
    assert apportioned(100.0, work)["joules"] == {"a": None}


def test_without_a_measurement_no_block_has_a_figure() -> None:
    assert apportioned(None, [({"a": 3}, 10)])["joules"] == {"a": None}
