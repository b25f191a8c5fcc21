"""A report as one page: HTML that opens from a disk, without a network, a script or a mouse."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from lpc.lab import energy_grids, figures, grids
from lpc.lab.figures import Drawing
from lpc.lab.findings import Findings
from lpc.lab.grids import Grid
from lpc.lab.instruments import BELOW
from lpc.lab.listings import Listing, differences
from lpc.lab.svg import fitted
from lpc.version import VERSION

MARK = f'<meta name="generator" content="lpc {VERSION}">'
TICKS = re.compile(r"`([^`]+)`")
FILLS = {
    "#fff": "paper",
    "#555": "soft",
    **{
        colour: f"fill{at}"
        for at, colour in enumerate(
            ("#dbeafe", "#dcfce7", "#fef3c7", "#fce7f3", "#ede9fe", "#ffedd5", "#cffafe", "#e5e7eb")
        )
    },
}
"""Colours of the pictures of networks, and what the page calls them."""


@dataclass(frozen=True)
class Part:
    """What a page has of one protocol."""

    name: str
    figures: Grid
    against: Grid | None
    learning: Sequence[Drawing]
    tradeoffs: Sequence[Drawing]
    energies: Sequence[Drawing]
    instruments: Grid | None
    memory: Sequence[Drawing]


@dataclass(frozen=True)
class Program:
    """A variant's program in a page: its picture (empty: none), its text, and how it differs from the baseline's."""

    listing: Listing
    picture: Markup
    rules: str
    apart: Sequence[tuple[str, str]]
    control: str


@cache
def environment() -> Environment:
    return Environment(
        loader=PackageLoader("lpc.lab"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def page(findings: Findings, listed: Sequence[Listing], pictures: Mapping[str, str]) -> str:
    """`pictures`: of the networks, as SVG, by variant."""
    env = environment()
    env.filters["ticked"] = ticked
    env.filters["svg"] = Markup  # what `fitted` made: every name in it went through an XML printer
    return env.get_template("report.html.j2").render(
        findings=findings,
        mark=Markup(MARK),  # noqa: S704 - a constant
        version=VERSION,
        parts=[_part(findings, name) for name in findings.protocols],
        programs=_programs(findings, listed, pictures),
        summary=grids.summary(findings),
        meanings=grids.meanings(findings),
        energy=energy_grids.energy_notes(findings),
        order=_order(findings),
        below=BELOW,
    )


def ticked(text: str) -> Markup:
    """A text of lpc's messages: what stands between backticks is code."""
    return Markup(TICKS.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


def _order(findings: Findings) -> list[tuple[str, str]]:
    """Which ran first to last: each run's folder, and when it began, or that it is not counted."""
    runs = {run.folder: run for entry in findings.entries for run in entry.runs.values()}
    return [
        (place, f"begun {runs[place].started or 'at a time not noted'}" if place in runs else "not counted")
        for place in findings.order
    ]


def _part(findings: Findings, name: str) -> Part:
    return Part(
        name,
        grids.figures_grid(findings, name),
        grids.against_grid(findings, name),
        list(figures.learning(findings, name)),
        list(figures.tradeoffs(findings, name)),
        list(figures.energies(findings, name)),
        energy_grids.instruments_grid(findings.of(name)),
        list(figures.memory(findings, name)),
    )


def _programs(findings: Findings, listed: Sequence[Listing], pictures: Mapping[str, str]) -> list[Program]:
    base = next((one for one in listed if one.label == findings.baseline), None)
    entries = {entry.label: entry for entry in reversed(findings.entries)}
    made = []
    for at, one in enumerate(listed):
        entry = entries[one.label]
        rules = "; ".join(_rules(entry.rules))
        picture = ""
        if one.label in pictures:
            words = f"The network of {one.label}, from its data down to its output: {rules}."
            picture = fitted(pictures[one.label], f"network-{at}", f"Network of {one.label}", words, FILLS)
        apart = differences(one, base) if base is not None and one is not base and base.text and one.text else []
        made.append(Program(one, Markup(picture), rules, apart, entry.control))  # noqa: S704 - as above
    return made


def _rules(found: Mapping[str, str]) -> Iterator[str]:
    """Neighbours under one rule together."""
    for rule, group in groupby(found, key=lambda block: found[block]):
        blocks = list(group)
        names = f"{blocks[0]} to {blocks[-1]}" if len(blocks) > 2 else " and ".join(blocks)
        yield f"{names} by {rule}"
