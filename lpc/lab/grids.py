"""The tables of a report as rows of text: one content for pages, Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lpc.lab.bench_text import columns, compared, intervals_text, means_text, unknown
from lpc.lab.comparison import SHARED, SHARED_CONDITIONS
from lpc.lab.conditions import GOVERNED
from lpc.lab.figures_text import DASH, against_text, decimals, figure_text, scale, verdict_text
from lpc.lab.findings import Entry, Findings
from lpc.lab.instruments import sources
from lpc.lab.metrics import BY_NAME, ENERGY, METRICS
from lpc.lab.series import Curves, Depths

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
            entry.learns or DASH,
            str(max((figure.summary.n for figure in entry.figures.values() if figure.summary), default=0)),
            *(figure_text(BY_NAME[name], entry.figures[name]) for name in names),
        )
        for entry in entries
    )
    gain = "accuracy" if "accuracy" in names else "loss"
    scored = ", ".join(dict.fromkeys(entry.scored_on for entry in entries if entry.scored_on)) or DASH
    means = means_text([entry.figures for entry in entries])
    notes = [f"{means[0].upper()}{means[1:]}; n: runs that count; {gain} on {scored}."]
    if front and on_front:
        cost = "joules" if front.cost == "joules" else "seconds"
        note = f" ({front.note})" if front.note else ""
        notes.append(
            f"* on the Pareto front of {front.gain} against {cost}{note}, by the means: no other variant's are better in both. "
            "Whether a difference is shown, the comparison says."
        )
    missing = unknown([(entry.label, len(entry.runs), entry.figures) for entry in entries if entry.runs])
    notes += [f"{text[0].upper()}{text[1:]}." for text in missing]
    return Grid(
        findings.protocols[protocol],
        ("variant", "rule", "n", *(BY_NAME[name].title for name in names)),
        rows,
        tuple(notes),
    )


def against_grid(findings: Findings, protocol: str) -> Grid | None:
    """Each variant held against the baseline; None where nothing is."""
    entries = findings.of(protocol)
    others = [entry for entry in entries if entry.against]
    names = compared([entry.figures for entry in entries], [entry.against for entry in others]) if others else []
    if not names:
        return None
    rows = tuple(
        (
            entry.named,
            f"{BY_NAME[name].title}, points" if name == "accuracy" else BY_NAME[name].title,
            against_text(BY_NAME[name], entry.against[name]),
            verdict_text(BY_NAME[name], entry.against[name]),
        )
        for entry in others
        for name in names
    )
    holm = f", p values adjusted by Holm's method over {len(others)} comparisons" if len(others) > 1 else ""
    intervals = intervals_text([entry.against for entry in others], holm)
    notes = [f"Pairs of one seed: ratios, or differences of accuracy, {intervals}."]
    notes += [f"Equivalent: {BY_NAME[name].title} within {margin}." for name, margin in margins(findings).items()]
    return Grid(f"against {findings.baseline}", ("variant", "figure", "against it", "verdict"), rows, tuple(notes))


def meanings(findings: Findings) -> list[tuple[str, str]]:
    """What each figure of the tables is."""
    names = columns([entry.figures for entry in findings.entries])
    return [(BY_NAME[name].title, BY_NAME[name].says) for name in names]


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
        (label, *(score(found.key, own[at]) if at in own else DASH for at in kept)) for label, own in means.items()
    )
    return Grid(f"{found.what}, mean of all runs, by data pass", ("variant", *map(str, kept)), rows)


def score(key: str, value: float) -> str:
    return f"{100 * value:.2f} %" if key.endswith("accuracy") else f"{value:.4g}"


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


ENVIRONMENT = (*SHARED, *SHARED_CONDITIONS, *GOVERNED)
"""Columns of a CSV that say where runs took place."""
APART = " | "
"""Between several texts in one cell."""


def long_rows(findings: Findings) -> Iterator[dict[str, object]]:
    """A row for each variant and metric, every number as it is, with what it takes to judge it: for CSV."""
    where = {name: findings.environment.get(name) for name in ENVIRONMENT}
    for entry in findings.entries:
        energies = [run.result.energy for run in entry.runs.values()]
        meters = APART.join(dict.fromkeys(sources(energy) for energy in energies if energy.joules is not None))
        slowest = max((e.resolution_s for e in energies if e.resolution_s is not None), default=None)
        warned = APART.join(one.text for one in findings.warnings if one.about in ("", entry.label))
        for metric in METRICS:
            figure, against = entry.figures[metric.name], entry.against.get(metric.name)
            found, summary = against and against.found, figure.summary
            low, high = (metric.possible(summary) if summary else None) or (None, None)
            metered = metric.name in ENERGY and summary is not None
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
                "rule": entry.learns or None,
                "instruments": meters if metered else None,
                "resolution_s": slowest if metered else None,
                "warnings": warned or None,
                **where,
            }


def summary(findings: Findings) -> list[str]:
    """What the comparisons say, a sentence for each variant and protocol."""
    said = []
    for protocol in findings.protocols:
        for entry in findings.of(protocol):
            if entry.against:
                told = "; ".join(_told(entry))
                said.append(f"{entry.named} against {findings.baseline} ({protocol}): {told or 'nothing is compared'}.")
    return said


def _told(entry: Entry) -> Iterator[str]:
    """What is said first of a comparison: accuracy (or the loss), time, energy."""
    gain = "accuracy" if entry.figures["accuracy"].summary is not None else "loss"
    for name in (gain, "time_s", "joules"):
        metric, against = BY_NAME[name], entry.against[name]
        if against.found is not None:
            points = " points" if name == "accuracy" else ""
            yield f"{metric.title} {verdict_text(metric, against)} ({against_text(metric, against)}{points})"
