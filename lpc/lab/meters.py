"""Which energy meters this machine has, what they resolve, and what would help where there is none: `lpc measure`, `lpc env`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from lpc.lab.energy import duration, name_of
from lpc.runtime.counter import EnergyCounter
from lpc.runtime.rapl import POWERCAP, open_rapl

WANTED = 0.01
"""The random error by which a window's length is told."""
CURES = {
    "no RAPL zone": "on Linux, outside virtual machines and containers: sudo modprobe intel_rapl_msr (AMD processors too)",
}
"""What to do about reasons that have no one command, by how they begin."""


@dataclass(frozen=True)
class MeterStatus:
    """One energy meter; `source` as in result.json, "none" where there is none, then `why` and the `cure`.

    `resolution_s`: seconds between two updates, measured just now.
    """

    domain: str
    device: str
    source: str
    resolution_s: float | None = None
    why: str = ""
    cure: str = ""

    @property
    def window_s(self) -> float | None:
        """Seconds that a window must last for a random error of `WANTED`: u/√6 of its length, u the resolution."""
        return None if self.resolution_s is None else self.resolution_s / math.sqrt(6) / WANTED


def board_counters() -> list[EnergyCounter]:
    """The meter of each GPU that torch sees, at least one, if only to say why there is none; they have to be closed."""
    try:
        import torch
    except ImportError as error:
        return [EnergyCounter("gpu", note=f"torch cannot be imported: {error}", cure="pip install 'lpc[run]'")]
    from lpc.runtime.amd import open_amd
    from lpc.runtime.nvml import open_nvml

    if not torch.cuda.is_available():
        return [EnergyCounter("gpu", note="no GPU that torch can use")]
    opened = open_amd if torch.version.hip else open_nvml
    return [opened(torch.device("cuda", index)) for index in range(torch.cuda.device_count())]


def status(counter: EnergyCounter) -> MeterStatus:
    """What an opened counter tells of itself; it is closed."""
    counter.close()
    cure = counter.cure or next((cure for start, cure in CURES.items() if counter.note.startswith(start)), "")
    return MeterStatus(counter.domain, counter.device, counter.source, counter.resolution_s, counter.note, cure)


def meters(powercap: Path = POWERCAP) -> tuple[MeterStatus, ...]:
    """Every meter, opened, looked at for up to two seconds a board, and closed."""
    return tuple(status(counter) for counter in (*board_counters(), *open_rapl(powercap)))


def meter_text(meter: MeterStatus) -> str:
    name = name_of(meter.domain, meter.device)
    if meter.source == "none":
        return f"{name}: not measured, {meter.why}"
    every = "" if meter.resolution_s is None else f", new every {duration(meter.resolution_s)}"
    return f"{name}: {meter.source}{every}" + (f"; {meter.why}" if meter.why else "")


def with_cure(text: str, cure: str) -> list[str]:
    return [text, f"  to get it: {cure}"] if cure else [text]
