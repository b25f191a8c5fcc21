"""What a page draws: each plot with its words and the table that says the same in numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lpc.lab import energy_grids, grids, plots, series
from lpc.lab.figures_text import figure_text
from lpc.lab.findings import Entry, Findings
from lpc.lab.grids import Grid
from lpc.lab.metrics import BY_NAME
from lpc.lab.svg import fitted

MOST = 12
"""Cuts of a bar."""


@dataclass(frozen=True)
class Drawing:
    """`svg`: to be put into a page as it is. `grid` None: the numbers stand in the page's main table."""

    title: str
    svg: str
    grid: Grid | None = None
    caption: str = ""


def _made(name: str, svg: str, title: str, words: str, grid: Grid | None = None, caption: str = "") -> Drawing:
    return Drawing(title, fitted(svg, re.sub(r"\W+", "-", name), title, words, plots.COLOURS), grid, caption)


def learning(findings: Findings, protocol: str) -> Iterator[Drawing]:
    """How validation went, and the loss of training."""
    entries, drawn = findings.of(protocol), plots.styles(findings.labels)
    scores = series.curves(entries)
    losses = series.curves(entries, [("train/loss", "loss in training")])
    for at, found in enumerate([scores, losses]):
        if found is None or (at and scores is not None and scores.key == found.key):
            continue
        ends = "; ".join(
            f"{c.label} from {_end(found.key, c.mean, 0)} to {_end(found.key, c.mean, -1)}"
            for c in found.curves
            if c.mean
        )
        title = f"{found.what.capitalize()} by data pass, {protocol}"
        caption = "Thin: each run. Thick: their mean, as far as all go."
        yield _made(
            f"curve-{protocol}-{at}",
            plots.learning_curves(found, drawn),
            title,
            f"{title}. {ends}.",
            grids.curves_grid(found),
            caption,
        )


def _end(key: str, mean: Sequence[tuple[int, float]], at: int) -> str:
    passes, value = mean[at]
    return f"{grids.score(key, value)} after {passes} pass{'es' * (passes != 1)}"


def tradeoffs(findings: Findings, protocol: str) -> Iterator[Drawing]:
    """Accuracy, else loss, against joules where they are known, and against seconds."""
    entries, drawn = findings.of(protocol), plots.styles(findings.labels)
    gain = "accuracy" if any(entry.figures["accuracy"].summary for entry in entries) else "loss"
    for cost in ("joules", "time_s"):
        known = [e for e in entries if e.figures[gain].summary is not None and e.figures[cost].summary is not None]
        if not known:
            continue
        front = next((f.members for f in findings.fronts if (f.protocol, f.gain, f.cost) == (protocol, gain, cost)), ())
        title = f"{gain.capitalize()} against {BY_NAME[cost].title} of training, {protocol}"
        words = "; ".join(f"{e.label} {_shown(e, gain)} for {_shown(e, cost)}" for e in known)
        on_front = f" On the Pareto front: {', '.join(front)}." if front else ""
        ringed = " Ringed: on the Pareto front." if front else ""
        yield _made(
            f"tradeoff-{protocol}-{cost}",
            plots.tradeoff(known, gain, cost, front, drawn),
            title,
            f"{title}. {words}.{on_front}",
            caption=f"Small: each run. Large: the mean with its intervals.{ringed}",
        )


def _shown(entry: Entry, metric: str) -> str:
    return figure_text(BY_NAME[metric], entry.figures[metric])


def energies(findings: Findings, protocol: str) -> Iterator[Drawing]:
    entries = findings.of(protocol)
    for kind, shares in (("phase", series.by_phase(entries)), ("block", series.by_block(entries))):
        if not shares:
            continue
        grid = energy_grids.phases_grid(shares) if kind == "phase" else energy_grids.blocks_grid(shares, entries)
        drawn, names = series.cut(shares, MOST)
        title = f"Joules by {kind}, {protocol}"
        words = "; ".join(
            f"{o.label}: {', '.join(f'{name} {energy_grids.share_text(o, name)}' for name in o.joules)}" for o in shares
        )
        yield _made(
            f"energy-{protocol}-{kind}",
            plots.stacked(drawn, names),
            title,
            f"{title}. {words}.",
            grid,
            " ".join(grid.notes),
        )


def memory(findings: Findings, protocol: str) -> Iterator[Drawing]:
    """Nothing where all networks have one depth."""
    metric, found = series.memory_by_depth(findings.of(protocol))
    if not found:
        return
    title = f"Peak memory by number of blocks, {protocol}"
    words = "; ".join(
        f"{own.label}: {', '.join(f'{grids.memory(metric, value)} at {depth}' for depth, value in own.points)}"
        for own in found
    )
    yield _made(
        f"memory-{protocol}",
        plots.depths(metric, found, plots.styles([own.label for own in found])),
        title,
        f"{title} ({BY_NAME[metric].title}). {words}.",
        grids.depths_grid(metric, found),
    )
