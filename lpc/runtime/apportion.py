"""Whose joules: those of training, given to the blocks by a model of what each had to compute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def apportioned(joules: float | None, work: Iterable[tuple[Mapping[str, int], int]]) -> dict[str, Any]:
    """Measured joules in the ratio of blocks' modelled operations. `work`: of each phase (operations an example, examples seen).

    A counter that is new every tenth of a second tells no blocks of milliseconds apart: this is a model, and named as one.
    """
    flops: dict[str, int] = {}
    for shares, examples in work:
        for block, each in shares.items():
            flops[block] = flops.get(block, 0) + each * examples
    whole = sum(flops.values())
    return {
        "method": "apportioned-flops",
        "joules": {
            block: joules * own / whole if joules is not None and whole else None for block, own in flops.items()
        },
    }
