"""An energy counter: every instrument is made to look like one, so that units and plausibility are dealt with once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple


class EnergyReading(NamedTuple):
    """Microjoules since some beginning, the samples taken since the last reading, and why no difference to it can be believed."""

    microjoules: int
    samples: int = 1
    doubt: str = ""


@dataclass(frozen=True)
class EnergyCounter:
    """An instrument or, without `read`, why there is none (`note`) and what to do about it (`cure`).

    The device never draws `limit_w`: a reading that implies it is bad. `watts`: a second instrument, which a counter can be
    held against. `exclusive` tells whether nobody else is on the device, `throttled` whether it is being slowed down for heat
    or power, `conditions` what a fair comparison keeps the same; None: not known.
    """

    domain: str
    device: str = ""
    note: str = ""
    cure: str = ""
    source: str = "none"
    scope: str | None = None
    resolution_s: float | None = None
    read: Callable[[], EnergyReading] | None = None
    watts: Callable[[], float] | None = None
    limit_w: float = 2000.0
    exclusive: Callable[[], bool | None] = lambda: None
    throttled: Callable[[], bool | None] = lambda: None
    conditions: Callable[[], Mapping[str, str | float]] = dict
    close: Callable[[], None] = lambda: None


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
