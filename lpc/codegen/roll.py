"""Rolling: lines that repeat from block to block of a chain become one loop.

Compares marked lines, not nodes and not final text: group k must be group k - 1 with every chain index moved by one, values may
come only from the same or the previous group, and nothing after the loop may read any but the last group's values. Where other
loops read them, `kept` makes the loops. Rests on the law `a rolled chain = the chain written out`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lpc.codegen.kept import SHORTEST, Chains, keep
from lpc.codegen.lines import CLOSE, MARK, OPEN, Line, mark


@dataclass(frozen=True)
class _Group:
    block: str
    lines: tuple[Line, ...]


def roll(lines: Sequence[Line], chains: Chains, named: dict[str, str]) -> list[Line]:
    """Roll what can be rolled; `named` are preferred names, from which roles are told. A rolled value gets its chain's name."""
    lines = keep(lines, _never_rolled(lines, chains, named), chains, named) or lines
    groups = _groups(lines)
    made: list[Line] = []
    position = 0
    writer = {key: line.block for line in lines for key in line.writes}
    while position < len(groups):
        end = _run_end(groups, position, chains, writer, named)
        rolled = _rolled(groups, position, end, chains, named) if end - position >= SHORTEST else None
        made += rolled if rolled is not None else [line for group in groups[position:end] for line in group.lines]
        position = end
    return made


def _never_rolled(lines: Sequence[Line], chains: Chains, named: Mapping[str, str]) -> set[int]:
    """Positions of the lines that this module finds no loop for."""
    groups = _groups(lines)
    writer = {key: line.block for line in lines for key in line.writes}
    free: set[int] = set()
    position = line = 0
    while position < len(groups):
        end = _run_end(groups, position, chains, writer, named)
        count = sum(len(group.lines) for group in groups[position:end])
        if end - position < SHORTEST or _merged_names(groups, position, end) is None:
            free.update(range(line, line + count))
        position, line = end, line + count
    return free


def _groups(lines: Sequence[Line]) -> list[_Group]:
    groups: list[list[Line]] = []
    for line in lines:
        if groups and groups[-1][-1].block == line.block:
            groups[-1].append(line)
        else:
            groups.append([line])
    return [_Group(group[0].block, tuple(group)) for group in groups]


def _run_end(
    groups: Sequence[_Group], start: int, chains: Chains, writer: Mapping[str, str], named: Mapping[str, str]
) -> int:
    """The end of the longest run of equal groups of one chain that begins at `start`."""
    first = groups[start]
    if first.block not in chains:
        return start + 1
    chain, index = chains[first.block]
    shape = _shape(first, chain, index, chains, writer, named)
    if shape is None:
        return start + 1
    end = start + 1
    while end < len(groups):
        block = groups[end].block
        if chains.get(block) != (chain, index + end - start):
            break
        if _shape(groups[end], chain, index + end - start, chains, writer, named) != shape:
            break
        if not _reads_what_a_loop_has(groups[end], groups[end - 1], chain, chains, writer):
            break
        end += 1
    return end


def _reads_what_a_loop_has(
    group: _Group, before: _Group, chain: str, chains: Chains, writer: Mapping[str, str]
) -> bool:
    """Whether a group reads, of what blocks of its chain gave, only what it or the group before it writes."""
    there = {key for each in (before, group) for line in each.lines for key in line.writes}
    read = {key for line in group.lines for key in line.values()}
    return all(key in there or chains.get(writer.get(key, ""), ("",))[0] != chain for key in read)


def _shape(
    group: _Group, chain: str, index: int, chains: Chains, writer: Mapping[str, str], named: Mapping[str, str]
) -> tuple[str, ...] | None:
    """A group's lines with chain indices made relative; None where it reads from farther than the group before."""
    texts: list[str] = []
    for line in group.lines:
        pieces: list[str] = []
        last = 0
        for found in MARK.finditer(line.text):
            letter, name = found[1], found[2]
            pieces.append(line.text[last : found.start()])
            last = found.end()
            owner = writer.get(name) if letter == "v" else _block_of(name, chains)
            if owner is None or owner not in chains or chains[owner][0] != chain:
                pieces.append(f"{letter}:{name}")
                continue
            offset = chains[owner][1] - index
            if offset not in (0, -1) or (letter != "v" and offset):
                return None
            role = _role(named.get(name, ""), owner) if letter == "v" else name[len(owner) :]
            pieces.append(f"{letter}:{role}:{offset}")
        pieces.append(line.text[last:])
        texts.append(f"{line.depth}{line.quiet}" + "".join(pieces))
    return tuple(texts)


def _role(name: str, owner: str) -> str:
    return name.replace(owner, "*")


def _block_of(name: str, chains: Chains) -> str | None:
    head = name.partition(".")[0]
    return head if head in chains else None


def _rolled(groups: Sequence[_Group], start: int, end: int, chains: Chains, named: dict[str, str]) -> list[Line] | None:
    chain, first = chains[groups[start].block]
    last_group = groups[end - 1]
    merged = _merged_names(groups, start, end)
    if merged is None:
        return None
    for key in {key for line in last_group.lines for key in line.writes}:
        named[key] = named[key].replace(last_group.block, chain)
    body: list[Line] = []
    for line in last_group.lines:
        text = _with_index(line.text, chain, last_group.block, merged)
        writes = tuple(merged.get(key, key) for key in line.writes)
        comment = line.comment.replace(line.block, "its block") if line.block else line.comment
        body.append(
            Line(
                text,
                line.block,
                writes,
                line.depth + 1,
                comment,
                quiet=line.quiet,
                opens=line.opens,
                recorded=line.recorded,
            )
        )
    head = Line(f"for k in range({first}, {first + end - start}):", "", (), groups[start].lines[0].depth, opens=True)
    for group in groups[:start]:
        _rename(group.lines, merged)
    return [head, *body]


def _merged_names(groups: Sequence[_Group], start: int, end: int) -> dict[str, str] | None:
    """Which values of the rolled groups share the name of the last group's; None where a loop would change what is read."""
    final = list(groups[end - 1].lines)
    merged: dict[str, str] = {}
    for group in groups[start : end - 1]:
        for line, model in zip(group.lines, final, strict=True):
            merged.update(zip(line.writes, model.writes, strict=True))
    # What the first group reads from before the run takes the name of what the second group reads at the same place.
    second = groups[start + 1].lines
    for line, model in zip(groups[start].lines, second, strict=True):
        for mine, theirs in zip(line.values(), model.values(), strict=True):
            if mine != theirs and mine not in merged and theirs in merged:
                merged[mine] = merged[theirs]
    targets = set(merged.values())
    written: set[str] = set()
    for line in final:
        reads = [merged.get(key, key) for key in line.reads()]
        own = {key for model in final for key in model.writes}
        for key, shared in zip(line.reads(), reads, strict=True):
            if shared in targets and key not in own and shared in written:
                return None
        written.update(line.writes)
    inside = {key for group in groups[start : end - 1] for line in group.lines for key in line.writes}
    before = {key for key in merged if key not in inside}
    for group in groups[end:]:
        for line in group.lines:
            if any(key in inside or key in before for key in line.values()):
                return None
    return merged


def _rename(lines: Sequence[Line], merged: Mapping[str, str]) -> None:
    for line in lines:
        line.text = MARK.sub(lambda m: mark("v", merged.get(m[2], m[2])) if m[1] == "v" else m[0], line.text)
        line.writes = tuple(merged.get(key, key) for key in line.writes)


def _with_index(text: str, chain: str, block: str, merged: Mapping[str, str]) -> str:
    """Marks of this block become marks of `chain[k]`."""

    def change(found: re.Match[str]) -> str:
        letter, name = found[1], found[2]
        if letter == "v":
            return mark("v", merged.get(name, name))
        if name == block or name.startswith(block + "."):
            return f"{OPEN}{letter.upper()}{chain}{name[len(block) :]}{CLOSE}"
        return found[0]

    return MARK.sub(change, text)
