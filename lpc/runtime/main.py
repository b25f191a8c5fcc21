"""A run from beginning to end."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from lpc.runtime.checkpoint import state, write_whole
from lpc.runtime.data import Splits, prepared
from lpc.runtime.failure import Failure, first_line
from lpc.runtime.heap import keep_heap
from lpc.runtime.initialise import initialise, state_name
from lpc.runtime.loop import evaluate, train
from lpc.runtime.options import Options, pick_device, read_options
from lpc.runtime.progress import note
from lpc.runtime.random import RANDOM
from lpc.runtime.results import check_folder, make_result, open_folder, summary
from lpc.runtime.run import Run
from lpc.runtime.signals import noted_signals
from lpc.runtime.synthetic import synthetic_splits
from lpc.runtime.task import Task


def main(task: Task, arguments: Sequence[str] | None = None) -> int:
    """Run the protocol; the exit status: 0 done, 1 training failed, 2 wrong input, 130 or 143 stopped by a signal."""
    try:
        with noted_signals() as signals:
            options = read_options(f"{task.program}-{task.variant or 'base'}", task.seed, arguments)
            result = execute(task, options, signals)
    except (Failure, RuntimeError, MemoryError) as problem:  # of torch's: no room for the network, no such device
        print(f"{task.program}: {first_line(problem)}", file=sys.stderr)
        return problem.status if isinstance(problem, Failure) else Failure.status
    if result is None:
        print(f"{task.program}: stopped and saved in {options.out}; --resume goes on", file=sys.stderr)
        return 128 + signals[0]
    if options.json or not options.quiet:
        print(json.dumps(result, indent=1) if options.json else summary(result, options.out))
    return 0


def execute(task: Task, options: Options, signals: list[int]) -> dict[str, Any] | None:
    """Train and test; the result, or None where a signal ended training early."""
    device = pick_device(options.device)
    check_folder(options)
    if options.threads:
        torch.set_num_threads(options.threads)
    if device.type == "cpu":
        keep_heap()
    torch.set_default_dtype(torch.float64 if task.precision == "f64" else torch.float32)
    if task.precision == "bf16":  # torch has no fused RMS norm of a narrow input and a wide weight: slower, no more
        warnings.filterwarnings("ignore", "Mismatch dtype between input and weight")
    torch.manual_seed(options.seed)  # nothing here draws from it, foreign code may
    RANDOM.seed, RANDOM.device = options.seed, "cpu"
    clock = task.meter(device, options.idle)
    clock.enter("data")
    splits = load_splits(task, options, device)
    clock.enter("setup")
    net = task.network()
    initialise(net, getattr(net, "RENAMED", {}))
    own = set(state(net))
    task.learning(net)
    RANDOM.device = device
    if options.epochs is not None or options.steps is not None:
        task = replace(task, epochs=options.epochs, steps=options.steps)
    run = Run(task, options, device, splits, net.to(device), clock, signals)
    open_folder(options)
    clock.enter("checkpoint")
    if options.resume and (options.out / "checkpoint.pt").exists():
        run.load()
        (options.out / "result.json").unlink(missing_ok=True)
    else:
        run.save()
    lines = [json.dumps(record).encode() + b"\n" for record in run.history]  # what came after the checkpoint falls away
    write_whole(options.out / "log.jsonl", lambda file: file.writelines(lines))
    with located(run):
        train(run)
        if signals:
            return None
        clock.enter("test")
        test = evaluate(run, task.score, splits.test)
        validation = (final := run.final()).get("validation/loss"), final.get("validation/accuracy")
        if not final or run.now.score:  # nobody has judged this network yet
            validation = evaluate(run, task.score, splits.validation)
    clock.enter("checkpoint")
    model = {name: tensor.clone() for name, tensor in state(net).items() if name in own}
    write_whole(options.out / "model.pt", lambda file: torch.save(model, file))
    clock.close()
    result = make_result(run, own, validation, test)
    write_whole(options.out / "result.json", lambda file: file.write(json.dumps(result, indent=1).encode() + b"\n"))
    return result


def load_splits(task: Task, options: Options, device: torch.device) -> Splits:
    """The program's data, or made-up data of its types, on the device; without the test part under `--no-test`."""
    whole = synthetic_splits(task.data) if options.data == "synthetic" else task.load(options)
    if options.no_test:
        whole = replace(whole, test=None, facts={**whole.facts, "test_left_out": True})
    if whole.facts.get("published") is False:
        note(f"{whole.facts['source']}: the files are whole, but not the published ones")
    return prepared(whole, len(task.data), options.limit, device)


@contextmanager
def located(run: Run) -> Generator[None]:
    """What torch fails with (memory, shapes, a lost device), in one line that names the block and the place."""
    try:
        yield
    except (RuntimeError, MemoryError) as problem:
        renamed = getattr(run.net, "RENAMED", {})
        blocks = {m: state_name(path, renamed).partition(".")[0] for path, m in run.net.named_modules() if path}
        block, line, trace = "", 0, problem.__traceback__
        while trace:
            block = blocks.get(trace.tb_frame.f_locals.get("self"), block)
            line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == __file__ else line
            trace = trace.tb_next
        where = f"{run.place(block)}, " if block else ""
        raise Failure(
            f"{first_line(problem)}, {where}at step {run.step}, {Path(__file__).name} line {line}"
        ) from problem
