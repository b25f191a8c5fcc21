"""An energy counter: every instrument is made to look like one, so that wrap, units and plausibility are dealt with once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple


class EnergyReading(NamedTuple):
    """Microjoules since some beginning, and the samples taken since the last reading."""

    microjoules: int
    samples: int = 1


@dataclass(frozen=True)
class EnergyCounter:
    """An instrument or, without `read`, why there is none (`note`) and what to do about it (`cure`).

    It begins again at 0 after `wraps_at` microjoules; the device never draws `limit_w`: a reading that implies it is bad.
    """

    domain: str
    device: str = ""
    note: str = ""
    cure: str = ""
    source: str = "none"
    scope: str | None = None
    resolution_s: float | None = None
    read: Callable[[], EnergyReading] | None = None
    limit_w: float = 2000.0
    wraps_at: int | None = None
    is_exclusive: Callable[[], bool | None] = lambda: None
    close: Callable[[], None] = lambda: None
    conditions: dict[str, str | float] = field(default_factory=dict)


def update_period(read: Callable[[], object], patience: float, nap: float) -> float | None:
    """Seconds between two changes of what `read` gives, the median of three; None if it keeps still for `patience` seconds."""
    changes: list[float] = []
    last, start = read(), time.monotonic()
    while len(changes) < 4 and time.monotonic() - start < patience:
        time.sleep(nap)
        if (value := read()) != last:
            last = value
            changes.append(time.monotonic())
    gaps = sorted(later - earlier for earlier, later in pairwise(changes))
    return gaps[len(gaps) // 2] if gaps else patience if changes else None
