"""Two programs side by side: compiled, given the same examples and initial values, and trained by the reference interpreter.

A made-up function stands in for a black box, the same on both sides.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from lpc.diagnostics import Report
from lpc.ir.ops import OPERATIONS, operation_of
from lpc.ir.program import Program
from lpc.laws.agreement import Run, run_of
from lpc.laws.stand_ins import stand_ins
from lpc.laws.strategies import batches, least_rows
from lpc.laws.validation import Batch, exactly, interpreter_of, reference_run
from lpc.passes.pipeline import run
from lpc.source import Source
from lpc.syntax import tree

State = Mapping[str, Tensor]
Entering = Mapping[tuple[str, int], State]

ROWS = 8
"""The most examples a batch is cut down to, where nobody says how many there shall be."""
ALL = 1024
"""What `batch = all` counts as beside a number."""


OUT_OF_TIME = "the budget ran out"


class Untried(Exception):
    """Two programs cannot be trained side by side, and why."""


class OutOfTime(Untried):
    """The time is up before the two are trained."""


@dataclass(frozen=True)
class Deadline:
    """Until when there is time, on the clock of `time.monotonic`."""

    until: float = math.inf

    @classmethod
    def within(cls, seconds: float) -> Deadline:
        return cls(time.monotonic() + seconds)

    def check(self) -> None:
        """Raises OutOfTime once it is over."""
        if time.monotonic() >= self.until:
            raise OutOfTime(OUT_OF_TIME)


NEVER = Deadline()


@dataclass(frozen=True, eq=False)
class Side:
    """A program whose steps are there, and what it is trained on and from. Its tensors are float64."""

    name: str
    """How messages name it: a variant, or a file."""
    program: Program
    seed: int
    batches: Sequence[Batch]
    start: State = field(default_factory=dict)
    """Initial values by state name; what is not there is drawn by its own law."""
    names: Mapping[str, str] = field(default_factory=dict)
    """State names to those of the other side, where they differ."""
    deadline: Deadline = NEVER

    @property
    def rows(self) -> tuple[int, ...]:
        return tuple(len(next(iter(batch.values()))) for batch in self.batches)

    @property
    def trained(self) -> frozenset[str]:
        """Names of what optimizers move, as the other side has them."""
        network = self.program.network
        assert network is not None
        own = [name for block in network.blocks for name, weight in network.weights(block) if weight.trained]
        own += [added.name for added in self.program.plan.added if added.trained]
        return frozenset(self.names.get(name, name) for name in own)

    def run(self, entering: Entering | None = None, jitter: float = 0.0) -> Run:
        """What it holds after every step. `entering`: what the state becomes before some steps, by phase and step from 0.

        Raises Untried where it cannot be trained, its equations having no solution for these numbers, say.
        """
        devices = stand_ins(self.program)
        interrupt = self.deadline.check
        try:
            with exactly(self.seed):
                moments = reference_run(
                    self.program, self.batches, devices, jitter, self.start, entering, interrupt=interrupt
                )
        except (ArithmeticError, IndexError, RuntimeError) as problem:
            raise Untried(f"{self.name} cannot be trained on what was drawn: {problem}") from problem
        training = [moment for moment in moments if moment.phase != "prediction"]
        return run_of(training, lambda size: _plain(self, entering, size)).renamed(self.names)


def _plain(side: Side, entering: Entering | None, jitter: float) -> Run:
    """The run under the side's own names; `Run.renamed` names what `again` gives."""
    return replace(side, names={}).run(entering, jitter)


def compiled(source: Source, file: tree.File, variant: str, overrides: Sequence[tuple[str, str]] = ()) -> Program:
    """A variant of a program, `base` being the program without one, through the passes. Raises Untried where lpc refuses it."""
    report = Report()
    chosen = None if variant == "base" else variant
    program = run(Program(source, file, chosen, tuple(overrides)), report, until="lower")
    if report.errors:
        first = report.errors[0]
        raise Untried(f"{first.title_text}: {first.label_text} ({first.code})")
    return program


def initial(program: Program, seed: int) -> State:
    """What a program holds before training, by state name."""
    with exactly(seed):
        return dict(interpreter_of(program).state)


def shared_start(values: State, program: Program, seed: int) -> State:
    """Those of some initial values that fit a program, by name and shape."""
    own = initial(program, seed)
    return {name: value for name, value in values.items() if name in own and own[name].shape == value.shape}


def lengthened(program: Program, steps: int) -> Program:
    """The program, trained for so many steps at least; one that counts epochs sees as many batches as it is given."""
    protocol = program.protocol
    assert protocol is not None
    if protocol.steps is None or protocol.steps >= steps:
        return program
    return replace(program, protocol=replace(protocol, steps=steps))


def check_interpretable(program: Program) -> None:
    """Raises Untried where an operation has no definition that the interpreter could run."""
    network = program.network
    assert network is not None
    for node in (node for block in network.blocks for node in network.nodes_of(block)):
        operation = operation_of(node.kind)
        if node.kind not in OPERATIONS and operation.definition is None:
            raise Untried(f"`{node.kind}` comes from another package, which gives the interpreter no definition of it")


def examples_for(
    left: Program, right: Program, steps: int, seed: int, rows: int | None = None
) -> tuple[Sequence[Batch], Sequence[Batch]]:
    """The same made-up examples for two programs, a batch a step; the last batch has fewer than the others.

    Batch sizes that differ stay in proportion, cut down to ROWS; `rows` says how many instead. Examples are of the declared
    types and go by place: the first data name of one side is the first of the other. Raises Untried where the types differ.
    """
    assert left.data is not None and right.data is not None
    if unlike := unlike_data(left, right):
        raise Untried(f"they read other data: {unlike[0]} and {unlike[1]}")
    sizes = [
        _sizes(program, full, steps) for program, full in zip((left, right), _full(left, right, rows), strict=True)
    ]
    pool = batches(left, [max(map(sum, sizes))], seed)[0]
    back = dict(zip(left.data.names, right.data.names, strict=True))
    return _cut(pool, sizes[0]), _cut({back[name]: value for name, value in pool.items()}, sizes[1])


def unlike_data(left: Program, right: Program) -> tuple[str, str] | None:
    """The data of two programs in words, where their types differ."""
    assert left.data is not None and right.data is not None
    if [type_ for _, type_ in left.data.bindings] == [type_ for _, type_ in right.data.bindings]:
        return None
    words = [
        ", ".join(f"`{name}: {type_}`" for name, type_ in side.data.bindings) for side in (left, right) if side.data
    ]
    return words[0], words[1]


def _full(left: Program, right: Program, rows: int | None) -> tuple[int, int]:
    """How many examples the batches of each side have, but for the last."""
    if rows is not None:
        return rows, rows
    assert left.protocol is not None and right.protocol is not None
    written = left.protocol.batch or ALL, right.protocol.batch or ALL
    part = min(1.0, ROWS / max(written))
    first, second = (max(1, round(size * part)) for size in written)
    if first == second and written[0] != written[1]:
        return (first, second + 1) if written[0] < written[1] else (first + 1, second)
    return first, second


def _sizes(program: Program, full: int, steps: int) -> list[int]:
    least = least_rows(program)
    full = max(full, least)
    return [full] * (steps - 1) + [max(least, -(-full // 2) if steps > 1 else full)]


def _cut(pool: Batch, sizes: Sequence[int]) -> list[Batch]:
    starts = [sum(sizes[:at]) for at in range(len(sizes))]
    return [
        {name: value[start : start + size] for name, value in pool.items()}
        for start, size in zip(starts, sizes, strict=True)
    ]
