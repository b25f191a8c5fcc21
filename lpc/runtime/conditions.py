"""What a fair comparison keeps the same, and a result therefore tells: of the processor, as Linux shows it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import torch

from lpc.runtime.processor import CPUINFO

CPU = Path("/sys/devices/system/cpu")


def processor_conditions() -> dict[str, str | float]:
    """Frequency governor, turbo, SGX (which blurs RAPL), load of the last minute, threads; what cannot be read is left out."""
    found: dict[str, str | float] = {"threads": torch.get_num_threads()}
    with suppress(OSError):
        found["governor"] = (CPU / "cpu0/cpufreq/scaling_governor").read_text().strip()
    for file, on in (("intel_pstate/no_turbo", "0"), ("cpufreq/boost", "1")):
        with suppress(OSError):
            found["turbo"] = "on" if (CPU / file).read_text().strip() == on else "off"
    with suppress(OSError):
        flags = next((line for line in CPUINFO.read_text().splitlines() if line.startswith("flags")), "")
        found["sgx"] = "on" if "sgx" in flags.split() else "off"
    with suppress(OSError, AttributeError):
        found["load"] = round(os.getloadavg()[0], 2)
    return found
