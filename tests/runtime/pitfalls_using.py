"""Pitfalls of using figures: comparisons, what is not known, time."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
import torch

from lpc.lab.arms import Arm
from lpc.lab.plan import Plan
from lpc.lab.statistics import compare
from lpc.runtime import conditions
from lpc.runtime.estimate import with_estimate
from lpc.runtime.results import energy_summary
from tests.runtime.fake_meters import FakeBoard, FakeMachine, domain
from tests.runtime.naive_meter import NaiveMeter, naive_order
from tests.runtime.pitfall import CPU, CUDA, ZONE, Verdict, closed, near, opened, pitfall


def planned(seed: int, runs: int) -> list[str]:
    """The order in which `lpc bench` runs two arms."""
    arms = tuple(Arm(name, "matched", "p", "p.lp", "base", (), "", "") for name in "AB")
    plan = Plan("p", arms, "A", (), tuple(range(1, runs + 1)), order_seed=seed)
    return [run.arm.label for run in plan.runs()]


def drifting(order: list[str]) -> list[tuple[str, float]]:
    """Joules of equal programs, one after the other, while the board warms up: 4 % more, over five runs; 0.3 % of chance."""
    chance = random.Random(7)
    heat = [1 + 0.04 * (1 - math.exp(-number / 5)) for number in range(len(order))]
    return [(arm, 1000.0 * warm * (1 + chance.gauss(0.0, 0.003))) for arm, warm in zip(order, heat, strict=True)]


def shows_no_difference(order: list[str]) -> bool:
    runs = drifting(order)
    pairs = zip(*([joules for arm, joules in runs if arm == name] for name in "AB"), strict=True)
    found = compare([(a, b) for a, b in pairs], "ratio")
    assert found is not None and found.interval is not None
    return found.interval[0] <= 1.0 <= found.interval[1]


@pitfall("18 heat drifts between the runs compared")
def _drift(_machine: FakeMachine) -> Verdict:
    ours = [shows_no_difference(planned(seed, 6)) for seed in range(40)]
    return shows_no_difference(naive_order("AB", 6)), sum(ours) >= 34


@pitfall("19 one variant always runs first")
def _order(_machine: FakeMachine) -> Verdict:
    def first(order: list[str]) -> float:
        """In how many of the pairs A ran before B."""
        a, b = ([at for at, arm in enumerate(order) if arm == name] for name in "AB")
        return sum(one < other for one, other in zip(a, b, strict=True)) / len(a)

    return 0.4 < first(naive_order("AB", 200)) < 0.6, 0.4 < first(planned(1, 200)) < 0.6


@pitfall("20 validation and checkpoints inside the window")
def _validation(machine: FakeMachine) -> Verdict:
    machine.powercap.add(ZONE, "package-0", watts=80.0)
    meter, naive = opened(machine), NaiveMeter(powercap=machine.powercap.root)
    meter.enter("train")
    machine.time.sleep(5.0)
    meter.enter("validate")
    machine.powercap.watts[ZONE] = 100.0
    machine.time.sleep(1.0)
    meter.enter("checkpoint")
    rows = closed(meter)["phases"]
    return near(naive.joules(), 400.0), (rows["train"]["joules"], rows["validate"]["joules"]) == (400.0, 100.0)


@pitfall("21 zero instead of missing")
def _missing(machine: FakeMachine) -> Verdict:
    meter, naive = opened(machine), NaiveMeter(powercap=machine.powercap.root)
    machine.time.sleep(6.0)
    meter.close()
    result = meter.result()
    figures = [found["joules"] for found in result["domains"]] + [result["totals"]["measured_joules"]]
    return naive.joules() != 0.0, figures == [None] * 4 and all(found["note"] for found in result["domains"])


@pitfall("22 text where a number belongs")
def _text(machine: FakeMachine) -> Verdict:
    board = FakeBoard("GPU-a")
    nvml = machine.install(board)
    meter, naive = opened(machine, CUDA), NaiveMeter(nvml, device=0)
    machine.monkeypatch.setattr(nvml, "nvmlDeviceGetTotalEnergyConsumption", lambda _: "N/A")
    for _ in range(3):
        machine.time.sleep(1.0)
        meter.enter("train")
    found = closed(meter, "gpu")
    try:
        survived = naive.joules() >= 0
    except TypeError:
        survived = False
    return survived, found["joules"] is None and "invalid literal" in found["note"]


@pitfall("23 package, psys, die and MMIO are the same joules")
def _twice(machine: FakeMachine) -> Verdict:
    add = machine.powercap.add
    add("intel-rapl:0", "package-0-die-0", watts=50.0, start_uj=10_000_000)
    add("intel-rapl:0:0", "core", watts=30.0, start_uj=20_000_000)
    add("intel-rapl:1", "package-0-die-1", watts=50.0, start_uj=10_000_000)
    add("intel-rapl:2", "psys", watts=90.0, start_uj=50_000_000)
    add("intel-rapl-mmio:0", "package-0-die-0", watts=50.0, start_uj=90_000_000)
    meter, naive = opened(machine), NaiveMeter(powercap=machine.powercap.root)
    machine.time.sleep(2.0)
    meter.close()
    return near(naive.joules(), 100.0), meter.result()["totals"]["measured_joules"] == 100.0


@pitfall("24 governor, turbo or power limit changed between the runs")
def _governor(machine: FakeMachine) -> Verdict:
    tree = machine.powercap.root.parent / "cpu"
    (tree / "cpu0" / "cpufreq").mkdir(parents=True)
    machine.monkeypatch.setattr(conditions, "CPU", tree)
    found, naive = [], []
    for governor in ("performance", "powersave"):
        (tree / "cpu0" / "cpufreq" / "scaling_governor").write_text(f"{governor}\n")
        meter = opened(machine)
        meter.close()
        found.append(meter.result()["conditions"])
        naive.append(NaiveMeter().result())
    apart = {name for name in ("governor", "threads", "turbo", "sgx") if found[0].get(name) != found[1].get(name)}
    return naive[0].keys() != {"joules", "seconds"}, apart == {"governor"}


@pitfall("25 the board is slowed down for heat within a run")
def _throttled(machine: FakeMachine) -> Verdict:
    board = FakeBoard("GPU-a")
    nvml = machine.install(board)
    meter, naive = opened(machine, CUDA), NaiveMeter(nvml, device=0)
    for reasons in (32, 1, 0):  # heat; idle, which is no slowdown; none
        meter.enter("train")
        machine.time.sleep(1.0)
        board.reasons = reasons
        meter.enter("validate")
    return "throttled_share" in naive.result(), near(closed(meter, "gpu")["throttled_share"], 1 / 3)


@pitfall("26 the wall clock is set")
def _clock(machine: FakeMachine) -> Verdict:
    machine.powercap.add(ZONE, "package-0", watts=50.0)
    wall = [1.7e9]
    meter, naive = opened(machine), NaiveMeter(powercap=machine.powercap.root, wall=lambda: wall[0])
    machine.time.sleep(10.0)
    wall[0] += 10.0 - 3600.0
    return near(naive.seconds(), 10.0), near(closed(meter)["window_s"], 10.0)


@pitfall("27 a resumed run mixes the counters of two boots")
def _resumed(machine: FakeMachine) -> Verdict:
    machine.powercap.add(ZONE, "package-0", watts=50.0, start_uj=200_000_000_000)
    meter, naive = opened(machine), NaiveMeter(powercap=machine.powercap.root)
    machine.time.sleep(10.0)
    meter.enter("checkpoint")
    saved, kept = meter.totals(), naive.save()
    machine.time.sleep(3.0)  # then it is killed, and the machine restarted
    machine.powercap.microjoules[ZONE] = 0
    machine.powercap.pass_time(0.0)
    second, again = opened(machine), NaiveMeter(powercap=machine.powercap.root)
    second.restore(saved, lost_s=3.0)
    again.resume(kept)
    machine.time.sleep(10.0)
    found = closed(second)
    ours = found["joules"] == 1000.0 and near(found["lost_s"], 3.0) and not found["complete"]
    return near(again.joules(), 1000.0), ours


@pitfall("28 an estimate passes as a measurement")
def _estimate(machine: FakeMachine) -> Verdict:
    meter = opened(machine)
    naive = NaiveMeter(wall=machine.time.monotonic)
    meter.enter("train")
    machine.time.sleep(10.0)
    meter.close()
    energy = with_estimate(meter.result(), CPU, 10**12, meter.seconds(), pj_per_flop=10.0, idle_w=5.0)
    model = energy["domains"][-1]
    labelled = model["source"].startswith("estimate:") and "a model, not a measurement" in model["note"]
    apart = energy["totals"]["measured_joules"] is None and near(energy["totals"]["estimated_joules"], 60.0)
    half = near(model["uncertainty"]["joules"], 30.0) and "estimated ~60" in energy_summary(energy)
    assert naive.by_table(120.0) == pytest.approx(600.0)
    return "source" in naive.result(), labelled and apart and half


@pitfall("29 millijoules, joules, kilowatt-hours")
def _units(machine: FakeMachine) -> Verdict:
    nvml = machine.install(FakeBoard("GPU-a", watts=200.0))
    machine.powercap.add(ZONE, "package-0", watts=50.0)
    meter, naive = opened(machine, CUDA), NaiveMeter(nvml, machine.powercap.root)
    machine.time.sleep(100.0)
    meter.close()
    return near(naive.in_its_units(), 25_000.0), near(meter.result()["totals"]["measured_joules"], 25_000.0)


@pitfall("30 a counter that lags charges one phase for another")
def _lag(machine: FakeMachine) -> Verdict:
    board = FakeBoard("GPU-a", watts=200.0)
    nvml = machine.install(board)
    meter, naive, charged = opened(machine, CUDA), NaiveMeter(nvml, device=0), 0.0
    machine.time.sleep(0.0371)
    for _ in range(50):
        meter.enter("train")
        board.watts = 200.0
        machine.time.sleep(2.0)
        meter.enter("validate")
        naive.begin()
        board.watts = 100.0
        machine.time.sleep(0.2513)
        charged += naive.joules()
    meter.close()
    row = domain(meter, "gpu")["phases"]["validate"]
    return near(charged, 50 * 25.13, 0.1), abs(row["joules"] - 50 * 25.13) < 2 * row["uncertainty"]["joules"]


@pitfall("31 loader workers are charged, or not, unsaid")
def _workers(machine: FakeMachine) -> Verdict:
    machine.powercap.add(ZONE, "package-0", watts=50.0)
    meter, naive = opened(machine), NaiveMeter(powercap=machine.powercap.root)
    machine.time.sleep(10.0)
    found = closed(meter)
    return near(naive.of_process(10.0, 40.0), 500.0), found["joules"] == 500.0 and "loader workers" in found["note"]


@pitfall("32 asking often wakes the device that is measured")
def _polling(machine: FakeMachine) -> Verdict:
    board = FakeBoard("GPU-a")
    nvml = machine.install(board)
    meter = opened(machine, CUDA)
    before = sum(board.calls.values())
    meter.enter("train")
    machine.time.sleep(30.0)
    meter.close()
    ours, before = sum(board.calls.values()) - before, sum(board.calls.values())
    NaiveMeter(nvml, device=0).poll(machine.time.sleep, 30.0, 0.1)
    return sum(board.calls.values()) - before <= 2, ours == 2


@pitfall("33 the meter changes what is trained")
def _same_bits(machine: FakeMachine) -> Verdict:
    machine.powercap.add(ZONE, "package-0", watts=50.0)

    def trained(between: Callable[[], object]) -> torch.Tensor:
        torch.manual_seed(3)
        weights = torch.randn(8)
        for _ in range(3):
            between()
            weights = weights - 0.1 * torch.randn(8)
        return weights

    meter, naive = opened(machine), NaiveMeter()
    plain = trained(lambda: None)
    ours = torch.equal(plain, trained(lambda: meter.enter("train")))
    return torch.equal(plain, trained(lambda: naive.jittered(machine.time.sleep))), ours
