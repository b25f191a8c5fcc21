"""One chunk of random programs, in a process of its own: each is drawn, judged, broken, and judged again."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

import hypothesis
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from benchmarks.growth import mebibytes
from benchmarks.occurrences import occurring
from benchmarks.tally import Tally
from benchmarks.verdict import Bug, Verdict, judge
from lpc.diagnostics import Report
from lpc.laws.broken import broken_texts
from lpc.laws.whole import whole_programs
from lpc.source import Source
from lpc.syntax.format import format_file
from lpc.syntax.parse import parse

SECONDS = 600
"""More than any program may take."""
ROUNDS, MORE = 20, 10
"""How often programs are drawn anew in the place of those that were there before, and how many more: the first is the least."""
LAST = "last.lp"
"""The file that holds the program a chunk is at: what it was at when it crashed."""
SETTINGS = settings(
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
    deadline=None,
    print_blob=False,
)


class Failed(Exception):
    """A program failed; how is kept apart."""


class TooLong(Exception):
    """A program took more than its time."""


def _too_long(_number: int, _frame: FrameType | None) -> None:
    raise TooLong(f"not done with after {SECONDS} s")


class Chunk:
    """Counts what is judged, until something fails: from then on, Hypothesis tries smaller and smaller programs."""

    def __init__(self, examples: int, folder: Path) -> None:
        self.examples, self.folder = examples, folder
        self.tally = Tally()
        self.seen: set[str] = set()
        self.failure: dict[str, str] = {}
        """Of the last program that failed: in the end the smallest."""

    def judged(self, text: str, sizes: Sequence[int]) -> Verdict:
        (self.folder / LAST).write_bytes(text.encode("utf-8", "surrogatepass"))
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            return judge(text, sizes, seed=len(sizes), folder=self.folder)
        except Bug as bug:
            self.failure = {"text": text, "what": str(bug), "trace": bug.trace}
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        raise Failed  # of one place and no cause, by which Hypothesis would tell failures apart and make each smaller

    def example(self, data: st.DataObject) -> None:
        file = data.draw(whole_programs())
        sizes = [4] * data.draw(st.integers(0, 2)) + [data.draw(st.integers(1, 3))]
        text, wrong = format_file(file), data.draw(broken_texts(file))
        if not self.failure and (text in self.seen or self.tally.drawn == self.examples):
            return  # Hypothesis repeats itself; what failed is tried again, though
        self.seen.add(text)
        one, other = self.judged(text, sizes), self.judged(wrong, sizes)
        if self.failure:
            return
        tally = self.tally
        tally.drawn += 1
        tally.legal += one.legal
        tally.broken_legal += other.legal
        tally.codes.update(one.codes)
        tally.broken_codes.update(other.codes)
        tally.saw(text, wrong)
        self.count(one, text)
        self.count(other, wrong)

    def count(self, verdict: Verdict, text: str) -> None:
        tally = self.tally
        tally.compiled += len(verdict.programs)
        tally.compared += verdict.compared
        tally.alone += verdict.alone
        tally.ended.update(verdict.ended)
        if verdict.legal:
            found = occurring(parse(Source(LAST, text), Report()), verdict.programs)
            tally.occurred.update(f"{kind}/{name}" for kind, name in found)


def _draw(made: Chunk, examples: int, seed: int) -> None:
    @hypothesis.seed(seed)
    @settings(SETTINGS, max_examples=examples)
    @given(st.data())
    def draw(data: st.DataObject) -> None:
        made.example(data)

    with suppress(Failed):
        draw()


def chunk(examples: int, seed: int, folder: Path) -> Tally:
    """So many programs from a seed; fewer where one fails, which is made smaller and kept."""
    torch.set_num_threads(1)
    os.fsync = lambda fd: None  # what runs write here has to outlive nothing
    signal.signal(signal.SIGALRM, _too_long)
    made = Chunk(examples, folder)

    for number in range(ROUNDS):
        if (left := examples - made.tally.drawn) and not made.failure:
            _draw(made, left + MORE, ROUNDS * seed + number)
    made.tally.failures += [made.failure] if made.failure else []
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    made.tally.seconds = sum(each.ru_utime + each.ru_stime for each in used)
    made.tally.mib = [mebibytes(used[0])]
    return made.tally
