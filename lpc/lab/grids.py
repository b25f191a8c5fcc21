"""The tables of a report as rows of text: one content for pages, Markdown and LaTeX."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lpc.lab.bench_text import columns, compared
from lpc.lab.comparison import Figure
from lpc.lab.figures_text import DASH, against_text, decimals, figure_text, scale, verdict_text
from lpc.lab.findings import Entry, Findings
from lpc.lab.metrics import BY_NAME, ENERGY, METRICS
from lpc.lab.series import PHASES, Curves, Depths, Shares, block_methods, cut, number, part
from lpc.lab.statistics import Summary

FEW_POINTS = 12
"""Rows of a curve's table."""


@dataclass(frozen=True)
class Grid:
    """The first cell of a row names it. `notes` stand below."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def figures_grid(findings: Findings, protocol: str) -> Grid:
    """Means with intervals, a variant a row; the Pareto front is marked."""
    entries = findings.of(protocol)
    names = columns([entry.figures for entry in entries])
    front = next((front for front in findings.fronts if front.protocol == protocol), None)
    on_front = set(front.members) if front else set()
    rows = tuple(
        (
            entry.label + (" *" if entry.label in on_front else ""),
            str(max((figure.summary.n for figure in entry.figures.values() if figure.summary), default=0)),
            *(figure_text(BY_NAME[name], entry.figures[name]) for name in names),
        )
        for entry in entries
    )
    gain = "accuracy" if "accuracy" in names else "loss"
    scored = ", ".join(dict.fromkeys(entry.scored_on for entry in entries if entry.scored_on)) or DASH
    notes = [f"Means ± half the 95 % interval (Student t); n: runs that count; {gain} on {scored}."]
    if front and on_front:
        cost = "joules" if front.cost == "joules" else "seconds"
        note = f" ({front.note})" if front.note else ""
        notes.append(f"* on the Pareto front of {front.gain} against {cost}{note}: no other variant beats it in both.")
    notes += _unknown(entries)
    return Grid(
        findings.protocols[protocol], ("variant", "n", *(BY_NAME[name].title for name in names)), rows, tuple(notes)
    )


def _unknown(entries: Sequence[Entry]) -> Iterator[str]:
    """Why a figure is missing, once for each reason."""
    for name in ("joules", "peak_allocated_bytes"):
        reasons = dict.fromkeys(
            entry.figures[name].why for entry in entries if entry.runs and entry.figures[name].summary is None
        )
        for reason in reasons:
            yield f"No {'energy' if name in ENERGY else 'allocated memory'}: {reason}."


def against_grid(findings: Findings, protocol: str) -> Grid | None:
    """Each variant held against the baseline; None where nothing is."""
    entries = findings.of(protocol)
    others = [entry for entry in entries if entry.against]
    names = compared([entry.figures for entry in entries], [entry.against for entry in others]) if others else []
    if not names:
        return None
    rows = tuple(
        (
            entry.label,
            f"{BY_NAME[name].title}, points" if name == "accuracy" else BY_NAME[name].title,
            against_text(BY_NAME[name], entry.against[name]),
            verdict_text(BY_NAME[name], entry.against[name]),
        )
        for entry in others
        for name in names
    )
    methods = dict.fromkeys(
        a.found.method for entry in others for a in entry.against.values() if a.found and a.found.p is not None
    )
    kinds = ", ".join(method for method in methods if method in ("Student t", "BCa bootstrap")) or "none"
    holm = f", p values adjusted by Holm's method over {len(others)} comparisons" if len(others) > 1 else ""
    notes = [f"Pairs of one seed: ratios, or differences of accuracy, with 95 % intervals ({kinds}){holm}."]
    notes += [f"Equivalent: {BY_NAME[name].title} within {margin}." for name, margin in margins(findings).items()]
    return Grid(f"against {findings.baseline}", ("variant", "figure", "against it", "verdict"), rows, tuple(notes))


def margins(findings: Findings) -> dict[str, str]:
    return {
        name: f"{100 * value:g} points" if name == "accuracy" else f"{100 * value:g} %"
        for name, value in findings.margins.items()
    }


def curves_grid(found: Curves) -> Grid:
    """Means of some passes, the first and the last among them."""
    passes = sorted({at for curve in found.curves for at, _ in curve.mean})
    step = max(1, -(-len(passes) // FEW_POINTS))
    kept = [at for index, at in enumerate(passes) if (len(passes) - 1 - index) % step == 0]
    means = {curve.label: dict(curve.mean) for curve in found.curves}
    rows = tuple(
        (label, *(_score(found.key, own[at]) if at in own else DASH for at in kept)) for label, own in means.items()
    )
    return Grid(f"{found.what}, mean of all runs, by data pass", ("variant", *map(str, kept)), rows)


def _score(key: str, value: float) -> str:
    return f"{100 * value:.2f} %" if key.endswith("accuracy") else f"{value:.4g}"


def phases_grid(shares: Sequence[Shares]) -> Grid:
    names = [name for name in PHASES if any(name in own.joules for own in shares)]
    rows = tuple((own.label, *_joules(own.joules, names), joules(sum(own.joules.values()))) for own in shares)
    return Grid("joules by phase, mean of the runs", ("variant", *names, "in all"), rows)


def blocks_grid(shares: Sequence[Shares], entries: Sequence[Entry]) -> Grid:
    _, names = cut(shares, sum(len(own.joules) for own in shares))
    methods = ", ".join(block_methods(entries)) or "no method named"
    note = f"How joules were given to blocks: {methods}. Only the whole training window is measured."
    rows = tuple((own.label, *_joules(own.joules, names)) for own in shares)
    return Grid("joules of training by block, mean of the runs", ("variant", *names), rows, (note,))


def _joules(found: Mapping[str, float], names: Sequence[str]) -> list[str]:
    return [joules(found[name]) if name in found else DASH for name in names]


def joules(value: float) -> str:
    return figure_text(BY_NAME["joules"], Figure({}, Summary(value, None, 1)))


def depths_grid(metric: str, found: Sequence[Depths]) -> Grid:
    depths = sorted({depth for own in found for depth, _ in own.points})
    points = {own.label: dict(own.points) for own in found}
    rows = tuple(
        (label, *(memory(metric, own[depth]) if depth in own else DASH for depth in depths))
        for label, own in points.items()
    )
    return Grid("peak memory by number of blocks", ("variant", *(f"{depth} blocks" for depth in depths)), rows)


def memory(metric: str, value: float) -> str:
    factor, unit = scale(BY_NAME[metric], value)
    return f"{value / factor:.{decimals(value / factor)}f} {unit}"


def long_rows(findings: Findings) -> Iterator[dict[str, object]]:
    """A row for each variant and metric, every number as it is: for CSV."""
    for entry in findings.entries:
        for metric in METRICS:
            figure, against = entry.figures[metric.name], entry.against.get(metric.name)
            found, summary = against and against.found, figure.summary
            low, high = (summary.interval if summary else None) or (None, None)
            found_low, found_high = (found.interval if found else None) or (None, None)
            yield {
                "protocol": entry.protocol,
                "variant": entry.label,
                "program": entry.program,
                "metric": metric.name,
                "unit": metric.unit,
                "mean": summary and summary.mean,
                "low": low,
                "high": high,
                "n": summary.n if summary else 0,
                "compared_as": found and found.kind,
                "against": findings.baseline if against else None,
                "estimate": found and found.estimate,
                "estimate_low": found_low,
                "estimate_high": found_high,
                "pairs": found and found.n,
                "p": found and found.p,
                "adjusted_p": against and against.adjusted_p,
                "verdict": against and against.verdict,
                "why": figure.why or (against.why if against else "") or None,
            }


def summary(findings: Findings) -> list[str]:
    """What the comparisons say, a sentence for each variant and protocol."""
    said = []
    for protocol in findings.protocols:
        for entry in findings.of(protocol):
            if entry.against:
                told = "; ".join(_told(entry))
                said.append(f"{entry.label} against {findings.baseline} ({protocol}): {told or 'nothing is compared'}.")
    return said


def _told(entry: Entry) -> Iterator[str]:
    """What is said first of a comparison: accuracy (or the loss), time, energy."""
    gain = "accuracy" if entry.figures["accuracy"].summary is not None else "loss"
    for name in (gain, "time_s", "joules"):
        metric, against = BY_NAME[name], entry.against[name]
        if against.found is not None:
            points = " points" if name == "accuracy" else ""
            yield f"{metric.title} {verdict_text(metric, against)} ({against_text(metric, against)}{points})"


def energy_notes(findings: Findings) -> list[str]:
    """Instruments, carbon and estimates, each kept apart from what is measured."""
    notes: dict[str, None] = {}
    for entry in findings.entries:
        for run in entry.runs.values():
            if run.result.energy.contains:
                notes[f"Measured by {', '.join(run.result.energy.contains)}; training's window alone, gross."] = None
            said = part(run.whole, "energy").get("notes")
            notes |= {str(text): None for text in said} if isinstance(said, list) else {}
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


def _carbon(entries: Sequence[Entry]) -> dict[str, list[str]]:
    """Grams of each variant under what the runs say of them: where the intensity is from, and what is left out."""
    made: dict[str, list[str]] = {}
    for entry in entries:
        found = [own for run in entry.runs.values() if (own := part(run.whole, "carbon"))]
        grams = [value for own in found if (value := number(own.get("grams"))) is not None]
        if grams:
            first = found[0]
            pue = "no PUE" if first.get("pue") is None else f"PUE {first.get('pue')}"
            says = f"{first.get('intensity_g_per_kwh')} g/kWh by {first.get('intensity_source')}, {pue}; {first.get('note')}."
            made.setdefault(says, []).append(f"{entry.label} {math.fsum(grams) / len(grams):.3g} g CO₂e")
    return made
