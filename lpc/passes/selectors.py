"""Selectors of `learn` and `place` lines: which blocks they name, and the shortest way to name some blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from lpc.diagnostics import Diagnostic, Edit, Report, error, nearest
from lpc.passes.scope import SOUND
from lpc.passes.values import is_hole
from lpc.source import Span
from lpc.syntax import tree

ALL, REST = "all", "rest"
CHAINED = SOUND.replace("block hidden =", "block hidden[3] =")


@error("LP310")
class UnknownSelector(Diagnostic):
    """`learn` and `place` name blocks and chains of the program: `hidden`, `layer`, `layer[2]`, `layer[1..3]`, or `all`, or
    `rest`.
    """

    title = "there is no block named `{name}`"
    label = "not a block"
    help = "did you mean `{nearest}`?"
    bad = SOUND + "learn hiden with backprop\n"
    good = SOUND + "learn hidden with backprop\n"
    name: str
    nearest: str = ""


@error("LP311")
class OutsideChain(Diagnostic):
    """The blocks of a chain count from 1, as stages do, and a range includes both its ends."""

    title = "{problem}"
    label = "not in the chain"
    bad = CHAINED + "learn hidden[2..4] with backprop\n"
    good = CHAINED + "learn hidden[2..3] with backprop\n"
    problem: str


@error("LP312")
class SelectedTwice(Diagnostic):
    """Every block learns by one rule and stands on one stage, so no two lines, and no two selectors of a line, may name it.
    `rest` names the blocks that no other line names.
    """

    title = "block `{block}` is named twice"
    label = "named again"
    help = "`rest` names the blocks that no other line names"
    bad = SOUND + "learn all with backprop\nlearn hidden with mono_forward\n"
    good = SOUND + "learn hidden with mono_forward\nlearn rest with backprop\n"
    block: str


@error("LP313")
class SecondRest(Diagnostic):
    """`rest` names every block that no other line names, so there can be one line with it."""

    title = "`rest` is used twice"
    label = "the second time"
    bad = SOUND + "learn hidden with mono_forward\nlearn rest with backprop\nlearn rest with mono_forward\n"
    good = SOUND + "learn hidden with mono_forward\nlearn rest with backprop\n"


@dataclass(frozen=True)
class Chains:
    """The blocks of a program as selectors see them: lengths by name, None for a block that is no chain."""

    lengths: Mapping[str, int | None]
    spans: Mapping[str, Span]
    unknown: frozenset[str] = frozenset()
    """Chains whose length was a mistake; they pass for one block long, and no range of them is wrong."""

    def members(self, name: str) -> list[str]:
        """The names of a block's or chain's blocks."""
        length = self.lengths[name]
        return [name] if length is None else [member(name, number) for number in range(1, length + 1)]

    def everything(self) -> Iterator[str]:
        for name in self.lengths:
            yield from self.members(name)


def chains_of(file: tree.File) -> Chains:
    """The blocks of a plain text. A count that was a mistake counts as unknown."""
    blocks = {clause.name: clause for clause in reversed(file.clauses) if isinstance(clause, tree.Block)}
    blocks = dict(reversed(blocks.items()))
    lengths: dict[str, int | None] = {}
    for name, block in blocks.items():
        count = block.count.value if isinstance(block.count, tree.Number) else 1
        lengths[name] = None if block.count is None else int(count)
    unknown = frozenset(name for name, block in blocks.items() if block.count is not None and is_hole(block.count))
    return Chains(lengths, {name: block.name_span for name, block in blocks.items()}, unknown)


def member(chain: str, number: int) -> str:
    """The name of a chain's block in scripts and results."""
    return f"{chain}_{number}"


def select(selector: tree.Selector, chains: Chains, report: Report) -> list[str]:
    """The blocks a selector names (`all` and `rest` apart); none after a mistake."""
    name = selector.name
    if name not in chains.lengths:
        report.add(_unknown(selector, chains))
        return []
    if selector.first is None:
        return chains.members(name)
    length = chains.lengths[name]
    first, last = selector.first, selector.last if selector.last is not None else selector.first
    if is_hole(first) or is_hole(last) or name in chains.unknown:
        return []
    if length is None:
        _outside(selector, f"`{name}` is one block, not a chain", chains, report)
        return []
    numbers = [end.value for end in (first, last) if isinstance(end, tree.Number) and isinstance(end.value, int)]
    if len(numbers) < 2:
        _outside(selector, f"the blocks of a chain are counted, `{name}[1]` to `{name}[{length}]`", chains, report)
        return []
    low, high = numbers
    if not 1 <= low <= high <= length:
        shown = f"{low}" if selector.last is None else f"{low}..{high}"
        counted = "one block" if length == 1 else f"{length} blocks, counted from 1"
        _outside(selector, f"`{name}[{shown}]` is outside the chain, which has {counted}", chains, report)
        return []
    return [member(name, number) for number in range(low, high + 1)]


def _outside(selector: tree.Selector, problem: str, chains: Chains, report: Report) -> None:
    related = ((chains.spans[selector.name], "declared here"),)
    report.add(OutsideChain(span=selector.span, problem=problem, related=related))


def _unknown(selector: tree.Selector, chains: Chains) -> Diagnostic:
    chain, _, number = selector.name.rpartition("_")
    if number.isdecimal() and chains.lengths.get(chain) is not None:
        near = f"{chain}[{int(number)}]"
    else:
        near = nearest(selector.name, (*chains.lengths, ALL, REST))
    edit = Edit(selector.span, near) if near else None
    return UnknownSelector(span=selector.span, name=selector.name, nearest=near, edit=edit)


T = TypeVar("T")


@dataclass(frozen=True)
class Line(Generic[T]):
    """A line that gives something to the blocks it selects."""

    selectors: tuple[tree.Selector, ...]
    gives: T


def distribute(lines: Sequence[Line[T]], chains: Chains, report: Report) -> dict[str, T]:
    """What each block is given, in the network's order; blocks no line names are left out.

    Lines with `rest` give to blocks that no other line names, wherever they stand.
    """
    given: dict[str, tuple[T, Span]] = {}
    rest: tuple[Line[T], Span] | None = None
    for line in lines:
        for selector in line.selectors:
            if selector.name == REST:
                if rest is not None:
                    report.add(SecondRest(span=selector.span, related=((rest[1], "the first time"),)))
                rest = rest or (line, selector.span)
                continue
            blocks = list(chains.everything()) if selector.name == ALL else select(selector, chains, report)
            again = next((block for block in blocks if block in given), None)
            if again is not None:
                related = ((given[again][1], "named first here"),)
                report.add(SelectedTwice(span=selector.span, block=as_written(again, chains), related=related))
            for block in blocks:
                given.setdefault(block, (line.gives, selector.span))
    everything = list(chains.everything())
    if rest is not None:
        for block in everything:
            given.setdefault(block, (rest[0].gives, rest[1]))
    return {block: given[block][0] for block in everything if block in given}


def as_written(block: str, chains: Chains) -> str:
    """A block as a program names it: `layer[3]`."""
    name, _, number = block.rpartition("_")
    return f"{name}[{number}]" if block not in chains.lengths and chains.lengths.get(name) is not None else block


def gather(given: Mapping[str, T], chains: Chains, same: Callable[[T], object], span: Span) -> Iterator[Line[T]]:
    """Lines that give each block what it is given: one for each different thing, in the order of the blocks.

    `same` maps equal things to equal keys.
    """
    groups: dict[object, tuple[T, list[str]]] = {}
    for block, thing in given.items():
        groups.setdefault(same(thing), (thing, []))[1].append(block)
    for thing, blocks in groups.values():
        yield Line(tuple(shortest(blocks, chains, span)), thing)


def shortest(blocks: Iterable[str], chains: Chains, span: Span) -> Iterator[tree.Selector]:
    """Selectors that name exactly some blocks: whole chains and ranges where there are."""
    wanted = set(blocks)
    for name, length in chains.lengths.items():
        if length is None:
            if name in wanted:
                yield tree.Selector(name, span=span)
            continue
        numbers = [number for number in range(1, length + 1) if member(name, number) in wanted]
        if len(numbers) == length:
            yield tree.Selector(name, span=span)
            continue
        for low, high in _ranges(numbers):
            last = None if low == high else tree.Number(high, span=span)
            yield tree.Selector(name, tree.Number(low, span=span), last, span=span)


def _ranges(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for index in range(1, len(numbers) + 1):
        if index == len(numbers) or numbers[index] != numbers[index - 1] + 1:
            yield numbers[start], numbers[index - 1]
            start = index
