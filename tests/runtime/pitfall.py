"""Pitfalls of energy meters as scenarios on a scripted machine, by the number that docs/energy.md gives them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from lpc.runtime.meter import Meter, open_meter
from tests.runtime.fake_meters import FakeMachine, domain

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)
ZONE = "intel-rapl:0"

Verdict = tuple[bool, bool]
"""Whether the naive meter was right, and whether ours was."""
PITFALLS: dict[str, Callable[[FakeMachine], Verdict]] = {}


def pitfall(name: str) -> Callable[[Callable[[FakeMachine], Verdict]], Callable[[FakeMachine], Verdict]]:
    def noted(scenario: Callable[[FakeMachine], Verdict]) -> Callable[[FakeMachine], Verdict]:
        PITFALLS[name] = scenario
        return scenario

    return noted


def near(found: object, truth: float, part: float = 0.01) -> bool:
    return isinstance(found, float) and math.isclose(found, truth, rel_tol=part)


def opened(machine: FakeMachine, device: torch.device = CPU, idle: float = 0.0) -> Meter:
    return open_meter(device, idle, machine.powercap.root)


def closed(meter: Meter, name: str = "cpu") -> dict[str, Any]:
    meter.close()
    return domain(meter, name)
