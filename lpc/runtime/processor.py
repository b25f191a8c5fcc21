"""Which processor this is: another one gives other seconds and joules."""

from __future__ import annotations

import platform
from contextlib import suppress
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def processor_name() -> str:
    """The model as Linux shows it, else what the system says, else the architecture."""
    with suppress(OSError):
        names = [line for line in CPUINFO.read_text(errors="replace").splitlines() if line.startswith("model name")]
        if names:
            return names[0].partition(":")[2].strip()
    return platform.processor() or platform.machine()
