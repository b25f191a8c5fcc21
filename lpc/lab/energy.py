"""The `energy` of a run's result.json, read: what each instrument counted, how well, and what is to be known of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

ENOUGH = 0.99
"""The share of a training window that must be covered for its joules to count."""
TOLD = 1 / 3
"""The largest random error, as a part of a phase's joules, with which they are a figure and not chance."""


@dataclass(frozen=True)
class Spent:
    """A phase's joules in one domain, their standard deviation, what of it is random (None: not told), and the seconds covered."""

    joules: float
    deviation: float | None
    seconds: float
    random: float | None = None


@dataclass(frozen=True)
class Domain:
    """What one instrument says of a run. `joules` None: nothing, and `note` says why."""

    domain: str
    device: str
    source: str
    joules: float | None = None
    deviation: float | None = None
    resolution_s: float | None = None
    samples: int | None = None
    phases: Mapping[str, Spent] = field(default_factory=dict)
    note: str = ""

    @property
    def name(self) -> str:
        return name_of(self.domain, self.device)

    @property
    def estimated(self) -> bool:
        return self.source.startswith("estimate")

    @property
    def measured(self) -> bool:
        return self.joules is not None and self.source != "none" and not self.estimated

    def below(self, phase: str) -> bool:
        """Whether a phase was too short for the instrument: what it counted in it, 0 or not, is chance.

        The random error is u·sqrt(windows/6) of `seconds` of the joules, whatever they are: to leave out only what happened to
        read 0 would make the mean of the others too large.
        """
        spent = self.phases.get(phase)
        if spent is None:
            return False
        return spent.seconds < (self.resolution_s or 0.0) or (spent.random or 0.0) >= TOLD * spent.joules


@dataclass(frozen=True)
class Energy:
    """Joules of a run's training window, validation and checkpoints left out. `joules` None: not known, `why` says so."""

    joules: float | None = None
    systematic: float = 0.0
    """Of `joules`, one standard deviation that cancels in a ratio on one device."""
    random: float = 0.0
    """The same of what does not: windows begin and end between two ticks of a counter."""
    resolution_s: float | None = None
    """Of the slowest instrument among those summed."""
    contains: tuple[str, ...] = ()
    """The domains summed with their sources: `gpu: nvml-counter`."""
    missing: tuple[str, ...] = ()
    exclusive: bool | None = None
    throttled: float = 0.0
    """The share of looks at which a board was slowed down for heat or power."""
    power_gap: float = 0.0
    """How far a counter and the power sampled beside it were apart, as a share."""
    why: str = ""
    domains: tuple[Domain, ...] = ()
    """Every instrument of the whole run, estimates and what is missing included."""
    notes: tuple[str, ...] = ()
    """What is to be known of figures that there are, each by its domain: a tree of counters that is not the system's, lost windows."""


def energy_of(energy: Mapping[str, Any] | None) -> Energy:
    """What was measured in training, summed over domains; estimates are no part of it."""
    if not energy:
        return Energy(why="the program does not `measure energy`")
    seconds = number(((energy.get("phases") or {}).get("train") or {}).get("seconds")) or 0.0
    joules, systematic, random, resolutions, contains, missing, why = 0.0, 0.0, 0.0, [], [], [], []
    alone: list[bool | None] = []
    throttled, gap = 0.0, 0.0
    for domain in energy.get("domains") or []:
        name, source = str(domain.get("domain")), str(domain.get("source"))
        train = (domain.get("phases") or {}).get("train") or {}
        measured, covered = number(train.get("joules")), number(train.get("window_s")) or 0.0
        if source.startswith("estimate"):
            missing.append(name)
            why.append(f"{name}: an estimate, no measurement")
        elif source == "none" or measured is None:
            missing.append(name)
            why.append(str(domain.get("note") or f"{name}: nothing was measured in training"))
        elif _domain(domain).below("train"):
            missing.append(name)
            why.append(f"{name}: training was over before the meter moved")
        elif covered < ENOUGH * seconds:
            missing.append(name)
            why.append(f"{name}: {seconds - covered:.3g} s of {seconds:.3g} s of training were lost")
        else:
            joules += measured
            uncertainty = train.get("uncertainty") or {}
            systematic = math.hypot(systematic, number(uncertainty.get("systematic")) or 0.0)
            random = math.hypot(random, number(uncertainty.get("random")) or 0.0)
            resolutions.append(number(domain.get("resolution_s")))
            contains.append(f"{name}: {source}")
            if domain.get("scope") == "board":  # a processor is always shared
                alone.append(domain.get("exclusive"))
            throttled = max(throttled, number(domain.get("throttled_share")) or 0.0)
            gap = max(gap, abs(number(domain.get("power_gap")) or 0.0))
    domains = tuple(_domain(one) for one in energy.get("domains") or [])
    notes = tuple(dict.fromkeys(_notes(energy, domains)))
    if not contains:
        reasons = "; ".join(dict.fromkeys(why)) or "there is no meter"
        return Energy(missing=tuple(missing), why=reasons, domains=domains, notes=notes)
    known = [resolution for resolution in resolutions if resolution is not None]
    return Energy(
        joules=joules,
        systematic=systematic,
        random=random,
        resolution_s=max(known, default=None),
        contains=tuple(contains),
        missing=tuple(missing),
        exclusive=False if False in alone else None if None in alone or not alone else True,
        throttled=throttled,
        power_gap=gap,
        why="; ".join(why),
        domains=domains,
        notes=notes,
    )


def _domain(found: Mapping[str, Any]) -> Domain:
    samples = found.get("samples")
    phases = {
        str(phase): Spent(joules, _deviation(row), number(row.get("window_s")) or 0.0, _deviation(row, "random"))
        for phase, row in (found.get("phases") or {}).items()
        if (joules := number(row.get("joules"))) is not None
    }
    return Domain(
        domain=str(found.get("domain")),
        device=str(found.get("device") or ""),
        source=str(found.get("source")),
        joules=number(found.get("joules")),
        deviation=_deviation(found),
        resolution_s=number(found.get("resolution_s")),
        samples=samples if isinstance(samples, int) else None,
        phases=phases,
        note=str(found.get("note") or ""),
    )


def _deviation(found: Mapping[str, Any], part: str = "joules") -> float | None:
    return number((found.get("uncertainty") or {}).get(part))


def _notes(energy: Mapping[str, Any], domains: tuple[Domain, ...]) -> Iterator[str]:
    for one in domains:
        if one.measured or one.estimated:
            yield from (f"{one.name}: {note}" for note in one.note.split("; ") if note)
    notes = energy.get("notes")
    yield from (str(note) for note in (notes if isinstance(notes, list) else []))


def name_of(domain: str, device: str) -> str:
    return f"{domain} ({device})" if device else domain


def duration(seconds: float) -> str:
    """Of a counter's period."""
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def number(value: object) -> float | None:
    """A finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
