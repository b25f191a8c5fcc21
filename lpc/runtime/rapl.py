"""The energy of processor packages and their memory: RAPL, through Linux' powercap tree."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from lpc.runtime.counter import EnergyCounter, EnergyReading, update_period

SYSFS = "/sys/class/powercap"
POWERCAP = Path(os.environ.get("LPC_POWERCAP", SYSFS))
PACKAGE_LIMIT_W = 700.0
"""The hungriest package takes 500 W, for moments a fifth more."""


class RaplZone:
    """A counter that begins again at 0 after `range` microjoules, made into one that does not.

    A daemon thread looks often enough that no wrap is missed, however long a pass over the data lasts: a file every minute or more.
    """

    def __init__(self, folder: Path) -> None:
        self.file, self.range = folder / "energy_uj", 0
        with suppress(OSError, ValueError):
            self.range = int((folder / "max_energy_range_uj").read_text())
        self.last, self.when = self.raw(), time.monotonic()
        self.total, self.doubt = self.last, False
        self.lock, self.stop = threading.Lock(), threading.Event()

    def raw(self) -> int:
        return int(self.file.read_text())

    def watch(self) -> None:
        if self.range:
            threading.Thread(target=self.keep, daemon=True).start()

    def keep(self) -> None:
        while not self.stop.wait(self.range / 1e6 / PACKAGE_LIMIT_W / 2):
            with suppress(OSError, ValueError):  # the next look spans this one, and minds how long that is
                self.look()

    def look(self) -> None:
        with self.lock:
            raw, now = self.raw(), time.monotonic()
            energy = raw - self.last
            if energy < 0 and self.range:
                energy += self.range
            most = 1e6 * PACKAGE_LIMIT_W * (now - self.when)
            self.doubt = self.doubt or 0 < self.range <= most - energy
            self.total, self.last, self.when = self.total + energy, raw, now

    def read(self) -> EnergyReading:
        self.look()
        doubt, self.doubt = self.doubt, False
        return EnergyReading(self.total, doubt="so long that the counter may have wrapped twice" if doubt else "")


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


def open_zone(domain: str, name: str, folder: Path) -> EnergyCounter:
    """The counter of one zone, or why it cannot be read."""
    found = EnergyCounter(domain, name)
    try:
        zone = RaplZone(folder)
        if (period := update_period(zone.raw, patience=0.25, nap=0.0002)) is None:
            return replace(found, note="the counter does not move")
    except PermissionError:
        cure = f"sudo chmod a+r {folder.parent}/*/energy_uj {folder.parent}/*/max_energy_range_uj"
        return replace(found, note="only root may read the counter", cure=cure)
    except (OSError, ValueError) as error:
        return replace(found, note=f"the counter cannot be read: {error}")
    zone.watch()
    found = replace(found, source="rapl", scope="package", resolution_s=period, read=zone.read, close=zone.stop.set)
    note = "the whole socket, loader workers and other processes included"
    if folder.parent.as_posix() != SYSFS:  # so that nothing made up passes as a measurement
        note += f"; read under {folder.parent}, not {SYSFS}"
    return replace(found, limit_w=PACKAGE_LIMIT_W, exclusive=lambda: False, note=note)


def same_counter(one: EnergyCounter, other: EnergyCounter) -> bool:
    """Dies of a package may show one and the same counter: then a reading of one lies between two of the other."""
    if one.read is None or other.read is None:
        return False
    low, middle, high = one.read(), other.read(), one.read()
    return low.microjoules <= middle.microjoules <= high.microjoules


def open_rapl(powercap: Path) -> list[EnergyCounter]:
    """The counters of all packages and their DRAM; of each at least one, if only to say why there is none."""
    if (rank := os.environ.get("LOCAL_RANK", "0")) != "0":  # or N processes would count one socket N times
        return [EnergyCounter(domain, note=f"counted by local rank 0, not by {rank}") for domain in ("cpu", "dram")]
    counters: list[EnergyCounter] = []
    for (domain, name), zone in rapl_zones(powercap).items():
        counter = open_zone(domain, name, zone)
        with suppress(OSError, ValueError):
            if any(same_counter(earlier, counter) for earlier in counters):
                counter.close()
                continue
        counters.append(counter)
    missing = {"cpu", "dram"} - {counter.domain for counter in counters}
    return counters + [EnergyCounter(domain, note=f"no RAPL zone in {powercap}") for domain in sorted(missing)]
