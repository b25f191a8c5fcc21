"""Whether two programs learn the same: trained side by side from a few seeds, and compared tensor by tensor, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lpc.diagnostics import nearest
from lpc.ir.program import Program
from lpc.laws.agreement import WITHIN, Broken
from lpc.laws.differences import Difference, Found, compared
from lpc.laws.sides import Side, check_interpretable, examples_for, initial, lengthened, unlike_data

STEPS = 5
TRIES = 3
"""From how many seeds the two are compared."""


@dataclass(frozen=True)
class Asked:
    """How two programs are compared."""

    steps: int = STEPS
    tolerance: float = WITHIN
    seed: int | None = None
    """Of the first try, in place of each program's own."""
    scale: bool = False
    initialisation: bool = False
    """Whether the second program starts from the first one's values, and draws from its seed."""
    match: Mapping[str, str] = field(default_factory=dict)
    """Blocks or chains of the first program, and what they are called in the second."""


@dataclass(frozen=True)
class Equivalence:
    """What came of comparing two programs."""

    seeds: tuple[tuple[int, int], ...]
    """Of each try, of the first and the second program."""
    rows: tuple[tuple[int, ...], tuple[int, ...]]
    steps: int
    tensors: tuple[str, ...]
    """Compared, by the first program's names."""
    largest: float
    """Difference, as a part of a tensor's movement."""
    alone: tuple[tuple[str, ...], tuple[str, ...]]
    """Tensors that only the first, only the second program has."""
    unlike: tuple[str, ...]
    """What the programs say differently and the comparison does not look at."""
    factor: float | None = None
    difference: Difference | None = None
    problem: str = ""
    """Why they cannot be compared step by step, where they cannot."""
    note: str = ""
    """What may be all of the difference and says nothing of the programs, where there is such a thing."""

    @property
    def same(self) -> bool:
        return self.difference is None and not self.problem


class Mismatch(Exception):
    """Two programs whose data or blocks are not those of each other, or a match of what is not there."""


def equivalent(left: Program, right: Program, names: tuple[str, str], asked: Asked | None = None) -> Equivalence:
    """Compare two programs whose steps are there; `names` is how messages call them.

    Raises Mismatch where their blocks or data do not match, Untried where the interpreter cannot run one of them.
    """
    wanted = asked or Asked()
    for program in (left, right):
        check_interpretable(program)
    if other := unlike_data(left, right):
        raise Mismatch(f"they read other data: {names[0]} {other[0]}, {names[1]} {other[1]}")
    blocks = matched(left, right, names, wanted.match)
    programs = lengthened(left, wanted.steps), lengthened(right, wanted.steps)
    tried: list[tuple[Side, Side]] = []
    found, problem, largest = None, "", 0.0
    while len(tried) < TRIES and not problem and (found is None or found.holds):
        tried.append(_sides(programs, names, blocks, wanted, len(tried)))
        try:
            found = compared(*tried[-1], within=wanted.tolerance, scale=wanted.scale)
            largest = max(largest, found.largest)
        except Broken as unlike:
            problem = str(unlike)
    difference = found.difference if found is not None else None
    return Equivalence(
        seeds=tuple((one.seed, other.seed) for one, other in tried),
        rows=(tried[-1][0].rows, tried[-1][1].rows),
        steps=wanted.steps,
        tensors=found.agreement.shared if found is not None else (),
        largest=largest,
        alone=_alone(found, tried[-1]) if found is not None else ((), ()),
        unlike=tuple(_unlike(left, right, names, wanted)),
        factor=found.factor if found is not None else None,
        difference=difference,
        problem=problem,
        note=_renamed_dropout(left, right, blocks) if difference is not None and difference.step else "",
    )


def _sides(
    programs: tuple[Program, Program], names: tuple[str, str], blocks: Mapping[str, str], asked: Asked, tried: int
) -> tuple[Side, Side]:
    left, right = programs
    assert left.protocol is not None and right.protocol is not None
    first, second = (
        (program.protocol.seed if asked.seed is None else asked.seed) + tried
        for program in programs
        if program.protocol
    )
    if asked.initialisation:
        second = first
    examples = examples_for(left, right, asked.steps, first)
    values = initial(right, second)
    back = {new: old for old, new in blocks.items()}
    renamed = {name: _renamed(name, back) for name in values}
    start = initial(left, first) if asked.initialisation else {}
    own = {
        name: start[other]
        for name, other in renamed.items()
        if other in start and start[other].shape == values[name].shape
    }
    return (
        Side(names[0], left, first, examples[0]),
        Side(
            names[1], right, second, examples[1], own, {name: other for name, other in renamed.items() if name != other}
        ),
    )


def _seed(program: Program, asked: Asked) -> int:
    assert program.protocol is not None
    return program.protocol.seed if asked.seed is None else asked.seed


def _renamed(tensor: str, blocks: Mapping[str, str]) -> str:
    block, dot, rest = tensor.partition(".")
    return f"{blocks.get(block, block)}{dot}{rest}"


def _renamed_dropout(left: Program, right: Program, blocks: Mapping[str, str]) -> str:
    """A note where blocks of other names have dropout on both sides: its masks are drawn by name, so they differ."""
    network = left.network
    assert network is not None
    renamed = [
        str(network.block(old))
        for old, new in blocks.items()
        if old != new and _has_dropout(left, old) and _has_dropout(right, new)
    ]
    if not renamed:
        return ""
    return (
        f"dropout draws by the name of its block, so in {_listed(renamed)} other numbers are dropped under the other name; "
        "that alone may be the difference"
    )


def _has_dropout(program: Program, block: str) -> bool:
    network = program.network
    assert network is not None
    return any(node.kind == "dropout" for node in network.nodes_of(network.block(block)))


def _alone(found: Found, sides: Sequence[Side]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tensors that only one side has, each by its own side's name."""
    first, second = found.runs
    back = {other: name for name, other in sides[1].names.items()}
    return (
        tuple(sorted({*first.before} - {*second.before})),
        tuple(sorted(back.get(name, name) for name in {*second.before} - {*first.before})),
    )


def _unlike(left: Program, right: Program, names: tuple[str, str], asked: Asked) -> Iterator[str]:
    """What two programs say of training differently, and no comparison of steps shows."""
    one, other = left.protocol, right.protocol
    assert one is not None and other is not None and left.data is not None and right.data is not None
    options = ["epochs", "steps", "patience", "precision"]
    if asked.seed is not None or asked.initialisation:
        options.append("seed")
    for option in options:
        written = [getattr(protocol, option) for protocol in (one, other)]
        if written[0] != written[1]:
            told = (f"{option} = {value}" if value is not None else f"no {option}" for value in written)
            yield " and ".join(f"{text} in {name}" for text, name in zip(told, names, strict=True))
    if (left.data.source, left.data.arguments) != (right.data.source, right.data.arguments):
        yield f"the source of the data, `{left.data.source}` in {names[0]} and `{right.data.source}` in {names[1]}"


# -- blocks and data ----------------------------------------------------------------------------------------------


def matched(left: Program, right: Program, names: tuple[str, str], match: Mapping[str, str]) -> Mapping[str, str]:
    """The second program's name of each of the first one's blocks.

    Raises Mismatch where `match` names what is not there, or where blocks of either are left over.
    """
    own, theirs = _blocks(left), _blocks(right)
    found: dict[str, str] = {}
    for old, new in match.items():
        pair = _members(old, own, names[0]), _members(new, theirs, names[1])
        if len(pair[0]) != len(pair[1]):
            raise Mismatch(f"`{old}` of {names[0]} has {len(pair[0])} blocks, `{new}` of {names[1]} {len(pair[1])}")
        found |= dict(zip(*pair, strict=True))
    taken = set(found.values())
    found |= {name: name for name in own if name not in found and name in theirs and name not in taken}
    over = [name for name in own if name not in found], [name for name in theirs if name not in set(found.values())]
    if any(over):
        raise Mismatch(_left_over(over, names))
    return found


def _blocks(program: Program) -> list[str]:
    assert program.network is not None
    return [block.name for block in program.network.blocks]


def _members(name: str, blocks: Sequence[str], of: str) -> list[str]:
    """A block by its name, by `layer[2]`, or all of a chain."""
    single = name.replace("[", "_").removesuffix("]")
    if single in blocks:
        return [single]
    members = [block for block in blocks if block.rpartition("_")[0] == name and block.rpartition("_")[2].isdigit()]
    if not members:
        near = nearest(name, blocks)
        raise Mismatch(
            f"{of} has no block `{name}`" + (f"; did you mean `{near}`?" if near else f": it has {_listed(blocks)}")
        )
    return members


def _left_over(over: tuple[Sequence[str], Sequence[str]], names: tuple[str, str]) -> str:
    parts = [f"{name} alone has {_listed(blocks)}" for name, blocks in zip(names, over, strict=True) if blocks]
    hint = f"; --match {over[0][0]}={over[1][0]} says that two are one" if all(over) else ""
    return f"their blocks do not match: {', '.join(parts)}{hint}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
