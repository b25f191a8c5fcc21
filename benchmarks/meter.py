"""What a meter costs: the time it says it takes, and runs with and without it, in pairs.

    python -m benchmarks.meter [--pairs 6] [--call-ms 0.2]

The instruments are scripted: a binding of an NVIDIA board, each of whose calls takes a fifth of a millisecond, and a powercap tree,
so that the figure is there on any machine; what a call takes on a board is not known. One program is trained with and without
`measure energy`, pair by pair with a seed each, in an order drawn by chance, after a pair that is thrown away. The interval is that
of Student's t on the logarithms of the pairs' ratios: of seconds of the wall, in which a reading that waits would show, and of the
processor's, which hang less on what else the machine does.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lpc
from lpc.lab.statistics import compare

BOUND = 0.005
WATTS, TICK_S = 200.0, 0.1
PROGRAM = """network metered
data image, label = digits(validation = 20%)
block hidden1 = image -> flatten -> linear(1024) -> relu
block hidden2 = hidden1 -> linear(1024) -> relu
block readout = hidden2 -> linear(10)
objective cross_entropy(readout, label)
learn all with mono_forward
train epochs = 6, batch = 16
"""


def fake_nvml(call_s: float) -> Any:
    """A board of 200 W whose counter is new every 0.1 s; every call that asks it something takes `call_s`."""

    def answer(value: object) -> Any:
        def asked(*_: object) -> object:
            end = time.perf_counter() + call_s
            while time.perf_counter() < end:  # at work, as a driver is: who sleeps on a busy machine wakes up late
                pass
            return value() if callable(value) else value

        return asked

    return SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlSystemGetDriverVersion=lambda: "scripted",
        nvmlDeviceGetHandleByUUID=lambda uuid: uuid,
        nvmlDeviceGetTotalEnergyConsumption=answer(lambda: round(time.monotonic() // TICK_S * TICK_S * WATTS * 1000)),
        nvmlDeviceGetPowerUsage=answer(round(WATTS * 1000)),
        nvmlDeviceGetFieldValues=answer(
            [SimpleNamespace(nvmlReturn=0, value=SimpleNamespace(uiVal=round(WATTS * 1000)))]
        ),
        nvmlDeviceGetPowerManagementLimit=answer(400_000),
        nvmlDeviceGetTemperature=answer(40),
        nvmlDeviceGetCurrentClocksEventReasons=answer(0),
        nvmlDeviceGetMigMode=answer([0, 0]),
        nvmlDeviceGetComputeRunningProcesses=answer([SimpleNamespace(pid=os.getpid())]),
    )


@contextmanager
def fed_powercap(folder: Path) -> Iterator[Path]:
    """A package of 50 W, written anew a hundred times a second."""
    zone, stop = folder / "powercap" / "intel-rapl:0", threading.Event()
    zone.mkdir(parents=True)
    (zone / "name").write_text("package-0\n", encoding="ascii")
    (zone / "max_energy_range_uj").write_text("262143328850\n", encoding="ascii")

    def feed() -> None:
        while not stop.wait(0.01):
            (zone / "aside").write_text(f"{round(time.monotonic() * 50e6)}\n", encoding="ascii")
            (zone / "aside").replace(zone / "energy_uj")

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield zone.parent
    finally:
        stop.set()
        thread.join()


def work(script: Path, out: Path, seed: int, call_s: float) -> int:
    """One run, in a process of its own: on the processor, with the scripted board in the place of none."""
    import torch

    cuda: Any = torch.cuda
    spec = importlib.util.spec_from_file_location("script", script)
    assert spec is not None and spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    sys.modules["script"] = module
    spec.loader.exec_module(module)
    sys.modules["pynvml"] = fake_nvml(call_s)
    cuda.get_device_properties = lambda _: SimpleNamespace(uuid="a")
    cuda.get_device_name = lambda _=None: "scripted"
    if opened := getattr(module, "open_nvml", None):
        module.open_nvml = lambda _: opened(torch.device("cuda", 0))
    started: list[float] = []

    def open_then_start(*arguments: Any) -> Any:
        """Opening takes a second by design, and is no part of the run."""
        meter = module.TASK.meter(*arguments)
        started.append(time.process_time())
        return meter

    task = replace(module.TASK, meter=open_then_start)
    options = ["--device", "cpu", "--threads", "1", "--seed", str(seed), "--out", str(out), "--quiet"]
    status = int(module.main(task, options))
    (out / "processor_s").write_text(str(time.process_time() - started[0]), encoding="ascii")
    return status


def run(folder: Path, kind: str, seed: int, call_ms: float, powercap: Path) -> dict[str, Any]:
    """The result of one run; RuntimeError with what it said where it failed."""
    out = folder / f"{kind}-{seed}-{time.monotonic_ns()}"
    command = [sys.executable, "-m", "benchmarks.meter", "--work", str(folder / f"{kind}.py"), str(out), str(seed)]
    done = subprocess.run(
        [*command, "--call-ms", str(call_ms)],
        env={**os.environ, "LPC_POWERCAP": str(powercap), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    found: dict[str, Any] = json.loads((out / "result.json").read_text(encoding="utf-8"))
    found["time"]["processor_s"] = float((out / "processor_s").read_text(encoding="ascii"))
    return found


def measured(pairs: int, call_ms: float) -> dict[str, list[dict[str, Any]]]:
    """Results of runs with and without a meter, pair by pair."""
    results: dict[str, list[dict[str, Any]]] = {"with": [], "without": []}
    with tempfile.TemporaryDirectory() as name, fed_powercap(Path(name)) as powercap:
        folder = Path(name)
        for kind, text in (("with", f"{PROGRAM}measure energy\n"), ("without", PROGRAM)):
            (folder / f"{kind}.py").write_text(lpc.compile(text, name="metered.lp").text, encoding="utf-8")
        for seed in range(pairs + 1):
            order = ["with", "without"]
            random.Random(seed).shuffle(order)
            for kind in order:
                found = run(folder, kind, seed, call_ms, powercap)
                if seed:  # the first pair warms up
                    results[kind].append(found)
    return results


def report(results: dict[str, list[dict[str, Any]]]) -> bool:
    """Prints the figures; whether both are as they should be."""
    totals = [found["energy"]["totals"] for found in results["with"]]
    shares = [each["overhead_s"] / each["window_s"] for each in totals]
    epochs = [found["time"]["total_s"] / found["protocol"]["epochs_run"] for found in results["with"]]
    small = max(shares) <= BOUND
    print(
        f"passes of {statistics.median(epochs):.2f} s; reading takes {statistics.median(shares):.2%} of a run", end=" "
    )
    print(f"(at most {max(shares):.2%}: {'within' if small else 'OVER'} {BOUND:.1%})")
    alike = True
    for figure in ("total_s", "processor_s"):
        times = [[found["time"][figure] for found in results[kind]] for kind in ("with", "without")]
        found = compare([(one, other) for one, other in zip(*times, strict=True)], "ratio")
        assert found is not None
        interval = found.interval or (0.0, float("inf"))
        contains = interval[0] <= 1.0 <= interval[1]
        print(
            f"{figure}, with / without: {found.estimate:.3f}, 95 % interval {interval[0]:.3f} to {interval[1]:.3f}",
            end=" ",
        )
        print(f"({found.n} pairs, {found.method}): {'no difference shown' if contains else 'DIFFERENT'}")
        alike = alike and contains
    return small and alike


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.meter", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--call-ms", type=float, default=0.2)
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.work:
        script, out, seed = options.work
        return work(Path(script), Path(out), int(seed), options.call_ms / 1000)
    return 0 if report(measured(options.pairs, options.call_ms)) else 1


if __name__ == "__main__":
    sys.exit(main())
