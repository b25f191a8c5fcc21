"""Which of several callables is faster, on a machine that drifts: interleaved rounds, and the median of each round's ratio.

A shared machine changes speed by a fifth within minutes, unseen. So every variant runs a moment in every round, ratios
are taken within a round, and the median over rounds is the figure. The order turns from round to round: nobody always follows the
variant that leaves the caches worst. A moment in which other programs took more than a twentieth of the machine is tried again,
a few times; what was kept is said below the table.
"""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from benchmarks.machine import Others

Step = Callable[[], object]
Clock = Callable[[], float]
QUIET = 0.05
TRIES = 5


@dataclass(frozen=True)
class Comparison:
    """Seconds of one call, a variant a row and a round a column: `seconds["fused"][3]`."""

    seconds: Mapping[str, tuple[float, ...]]
    others: tuple[float, ...] = ()
    """The share of the machine that other programs took, for every entry that was kept."""

    def median(self, name: str) -> float:
        """The median over rounds, in seconds."""
        return statistics.median(self.seconds[name])

    def ratios(self, name: str, over: str) -> tuple[float, ...]:
        """One ratio a round."""
        return tuple(a / b for a, b in zip(self.seconds[name], self.seconds[over], strict=True))

    def ratio(self, name: str, over: str) -> float:
        """The figure: the median of the rounds' ratios."""
        return statistics.median(self.ratios(name, over))

    def best(self, names: Iterable[str]) -> str:
        """The fastest of some variants: the one of the least median ratio to the first."""
        first, *others = names
        return min((first, *others), key=lambda name: self.ratio(name, first))

    def table(self, over: str) -> str:
        """A line a variant: milliseconds, ratio to `over`, and the middle half of the rounds' ratios."""
        width = max(map(len, self.seconds))
        lines = [f"{'':{width}}        ms   ratio   middle half"]
        for name in self.seconds:
            low, _, high = quartiles(self.ratios(name, over))
            ms, ratio = self.median(name) * 1e3, self.ratio(name, over)
            lines.append(f"{name:{width}}  {ms:8.3f}   {ratio:5.3f}   {low:.3f} to {high:.3f}")
        if self.others:
            disturbed = sum(share > QUIET for share in self.others)
            worst = f"{max(self.others):.0%} of the machine"
            lines.append(f"other programs: {disturbed} of {len(self.others)} timings disturbed, at worst {worst}")
        return "\n".join(lines)


def quartiles(values: Iterable[float]) -> tuple[float, float, float]:
    numbers = list(values)
    if len(numbers) == 1:
        return numbers[0], numbers[0], numbers[0]
    low, middle, high = statistics.quantiles(numbers, n=4, method="inclusive")
    return low, middle, high


def one_round(step: Step, seconds: float, clock: Clock) -> float:
    """The median call of about `seconds` of calls, at least three; one call before them warms the caches and is not counted."""
    step()
    times: list[float] = []
    end = clock() + seconds
    while len(times) < 3 or clock() < end:
        start = clock()
        step()
        times.append(clock() - start)
    return statistics.median(times)


def quiet_round(step: Step, seconds: float, clock: Clock = time.perf_counter) -> tuple[float, float]:
    """The least disturbed of a few rounds, the first quiet one if there is any: seconds of a call, share of others.

    The processor's own clock (`time.process_time`) stands still while others run: one round does.
    """
    tries: list[tuple[float, float]] = []
    while len(tries) < TRIES:
        others = Others()
        taken = one_round(step, seconds, clock)
        tries.append((others.share(), taken))
        if tries[-1][0] <= QUIET or clock is time.process_time:
            break
    share, taken = min(tries)
    return taken, share


def compare(
    steps: Mapping[str, Step],
    rounds: int = 15,
    seconds: float = 0.3,
    warm_up: int = 3,
    clock: Clock = time.perf_counter,
) -> Comparison:
    """Time every callable `seconds` in each of `rounds` rounds; rounds that a lull or a burst spoilt are outvoted."""
    for step in steps.values():
        for _ in range(warm_up):
            step()
    names = list(steps)
    taken: dict[str, list[float]] = {name: [math.nan] * rounds for name in names}
    shares: list[float] = []
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            turn = number % len(names)
            order = names[turn:] + names[:turn]
            for name in reversed(order) if number // len(names) % 2 else order:
                taken[name][number], share = quiet_round(steps[name], seconds, clock)
                shares.append(share)
    finally:
        if collecting:
            gc.enable()
    return Comparison({name: tuple(times) for name, times in taken.items()}, tuple(shares))
