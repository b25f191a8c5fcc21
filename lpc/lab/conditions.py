"""What a machine is like while a run is measured: how its processor is governed, how warm it is, who else is at work."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SYSTEM = Path("/sys")
STAT = Path("/proc/stat")
GOVERNED = ("governor", "turbo")
"""Conditions that runs must share to be compared; the rest is looked at, and warned of."""


@dataclass(frozen=True)
class Conditions:
    """None: the machine does not say."""

    governor: str | None = None
    turbo: str | None = None
    temperature_c: float | None = None
    """The warmest sensor of the processors and boards."""

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


def look(system: Path = SYSTEM, boards: Callable[[], float | None] | None = None) -> Conditions:
    """The machine's conditions now."""
    governor = _read(system / "devices/system/cpu/cpu0/cpufreq/scaling_governor")
    off, boost = (
        _read(system / "devices/system/cpu/intel_pstate/no_turbo"),
        _read(system / "devices/system/cpu/cpufreq/boost"),
    )
    turbo = {"0": "on", "1": "off"}.get(off or "") or {"1": "on", "0": "off"}.get(boost or "")
    found = [t for zone in sorted((system / "class/thermal").glob("thermal_zone*/temp")) if (t := _celsius(zone))]
    board = (boards or board_temperature)()
    warmest = max([*found, *([board] if board is not None else [])], default=None)
    return Conditions(governor, turbo, warmest)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip() or None
    except OSError:
        return None


def _celsius(path: Path) -> float | None:
    text = _read(path)
    return int(text) / 1000 if text and text.lstrip("-").isdigit() and 0 < int(text) < 150_000 else None


def board_temperature() -> float | None:
    """Of the warmest NVIDIA board; None where there is no board or no binding."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        boards = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        degrees = [float(pynvml.nvmlDeviceGetTemperature(board, pynvml.NVML_TEMPERATURE_GPU)) for board in boards]
    except pynvml.NVMLError:
        return None
    return max(degrees, default=None)


class Others:
    """From its making on: the share of the machine's time that went to neither this process nor its children."""

    def __init__(self, stat: Path = STAT) -> None:
        self.stat = stat
        self.start = self._now()

    def _now(self) -> tuple[float, float, float] | None:
        """Seconds that processors were busy, that there were, and that were ours."""
        line = (_read(self.stat) or "").partition("\n")[0].split()[1:9]
        if len(line) < 8 or not all(field.isdigit() for field in line):
            return None
        ticks = [int(field) for field in line]
        second = os.sysconf("SC_CLK_TCK")
        return (sum(ticks) - ticks[3] - ticks[4]) / second, sum(ticks) / second, sum(os.times()[:4])

    def share(self) -> float | None:
        """0 to 1; None where the system does not say."""
        now = self._now()
        if self.start is None or now is None or now[1] <= self.start[1]:
            return None
        busy, there, ours = (after - before for after, before in zip(now, self.start, strict=True))
        return max(0.0, min(1.0, (busy - ours) / there))
