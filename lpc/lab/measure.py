"""What a command takes, measured as a script measures itself: `lpc measure -- COMMAND`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lpc.lab.energy import duration, name_of
from lpc.lab.meters import board_counters
from lpc.runtime.rapl import POWERCAP, open_rapl


@dataclass(frozen=True)
class Measured:
    """A command's exit status, its seconds, and `energy` as in result.json, without what only a script knows."""

    command: tuple[str, ...]
    status: int
    seconds: float
    energy: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {"version": 1, **vars(self), "command": list(self.command)}


def measure(
    command: Sequence[str], run: Callable[[Sequence[str]], int], idle_seconds: float = 0.0, powercap: Path = POWERCAP
) -> Measured:
    """Run a command under all meters of the machine. They are closed whatever happens to it."""
    import torch

    from lpc.runtime.meter import Meter

    meter = Meter([*board_counters(), *open_rapl(powercap)], torch.device("cpu"), time.monotonic)
    try:
        if idle_seconds:
            meter.idle(idle_seconds)
        meter.enter("train")  # the one window there is; what is asked of training is asked of it
        status = run(command)
    finally:
        meter.close()
    energy = {key: value for key, value in meter.result().items() if key not in ("phases", "blocks")}
    domains = [{k: v for k, v in domain.items() if k != "phases"} for domain in energy["domains"]]
    return Measured(tuple(command), status, meter.seconds()["train"], {**energy, "domains": domains})


def measured_text(measured: Measured) -> str:
    """A line a meter; joules with one standard deviation."""
    lines = [f"{duration(measured.seconds)}, exit status {measured.status}"]
    lines += [domain_text(domain, measured.seconds) for domain in measured.energy["domains"]]
    totals = measured.energy["totals"]
    if len(totals["contains"]) > 1:
        lines.append(f"together: {totals['measured_joules']:.4g} J ± {totals['uncertainty_joules']:.2g}")
    return "\n".join([*lines, *measured.energy["notes"]])


def domain_text(domain: dict[str, Any], seconds: float) -> str:
    name = name_of(domain["domain"], domain["device"])
    if domain["joules"] is None:
        return f"{name}: not measured, {domain['note']}"
    mean = f", {domain['joules'] / seconds:.3g} W in the mean" if seconds else ""
    idle = (
        "" if domain["net_joules"] is None else f", {domain['net_joules']:.4g} J above idle ({domain['idle_w']:.3g} W)"
    )
    every = f"new every {duration(domain['resolution_s'])}, " if domain["resolution_s"] else ""
    figure = f"{domain['joules']:.4g} J ± {domain['uncertainty']['joules']:.2g}{mean}{idle}"
    note = f"; {domain['note']}" if domain["note"] else ""
    return f"{name}: {figure} ({domain['source']}, {every}{domain['samples']} readings){note}"
