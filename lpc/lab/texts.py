"""A report as Markdown, LaTeX, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from lpc.lab import energy_grids, grids, series
from lpc.lab.bench_json import figure_json
from lpc.lab.findings import Findings
from lpc.lab.grids import Grid
from lpc.lab.instruments import Instrument, instruments
from lpc.lab.listings import Listing, differences
from lpc.version import VERSION

TICKS = re.compile(r"`([^`]+)`")
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#~$])")
LATEX = {
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "×": r"$\times$",
    "±": r"$\pm$",
    "−": r"$-$",
    "µ": r"$\mu$",
    "–": "--",
    "₂": r"$_2$",
    "°": r"$^\circ$",
}
LATEX_MARKS: dict[str, Any] = {
    "block_start_string": "((%",
    "block_end_string": "%))",
    "variable_start_string": "(((",
    "variable_end_string": ")))",
    "comment_start_string": "((#",
    "comment_end_string": "#))",
}
"""Braces are LaTeX's own."""
MARKS = {"md": f"<!-- written by lpc {VERSION} -->", "latex": f"% written by lpc {VERSION}"}
FIRST_COLUMNS = (
    *("protocol", "variant", "program", "metric", "unit", "mean", "low", "high", "n", "compared_as", "against"),
    *("estimate", "estimate_low", "estimate_high", "pairs", "p", "adjusted_p", "verdict", "why"),
)
COLUMNS = (*FIRST_COLUMNS, "rule", "instruments", "resolution_s", "warnings", *grids.ENVIRONMENT)


@dataclass(frozen=True)
class Shown:
    """A program, or its difference from the baseline's, between fences that it does not hold itself."""

    label: str
    language: str
    text: str
    fence: str


def markdown_escaped(text: str) -> str:
    """A text on one line that Markdown shows as it is."""
    return MARKDOWN.sub(r"\\\1", " ".join(str(text).split()))


def latex_escaped(text: str) -> str:
    """A text on one line that LaTeX shows as it is; what stands between backticks, which it would take for quotes, as code."""
    shown = "".join(LATEX.get(letter, letter) for letter in " ".join(str(text).split()))
    return TICKS.sub(r"\\texttt{\1}", shown)


@cache
def _environment(latex: bool) -> Environment:
    marks = LATEX_MARKS if latex else {}
    made = Environment(  # noqa: S701 - no HTML: each text goes through a filter of its language
        loader=PackageLoader("lpc.lab"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **marks,
    )
    made.filters |= {"md": markdown_escaped, "tex": latex_escaped}
    return made


def markdown(findings: Findings, listed: Sequence[Listing]) -> str:
    told = {
        "mark": MARKS["md"],
        "findings": findings,
        "summary": grids.summary(findings),
        "meanings": grids.meanings(findings),
        "parts": _parts(findings),
        "energy": energy_grids.energy_notes(findings),
        "programs": _shown(findings, listed),
        "made": [*findings.made.items(), *findings.circumstances],
    }
    text = _environment(False).get_template("report.md.j2").render(told)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def latex(findings: Findings) -> str:
    where = "; ".join(f"{name} {text}" for name, text in findings.circumstances)
    parts = [
        (replace(figures, notes=(*figures.notes, f"Environment: {where}.")), *others)
        for figures, *others in _parts(findings)
    ]
    made = [*findings.made.items(), *findings.circumstances]
    told = {"mark": MARKS["latex"], "findings": findings, "parts": parts, "made": made}
    return _environment(True).get_template("report.tex.j2").render(told)


def _parts(findings: Findings) -> list[tuple[Grid, Grid | None, list[Grid]]]:
    return [
        (grids.figures_grid(findings, name), grids.against_grid(findings, name), _others(findings, name))
        for name in findings.protocols
    ]


def _others(findings: Findings, protocol: str) -> list[Grid]:
    """Of what a page draws, the numbers."""
    entries = findings.of(protocol)
    phases, blocks = series.by_phase(entries), series.by_block(entries)
    metric, depths = series.memory_by_depth(entries)
    curves = series.curves(entries)
    return [
        *([grids.curves_grid(curves)] if curves else []),
        *([energy_grids.phases_grid(phases)] if phases else []),
        *([told] if (told := energy_grids.instruments_grid(entries)) else []),
        *([energy_grids.blocks_grid(blocks, entries)] if blocks else []),
        *([grids.depths_grid(metric, depths)] if depths else []),
    ]


def _shown(findings: Findings, listed: Sequence[Listing]) -> list[Shown]:
    base = next((one for one in listed if one.label == findings.baseline and one.text), None)
    made = []
    for one in listed:
        apart = differences(one, base) if base is not None and one is not base and one.text else []
        text = "\n".join(f"{kind}{line}" for kind, line in apart) or one.text.rstrip("\n") or one.why
        longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
        made.append(Shown(one.label, "diff" if apart else "text", text, "`" * max(3, longest + 1)))
    return made


def csv_text(findings: Findings) -> str:
    """A row for each variant and metric; what is not known is empty."""
    return csv_of(COLUMNS, list(grids.long_rows(findings)))


def csv_of(columns: Sequence[str], rows: Sequence[dict[str, object]]) -> str:
    made = io.StringIO()
    writer = csv.DictWriter(made, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(row.get(name)) for name in columns})
    return made.getvalue()


def _cell(value: object) -> object:
    """Empty for what is not known. A text that a spreadsheet would take for a formula is kept a text."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return "" if value is None else value


def json_text(findings: Findings, listed: Sequence[Listing]) -> str:
    """bench.json as it was read, where there is one, and what a page shows beside it."""
    found = {
        "schema_version": 1,
        "written_by": f"lpc {VERSION}",
        "title": findings.title,
        "bench": findings.table,
        "protocols": {name: _protocol_json(findings, name) for name in findings.protocols},
        "environment": dict(findings.environment),
        "programs": [
            {"label": one.label, "protocols": list(one.protocols), "text": one.text, "why": one.why or None}
            for one in listed
        ],
        "warnings": [dict(vars(one)) for one in findings.warnings],
        "left_aside": list(findings.aside),
    }
    return json.dumps(found, indent=1, ensure_ascii=False, default=str) + "\n"


def _protocol_json(findings: Findings, name: str) -> dict[str, Any]:
    entries = findings.of(name)
    curves = series.curves(entries)
    metric, depths = series.memory_by_depth(entries)
    return {
        "says": findings.protocols[name],
        "variants": {
            entry.label: {metric: figure_json(figure) for metric, figure in entry.figures.items()} for entry in entries
        },
        "curves": curves
        and {
            "key": curves.key,
            "variants": {
                curve.label: {str(seed): [list(point) for point in points] for seed, points in curve.seeds.items()}
                for curve in curves.curves
            },
        },
        "joules_by_phase": {own.label: dict(own.joules) for own in series.by_phase(entries)},
        "joules_by_instrument": {
            entry.label: [_instrument_json(one) for one in instruments(r.result.energy for r in entry.runs.values())]
            for entry in entries
        },
        "joules_by_block": {own.label: dict(own.joules) for own in series.by_block(entries)},
        "memory_by_depth": {
            "metric": metric,
            "variants": {own.label: [list(point) for point in own.points] for own in depths},
        },
    }


def _instrument_json(found: Instrument) -> dict[str, Any]:
    """Means of `n` runs; `deviation`: one standard deviation of one run's figure; `below`: too short for the instrument."""
    own = ("name", "source", "resolution_s", "samples", "n")
    return {
        **{name: getattr(found, name) for name in own},
        "whole": dict(vars(found.whole)),
        "phases": {phase: dict(vars(counted)) for phase, counted in found.phases.items()},
    }
