"""Joules that nobody measured: modelled operations times a coefficient. Only for a program that asks, and labelled throughout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

ASSUMED_ERROR = 0.5
"""Relative, one standard deviation: models of this kind err by a tenth once calibrated on the machine, by half where they are not."""


def flops_estimate(
    device: torch.device, flops: int | None, seconds: Mapping[str, float], pj_per_flop: float, idle_w: float
) -> dict[str, Any]:
    """One of the domains in result.json: `flops`, all in the phase train, at `pj_per_flop`, and `idle_w` in every phase."""
    note = (
        f"a model, not a measurement: {pj_per_flop:g} pJ per modelled operation of training, {idle_w:g} W at all times"
    )
    found: dict[str, Any] = {
        "domain": "gpu" if device.type == "cuda" else "cpu",
        "index": 0,
        "device": "",
        "source": "estimate:flops",
        "scope": "process-model",
        **dict.fromkeys(("resolution_s", "joules", "uncertainty", "idle_w", "net_joules", "exclusive")),
        **dict.fromkeys(("throttled_share", "power_gap")),
        **dict.fromkeys(("samples", "overhead_s", "idle_s", "window_s"), 0),
        "lost_s": sum(seconds.values()),
        "complete": False,
        "phases": {},
        "note": note,
    }
    if flops is None:
        return {**found, "note": f"{note}; a phase of the program has no modelled operations"}
    train_j = flops * pj_per_flop / 1e12
    joules = {phase: idle_w * spent + train_j * (phase == "train") for phase, spent in seconds.items()}
    rows = {
        phase: {"joules": joules[phase], "window_s": spent, "uncertainty": assumed(joules[phase])}
        for phase, spent in seconds.items()
    }
    total = sum(joules.values())
    covered = {"window_s": sum(seconds.values()), "lost_s": 0.0, "complete": True}
    return {**found, **covered, "joules": total, "uncertainty": assumed(total), "phases": rows}


def with_estimate(
    energy: dict[str, Any], device: torch.device, flops: int | None, seconds: Mapping[str, float], **model: float
) -> dict[str, Any]:
    """The `energy` of result.json with the estimate of a `model` among the domains, and in no sum with what was measured."""
    found = flops_estimate(device, flops, seconds, **model)
    totals = {**energy["totals"], "estimated_joules": found["joules"]}
    return {**energy, "domains": [*energy["domains"], found], "totals": totals}


def assumed(joules: float) -> dict[str, Any]:
    error = ASSUMED_ERROR * joules
    return {"joules": error, "random": 0.0, "systematic": error, "method": f"assumed {ASSUMED_ERROR:.0%}"}
