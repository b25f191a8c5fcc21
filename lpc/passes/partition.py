"""`partition`: a balanced, contiguous cut of the blocks into stages."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from lpc.diagnostics import Diagnostic, Report, error
from lpc.ir.program import Program
from lpc.passes.contract import Fact, pass_
from lpc.passes.cost import BlockCost, Costs
from lpc.passes.scope import SOUND
from lpc.passes.selectors import chains_of, shortest
from lpc.source import Span
from lpc.syntax import tree


@error("LP440")
class TooManyStages(Diagnostic):
    """A stage holds at least one block, so there cannot be more stages than blocks."""

    title = "{stages} stages for {blocks} blocks"
    label = "at most {blocks}"
    bad = SOUND.replace("train epochs", "place stages = 3\ntrain epochs")
    good = SOUND.replace("train epochs", "place stages = 2\ntrain epochs")
    stages: int
    blocks: int


@error("LP441")
class PinsCross(Diagnostic):
    """Stages follow the network: a block cannot stand on an earlier stage than a block it comes after."""

    title = "`{later}` is pinned to stage {second}, before stage {first} of `{earlier}`"
    label = "stages must not decrease along the network"
    bad = SOUND.replace(
        "train epochs", "place stages = 2\nplace hidden on stage 2\nplace readout on stage 1\ntrain epochs"
    )
    good = SOUND.replace(
        "train epochs", "place stages = 2\nplace hidden on stage 1\nplace readout on stage 2\ntrain epochs"
    )
    later: str
    second: int
    earlier: str
    first: int


@error("LP442")
class PinsLeaveNone(Diagnostic):
    """Every stage holds at least one block. With these pins there are not enough blocks between them to fill the stages."""

    title = "the pins leave a stage without a block"
    label = "no block is left for some stage"
    bad = SOUND.replace("train epochs", "place stages = 2\nplace hidden, readout on stage 1\ntrain epochs")
    good = SOUND.replace("train epochs", "place stages = 2\nplace hidden on stage 1\ntrain epochs")


@pass_(needs={Fact.COST}, gives={Fact.STAGES})
def partition(program: Program, report: Report) -> Program:
    """Cut the blocks into stages: the slowest stage as light as possible, then as few bytes across as possible.

    Before: costs are known. After: `program.stages` lists the blocks of each stage, and the dump pins them. Errors: LP440 more
    stages than blocks, LP441 and LP442 pins that cannot hold.
    """
    assert program.network is not None
    names = [block.name for block in program.network.blocks]
    place, costs = program.placement, program.costs
    if place.stages > len(names):
        report.add(TooManyStages(span=place.span, stages=place.stages, blocks=len(names)))
        return program
    allowed = _allowed(program, names, report)
    if allowed is None:
        return program
    weights = [weight(costs.blocks[name], place.balance) for name in names]
    crossing = crossings(program, names, costs)
    cuts = balanced_cuts(weights, crossing, place.stages, allowed)
    if cuts is None:
        report.add(PinsLeaveNone(span=place.span))
        return program
    bounds = [0, *cuts, len(names)]
    stages = tuple(tuple(names[a:b]) for a, b in pairwise(bounds))
    return with_stages(replace(program, stages=stages))


def _allowed(program: Program, names: Sequence[str], report: Report) -> list[int | None] | None:
    """The stage (from 0) each block is pinned to."""
    pins: list[int | None] = [
        stage - 1 if (stage := program.placement.pins.get(name)) is not None else None for name in names
    ]
    last: tuple[str, int] | None = None
    for name, pin in zip(names, pins, strict=True):
        if pin is None:
            continue
        if last is not None and pin < last[1]:
            span = program.placement.span
            report.add(PinsCross(span=span, later=name, second=pin + 1, earlier=last[0], first=last[1] + 1))
            return None
        last = (name, pin)
    return pins


def weight(block: BlockCost, balance: str) -> float:
    """What a stage is balanced by."""
    if balance == "flops":
        return block.step.flops
    return block.step.seconds if balance == "time" else float(block.state_bytes + block.kept_bytes)


def crossings(program: Program, names: Sequence[str], costs: Costs) -> list[int]:
    """Bytes that cross a cut before each position: outputs of earlier blocks that later ones read."""
    assert program.network is not None
    position = {name: at for at, name in enumerate(names)}
    change = [0] * (len(names) + 1)
    for name, at in position.items():
        readers = [position[reader] for reader in program.network.consumers(name)]
        if readers:
            change[at + 1] += costs.blocks[name].output_bytes
            change[min(max(readers) + 1, len(names))] -= costs.blocks[name].output_bytes
    total, made = 0, []
    for delta in change[: len(names)]:
        total += delta
        made.append(total)
    return made


def balanced_cuts(
    weights: Sequence[float], crossing: Sequence[int], stages: int, pins: Sequence[int | None]
) -> list[int] | None:
    """Positions of the cuts: least heaviest stage first, then least bytes across; None where the pins cannot hold.

    Linear in blocks times stages: the heaviest stage is searched for by bisection over what can be, then a moving window holds
    the cheapest cut that keeps every stage within it.
    """
    prefix = [0.0]
    for w in weights:
        prefix.append(prefix[-1] + w)
    low, high = max(weights), prefix[-1]
    if _cheapest(prefix, crossing, stages, pins, high * (1 + 1e-12)) is None:
        return None
    for _ in range(60):
        middle = (low + high) / 2
        if _cheapest(prefix, crossing, stages, pins, middle) is None:
            low = middle
        else:
            high = middle
        if high - low <= 1e-12 * high:
            break
    return _cheapest(prefix, crossing, stages, pins, high * (1 + 1e-12))


def _cheapest(
    prefix: Sequence[float], crossing: Sequence[int], stages: int, pins: Sequence[int | None], most: float
) -> list[int] | None:
    """The cuts with least bytes across such that no stage weighs more than `most`."""
    blocks = len(prefix) - 1
    infinite = float("inf")
    cost: list[float] = [0.0] + [infinite] * blocks
    came: list[list[int]] = []
    for stage in range(stages):
        after = [infinite] * (blocks + 1)
        source = [-1] * (blocks + 1)
        window: deque[int] = deque()
        barrier = -1
        for end in range(1, blocks + 1):
            start = end - 1
            if cost[start] < infinite:
                price = cost[start] + (crossing[start] if start else 0)
                while window and _price(cost, crossing, window[-1]) > price:
                    window.pop()
                window.append(start)
            pin = pins[end - 1]
            if pin is not None and pin != stage:
                barrier = end - 1
            while window and (prefix[end] - prefix[window[0]] > most or window[0] <= barrier):
                window.popleft()
            if window:
                after[end], source[end] = _price(cost, crossing, window[0]), window[0]
        came.append(source)
        cost = after
    if cost[blocks] == infinite:
        return None
    cuts, end = [], blocks
    for stage in range(stages - 1, 0, -1):
        end = came[stage][end]
        cuts.append(end)
    return cuts[::-1]


def _price(cost: Sequence[float], crossing: Sequence[int], start: int) -> float:
    return cost[start] + (crossing[start] if start else 0)


def with_stages(program: Program) -> Program:
    """The program with a `place` line for each stage, where there are several."""
    if len(program.stages) < 2:
        return program
    chains, nowhere = chains_of(program.file), Span(0, 0)
    lines = [
        tree.Place((), tuple(shortest(stage, chains, nowhere)), tree.Number(number, span=nowhere), span=nowhere)
        for number, stage in enumerate(program.stages, 1)
    ]
    clauses: list[tree.Clause] = []
    for clause in program.file.clauses:
        if isinstance(clause, tree.Place) and clause.selectors:
            continue
        clauses.append(clause)
        if isinstance(clause, tree.Place):
            clauses += lines
    return replace(program, file=replace(program.file, clauses=tuple(clauses)))
