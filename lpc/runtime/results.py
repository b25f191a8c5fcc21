"""What a run leaves in its folder: result.json, log.jsonl, model.pt, checkpoint.pt."""

from __future__ import annotations

import json
import math
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from lpc.runtime.failure import BadInput, Failure
from lpc.runtime.options import Options
from lpc.runtime.processor import processor_name
from lpc.runtime.run import Run
from lpc.runtime.task import Phase

LEFT = ("result.json", "log.jsonl", "model.pt", "checkpoint.pt")


def check_folder(options: Options) -> None:
    """Refuse a folder that holds a run, unless the options say what to do with it."""
    found = [name for name in LEFT if (options.out / name).exists()]
    if found and not (options.resume or options.overwrite):
        ways = "--resume goes on, --overwrite starts again, --out DIR goes elsewhere"
        raise BadInput(f"{options.out} holds an earlier run ({found[0]}): {ways}")


def open_folder(options: Options) -> None:
    """Make the folder; discard the earlier run in it if that was asked for."""
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        for name in LEFT if options.overwrite else ():
            (options.out / name).unlink(missing_ok=True)
    except OSError as problem:
        raise BadInput(f"cannot write in {options.out}: {problem.strerror}") from problem


def append_log(folder: Path, record: dict[str, Any]) -> None:
    try:
        with (folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(record) + "\n")
    except OSError as problem:
        raise Failure(f"cannot write {folder / 'log.jsonl'}: {problem.strerror}") from problem


def peak_memory(device: torch.device) -> dict[str, int | None]:
    """Peak bytes of the device's allocator (not known of a CPU) and of the process (not known on Windows)."""
    allocated = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
    try:
        import resource
    except ImportError:
        return {"peak_allocated_bytes": allocated, "peak_process_bytes": None}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"peak_allocated_bytes": allocated, "peak_process_bytes": peak if sys.platform == "darwin" else peak * 1024}


Scores = tuple[float | None, float | None]
"""Mean loss, and the share of right predictions."""


def make_result(run: Run, own: set[str], validation: Scores, test: Scores) -> dict[str, Any]:
    """All there is to tell; a figure that is not known is None. `own` names what the network has without the rules."""
    task, seconds, joules = run.task, run.clock.seconds(), run.clock.joules()
    phases = [phase_figures(run, phase) for phase in task.phases]
    seen = [phase["examples"] for phase in phases]
    flops = flops_figures(run, seen)
    energy = run.clock.result(block_work(run, seen))
    if task.estimate is not None:
        energy = task.estimate(energy, run.device, flops and flops["total"], seconds)
    parts = {name: getattr(run.splits, name) for name in ("train", "validation", "test")}
    return {
        "schema_version": 1,
        "seed": run.options.seed,
        **{
            name: getattr(task, name)
            for name in ("program", "variant", "source_sha256", "source", "settings", "lpc", "rules")
        },
        "environment": {
            "torch": torch.__version__,
            "python": platform.python_version(),
            "device": run.device.type,
            "device_name": torch.cuda.get_device_name(run.device) if run.device.type == "cuda" else processor_name(),
            "threads": torch.get_num_threads(),
            "platform": platform.platform(),
        },
        "data": {**run.splits.facts, "examples": {name: part and len(part[0]) for name, part in parts.items()}},
        "protocol": {
            **{name: getattr(task, name) for name in ("epochs", "steps", "batch", "order", "precision", "patience")},
            "epochs_run": max(phase["epochs_run"] for phase in phases),
            "stopped_by": phases[-1]["stopped_by"],
            "best_epoch": phases[-1]["best_epoch"],
            "data_passes": sum(phase["epochs_run"] for phase in phases),
            "phases": phases,
        },
        "train": {name: run.final().get(f"train/{name}") for name in ("loss", "accuracy")},
        "validation": None if validation[0] is None else {"loss": validation[0], "accuracy": validation[1]},
        "test": None if test[0] is None else {"loss": test[0], "accuracy": test[1]},
        "time": {
            **{f"{name}_s": seconds.get(name, 0.0) for name in ("train", "validate", "data")},
            "total_s": sum(seconds.values()),
            "examples_per_s": sum(seen) / seconds["train"] if sum(seen) else None,
        },
        "memory": task.memory(run.device) if task.memory else None,
        "flops": flops,
        "energy": energy,
        "carbon": task.carbon(joules) if task.carbon else None,
        "blocks": block_figures(run, own),
    }


def flops_figures(run: Run, seen: Sequence[int]) -> dict[str, Any] | None:
    """As modelled, from the examples that each phase saw; what a phase computes once and keeps counts once. None: not known."""
    phases = run.task.phases
    flops = [phase.flops for phase in phases if phase.flops is not None]
    if len(flops) < len(phases):
        return None
    steps = sum(each * examples for each, examples in zip(flops, seen, strict=True))
    once = sum(
        phase.part_flops * len(run.splits.train[0]) for phase, examples in zip(phases, seen, strict=True) if examples
    )
    return {"per_step": sum(flops) * run.size, "total": steps + once, "source": "modelled"}


def block_work(run: Run, seen: Sequence[int]) -> list[tuple[dict[str, int], int]]:
    """Of each phase's steps, and of what it computes once: operations an example by block, and how many examples."""
    found = [(phase.shares or {}, examples) for phase, examples in zip(run.task.phases, seen, strict=True)]
    made = [phase.part_shares or {} for phase, examples in zip(run.task.phases, seen, strict=True) if examples]
    return [*found, *((shares, len(run.splits.train[0])) for shares in made)]


def phase_figures(run: Run, phase: Phase) -> dict[str, Any]:
    steps = max([0, *(record["step"] for record in run.records(phase))])
    rest = steps % run.per_epoch * run.size
    return {
        "name": phase.name,
        "epochs_run": math.ceil(steps / run.per_epoch),
        "steps_run": steps,
        "examples": steps // run.per_epoch * len(run.splits.train[0]) + rest,
        "best_epoch": run.best_epoch(phase),
        "stopped_by": "patience" if run.out_of_patience(phase) else "steps" if run.task.epochs is None else "epochs",
    }


def block_figures(run: Run, own: set[str]) -> dict[str, Any]:
    """Of each block the last loss, the number of parameters, and how many numbers its rule added."""
    figures: dict[str, Any] = {block: {"loss": None, "parameters": 0, "rule_parameters": 0} for block in run.task.rules}
    for record in run.history:
        for block, known in figures.items():
            known["loss"] = record.get(f"block/{block}/loss", known["loss"])
    for name, tensor in run.net.state_dict(keep_vars=True).items():
        block, kind = name.partition(".")[0], "parameters" if name in own else "rule_parameters"
        if block in figures and (name not in own or tensor.requires_grad):
            figures[block][kind] += tensor.numel()
    return figures


def summary(result: dict[str, Any], folder: Path) -> str:
    """How well, at what cost, and where things are."""
    part = next(name for name in ("test", "validation", "train") if result[name])
    figures = [f"{name} {value:.4f}" for name, value in result[part].items() if value is not None]
    best, passes = result["protocol"]["best_epoch"], result["protocol"]["data_passes"]
    energy = f", {energy_summary(result['energy'])}" if result["energy"] else ""
    return (
        f"{part} {', '.join(figures) or 'not scored'}{f' (epoch {best}, the best)' if best else ''}\n"
        f"{passes} data pass{'' if passes == 1 else 'es'} in {result['time']['total_s']:.1f} s{energy}\n"
        f"{folder / 'result.json'} (and log.jsonl, model.pt, checkpoint.pt beside it)"
    )


def energy_summary(energy: dict[str, Any]) -> str:
    measured, estimated = (energy["totals"][f"{how}_joules"] for how in ("measured", "estimated"))
    why = "; ".join(dict.fromkeys(domain["note"] for domain in energy["domains"] if domain["joules"] is None))
    figure = f"energy not measured ({why})" if measured is None else f"{measured:.1f} J"
    return figure if estimated is None else f"{figure}, estimated ~{estimated:.1f} J"
