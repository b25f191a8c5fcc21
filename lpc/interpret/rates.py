"""What learning rates are multiplied by, over training: the `schedule` and `warmup` of a protocol."""

from __future__ import annotations

from math import cos, pi

from lpc.ir.program import Protocol


def factor(protocol: Protocol, step: int, per_epoch: int) -> float:
    """At a step, counted from 0. Time is counted in epochs, or in steps where the protocol's length is; rates first rise
    in equal amounts to what was written, at the last step of the warm-up, and then follow the schedule to its end.
    """
    schedule = protocol.schedule
    length, unit = (protocol.steps or 0, 1) if protocol.epochs is None else (protocol.epochs, per_epoch)
    rising = schedule.warmup * unit
    if step < rising:
        return (step + 1) / rising
    left = length * unit - rising
    share = min(1.0, (step - rising) / left) if left > 0 else 1.0
    match schedule.kind:
        case "constant":
            return 1.0
        case "linear":
            return 1 - share
        case "cosine":
            return (1 + cos(pi * share)) / 2
        case "step":
            return schedule.factor ** ((step - rising) // (schedule.every * unit))
