"""Loops over a chain whose values are read again by other loops: those are kept by index, `layer_error[k]`.

`roll` makes loops whose values only the next round reads. A step that goes up a chain, down it and up again reads what every round
gave: here such values get a dictionary each. Lines keep their order, and a value its one writer, so nothing can be read too early.
Rests, as `roll` does, on the law `a rolled chain = the chain written out`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from lpc.codegen.lines import CLOSE, MARK, OPEN, Line, mark

SHORTEST = 3
"""Fewer repetitions than this are printed out."""
Chains = Mapping[str, tuple[str, int]]
"""The chain and index of each block that has one."""


@dataclass(frozen=True)
class Slot:
    """What the blocks of a chain each have one value of: what it is called, and which of those called so it is."""

    chain: str
    role: str
    number: int

    @property
    def key(self) -> str:
        return f"{self.chain} {self.role} {self.number}"

    @property
    def name(self) -> str:
        return self.role.replace("*", self.chain) if "*" in self.role else f"{self.chain}_{self.role}"


@dataclass(frozen=True)
class Turn:
    """Neighbouring lines of one block, from `start` to `end`."""

    block: str
    start: int
    end: int


def keep(lines: Sequence[Line], free: Collection[int], chains: Chains, named: dict[str, str]) -> list[Line] | None:
    """The lines with loops in place of what repeats along a chain, up or down; None where there is nothing to gain.

    free: positions of lines that may go into loops; the others are in loops already, or inside a block's own.
    """
    return _Keeper(lines, free, chains, named).kept()


class _Keeper:
    def __init__(self, lines: Sequence[Line], free: Collection[int], chains: Chains, named: dict[str, str]) -> None:
        self.lines, self.free, self.chains, self.named = lines, free, chains, named
        self.slots: dict[str, tuple[Slot, int]] = {}
        """Of each value that a chain's block gives: its slot, and the block's index."""
        seen: Counter[tuple[str, str]] = Counter()
        self.writes = Counter(key for line in lines for key in line.writes)
        for line in lines:
            if line.block in chains:
                chain, index = chains[line.block]
                for key in line.writes:
                    role = _role(named.get(key, ""), chain, index)
                    if key not in self.slots:
                        self.slots[key] = Slot(chain, role, seen[line.block, role]), index
                        seen[line.block, role] += 1
        self.turns = self._turns()

    def kept(self) -> list[Line] | None:
        runs = self._runs()
        crossing = self._crossing([turn for run in runs for turn in run])
        if not runs or crossing is None:
            return None
        made: list[Line] = []
        loops = {run[0].start: run for run in runs}
        at = 0
        while at < len(self.lines):
            if at in loops:
                made += self._loop(loops[at], crossing)
                at = loops[at][-1].end
            else:
                made.append(self._alone(self.lines[at], crossing))
                at += 1
        return self._begun(made, crossing)

    def _turns(self) -> list[Turn]:
        found: list[Turn] = []
        for at, line in enumerate(self.lines):
            if found and found[-1].block == line.block:
                found[-1] = Turn(line.block, found[-1].start, at + 1)
            else:
                found.append(Turn(line.block, at, at + 1))
        return found

    def _runs(self) -> list[list[Turn]]:
        """Three or more neighbours that are alike, block after block up the chain or down it."""
        found: list[list[Turn]] = []
        at = 0
        while at < len(self.turns):
            run = max((self._run(at, way) for way in (1, -1)), key=len)
            if len(run) >= SHORTEST:
                found.append(run)
            at += len(run) if len(run) >= SHORTEST else 1
        return found

    def _run(self, at: int, way: int) -> list[Turn]:
        first = self.turns[at]
        shape = self._shape(first)
        run = [first]
        for turn in self.turns[at + 1 :]:
            chain, index = self.chains.get(run[-1].block, ("", 0))
            if shape is None or self.chains.get(turn.block) != (chain, index + way) or self._shape(turn) != shape:
                break
            run.append(turn)
        return run

    def _shape(self, turn: Turn) -> tuple[str, ...] | None:
        """Its lines with chain indices made relative; None where it cannot be a round of a loop."""
        after = self.lines[turn.end].depth if turn.end < len(self.lines) else 0
        inside = any(at not in self.free for at in range(turn.start, turn.end))
        if turn.block not in self.chains or self.lines[turn.start].depth or after or inside:
            return None
        chain, index = self.chains[turn.block]
        texts: list[str] = []
        for line in self.lines[turn.start : turn.end]:
            text = MARK.sub(lambda found: self._relative(found, chain, index), line.text)
            texts.append(f"{line.depth}{line.quiet} {text}")
        return tuple(texts)

    def _relative(self, found: re.Match[str], chain: str, index: int) -> str:
        letter, name = found[1], found[2]
        if letter == "v":
            slot, of = self.slots.get(name, (None, 0))
            return f"{slot.key} {of - index}" if slot is not None and slot.chain == chain else f"v {name}"
        head, dot, rest = name.partition(".")
        of = self.chains.get(head, ("", 0))[1]
        same = self.chains.get(head, ("",))[0] == chain
        return f"{letter} {of - index}{dot}{rest}" if same and of == index else f"{letter} {name}"

    def _crossing(self, inside: Sequence[Turn]) -> set[Slot] | None:
        """The slots whose values others than their writer read; None where one has no single writer, or is in a loop of `roll`."""
        place = {at: turn for turn in self.turns for at in range(turn.start, turn.end)}
        wrote = {key: place[at] for at, line in enumerate(self.lines) for key in line.writes}
        looped = set(inside)
        reads = [(key, place[at]) for at, line in enumerate(self.lines) for key in line.values() if key in self.slots]
        found = {
            self.slots[key][0] for key, turn in reads if turn != wrote[key] and (turn in looped or wrote[key] in looped)
        }
        for key, turn in reads:
            if self.slots[key][0] in found and (self.writes[key] > 1 or turn.start not in self.free):
                return None
        return found

    # -- text ---------------------------------------------------------------------------------------------------------

    def _loop(self, run: Sequence[Turn], crossing: Collection[Slot]) -> list[Line]:
        """A run as a loop: the last block's lines, with `k` for its index."""
        last = run[-1]
        chain, index = self.chains[last.block]
        first, way = self.chains[run[0].block][1], self.chains[run[1].block][1] - self.chains[run[0].block][1]
        stop = f"{index + way}" + (", -1" if way < 0 else "")
        body: list[Line] = []
        for line in self.lines[last.start : last.end]:
            text = self._indexed(line.text, crossing, chain, index)
            text = MARK.sub(lambda found: _of_chain(found, last.block, chain), text)
            comment = line.comment.replace(line.block, "its block")
            writes = self._written(line, crossing)
            body.append(
                Line(text, line.block, writes, line.depth + 1, comment, "", line.quiet, line.opens, line.recorded)
            )
        for key in {key for line in body for key in line.writes} & self.named.keys():
            self.named[key] = self.named[key].replace(last.block, chain)
        return [Line(f"for k in range({first}, {stop}):", opens=True), *body]

    def _alone(self, line: Line, crossing: Collection[Slot]) -> Line:
        line.text = self._indexed(line.text, crossing)
        line.writes = self._written(line, crossing)
        return line

    def _written(self, line: Line, crossing: Collection[Slot]) -> tuple[str, ...]:
        kept = {key: self.slots[key][0] for key in line.writes if key in self.slots}
        return tuple(kept[key].key if kept.get(key) in crossing else key for key in line.writes)

    def _indexed(self, text: str, crossing: Collection[Slot], chain: str = "", index: int = 0) -> str:
        """A kept value is an entry of its dictionary: of `k`, inside a loop over its chain."""

        def entry(found: re.Match[str]) -> str:
            slot, of = self.slots.get(found[2], (None, 0))
            if found[1] != "v" or slot is None or slot not in crossing:
                return found[0]
            offset = of - index
            relative = "k" if not offset else f"k + {offset}" if offset > 0 else f"k - {-offset}"
            return f"{mark('v', slot.key)}[{relative if slot.chain == chain else of}]"

        return MARK.sub(entry, text)

    def _begun(self, lines: list[Line], crossing: Collection[Slot]) -> list[Line]:
        """Each dictionary is made where the first line writes to it, or before the loop that does."""
        made: list[Line] = []
        keys = {slot.key: slot for slot in crossing}
        begun: set[str] = set()
        for at, line in enumerate(lines):
            end = at + 1
            while line.opens and end < len(lines) and lines[end].depth > line.depth:
                end += 1
            new = dict.fromkeys(k for each in lines[at:end] for k in each.writes if k in keys and k not in begun)
            if new and line.depth == 0:
                begun.update(new)
                self.named.update((key, keys[key].name) for key in new)
                targets = ", ".join(mark("v", key) for key in new)
                made.append(Line(f"{targets} = {', '.join(['{}'] * len(new))}", writes=tuple(new)))
            made.append(line)
        return made


def _role(name: str, chain: str, index: int) -> str:
    """A value's name with `*` for its block, or for the one below or above it."""
    for near in (index, index - 1, index + 1):
        changed = re.sub(rf"^{re.escape(chain)}_{near}(?![0-9])", "*", name)
        if changed != name:
            return changed
    return name


def _of_chain(found: re.Match[str], block: str, chain: str) -> str:
    """Marks of a block become marks of `chain[k]`."""
    letter, name = found[1], found[2]
    if letter != "v" and (name == block or name.startswith(f"{block}.")):
        return f"{OPEN}{letter.upper()}{chain}{name[len(block) :]}{CLOSE}"
    return found[0]
