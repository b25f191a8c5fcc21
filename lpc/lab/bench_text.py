"""A bench's table for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lpc.lab.comparison import Against, Figure, Row, Table
from lpc.lab.figures_text import DASH, against_text, figure_text, verdict_text
from lpc.lab.metrics import BY_NAME, METRICS
from lpc.lab.reviewer import Warned
from lpc.source import display_width

COMPARED = (
    *("accuracy", "loss", "data_passes", "time_s", "s_per_pass", "joules", "joules_per_pass"),
    *("peak_allocated_bytes", "peak_process_bytes", "flops"),
)
"""What is held against the baseline in the table; bench.json has all."""


def bench_text(table: Table, warned: Sequence[Warned]) -> str:
    parts: list[str] = []
    for protocol in table.plan.protocols:
        rows = table.of(protocol.name)
        parts += [
            protocol.text(table.plan.baseline),
            "\n".join(_figures(table, rows)),
            "\n".join(_against(table, rows)),
        ]
        front = next(front for front in table.fronts if front.protocol == protocol.name)
        if front.members:
            note = f" ({front.note})" if front.note else ""
            against = "joules" if front.cost == "joules" else "seconds"
            parts.append(f"Pareto front by the means, {front.gain} against {against}{note}: {', '.join(front.members)}")
    missing = unknown([(row.arm.label, len(row.results), row.figures) for row in table.rows if row.results])
    parts.append("\n".join([*missing, *_strangers(table), *_controls(table)]))
    parts.append("\n".join(f"warning: {one.about + ': ' if one.about else ''}{one.text}" for one in warned))
    return "\n\n".join(part for part in parts if part)


def columns(figures: Sequence[Mapping[str, Figure]]) -> list[str]:
    """Metrics that some of several arms know; accuracy where there is one, else the loss."""
    known = [m.name for m in METRICS if any(own[m.name].summary is not None for own in figures)]
    return [name for name in known if name != "loss" or "accuracy" not in known]


def _figures(table: Table, rows: Sequence[Row]) -> Iterator[str]:
    names = columns([row.figures for row in rows])
    scored = dict.fromkeys(result.scored_on for row in rows for result in row.results.values())
    lines = [["", "n", *(BY_NAME[name].title for name in names)]]
    for row in rows:
        shown = [figure_text(BY_NAME[name], row.figures[name]) for name in names]
        lines.append([row.arm.label, str(len(row.results)), *shown])
        own = [one for one in table.refused if one.arm == row.arm.key]
        lines += [[f"  seed {one.seed}", "", f"{one.kind}: {one.why}"] for one in own]
    yield from aligned(lines)
    gain = "accuracy" if "accuracy" in names else "loss"
    yield f"{means_text([row.figures for row in rows])}; {gain} on {' and '.join(scored) or DASH}"


def means_text(figures: Sequence[Mapping[str, Figure]]) -> str:
    """What stands behind the means of a table."""
    if all(one.summary is None or one.summary.n < 2 for own in figures for one in own.values()):
        return "one run of each: no intervals"
    return "means ± half the 95 % interval (Student t)"


def _against(table: Table, rows: Sequence[Row]) -> Iterator[str]:
    others = [row for row in rows if row.against]
    names = compared([row.figures for row in rows], [row.against for row in others])
    if not others or not names:
        return
    lines = [[f"against {table.plan.baseline}", "", "", "verdict"]]
    for row in others:
        for index, name in enumerate(names):
            metric, against = BY_NAME[name], row.against[name]
            title = f"{metric.title}, points" if name == "accuracy" else metric.title
            lines.append(
                [
                    row.arm.label if index == 0 else "",
                    title,
                    against_text(metric, against),
                    verdict_text(metric, against),
                ]
            )
    yield from aligned(lines)
    corrected = f", Holm over {len(others)} comparisons of each figure" if len(others) > 1 else ""
    yield f"paired by seed: ratios and differences, {intervals_text([row.against for row in others], corrected)}"
    for name, margin in table.margins.items():
        word = f"{100 * margin:g} points" if name == "accuracy" else f"{100 * margin:g} %"
        yield f"equivalent: {BY_NAME[name].title} within {word}"


def intervals_text(against: Sequence[Mapping[str, Against]], corrected: str) -> str:
    """Of what kind the intervals of comparisons are, and how p values are `corrected`; why, where there are none."""
    found = [a.found for own in against for a in own.values() if a.found is not None]
    kinds = dict.fromkeys(one.method for one in found if one.method in ("Student t", "BCa bootstrap"))
    if kinds:
        return f"with 95 % intervals ({', '.join(kinds)}){corrected}"
    if all(one.n < 2 for one in found):
        return "without intervals: one run of each is one pair"
    return "without intervals: no figure varies among the pairs"


def compared(figures: Sequence[Mapping[str, Figure]], against: Sequence[Mapping[str, Against]]) -> list[str]:
    """Metrics worth a line: passes that are the same for all are not, nor the process where the GPU is known."""
    shown = columns(figures)

    def tells(name: str) -> bool:
        if name == "data_passes":
            return any(own[name].verdict != "the same" for own in against)
        return name != "peak_process_bytes" or "peak_allocated_bytes" not in shown

    return [name for name in COMPARED if name in shown and tells(name)]


def unknown(rows: Sequence[tuple[str, int, Mapping[str, Figure]]]) -> Iterator[str]:
    """Why a figure is missing, once for each reason, and of which variants if not of all: of (label, runs, figures)."""
    for name, what in (("joules", "energy"), ("peak_allocated_bytes", "allocated memory")):
        reasons: dict[str, dict[str, None]] = {}
        for label, runs, figures in rows:
            known = summary.n if (summary := figures[name].summary) else 0
            if known < runs:
                about = label if known == 0 else f"{label} ({runs - known} of {runs} runs)"
                reasons.setdefault(figures[name].why, {})[about] = None
        whole = len(reasons) == 1 and all(figures[name].summary is None for _, _, figures in rows)
        for reason, those in reasons.items():
            of = "" if whole else f" of {', '.join(those)}"
            yield f"no {what}{of}: {reason}"


def _strangers(table: Table) -> Iterator[str]:
    for place in table.strangers:
        yield f"{place} is none of the runs asked for: left alone, not counted"


def _controls(table: Table) -> Iterator[str]:
    for row in table.rows:
        if row.arm.control and row.arm.protocol == table.plan.protocols[0].name:
            yield f"control {row.arm.label}: {row.arm.control}"
    for text in table.plan.left_out:
        yield f"control left out, {text}"


def aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """Columns two blanks apart; a cell that is the last of a short line may be as long as it likes."""
    count = max(len(line) for line in lines)
    widths = [
        max(
            (
                display_width(line[at])
                for line in lines
                if len(line) > at and not (len(line) < count and at == len(line) - 1)
            ),
            default=0,
        )
        for at in range(count)
    ]
    return [
        "  ".join(cell + " " * (widths[at] - display_width(cell)) for at, cell in enumerate(line)).rstrip()
        for line in lines
    ]
