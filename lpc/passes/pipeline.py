"""The pipeline: the passes in order, and how they are run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from lpc.diagnostics import Report
from lpc.ir.program import Program
from lpc.passes.assign import assign
from lpc.passes.bind import bind
from lpc.passes.contract import Fact, Pass, pipeline
from lpc.passes.cost import cost
from lpc.passes.dump import dump
from lpc.passes.effects import effects
from lpc.passes.expand import expand
from lpc.passes.learning import learning
from lpc.passes.legal import legal
from lpc.passes.lower import lower
from lpc.passes.partition import partition
from lpc.passes.protocol import protocol
from lpc.passes.verify import VERIFIERS
from lpc.plugins import PluginError

PIPELINE: tuple[Pass, ...] = pipeline(
    expand,  # variants, overrides, lets, functions, searches; defaults written out
    bind,  # names, data, operations and their types, blocks, the objective
    protocol,  # train, measure, place
    learning,  # a rule for every block, or `auto`
    assign,  # `auto` becomes the cheapest legal rules
    legal,  # regions are formed; every rule can train its own
    lower,  # rules become steps
    effects,  # warnings: arguments that no step depends on
    cost,  # operations, bytes and memory, read off the steps
    partition,  # blocks by stage
)
"""Every pass from a parsed file on. `lpc explain --after NAME` stops behind any of them."""

DEPTH = 10_000
"""Python's recursion limit while passes run. Expressions are at most 200 deep; a few calls go to each level."""


class InternalError(Exception):
    """A pass failed on a program: a bug in lpc, with what is needed to report it."""

    def __init__(self, pass_name: str, before: Sequence[str], text: str, cause: Exception) -> None:
        self.pass_name = pass_name
        self.before = tuple(before)
        self.text = text
        """The program before the pass."""
        ran = ", ".join(before) or "nothing"
        super().__init__(f"the pass `{pass_name}` failed (after {ran}): {type(cause).__name__}: {cause}\n\n{text}")


@dataclass
class Times:
    """Seconds each pass took, in order: what `lpc explain --time` prints."""

    seconds: dict[str, float] = field(default_factory=dict)


def find_pass(name: str, passes: Sequence[Pass] = PIPELINE) -> Pass | None:
    """The pass of that name."""
    return next((p for p in passes if p.name == name), None)


def run(
    program: Program,
    report: Report,
    until: str | None = None,
    *,
    passes: Sequence[Pass] = PIPELINE,
    verify: bool = False,
    times: Times | None = None,
    verifiers: Mapping[Fact, Callable[[Program], None]] = VERIFIERS,
) -> Program:
    """Run passes up to and including `until`, or all of them; ends early when errors were reported.

    A pass that found errors is followed by those that tolerate them, so that one look finds the mistakes of all parts.
    Raises InternalError when a pass fails, which is a bug.
    """
    holds: frozenset[Fact] = frozenset()
    done: list[str] = []
    with _room_for_recursion():
        for step in passes:
            if report.errors and not step.tolerant:
                break
            started = perf_counter()
            try:
                made = step(program, report)
                holds = (holds - step.drops) | step.gives
                if verify and not report.errors:
                    for fact in Fact:
                        if fact in holds and fact in verifiers:
                            verifiers[fact](made)
            except PluginError:
                raise
            except Exception as cause:
                raise InternalError(step.name, done, _text(program), cause) from cause
            program = made
            done.append(step.name)
            if times is not None:
                times.seconds[step.name] = perf_counter() - started
            if step.name == until:
                break
    return program


def _text(program: Program) -> str:
    """The program's text, for a report of a bug, which may be that it cannot be printed."""
    try:
        return dump(program)
    except Exception:
        return program.source.text


@contextmanager
def _room_for_recursion() -> Generator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, DEPTH))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
