"""Figures, ratios and verdicts as a terminal shows them."""

from __future__ import annotations

import math
from collections.abc import Callable

from lpc.lab.comparison import Against, Figure
from lpc.lab.metrics import BY_NAME, Metric
from lpc.lab.statistics import Interval, Summary

DASH = "–"


def figure_text(metric: Metric, figure: Figure) -> str:
    """`97.4 ± 0.3 %`; a dash where nothing is known, and of how many runs where not of all."""
    if figure.summary is None:
        return DASH
    some = f" (n = {figure.summary.n})" if figure.why else ""
    mean, interval = figure.summary.mean, figure.summary.interval
    if metric.name == "accuracy":
        around = "" if interval is None else f" ± {50 * (interval[1] - interval[0]):.2f}"
        return f"{100 * mean:.2f}{around} %{some}"
    factor, unit = scale(metric, mean)
    places = decimals(mean / factor)
    shown = f"{mean / factor:.{places}f}"
    if interval is not None and interval[0] != interval[1]:
        half = (interval[1] - interval[0]) / 2 / factor
        shown += f" ± {half:.{places}f}" if round(half, places) else f" ± {half:.1g}"
    return f"{shown} {unit}".rstrip() + some


def joules(value: float, deviation: float | None = None) -> str:
    """With one standard deviation where it is known: `40.2 ± 1.3 J`."""
    around = None if deviation is None else (value - deviation, value + deviation)
    return figure_text(BY_NAME["joules"], Figure({}, Summary(value, around, 1)))


def scale(metric: Metric, value: float) -> tuple[float, str]:
    """What to divide by, and the unit that then follows."""
    if metric.unit == "B":
        return next(((f, u) for f, u in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")) if value >= f), (1, "B"))
    if metric.name == "data_passes":
        return 1, ""
    unit = "" if metric.unit == "1" else metric.unit
    steps = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")) if metric.unit != "s" else ()
    small = ((1.0, ""), (1e-3, "m"), (1e-6, "µ")) if unit else ((1.0, ""),)
    factor, prefix = next(((f, p) for f, p in (*steps, *small) if abs(value) >= f), (1.0, ""))
    return factor, prefix + unit


def decimals(value: float) -> int:
    """Behind the point, so that three digits are shown; of a whole number none."""
    return 0 if value == round(value) else max(0, 2 - math.floor(math.log10(abs(value))))


def against_text(metric: Metric, against: Against) -> str:
    """`×0.81 [0.78, 0.84]`, or `+0.31 [−0.02, +0.64]` in percentage points."""
    found = against.found
    if found is None:
        return DASH
    if metric.name == "accuracy":
        return f"{signed(100 * found.estimate)}{_interval(found.interval, lambda x: signed(100 * x))}"
    shown = ratio if found.kind == "ratio" else signed
    exact = found.interval is not None and found.interval[0] == found.interval[1]
    return f"{'×' if found.kind == 'ratio' else ''}{shown(found.estimate)}{'' if exact else _interval(found.interval, shown)}"


def _interval(interval: Interval | None, shown: Callable[[float], str]) -> str:
    return "" if interval is None else f" [{shown(interval[0])}, {shown(interval[1])}]"


def ratio(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.3g}"


def signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def verdict_text(metric: Metric, against: Against) -> str:
    """The verdict, in words that say which way is good."""
    found = against.found
    if found is None:
        return f"not compared: {against.why}" if against.why else "not compared"
    if against.verdict in ("more", "less") and metric.more_is:
        better = (against.verdict == "more") == (metric.more_is == "better")
        return f"{against.verdict} ({'better' if better else 'worse'})"
    if against.verdict == "no difference shown" and found.interval is not None and against.adjusted_p is not None:
        clear = not found.interval[0] <= found.none <= found.interval[1]
        return f"{against.verdict} (p = {against.adjusted_p:.2g} after Holm)" if clear else against.verdict
    return f"not known ({found.method})" if against.verdict == "not known" else against.verdict
