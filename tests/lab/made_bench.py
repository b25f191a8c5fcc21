"""A whole bench folder that nobody trained: programs that compile, logs, joules by phase and block, and its table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lpc.lab.bench import Bench
from lpc.lab.bench_json import FILE, bench_json
from lpc.lab.comparison import tabulate
from lpc.lab.conditions import Conditions
from lpc.lab.files import write_json
from lpc.lab.plan import Plan
from lpc.lab.protocols import Protocol
from lpc.lab.reviewer import warnings
from lpc.source import Source
from tests.lab.made_runs import MATCHED, Ended, arm, noise, usual

VARIANTS = ("backprop", "base", "slow")


def program(depth: int) -> str:
    return f"""network made
data image, label = digits(validation = 20%)
block layer[{depth}] = image -> flatten -> linear(16) -> relu
block readout = layer -> linear(10)
objective cross_entropy(readout, label)
learn all with mono_forward
train epochs = 3, batch = 64
measure energy, memory
variant backprop {{ learn all with backprop }}
variant slow {{ learn all with direct_feedback_alignment }}
"""


RULES = {
    "base": ("mono_forward", "mono_forward"),
    "backprop": ("backprop", "backprop"),
    "slow": ("direct_feedback_alignment", "direct_feedback_alignment"),
}


def rules(variant: str, depth: int) -> dict[str, str]:
    hidden, readout = RULES[variant]
    return {**{f"layer_{k}": hidden for k in range(1, depth + 1)}, "readout": readout}


def variant_of(label: str) -> str:
    return label.rpartition(":")[2]


def depth_of(label: str) -> int:
    """`deep4:base` has four layers and the readout."""
    name = label.rpartition(":")[0]
    return int(name.removeprefix("deep")) if name.startswith("deep") else 2


def whole(label: str, seed: int, *, measured: bool = True) -> dict[str, Any]:
    """A result.json with joules by phase and block; nine tenths of its joules are training's."""
    variant, depth = variant_of(label), depth_of(label)
    found = usual(variant, seed)
    blocks = list(rules(variant, depth))
    seconds = found["time"]["train_s"]
    joules = 100.0 * seconds
    found |= {"program": "made", "source": program(depth), "source_sha256": Source("", program(depth)).sha256}
    found |= {"rules": rules(variant, depth), "lpc": "0.1.0", "blocks": {}, "carbon": None}
    found["memory"] = {"peak_allocated_bytes": (depth if variant != "base" else 1) * 2**21, "peak_process_bytes": 2**28}
    if not measured:
        return {**found, "energy": None}
    spent = {"setup": 0.02, "data": 0.03, "train": 0.9, "validate": 0.04, "checkpoint": 0.01}
    found["energy"] |= {
        "phases": {
            "method": "boundaries",
            **{name: {"seconds": share * seconds, "joules": share * joules} for name, share in spent.items()},
        },
        "blocks": {"method": "apportioned-flops", "joules": {b: 0.9 * joules / len(blocks) for b in blocks}},
        "totals": {"measured_joules": joules, "estimated_joules": None},
        "notes": [],
    }
    found["energy"]["phases"]["train"]["seconds"] = seconds
    found["carbon"] = {
        "grams": joules / 3.6e6 * 400,
        "intensity_g_per_kwh": 400,
        "intensity_source": "the program",
        "pue": None,
        "note": "of what was measured",
    }
    return found


def log(label: str, seed: int, passes: int = 3) -> str:
    lines = [
        {
            "phase": "train",
            "epoch": epoch,
            "step": 23 * epoch,
            "seconds": 2.0 * epoch,
            "train/loss": 2.0 / epoch + 0.05 * noise(label, seed, epoch),
            "train/accuracy": None,
            "validation/accuracy": 0.95 - 0.3 / epoch**2 + 0.01 * noise(label, seed, epoch, "v"),
            "validation/loss": 2.1 / epoch,
            "joules": None,
        }
        for epoch in range(1, passes + 1)
    ]
    return "".join(json.dumps(line) + "\n" for line in lines)


class Runs:
    """Starts nothing, and leaves what the run named by its folder would have."""

    def __init__(self, *, measured: bool = True) -> None:
        self.measured = measured

    def __call__(self, script: Path, arguments: Sequence[str], folder: Path) -> Ended:
        label = script.read_text(encoding="utf-8").split()[1]
        seed = int(arguments[arguments.index("--seed") + 1])
        (folder / "result.json").write_text(json.dumps(whole(label, seed, measured=self.measured)), encoding="utf-8")
        (folder / "log.jsonl").write_text(log(label, seed), encoding="utf-8")
        return Ended(0)


def made_plan(
    labels: Sequence[str] = VARIANTS, seeds: Sequence[int] = (1, 2, 3), protocols: Sequence[Protocol] = (MATCHED,)
) -> Plan:
    arms = tuple(
        arm(
            label,
            protocol.name,
            variant=variant_of(label),
            source_sha256=Source("", program(depth_of(label))).sha256,
            rules=rules(variant_of(label), depth_of(label)),
        )
        for protocol in protocols
        for label in labels
    )
    return Plan("made", arms, labels[0], tuple(protocols), tuple(seeds))


def make_bench(folder: Path, plan: Plan | None = None, *, measured: bool = True) -> Path:
    """The folder, as `lpc bench` leaves it."""
    plan = plan or made_plan()
    folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(plan, folder, Runs(measured=measured), look_now=Conditions, started="2026-01-01T00:00:00+00:00")
    bench.conduct(plan.runs())
    table = tabulate(folder, plan, {})
    write_json(folder / "plan.json", plan.identity())
    write_json(folder / FILE, bench_json(table, warnings(table)))
    return folder


def doctored(folder: Path, change: Any) -> None:
    """The folder's table, changed by a function."""
    found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    change(found)
    (folder / FILE).write_text(json.dumps(found), encoding="utf-8")
