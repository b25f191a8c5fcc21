"""What else the machine is doing while something is timed."""

from __future__ import annotations

import os
from pathlib import Path

STAT = Path("/proc/stat")


def busy_and_all() -> tuple[float, float]:
    """Seconds the processors were busy, and seconds there were, since the machine started, summed over processors."""
    fields = [int(field) for field in STAT.read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    idle = fields[3] + fields[4]
    ticks = os.sysconf("SC_CLK_TCK")
    return (sum(fields) - idle) / ticks, sum(fields) / ticks


class Others:
    """From its making on: the share of the machine's time that other processes took, 0 to 1; 0 where it cannot be told."""

    def __init__(self) -> None:
        self.readable = STAT.exists()
        if self.readable:
            self.busy, self.all = busy_and_all()
            self.own = sum(os.times()[:2])

    def share(self) -> float:
        if not self.readable:
            return 0.0
        busy, all_ = busy_and_all()
        mine = sum(os.times()[:2]) - self.own
        return max(0.0, busy - self.busy - mine) / max(all_ - self.all, 1e-9)
