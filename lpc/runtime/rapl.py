"""The energy of processor packages and their memory: RAPL, through Linux' powercap tree."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from lpc.runtime.counter import EnergyCounter, EnergyReading, update_period

POWERCAP = Path("/sys/class/powercap")


def rapl_zones(powercap: Path) -> dict[tuple[str, str], Path]:
    """Packages and their DRAM, by (domain, name). Cores and uncore are parts of a package, psys contains it: not added.

    A zone may be listed flat and nested, and by two drivers (MSR, MMIO): the shortest path stands for it.
    """
    zones: dict[tuple[str, str], Path] = {}
    for file in sorted([*powercap.glob("*/name"), *powercap.glob("*/*/name")], key=lambda file: (len(str(file)), file)):
        with suppress(OSError, ValueError):
            zone, name = file.parent, file.read_text().strip()
            if name.startswith("package"):
                zones.setdefault(("cpu", name), zone)
            elif name == "dram":
                zones.setdefault(("dram", zone.name), zone)
    return zones


def open_zone(domain: str, name: str, zone: Path) -> EnergyCounter:
    """The counter of one zone, or why it cannot be read."""
    found = EnergyCounter(domain, name)

    def read() -> EnergyReading:
        return EnergyReading(int((zone / "energy_uj").read_text()))

    try:
        if (period := update_period(read, patience=0.25, nap=0.0002)) is None:
            return replace(found, note="the counter does not move")
    except PermissionError:
        cure = f"sudo chmod a+r {zone.parent}/*/energy_uj {zone.parent}/*/max_energy_range_uj"
        return replace(found, note="only root may read the counter", cure=cure)
    except (OSError, ValueError) as error:
        return replace(found, note=f"the counter cannot be read: {error}")
    with suppress(OSError, ValueError):
        found = replace(found, wraps_at=int((zone / "max_energy_range_uj").read_text()))
    # The hungriest package takes 500 W, for moments a fifth more.
    found = replace(found, source="rapl", scope="package", resolution_s=period, read=read, limit_w=700.0)
    return replace(
        found, is_exclusive=lambda: False, note="the whole socket, loader workers and other processes included"
    )


def same_counter(one: EnergyCounter, other: EnergyCounter) -> bool:
    """Dies of a package may show one and the same counter: then a reading of one lies between two of the other."""
    if one.read is None or other.read is None:
        return False
    low, middle, high = one.read(), other.read(), one.read()
    return low.microjoules <= middle.microjoules <= high.microjoules


def open_rapl(powercap: Path) -> list[EnergyCounter]:
    """The counters of all packages and their DRAM; of each at least one, if only to say why there is none."""
    counters: list[EnergyCounter] = []
    for (domain, name), zone in rapl_zones(powercap).items():
        counter = open_zone(domain, name, zone)
        with suppress(OSError, ValueError):
            if any(same_counter(earlier, counter) for earlier in counters):
                continue
        counters.append(counter)
    missing = {"cpu", "dram"} - {counter.domain for counter in counters}
    return counters + [EnergyCounter(domain, note=f"no RAPL zone in {powercap}") for domain in sorted(missing)]
