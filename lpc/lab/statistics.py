"""Intervals and verdicts: what a few runs say of a variant, and of two that ran as pairs.

Ratios are compared by their logarithms: Student's t on paired log ratios below 15 pairs, where a percentile bootstrap covers
82 % instead of 95 % at five; the BCa bootstrap (Efron 1987, JASA 82) from 15 on, at the level that makes up for its narrowness
(Hesterberg 2015, The American Statistician 69, section 4). Several comparisons: Holm 1979, Scand. J. Statistics 6.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

Interval = tuple[float, float]
Kind = Literal["ratio", "difference"]
K = TypeVar("K")

CONFIDENCE = 0.95
BOOTSTRAP_FROM = 15
"""Pairs from which on the bootstrap is used."""
RESAMPLES = 9999
ROUNDING = 1e-12
"""A spread below this part of the largest value is none."""


@dataclass(frozen=True)
class Summary:
    """The mean of some runs; `interval` None: there is but one."""

    mean: float
    interval: Interval | None
    n: int


@dataclass(frozen=True)
class Comparison:
    """A paired comparison with a baseline: `estimate` is a ratio (geometric mean) or a difference (mean).

    `interval` and `p` None: the pairs cannot say, and `method` says why.
    """

    kind: Kind
    estimate: float
    interval: Interval | None
    n: int
    p: float | None
    method: str

    @property
    def none(self) -> float:
        """What no difference is."""
        return 1.0 if self.kind == "ratio" else 0.0


def summarise(values: Sequence[float], systematic: float = 0.0) -> Summary:
    """Mean and Student's t interval; `systematic`, one standard deviation that more runs do not shrink, widens it."""
    n, mean = len(values), math.fsum(values) / len(values)
    if n < 2:
        return Summary(mean, None, n)
    half = math.hypot(quantile(n - 1) * deviation(values) / math.sqrt(n), 1.96 * systematic)
    return Summary(mean, (mean - half, mean + half), n)


def deviation(values: Sequence[float]) -> float:
    """Standard deviation of a sample; rounding is no spread."""
    mean = math.fsum(values) / len(values)
    found = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return 0.0 if found <= ROUNDING * max(map(abs, values)) else found


def quantile(freedom: int, confidence: float = CONFIDENCE) -> float:
    """Of Student's t, two-sided."""
    from scipy.stats import t

    return float(t.ppf((1 + confidence) / 2, freedom))


def compare(pairs: Sequence[tuple[float, float]], kind: Kind, *, exact: bool = False) -> Comparison | None:
    """Pairs of (variant, baseline). None where there is no pair, or a ratio of numbers that are not positive.

    `exact`: the figures are counted, not measured, so that pairs without spread are certain.
    """
    if not pairs or (kind == "ratio" and any(min(pair) <= 0 for pair in pairs)):
        return None
    apart = [math.log(a / b) if kind == "ratio" else a - b for a, b in pairs]
    apart = [0.0 if abs(d) <= ROUNDING else d for d in apart]
    n, mean = len(apart), math.fsum(apart) / len(apart)

    def made(low_high: Interval | None, p: float | None, method: str) -> Comparison:
        back = math.exp if kind == "ratio" else float
        interval = None if low_high is None else (back(low_high[0]), back(low_high[1]))
        return Comparison(kind, back(mean), interval, n, p, method)

    spread = deviation(apart) if n > 1 else 0.0
    if spread == 0 and exact:
        return made((mean, mean), 1.0 if mean == 0 else 0.0, "counted, the same in every pair")
    if n == 1:
        return made(None, None, "one pair: no interval")
    if spread == 0:
        return made((0.0, 0.0), 1.0, "equal in every pair") if mean == 0 else made(None, None, "pairs without spread")
    p = p_value(mean / (spread / math.sqrt(n)), n - 1)
    if n >= BOOTSTRAP_FROM:
        return made(bootstrap(apart), p, "BCa bootstrap")
    half = quantile(n - 1) * spread / math.sqrt(n)
    return made((mean - half, mean + half), p, "Student t")


def p_value(statistic: float, freedom: int) -> float:
    """Two-sided, of Student's t."""
    from scipy.stats import t

    return float(2 * t.sf(abs(statistic), freedom))


def bootstrap(values: Sequence[float]) -> Interval:
    """BCa interval of the mean. Its level is chosen so that for normal values it is as wide as Student's t."""
    import numpy as np
    from scipy.stats import bootstrap as resample
    from scipy.stats import norm

    n = len(values)
    level = 1 - 2 * float(norm.cdf(-math.sqrt(n / (n - 1)) * quantile(n - 1)))
    found = resample(
        (np.asarray(values),),
        np.mean,
        confidence_level=level,
        n_resamples=RESAMPLES,
        method="BCa",
        vectorized=True,
        random_state=np.random.default_rng(0),
    ).confidence_interval
    return float(found.low), float(found.high)


def holm(p: Mapping[K, float]) -> dict[K, float]:
    """Adjusted p values: of m comparisons, the k-th smallest times m - k + 1, none below the one before it."""
    made: dict[K, float] = {}
    largest = 0.0
    for rank, (key, value) in enumerate(sorted(p.items(), key=lambda item: item[1])):
        largest = max(largest, min(1.0, (len(p) - rank) * value))
        made[key] = largest
    return made


Verdict = Literal["more", "less", "the same", "equivalent", "no difference shown", "not known"]


def verdict(found: Comparison, adjusted: float | None, margin: float | None = None) -> Verdict:
    """What may be said. `adjusted`: the p value after Holm; `margin`: what is called equivalent, as a ratio less 1 or a difference.

    A difference is claimed where the interval is clear of none and the adjusted p value is below 5 %.
    """
    if found.interval is None:
        return "not known"
    low, high = found.interval
    if low == high == found.none:
        return "the same"
    if margin is not None:
        least, most = (1 / (1 + margin), 1 + margin) if found.kind == "ratio" else (-margin, margin)
        if least <= low and high <= most:
            return "equivalent"
    clear = not low <= found.none <= high
    if not clear or (adjusted is not None and adjusted > 1 - CONFIDENCE):
        return "no difference shown"
    return "more" if low > found.none else "less"


def pareto(points: Mapping[K, tuple[float, float]]) -> list[K]:
    """The keys of (gain, cost) that no other beats: none has at least the gain for less, or more for at most the cost."""

    def beaten(gain: float, cost: float) -> bool:
        return any(g >= gain and c <= cost and (g, c) != (gain, cost) for g, c in points.values())

    return [key for key, (gain, cost) in points.items() if not beaten(gain, cost)]
