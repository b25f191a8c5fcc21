"""The plots of a report, by Matplotlib, as SVG that is the same for the same numbers: no date, no random ids, text as text.

A variant is told by colour, marker and dash together. Colours are Okabe and Ito's (2008, "Color Universal Design"), which people
with any colour vision tell apart; the page exchanges them for lighter ones where it is dark.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from lpc.lab.figures_text import scale
from lpc.lab.findings import Entry
from lpc.lab.metrics import BY_NAME, Metric
from lpc.lab.series import Curves, Depths, Shares

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, LINE = "#1a1a1b", "#d0d0d1"
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a87000", "#56b4e9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))
HATCHES = ("", "///", "\\\\\\", "xx", "---")
COLOURS = {INK: "ink", LINE: "line", **{colour: f"c{at}" for at, colour in enumerate(PALETTE)}}
"""What the page calls each colour."""
WIDTH = 6.4
"""Inches."""
LONGEST = 40
"""Letters of a name in a plot."""
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a name is no formula
    "font.family": "sans-serif",
    "font.size": 12,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": LINE,
    "legend.frameon": False,
    "legend.fontsize": 11,
    "hatch.linewidth": 0.6,
    "axes.unicode_minus": True,
}


@dataclass(frozen=True)
class Style:
    """How a variant is drawn, everywhere the same."""

    colour: str
    marker: str
    dash: Any


def styles(labels: Sequence[str]) -> dict[str, Style]:
    """Colours, markers and dashes come round after 6, 7 and 4: together after 84 variants."""
    return {
        label: Style(PALETTE[at % len(PALETTE)], MARKERS[at % len(MARKERS)], DASHES[at % len(DASHES)])
        for at, label in enumerate(labels)
    }


def learning_curves(found: Curves, drawn: Mapping[str, Style]) -> str:
    """A thin line a run, a thick one their mean."""

    def draw(axes: Axes) -> None:
        for curve in found.curves:
            style = drawn[curve.label]
            for points in curve.seeds.values():
                axes.plot(*_columns(points), color=style.colour, linewidth=0.6, alpha=0.5)
            axes.plot(
                *_columns(curve.mean),
                color=style.colour,
                linestyle=style.dash,
                marker=style.marker,
                markevery=max(1, len(curve.mean) // 10),
                markersize=5,
                linewidth=1.8,
                label=_named(curve.label),
            )
        axes.set_xlabel("data passes")
        axes.set_ylabel(found.what)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if found.key.endswith("accuracy"):
            _percent(axes)
        drawn_points = [point for curve in found.curves for own in curve.seeds.values() for point in own]
        _possible(axes, *_columns(drawn_points), found.key)

    return _svg(draw, [curve.label for curve in found.curves])


def tradeoff(entries: Sequence[Entry], gain: str, cost: str, front: Sequence[str], drawn: Mapping[str, Style]) -> str:
    """A small marker a run, a large one the mean with its intervals; a ring around those on the Pareto front."""
    known = [e for e in entries if e.figures[gain].summary is not None and e.figures[cost].summary is not None]
    factor, unit = _unit(BY_NAME[cost], [value for e in known for value in e.figures[cost].values.values()])

    def draw(axes: Axes) -> None:
        for entry in known:
            style, over, beside = drawn[entry.label], entry.figures[gain], entry.figures[cost]
            pairs = [(beside.values[s] / factor, over.values[s]) for s in over.values if s in beside.values]
            plain: dict[str, Any] = {
                "color": style.colour,
                "marker": style.marker,
                "linestyle": "none",
                "clip_on": False,  # an axis that ends at what is possible cuts no marker
            }
            axes.plot(*_columns(pairs), **plain, markersize=3.5, alpha=0.5)
            assert over.summary is not None and beside.summary is not None
            at = beside.summary.mean / factor, over.summary.mean
            if (interval := BY_NAME[gain].possible(over.summary)) is not None:
                axes.vlines(at[0], *interval, color=style.colour, linewidth=1.2)
            if (interval := BY_NAME[cost].possible(beside.summary)) is not None:
                low, high = interval
                axes.hlines(at[1], low / factor, high / factor, color=style.colour, linewidth=1.2)
            axes.plot(*_columns([at]), **plain, markersize=9, label=_named(entry.label))
            if entry.label in front:
                ring: dict[str, Any] = {
                    "marker": "o",
                    "markersize": 17,
                    "markerfacecolor": "none",
                    "markeredgecolor": INK,
                    "clip_on": False,
                }
                axes.plot(*_columns([at]), linestyle="none", **ring)
        axes.set_xlabel(f"{BY_NAME[cost].title}, {unit}" if unit else BY_NAME[cost].title)
        axes.set_ylabel(gain)
        axes.margins(0.12)
        x, y = ([value for e in known for value in e.figures[name].values.values()] for name in (cost, gain))
        _possible(axes, x, y, gain)
        if gain == "accuracy":
            _percent(axes)

    return _svg(draw, [entry.label for entry in known])


def stacked(shares: Sequence[Shares], names: Sequence[str]) -> str:
    """A bar a variant, cut by phase or block; cuts are told by hatching too."""
    factor, unit = _unit(BY_NAME["joules"], [sum(own.joules.values()) for own in shares])

    def draw(axes: Axes) -> None:
        places = list(range(len(shares)))[::-1]
        left = [0.0] * len(shares)
        for index, name in enumerate(names):
            widths = [own.joules.get(name, 0.0) / factor for own in shares]
            axes.barh(
                places,
                widths,
                left=left,
                height=0.6,
                facecolor=PALETTE[index % len(PALETTE)],
                edgecolor=INK,
                linewidth=0.6,
                hatch=HATCHES[index % len(HATCHES)],
                label=_named(name),
            )
            left = [a + b for a, b in zip(left, widths, strict=True)]
        axes.set_yticks(places, [_named(own.label) for own in shares])
        axes.set_xlabel(f"energy, {unit}")
        axes.grid(axis="y", visible=False)

    return _svg(draw, names, height=0.9 + 0.45 * len(shares))


def depths(metric: str, found: Sequence[Depths], drawn: Mapping[str, Style]) -> str:
    factor, unit = _unit(BY_NAME[metric], [value for own in found for _, value in own.points])

    def draw(axes: Axes) -> None:
        for own in found:
            style, points = drawn[own.label], [(depth, value / factor) for depth, value in own.points]
            axes.plot(
                *_columns(points),
                color=style.colour,
                marker=style.marker,
                linestyle=style.dash,
                linewidth=1.8,
                label=_named(own.label),
            )
        axes.set_xlabel("blocks")
        axes.set_ylabel(f"peak memory, {unit}")
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))

    return _svg(draw, [own.label for own in found])


def _svg(draw: Callable[[Axes], None], names: Sequence[str], height: float = 3.7) -> str:
    """`names`: of the legend, which stands above and has as many columns as fit."""
    longest = max((len(_named(name)) for name in names), default=1)
    across = min(len(names), max(1, int(100 * WIDTH / (10 * longest + 75)))) or 1
    with rc_context({**SETTINGS, "svg.hashsalt": "lpc"}), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that Matplotlib's font has not: the reader's has
        canvas = Canvas(figsize=(WIDTH, height + 0.25 * -(-len(names) // across)), layout="constrained")
        FigureCanvasSVG(canvas)
        axes = canvas.subplots()
        axes.grid(visible=True, linewidth=0.6)
        axes.set_axisbelow(True)
        draw(axes)
        canvas.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=across)
        made = io.StringIO()
        canvas.savefig(made, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return made.getvalue()


def _named(label: str) -> str:
    """A name as Matplotlib and XML can take it: what begins with `_` is left out of legends, control characters end a file.

    A long one is cut: the page has it whole.
    """
    clean = "".join(letter if letter.isprintable() else "\ufffd" for letter in label)
    clean = clean if len(clean) <= LONGEST else f"{clean[: LONGEST - 1]}…"
    return f"\u200b{clean}" if clean.startswith("_") else clean


def _percent(axes: Axes) -> None:
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g} %")


def _possible(axes: Axes, x: Sequence[float], y: Sequence[float], gain: str) -> None:
    """Axes of what is never below 0 begin there at the earliest, and accuracy ends at 1, whatever margin is left around points."""
    if x and min(x) >= 0:
        axes.set_xlim(left=max(0.0, axes.get_xlim()[0]))
    if y and min(y) >= 0:
        axes.set_ylim(bottom=max(0.0, axes.get_ylim()[0]))
    if gain.endswith("accuracy"):
        axes.set_ylim(top=min(1.0, axes.get_ylim()[1]))


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _unit(metric: Metric, values: Sequence[float]) -> tuple[float, str]:
    return scale(metric, max(values, default=1.0))
