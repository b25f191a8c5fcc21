"""What the energy meters of several runs say together: each instrument's figures by phase, and its notes, each once."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lpc.lab.energy import Domain, Energy, duration
from lpc.lab.figures_text import joules

BELOW = "below the meter's resolution"
"""In the place of joules, 0 or not, of a phase that is over before a counter has moved."""
AMOUNT = re.compile(r"\d+(?:\.\d+)?(?=%)|\d+(?= times\))")
"""A number in which two notes may differ and still be one."""


@dataclass(frozen=True)
class Counted:
    """Joules of a phase, mean of the runs, and one standard deviation of a run. `below`: in some run too short to be told."""

    joules: float
    deviation: float | None
    below: bool = False

    @property
    def text(self) -> str:
        return BELOW if self.below else joules(self.joules, self.deviation)


@dataclass(frozen=True)
class Instrument:
    """One instrument in some runs. `resolution_s`: the largest; `samples`: readings of a run, mean. None: not told."""

    name: str
    source: str
    resolution_s: float | None
    samples: float | None
    phases: Mapping[str, Counted]
    whole: Counted
    n: int

    @property
    def resolution(self) -> str:
        return "not known" if self.resolution_s is None else duration(self.resolution_s)

    @property
    def readings(self) -> str:
        return "not known" if self.samples is None else f"{self.samples:.0f}"


def instruments(runs: Iterable[Energy]) -> list[Instrument]:
    """Those that measured, in the order in which they are met; estimates are none."""
    found: dict[tuple[str, str], list[Domain]] = {}
    for run in runs:
        for domain in run.domains:
            if domain.measured:
                found.setdefault((domain.name, domain.source), []).append(domain)
    return [_together(own) for own in found.values()]


def _together(own: Sequence[Domain]) -> Instrument:
    phases = {}
    for phase in dict.fromkeys(phase for domain in own for phase in domain.phases):
        spent = [domain.phases[phase] for domain in own if phase in domain.phases]
        below = any(domain.below(phase) for domain in own)
        mean = math.fsum(each.joules for each in spent) / len(own)
        phases[phase] = Counted(mean, _mean([each.deviation for each in spent]), below)
    mean = math.fsum(domain.joules or 0.0 for domain in own) / len(own)
    return Instrument(
        own[0].name,
        own[0].source,
        max((domain.resolution_s for domain in own if domain.resolution_s is not None), default=None),
        _mean([domain.samples for domain in own]),
        phases,
        Counted(mean, _mean([domain.deviation for domain in own]), below=mean == 0),
        len(own),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def instrument_text(found: Instrument) -> str:
    """A line: `rapl, new every 5 ms, 120 readings: 45.2 ± 1.4 J in all; train 40.1 ± 1.3 J, setup below ...`."""
    told = [found.source]
    told += [f"new every {found.resolution}"] if found.resolution_s is not None else []
    told += [f"{found.readings} readings"] if found.samples is not None else []
    phases = ", ".join(f"{phase} {counted.text}" for phase, counted in found.phases.items())
    return f"{', '.join(told)}: {found.whole.text} in all{'; ' if phases else ''}{phases}"


def gathered(said: Sequence[Iterable[str]]) -> list[str]:
    """What each of some runs says, once: of notes that differ in an amount the one with the largest; and how many runs say it."""
    found: dict[str, dict[int, str]] = {}
    for at, notes in enumerate(said):
        for note in notes:
            before = found.setdefault(AMOUNT.sub("#", note), {}).get(at)
            found[AMOUNT.sub("#", note)][at] = note if before is None else max(before, note, key=_amounts)
    made = []
    for by_run in found.values():
        largest = max(by_run.values(), key=_amounts)
        varies = "the largest of " if len({_amounts(note) for note in by_run.values()}) > 1 else ""
        runs = f" ({varies}{len(by_run)} of {len(said)} runs)" if len(said) > 1 else ""
        made.append(largest + runs)
    return made


def _amounts(note: str) -> tuple[float, ...]:
    return tuple(float(amount) for amount in AMOUNT.findall(note))


def sources(energy: Energy) -> str:
    """The instruments of a run with what is to be known of each: `cpu: rapl (read under ...)`; `none` where nothing was measured."""
    told = {
        f"{domain.domain}: {domain.source}{f' ({domain.note})' if domain.note else ''}": None
        for domain in energy.domains
        if domain.measured
    }
    return "; ".join(told) or "none"
