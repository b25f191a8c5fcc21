"""Numbers out of ranges: which to try first, and the smallest for which something fails."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from math import prod

from lpc.ir.program import Between

Point = Mapping[str, int | float]
"""A number for each of the ranges, by name."""

SCANNED = 256
"""Whole numbers below a failure that are tried one by one."""
PARTS = 16
"""Into how many parts a range of other numbers is cut."""


def points(ranges: Sequence[Between], seed: int) -> Iterator[Point]:
    """Points of the ranges without repetition: all at their beginnings, all at their ends, the other corners, then any.

    Ends when there are no more; of a range of other than whole numbers, PARTS² + 1. Without ranges there is one point.
    """
    names = [one.name for one in ranges]
    seen: set[tuple[int | float, ...]] = set()
    for values in _in_order(ranges, random.Random(seed)):
        if values not in seen:
            seen.add(values)
            yield dict(zip(names, values, strict=True))
        if len(seen) >= _count(ranges):
            return


def _in_order(ranges: Sequence[Between], chance: random.Random) -> Iterator[tuple[int | float, ...]]:
    yield tuple(one.first for one in ranges)
    yield tuple(one.last for one in ranges)
    yield from product(*((one.first, one.last) for one in ranges))
    while True:
        yield tuple(_drawn(one, chance) for one in ranges)


def _drawn(one: Between, chance: random.Random) -> int | float:
    if one.whole:
        return chance.randint(int(one.first), int(one.last))
    return one.first + (one.last - one.first) * chance.randint(0, PARTS**2) / PARTS**2


def _count(ranges: Sequence[Between]) -> int:
    """How many points there are."""
    return prod(
        int(one.last) - int(one.first) + 1 if one.whole else PARTS**2 + 1 if one.last > one.first else 1
        for one in ranges
    )


def smallest(
    failing: Point, ranges: Sequence[Between], fails: Callable[[Point], bool], goes_on: Callable[[], bool]
) -> Point:
    """A failing point of which no coordinate can be smaller, the others as they are: each is scanned from below in turn.

    goes_on: asked before every trial; once it says no, the smallest that was found is the answer.
    """
    known: dict[tuple[tuple[str, int | float], ...], bool] = {}

    def failed(point: Point) -> bool:
        key = tuple(point.items())
        if key not in known:
            known[key] = fails(point)
        return known[key]

    best, changed = dict(failing), True
    while changed:
        changed = False
        for one in ranges:
            for value in _below(one, best[one.name]):
                if not goes_on():
                    return best
                if failed({**best, one.name: value}):
                    best[one.name], changed = value, True
                    break
    return best


def _below(one: Between, value: int | float) -> Sequence[int | float]:
    """Numbers of a range below one, rising."""
    if not one.whole:
        parts = (one.first + (one.last - one.first) * part / PARTS for part in range(PARTS + 1))
        return [part for part in parts if part < value]
    first, last = int(one.first), int(value)
    if last - first <= SCANNED:
        return range(first, last)
    far = (first + SCANNED * 2**k for k in range((last - first).bit_length()))
    return [*range(first, first + SCANNED), *(number for number in far if number < last)]
