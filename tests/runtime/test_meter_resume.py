"""Energy of a run over several processes: sums of segments, and what was lost between them."""

from __future__ import annotations

import json
from dataclasses import replace

import torch

from lpc.runtime.counter import EnergyCounter
from lpc.runtime.meter import Meter
from tests.runtime.fake_meters import FakeTime, domain, scripted

CPU = torch.device("cpu")


def test_a_resumed_run_sums_segments_and_compares_no_counters() -> None:
    time = FakeTime()
    first = Meter([scripted([10_000_000_000, 10_100_000_000, 10_300_000_000])], CPU, time.monotonic)
    for phase in ("train", "checkpoint"):
        time.sleep(1.0)
        first.enter(phase)
    saved = json.loads(json.dumps(first.totals()))
    time.sleep(3.0)  # then the process is killed, and the machine restarted

    second = Meter([scripted([5_000, 400_005_000])], CPU, FakeTime().monotonic)
    second.restore(saved, lost_s=3.0)
    assert second.joules() == 300.0
    second.since -= 2.0
    second.close()
    gpu = domain(second, "gpu")
    assert (gpu["joules"], gpu["window_s"], gpu["lost_s"], gpu["complete"]) == (700.0, 4.0, 3.0, False)
    assert gpu["samples"] == 5
    assert second.seconds()["setup"] == 3.0
    assert "interrupted" in second.result()["notes"][0]


def test_a_run_that_was_closed_before_its_checkpoint_is_whole() -> None:
    time = FakeTime()
    first = Meter([scripted([0, 100_000_000], note="as it is")], CPU, time.monotonic)
    time.sleep(1.0)
    first.close()
    second = Meter([scripted([0, 100_000_000], note="as it is")], CPU, time.monotonic)
    second.restore(json.loads(json.dumps(first.totals())))
    time.sleep(1.0)
    second.close()
    assert (domain(second, "gpu")["joules"], domain(second, "gpu")["complete"]) == (200.0, True)
    assert second.result()["notes"] == []
    assert domain(second, "gpu")["note"] == "as it is"


def test_an_interrupted_run_is_never_called_complete() -> None:
    time = FakeTime()
    first = Meter([scripted([0, 100_000_000])], CPU, time.monotonic)
    first.enter("train")
    second = Meter([scripted([0, 100_000_000])], CPU, time.monotonic)
    second.restore(first.totals())
    second.close()
    assert not domain(second, "gpu")["complete"]
    third = Meter([scripted([0, 100_000_000])], CPU, time.monotonic)
    third.restore(second.totals())
    third.close()
    assert not domain(third, "gpu")["complete"]


def test_resuming_without_the_meter_keeps_what_was_measured() -> None:
    time = FakeTime()
    first = Meter([scripted([0, 100_000_000])], CPU, time.monotonic)
    time.sleep(1.0)
    first.close()
    for counters in ([EnergyCounter("gpu", note="no NVML binding")], []):
        second = Meter(counters, CPU, time.monotonic)
        second.restore(first.totals())
        time.sleep(4.0)
        second.close()
        gpu = domain(second, "gpu")
        assert (gpu["joules"], gpu["source"], gpu["device"]) == (100.0, "nvml-counter", "board")
        assert (gpu["window_s"], gpu["lost_s"], gpu["complete"]) == (1.0, 4.0, False)
        assert gpu["note"] == (counters[0].note if counters else "gone after a restart")


def test_two_processes_without_a_meter_counted_nothing() -> None:
    time = FakeTime()
    first = Meter([EnergyCounter("gpu", "board", note="no NVML binding")], CPU, time.monotonic)
    first.close()
    second = Meter([EnergyCounter("gpu", "other board", note="no NVML binding")], CPU, time.monotonic)
    second.restore(first.totals())
    second.close()
    gpu = domain(second, "gpu")
    assert (gpu["joules"], gpu["source"], gpu["note"]) == (None, "none", "no NVML binding")


def test_another_device_after_a_restart_is_told() -> None:
    time = FakeTime()
    first = Meter([scripted([0, 100_000_000])], CPU, time.monotonic)
    time.sleep(1.0)
    first.close()
    other = replace(scripted([0, 50_000_000]), device="other board")
    second = Meter([other], CPU, time.monotonic)
    second.restore(first.totals())
    time.sleep(1.0)
    second.close()
    gpu = domain(second, "gpu")
    assert (gpu["joules"], gpu["device"]) == (150.0, "other board")
    assert gpu["note"] == "counted by nvml-counter of board, then nvml-counter of other board"


def test_what_a_checkpoint_holds_does_not_change_afterwards() -> None:
    time = FakeTime()
    meter = Meter([scripted([0, 1_000_000, 2_000_000])], CPU, time.monotonic)
    meter.enter("train")
    saved = meter.totals()
    before = json.dumps(saved)
    meter.enter("train")
    meter.close()
    assert json.dumps(saved) == before
