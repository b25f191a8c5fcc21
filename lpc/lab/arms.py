"""The arms of a bench: one variant of one program under one protocol, compiled once, and how it differs from the baseline."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from lpc.codegen.order import turns
from lpc.codegen.script import print_script
from lpc.diagnostics import Diagnostic, ProgramError
from lpc.ir.program import Program
from lpc.lab.protocols import Length, Protocol
from lpc.passes.check import check_source
from lpc.passes.dump import dump
from lpc.passes.variants import BASE
from lpc.rules import registry
from lpc.rules.rule import Control
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.format import format_file

Settings = tuple[tuple[str, str], ...]
FAR = "LP92"
"""How the codes begin of warnings that a rule is used far from its paper's conditions."""
MAY_DIFFER = (tree.Network, tree.Learn, tree.Train, tree.Variant, tree.Claim, tree.Place)
"""Clauses in which arms may differ and still be a comparison of rules."""


@dataclass(frozen=True)
class Contender:
    """A variant of a program as it was checked, under the name it has in the bench."""

    label: str
    source: Source
    variant: str
    program: Program = field(repr=False)
    control: str = ""
    """What it tells, where it was added for that."""

    @property
    def text(self) -> str:
        """The program written out: equal for equal programs."""
        return dump(self.program)


@dataclass(frozen=True)
class Arm:
    """A contender under a protocol."""

    label: str
    protocol: str
    program_name: str
    file: str
    variant: str
    settings: Settings
    source_sha256: str
    script: str = field(repr=False)
    rules: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    """Epochs (or steps) of each training unit; None where all is closed form."""
    units: int = 1
    control: str = ""
    floor: bool = False
    """All its blocks are under a rule that learns nothing but the readout."""
    far: tuple[str, ...] = ()
    """How its rules are used far from their papers' conditions."""
    differs: tuple[str, ...] = ()
    """From the baseline, in more than `learn` and `train`."""
    trains: tuple[str, ...] = ()
    """From the baseline, in `train`, the protocol's own options aside."""

    @property
    def script_sha256(self) -> str:
        return hashlib.sha256(self.script.encode()).hexdigest()

    @property
    def key(self) -> str:
        """Its folder under the bench's: `matched/backprop`."""
        return f"{self.protocol}/{self.label.replace(':', '-')}"


class Work(NamedTuple):
    """What training a program takes. Operations are of one example, as modelled."""

    units: int
    """What is trained by itself: the network, or each block in its turn."""
    fixed_passes: int
    """That its rules make whatever the protocol."""
    flops: float
    """Of one pass of every unit."""
    fixed_flops: float
    """Of the passes that are fixed, and of frozen blocks that are evaluated once and kept."""


def work(program: Program) -> Work:
    found = turns(program)
    free = [turn for turn in found if turn.phase.phase.passes is None and turn.phase.updates]
    fixed = [turn for turn in found if turn.phase.phase.passes is not None]
    return Work(
        len(free),
        sum(turn.phase.phase.passes or 0 for turn in fixed),
        float(sum(turn.flops for turn in free)),
        float(
            sum(turn.flops * (turn.phase.phase.passes or 0) for turn in fixed) + sum(turn.part_flops for turn in free)
        ),
    )


def arm(contender: Contender, baseline: Contender, protocol: Protocol, length: Length, settings: Settings) -> Arm:
    """Compile a contender for a protocol. Raises ProgramError where the protocol's settings do not fit the program."""
    chosen = (*settings, *protocol.settings(length, contender.program))
    checked = check_source(contender.source, variant=contender.variant, overrides=chosen)
    if checked.errors:
        raise ProgramError(checked.errors)
    program = checked.program
    units = work(program).units
    own, other = _clauses(contender.program), _clauses(baseline.program)
    return Arm(
        label=contender.label,
        protocol=protocol.name,
        program_name=program.name,
        file=contender.source.name,
        variant=contender.variant,
        settings=chosen,
        source_sha256=hashlib.sha256(contender.source.text.encode()).hexdigest(),
        script=print_script(program).text,
        rules={block: use.rule for block, use in program.uses.items()},
        length=length.count if units else None,
        units=units,
        control=contender.control,
        floor=all(_offers(use.rule, "floor") for use in program.uses.values()),
        far=tuple(dict.fromkeys([*_unusual(checked.warnings), *_departures(program)])),
        differs=tuple(_apart(own, other)),
        trains=tuple(_trains_apart(contender.program, baseline.program)),
    )


def _unusual(warnings: Sequence[Diagnostic]) -> Iterable[str]:
    return (said(warning) for warning in warnings if warning.code.startswith(FAR))


def _departures(program: Program) -> Iterable[str]:
    """What the rules themselves say of their use, each with its name."""
    for region in program.regions:
        yield from (f"{region.rule.name}: {text}" for text in region.rule.departures(region.run))


def said(diagnostic: Diagnostic) -> str:
    return f"{diagnostic.title_text} ({diagnostic.code}: {diagnostic.label_text})"


def _clauses(program: Program) -> list[str]:
    """A program's clauses but those in which arms may differ, a line each."""
    kept = tuple(clause for clause in program.file.clauses if not isinstance(clause, MAY_DIFFER))
    return [" ".join(format_file(tree.File((clause,))).split()) for clause in kept]


def _apart(own: Sequence[str], other: Sequence[str]) -> Iterable[str]:
    """Each clause that one of two programs has and the other has not, or otherwise."""
    others = {_head(line): line for line in other}
    for line in own:
        was = others.pop(_head(line), None)
        if was is None:
            yield f"`{line}`, which the baseline has not"
        elif was != line:
            yield f"`{line}`, where the baseline has `{was}`"
    for line in others.values():
        yield f"no `{line}`, which the baseline has"


def _head(line: str) -> str:
    """What a clause is of: `block hidden1`."""
    return " ".join(line.replace("(", " ").split()[:2])


PROTOCOLS_OWN = frozenset({"epochs", "steps", "patience", "seed", "order", "span"})


def _trains_apart(one: Program, other: Program) -> Iterable[str]:
    assert one.protocol is not None and other.protocol is not None
    for name, value in vars(one.protocol).items():
        if name not in PROTOCOLS_OWN and value != (was := getattr(other.protocol, name)):
            yield f"{name} {_short(value)}, the baseline's {_short(was)}"


def _short(value: object) -> str:
    kind, arguments = getattr(value, "kind", None), getattr(value, "arguments", None)
    if arguments is not None:
        return f"{kind}({', '.join(f'{k} = {v:g}' for k, v in arguments.items())})"
    return str(kind if kind is not None else "all" if value is None else value)


def contenders(programs: Sequence[tuple[Source, Mapping[str, Program]]]) -> list[Contender]:
    """Every variant of every program; with several programs, named by program too."""
    several = len(programs) > 1
    return [
        Contender(f"{source.name.removesuffix('.lp')}:{name}" if several else name, source, name, program)
        for source, found in programs
        for name, program in found.items()
    ]


def pick_baseline(found: Sequence[Contender]) -> Contender:
    """The first that learns by the rule that is the field's baseline throughout, else the first program as it is."""
    for contender in found:
        if all(_offers(use.rule, "baseline") for use in contender.program.uses.values()):
            return contender
    return next((contender for contender in found if contender.variant == BASE), found[0])


def _offers(rule: str, role: Literal["baseline", "floor"]) -> bool:
    """Whether a rule is a control of this role."""
    return any(getattr(control, role) for control in registry.find(rule).controls)


def controls() -> list[Control]:
    """What the rules there are offer as controls of others."""
    return [control for name in registry.BUILT_IN for control in registry.find(name).controls]
