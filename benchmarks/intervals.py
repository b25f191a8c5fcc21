"""Whether the intervals of `lpc bench` hold what they promise: benches simulated with a known ratio and known noise.

    python -m benchmarks.intervals [--benches 1000]

A bench is n pairs; a pair shares its day (a log-normal factor of 10 %), each run has noise of its own (3 %). The 95 % interval of the
ratio has to hold the truth in 93 to 97 % of benches; a program held against itself may differ in 3.5 to 6.5 %.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from lpc.lab.statistics import CONFIDENCE, compare, deviation, verdict

RATIO, DAY, NOISE = 1.25, 0.10, 0.03
HOLDS, CLAIMS = (0.93, 0.97), (0.035, 0.065)
PAIRS = (3, 6, 10, 15, 20)
NORMAL = 1.96


@dataclass(frozen=True)
class Coverage:
    """Shares of simulated benches: that held the truth, and that claimed a difference where there was none."""

    pairs: int
    holds: float
    claims: float
    method: str

    @property
    def as_promised(self) -> bool:
        return HOLDS[0] <= self.holds <= HOLDS[1] and CLAIMS[0] <= self.claims <= CLAIMS[1]


def simulated(draw: random.Random, pairs: int, ratio: float) -> list[tuple[float, float]]:
    """One bench: seconds of a variant and its baseline, seed by seed."""
    days = [math.exp(draw.gauss(0, DAY)) for _ in range(pairs)]
    return [(ratio * day * math.exp(draw.gauss(0, NOISE)), day * math.exp(draw.gauss(0, NOISE))) for day in days]


def coverage(pairs: int, benches: int, seed: int = 1, *, naive: bool = False) -> Coverage:
    """`naive`: a normal quantile in the place of what is used, to see that the bounds tell the two apart."""
    draw, holds, claims, method = random.Random(f"{seed}/{pairs}"), 0, 0, ""
    for _ in range(benches):
        for truth in (RATIO, 1.0):
            drawn = simulated(draw, pairs, truth)
            found = compare(drawn, "ratio")
            assert found is not None and found.interval is not None
            low, high = found.interval
            differs = verdict(found, found.p) != "no difference shown"
            if naive:
                half = NORMAL * deviation([math.log(a / b) for a, b in drawn]) / math.sqrt(pairs)
                low, high = found.estimate * math.exp(-half), found.estimate * math.exp(half)
                differs = not low <= 1 <= high
            if truth == 1:
                claims += differs
            else:
                holds += low <= truth <= high
                method = found.method
    return Coverage(pairs, holds / benches, claims / benches, method)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--benches", type=int, default=1000)
    options = parser.parse_args(arguments)
    print(
        f"{options.benches} benches each; {CONFIDENCE:.0%} intervals of a ratio of {RATIO}, noise {NOISE:.0%}, days {DAY:.0%}"
    )
    print(f"{'pairs':>5}  {'truth held':>10}  {'A against A differs':>19}  method")
    good = True
    for pairs in PAIRS:
        found = coverage(pairs, options.benches)
        good = good and found.as_promised
        shown = f"{found.pairs:>5}  {found.holds:>10.1%}  {found.claims:>19.1%}  {found.method}"
        print(shown + ("" if found.as_promised else "  NOT AS PROMISED"), flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
