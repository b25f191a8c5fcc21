"""Pitfalls of reading an instrument: counters and sampled power."""

from __future__ import annotations

from tests.runtime.fake_meters import FakeBoard, FakeMachine
from tests.runtime.naive_meter import NaiveMeter
from tests.runtime.pitfall import CUDA, ZONE, Verdict, closed, near, opened, pitfall

RANGE = 262_143_328_850


@pitfall("1 a RAPL counter begins again at 0")
def _wrap(machine: FakeMachine) -> Verdict:
    machine.powercap.add(ZONE, "package-0", watts=103.29, start_uj=RANGE - 2_000_000, range_uj=RANGE)
    meter = opened(machine)
    naive = NaiveMeter(powercap=machine.powercap.root)
    before = machine.powercap.microjoules[ZONE]
    machine.time.sleep(0.1)
    assert machine.powercap.microjoules[ZONE] < before
    return near(naive.joules(), 10.329), closed(meter)["joules"] == 10.329


@pitfall("2 a failed reading is taken for a wrap")
def _bad_read(machine: FakeMachine) -> Verdict:
    folder = machine.powercap.add(ZONE, "package-0", watts=100.0, start_uj=10**9)
    meter, naive = opened(machine), NaiveMeter(powercap=machine.powercap.root, adds_range=True)
    total = 0.0
    for second in range(3):
        machine.time.sleep(1.0)
        if second == 1:
            (folder / "energy_uj").write_text("")
        total += naive.joules()
        naive.begin()
        meter.enter("train")
    found = closed(meter)
    lost = (found["joules"], found["lost_s"], found["complete"]) == (100.0, 2.0, False)
    return near(total, 300.0) or near(total, 100.0), lost and "lost a window" in found["note"]


@pitfall("3 the driver is reloaded and the counter reset")
def _reset(machine: FakeMachine) -> Verdict:
    board = FakeBoard("GPU-a", start_mj=10_000_000)
    nvml = machine.install(board)
    meter, naive = opened(machine, CUDA), NaiveMeter(nvml, device=0)
    machine.time.sleep(2.0)
    meter.enter("train")
    board.start_mj, board.shown, board.joules = 0, 0.2, 0.2
    machine.time.sleep(2.0)
    meter.enter("train")
    machine.time.sleep(2.0)
    found = closed(meter, "gpu")
    kept = near(found["joules"], 800.0, 0.05) and near(found["lost_s"], 2.0) and not found["complete"]
    return naive.joules() > 0, kept and "went back" in found["note"]


@pitfall("4 a counter jumps by more than the device can draw")
def _jump(machine: FakeMachine) -> Verdict:
    board = FakeBoard("GPU-a")
    nvml = machine.install(board)
    meter, naive = opened(machine, CUDA), NaiveMeter(nvml, device=0)
    machine.time.sleep(5.0)
    meter.enter("train")
    board.start_mj += 10**9
    machine.time.sleep(5.0)
    found = closed(meter, "gpu")
    return naive.joules() < 5000, near(found["joules"], 1000.0, 0.05) and "more energy than" in found["note"]


@pitfall("5 sampled power over a short window")
def _short(machine: FakeMachine) -> Verdict:
    board = FakeBoard("GPU-a", has_counter=False)
    machine.install(board)
    meter = opened(machine, CUDA)
    start = machine.time.now
    naive = NaiveMeter().sampled(lambda: board.watts, machine.time.sleep, 0.5)
    assert machine.time.now - start == 0.5
    found = closed(meter, "gpu")
    told = found["uncertainty"]["joules"] > 0.4 * found["joules"] and "fewer than 60 samples" in found["note"]
    return near(naive, 100.0), near(found["joules"], 100.0) and told


@pitfall("6 power averaged over a second is read as that of the moment")
def _averaged(machine: FakeMachine) -> Verdict:
    board = FakeBoard("GPU-a", watts=60.0, has_counter=False)
    history: list[tuple[float, float]] = []
    machine.time.listeners.append(lambda seconds: history.append((machine.time.now, board.watts)))
    board.mean = lambda: (
        sum(watts for when, watts in history[-100:] if when > machine.time.now - 1.0)
        / max(1, sum(when > machine.time.now - 1.0 for when, _ in history[-100:]))
    )
    machine.install(board)
    for _ in range(100):
        machine.time.sleep(0.01)
    meter = opened(machine, CUDA)
    for _ in range(100):
        machine.time.sleep(0.01)
    meter.enter("train")
    power = meter.ledgers["gpu 0"].counter
    naive, board.watts = 0.0, 300.0
    for _ in range(100):
        machine.time.sleep(0.01)
        naive += 0.01 * board.mean()
        meter.ledgers["gpu 0"].read(meter.clock)  # as its thread does
    meter.enter("validate")
    found = closed(meter, "gpu")
    row, averaged = found["phases"]["train"], power.source == "nvml-power-average"
    told = averaged and (found["resolution_s"] or 0) >= 1.0
    return near(naive, 300.0, 0.1), told and abs(row["joules"] - 300.0) < 2 * row["uncertainty"]["joules"]


@pitfall("7 a sensor that looks a quarter of the time falls in step with the load")
def _aliased(machine: FakeMachine) -> Verdict:
    board = FakeBoard("GPU-a", watts=60.0, has_instant=True, tick_s=0.1)
    seen = [60.0]
    board.seen = lambda: seen[0]
    nvml = machine.install(board)
    meter, naive = opened(machine, CUDA, idle=1.0), NaiveMeter(nvml, device=0)
    meter.enter("train")
    for number in range(800):  # a load of 50 ms in 100; the sensor looks at the first 25 ms, as it stands to the load
        board.watts = 300.0 if number % 8 < 4 else 60.0
        seen[0] = board.watts if number % 8 < 2 else seen[0]
        machine.time.sleep(0.0125)
        power = meter.ledgers["gpu 0"].power
        assert power is not None
        power.sample()
    counted = naive.joules()
    meter.enter("checkpoint")
    found = closed(meter, "gpu")
    row = found["phases"]["train"]
    told = "apart" in found["note"] and found["power_gap"] > 0.5
    return near(counted, 1800.0, 0.1), told and abs(row["joules"] - 1800.0) < 2 * row["uncertainty"]["joules"]
