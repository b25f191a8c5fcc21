"""Pitfalls of what a figure means, and whose energy it is."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

import torch

import lpc
from tests.runtime import naive_meter
from tests.runtime.fake_meters import FakeBoard, FakeMachine, domain
from tests.runtime.naive_meter import NaiveMeter
from tests.runtime.pitfall import CUDA, ZONE, Verdict, closed, near, opened, pitfall


@pitfall("8 idle power is taken off in silence, or not known")
def _idle(machine: FakeMachine) -> Verdict:
    machine.powercap.add(ZONE, "package-0", watts=60.0)
    meter = opened(machine, idle=10.0)
    naive = NaiveMeter(powercap=machine.powercap.root, wall=machine.time.monotonic)
    machine.powercap.watts[ZONE] = 300.0
    machine.time.sleep(100.0)
    gross = naive.net(60.0)
    found = closed(meter)
    both = near(found["idle_w"], 60.0) and found["net_joules"] == found["joules"] - found["idle_w"] * found["window_s"]
    return near(gross, 30_000.0), near(found["joules"], 30_000.0) and both


@pitfall("9 kernels still run when the counter is read")
def _queued(machine: FakeMachine) -> Verdict:
    board = FakeBoard("GPU-a", tick_s=0.001)
    nvml = machine.install(board)
    meter, naive = opened(machine, CUDA), NaiveMeter(nvml, device=0)
    meter.enter("train")
    early = naive.joules()
    machine.monkeypatch.setattr(torch.cuda, "synchronize", lambda _=None: machine.time.sleep(2.0))
    meter.enter("checkpoint")
    return near(early, 400.0), near(domain(meter, "gpu")["phases"]["train"]["joules"], 400.0)


@pitfall("10 waiting for the device at every step")
def _waiting(machine: FakeMachine) -> Verdict:
    nvml = machine.install(FakeBoard("GPU-a"))
    meter, naive = opened(machine, CUDA), NaiveMeter(nvml, device=0)
    machine.monkeypatch.setattr(torch.cuda, "synchronize", lambda _=None: machine.synchronize(CUDA))
    opening = machine.syncs
    meter.enter("train")
    for _ in range(100):
        machine.time.sleep(0.01)
    meter.enter("validate")
    ours = machine.syncs - opening
    for _ in range(100):
        naive.step()
    return machine.syncs - opening - ours <= 2, ours == 2


@pitfall("11 the meter's own threads take time")
def _threads(machine: FakeMachine) -> Verdict:
    nvml = machine.install(FakeBoard("GPU-a"))
    before, stop = set(threading.enumerate()), threading.Event()
    meter = opened(machine, CUDA)
    ours = not set(threading.enumerate()) - before
    machine.time.sleep(10.0)
    meter.close()
    totals = meter.result()["totals"]
    thread = NaiveMeter(nvml, device=0).watch(stop)
    naive = not set(threading.enumerate()) - before
    stop.set()
    thread.join()
    return naive, ours and totals["overhead_s"] <= 0.005 * totals["window_s"]


@pitfall("12 a helper process imports the main module again")
def _helper(machine: FakeMachine) -> Verdict:
    program = (Path(__file__).resolve().parents[2] / "examples" / "digits.lp").read_text(encoding="utf-8")
    script = lpc.compile(program, name="digits.lp").text
    assert "open_meter" in script
    source = Path(str(naive_meter.__file__)).read_text(encoding="utf-8")
    assert not NaiveMeter().helper().is_alive()
    return not re.search("multiprocessing|subprocess", source), not re.search("multiprocessing|subprocess", script)


@pitfall("13 the wrong board: NVML's numbers do not heed CUDA_VISIBLE_DEVICES")
def _board(machine: FakeMachine) -> Verdict:
    boards = [FakeBoard(f"GPU-{name}", watts=100.0 * number) for number, name in enumerate("abcd", 1)]
    nvml = machine.install(*boards, visible="GPU-c")
    meter, naive = opened(machine, CUDA), NaiveMeter(nvml, device=0)
    machine.time.sleep(10.0)
    ours = near(closed(meter, "gpu")["joules"], 3000.0, 0.02)
    machine.install(*boards, visible="MIG-x")
    unlisted = closed(opened(machine, CUDA), "gpu")["joules"] is None
    return near(naive.joules(), 3000.0, 0.02), ours and unlisted


@pitfall("14 every board of the node is charged")
def _node(machine: FakeMachine) -> Verdict:
    nvml = machine.install(*(FakeBoard(f"GPU-{name}", watts=100.0) for name in "abcdefgh"))
    meter, naive = opened(machine, CUDA), NaiveMeter(nvml)
    machine.time.sleep(10.0)
    return near(naive.joules(), 1000.0, 0.02), near(closed(meter, "gpu")["joules"], 1000.0, 0.02)


@pitfall("15 each of N processes counts the one socket")
def _ranks(machine: FakeMachine) -> Verdict:
    machine.powercap.add(ZONE, "package-0", watts=50.0)
    meters = []
    for rank in ("0", "1"):
        machine.monkeypatch.setenv("LOCAL_RANK", rank)
        meters.append(opened(machine))
    naive = [NaiveMeter(powercap=machine.powercap.root) for _ in range(2)]
    machine.time.sleep(10.0)
    found = [closed(meter) for meter in meters]
    ours = found[0]["joules"] == 500.0 and found[1]["joules"] is None and "local rank 0" in found[1]["note"]
    return near(sum(meter.joules() for meter in naive), 500.0), ours


@pitfall("16 another process on the device")
def _shared(machine: FakeMachine) -> Verdict:
    board = FakeBoard("GPU-a")
    nvml = machine.install(board)
    meter, naive = opened(machine, CUDA), NaiveMeter(nvml, device=0)
    machine.time.sleep(5.0)
    board.pids = [os.getpid(), 4242]
    found = closed(meter, "gpu")
    return "exclusive" in naive.result(), found["exclusive"] is False and "another process" in found["note"]


@pitfall("17 a part of a board (MIG) is told as one's own")
def _mig(machine: FakeMachine) -> Verdict:
    nvml = machine.install(FakeBoard("GPU-a", mig=True))
    meter, naive = opened(machine, CUDA), NaiveMeter(nvml, device=0)
    machine.time.sleep(5.0)
    found = closed(meter, "gpu")
    return "scope" in naive.result(), (found["scope"], found["exclusive"]) == ("board", False)
