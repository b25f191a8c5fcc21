"""How learning rates move over training."""

from __future__ import annotations

import math
from collections.abc import Callable


def schedule(
    curve: Callable[[float, float], float], length: int, warmup: int = 0, by_steps: bool = False
) -> Callable[[int, int], float]:
    """(step from 0, steps in an epoch) -> what rates are multiplied by: `curve(time, length)`, both less `warmup`.

    Times are epochs, or steps where `by_steps`. The warm-up rises by equal amounts, its first step's factor is not 0, its last 1.
    """

    def factor(step: int, per_epoch: int) -> float:
        unit = 1 if by_steps else per_epoch
        if step < warmup * unit:
            return (step + 1) / (warmup * unit)
        return curve(step / unit - warmup, length - warmup)

    return factor


def constant(time: float, length: float) -> float:
    return 1.0


def linear(time: float, length: float) -> float:
    """Down to 0 at the end."""
    return 1.0 - share(time, length)


def cosine(time: float, length: float) -> float:
    """Half a cosine, down to 0 at the end (Loshchilov and Hutter 2017, without restarts)."""
    return 0.5 * (1.0 + math.cos(math.pi * share(time, length)))


def share(time: float, length: float) -> float:
    """How much of a length is over: all, past its end, and where a warm-up took everything."""
    return min(1.0, time / length) if length > 0 else 1.0


def staircase(every: int, factor: float) -> Callable[[float, float], float]:
    """Times `factor` after each `every` epochs (or steps)."""
    return lambda time, length: factor ** (time // every)
