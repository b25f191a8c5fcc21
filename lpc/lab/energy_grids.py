"""The energy tables of a report: joules by phase and block, what each instrument counted and how well, notes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from lpc.lab.energy import number
from lpc.lab.figures_text import DASH, joules
from lpc.lab.findings import Entry, Findings
from lpc.lab.grids import Grid
from lpc.lab.instruments import BELOW, gathered, instruments
from lpc.lab.series import PHASES, Shares, block_methods, cut, part

TOLD_BELOW = f"{BELOW[0].upper()}{BELOW[1:]}: the phase is over before a counter has moved, whatever it read."


def phases_grid(shares: Sequence[Shares]) -> Grid:
    names = [name for name in PHASES if any(name in own.joules for own in shares)]
    rows = tuple((own.label, *_joules(own, names), joules(sum(own.joules.values()))) for own in shares)
    notes = (TOLD_BELOW,) if any(own.below for own in shares) else ()
    return Grid("joules by phase, mean of the runs", ("variant", *names, "in all"), rows, notes)


def blocks_grid(shares: Sequence[Shares], entries: Sequence[Entry]) -> Grid:
    _, names = cut(shares, sum(len(own.joules) for own in shares))
    methods = ", ".join(block_methods(entries)) or "no method named"
    note = f"Modelled: only the whole training window is measured, and its joules were given to blocks by {methods}."
    rows = tuple((own.label, *_joules(own, names)) for own in shares)
    return Grid("joules of training by block, mean of the runs", ("variant", *names), rows, (note,))


def _joules(own: Shares, names: Sequence[str]) -> list[str]:
    return [share_text(own, name) if name in own.joules else DASH for name in names]


def share_text(own: Shares, name: str) -> str:
    return BELOW if name in own.below else joules(own.joules[name])


def instruments_grid(entries: Sequence[Entry]) -> Grid | None:
    """Of each variant every instrument, with its resolution and readings; joules with their uncertainty, phase by phase."""
    found = [
        (entry.label, one) for entry in entries for one in instruments(run.result.energy for run in entry.runs.values())
    ]
    if not found:
        return None
    names = [name for name in PHASES if any(name in one.phases for _, one in found)]
    rows = tuple(
        (
            *(label, one.name, one.source, one.resolution, one.readings),
            *(one.phases[name].text if name in one.phases else DASH for name in names),
            one.whole.text,
        )
        for label, one in found
    )
    notes = ["Means of the runs ± one standard deviation of one run's figure, the instrument's own error included."]
    if any(counted.below for _, one in found for counted in one.phases.values()):
        notes.append(TOLD_BELOW)
    head = ("variant", "of", "instrument", "resolution", "readings", *names, "in all")
    return Grid("joules by instrument and phase", head, rows, tuple(notes))


def energy_notes(findings: Findings) -> list[str]:
    """Instruments, carbon and estimates, each kept apart from what is measured; and what the meters say of their figures."""
    notes: dict[str, None] = {}
    runs = [run for entry in findings.entries for run in entry.runs.values()]
    for run in runs:
        if run.result.energy.contains:
            notes[f"Measured by {', '.join(run.result.energy.contains)}; training's window alone, gross."] = None
    notes |= dict.fromkeys(f"{text}." for text in gathered([run.result.energy.notes for run in runs]))
    notes |= dict.fromkeys(_not_measured(findings))
    for protocol in findings.protocols:
        for says, grams in _carbon(findings.of(protocol)).items():
            notes[f"Carbon ({protocol}), mean of whole runs: {', '.join(grams)}. {says}"] = None
    for entry in findings.entries:
        modelled = [
            value
            for run in entry.runs.values()
            if (value := number(part(part(run.whole, "energy"), "totals").get("estimated_joules"))) is not None
        ]
        if modelled:
            mean = joules(math.fsum(modelled) / len(modelled))
            notes[
                f"{entry.label} ({entry.protocol}): ~{mean} a run by a model: an estimate, in no sum and no comparison."
            ] = None
    return list(notes)


def _not_measured(findings: Findings) -> Iterator[str]:
    """What is not in a figure that there is, and why."""
    for entry in findings.entries:
        for run in entry.runs.values():
            domains = run.result.energy.domains
            for domain in domains if any(one.measured for one in domains) else ():
                if not domain.measured and not domain.estimated:
                    yield f"Not in it: {domain.name}{f', {domain.note}' if domain.note else ''}."


def _carbon(entries: Sequence[Entry]) -> dict[str, list[str]]:
    """Grams of each variant under what the runs say of them: where the intensity is from, and what is left out."""
    made: dict[str, list[str]] = {}
    for entry in entries:
        found = [own for run in entry.runs.values() if (own := part(run.whole, "carbon"))]
        grams = [value for own in found if (value := number(own.get("grams"))) is not None]
        if grams:
            says = _says(found[0])
            made.setdefault(says, []).append(f"{entry.label} {math.fsum(grams) / len(grams):.3g} g CO₂e")
    return made


def _says(carbon: Mapping[str, object]) -> str:
    pue = "no PUE" if carbon.get("pue") is None else f"PUE {carbon.get('pue')}"
    return (
        f"{carbon.get('intensity_g_per_kwh')} g/kWh by {carbon.get('intensity_source')}, {pue}; {carbon.get('note')}."
    )
