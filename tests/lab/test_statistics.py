"""Intervals hold the truth as often as they say, claims are as rare as they say, and edge cases are said in words."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.intervals import coverage
from lpc.lab.statistics import Comparison, Kind, compare, holm, pareto, summarise, verdict

positive = st.floats(1e-3, 1e3)


def test_intervals_cover_and_do_not_cry_wolf() -> None:
    """The benchmark's bounds, on fewer benches and wider by their own error."""
    found = coverage(pairs=6, benches=400, seed=7)
    assert 0.92 <= found.holds <= 0.98
    assert 0.02 <= found.claims <= 0.08


def test_percentiles_would_not_cover() -> None:
    """What the bounds are for: on six pairs a normal quantile instead of Student's t claims too much."""
    found = coverage(pairs=6, benches=400, seed=7, naive=True)
    assert found.holds < 0.93
    assert found.claims > 0.065


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(positive, positive), min_size=2, max_size=8))
def test_swapping_a_pair_inverts_its_ratio(pairs: list[tuple[float, float]]) -> None:
    one, other = compare(pairs, "ratio"), compare([(b, a) for a, b in pairs], "ratio")
    assert one is not None and other is not None
    assert one.estimate == pytest.approx(1 / other.estimate)
    assert (one.interval is None) == (other.interval is None)
    if one.interval and other.interval:
        assert one.interval == pytest.approx((1 / other.interval[1], 1 / other.interval[0]), rel=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(positive, positive), min_size=2, max_size=8), st.floats(0.5, 50))
def test_units_do_not_matter(pairs: list[tuple[float, float]], factor: float) -> None:
    one, other = compare(pairs, "ratio"), compare([(factor * a, factor * b) for a, b in pairs], "ratio")
    assert one is not None and other is not None
    assert one.estimate == pytest.approx(other.estimate)


def test_the_bootstrap_takes_over_at_fifteen_pairs() -> None:
    pairs = [(1.0 + 0.01 * k, 1.0) for k in range(15)]
    few, many = compare(pairs[:14], "ratio"), compare(pairs, "ratio")
    assert few is not None and few.method == "Student t"
    assert many is not None and many.method == "BCa bootstrap" and many.interval is not None
    assert many.interval[0] < many.estimate < many.interval[1]
    again = compare(pairs, "ratio")
    assert again == many


@pytest.mark.parametrize(
    ("pairs", "kind", "exact", "said"),
    [
        ([(2.0, 1.0)], "ratio", False, "one pair: no interval"),
        ([(2.0, 1.0)], "ratio", True, "counted, the same in every pair"),
        ([(0.9, 0.9), (0.8, 0.8)], "difference", False, "equal in every pair"),
        ([(0.91, 0.9), (0.81, 0.8)], "difference", False, "pairs without spread"),
        ([(2.0, 1.0), (4.0, 2.0)], "ratio", True, "counted, the same in every pair"),
    ],
)
def test_pairs_that_say_little(pairs: list[tuple[float, float]], kind: str, exact: bool, said: str) -> None:
    found = compare(pairs, kind, exact=exact)  # type: ignore[arg-type]
    assert found is not None
    assert found.method == said


def test_what_cannot_be_compared() -> None:
    assert compare([], "ratio") is None
    assert compare([(0.0, 1.0)], "ratio") is None
    one = summarise([3.0])
    assert (one.mean, one.interval, one.n) == (3.0, None, 1)


def test_a_systematic_error_does_not_shrink() -> None:
    plain, widened = summarise([10.0, 10.0, 10.0]), summarise([10.0, 10.0, 10.0], systematic=0.5)
    assert plain.interval == (10.0, 10.0)
    assert widened.interval == pytest.approx((10 - 0.98, 10 + 0.98))


def test_holm() -> None:
    """The example of R's `p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")`."""
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert found == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
    assert holm({"a": 0.7, "b": 0.8}) == {"a": 1.0, "b": 1.0}


def of(low: float, high: float, kind: Kind = "ratio") -> Comparison:
    middle = math.sqrt(low * high) if kind == "ratio" else (low + high) / 2
    return Comparison(kind, middle, (low, high), 6, 0.01, "Student t")


def test_verdicts() -> None:
    assert verdict(of(0.9, 1.1), 0.5) == "no difference shown"
    assert verdict(of(1.01, 1.1), 0.01) == "more"
    assert verdict(of(0.8, 0.9), 0.01) == "less"
    assert verdict(of(1.01, 1.1), 0.06) == "no difference shown"
    assert verdict(of(0.99, 1.015), 0.5) == "no difference shown"
    assert verdict(of(0.99, 1.015), 0.5, margin=0.02) == "equivalent"
    assert verdict(of(0.99, 1.03), 0.5, margin=0.02) == "no difference shown"
    assert verdict(of(-0.002, 0.001, "difference"), 0.5, margin=0.003) == "equivalent"
    assert verdict(of(1.0, 1.0), 1.0, margin=0.02) == "the same"
    assert verdict(Comparison("ratio", 2.0, None, 1, None, "one pair: no interval"), None) == "not known"


def test_pareto() -> None:
    points = {
        "best": (0.98, 10.0),
        "cheap": (0.9, 1.0),
        "beaten": (0.9, 2.0),
        "worse": (0.97, 10.0),
        "twin": (0.98, 10.0),
    }
    assert pareto(points) == ["best", "cheap", "twin"]
    assert pareto({}) == []
