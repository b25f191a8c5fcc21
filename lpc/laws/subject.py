"""What the laws of every program are tried on: one program with data, and what scripts and interpreter make of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch

from lpc.codegen.schedule import Mode
from lpc.codegen.script import print_script
from lpc.diagnostics import Report
from lpc.ir.network import Network
from lpc.ir.program import Program
from lpc.laws.agreement import Broken
from lpc.laws.validation import (
    JITTERS,
    Batch,
    Devices,
    Difference,
    Moment,
    exactly,
    first_difference,
    reference_run,
    script_run,
)
from lpc.passes.pipeline import run
from lpc.rules.law import Inapplicable, Stated
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.format import format_file
from lpc.syntax.parse import parse

MODES: tuple[Mode, ...] = ("at once", "summed")


@dataclass(eq=False)
class Subject:
    """A program whose passes all ran, batches of tensors by data name, a seed, and what stands for its black boxes.

    Everything runs in float64, whatever the program says. What several laws need is run once.
    """

    program: Program
    batches: Sequence[Batch]
    seed: int = 1
    devices: Devices = field(default_factory=dict)
    compared: int = 0
    """How many comparisons were made."""
    worst: float = 0.0
    """The largest relative difference among what should be equal."""
    _trained: dict[str, list[Moment]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.program = in_float64(self.program)

    @property
    def network(self) -> Network:
        assert self.program.network is not None
        return self.program.network

    # -- other programs ---------------------------------------------------------------------------------------------

    def recompiled(self, change: Callable[[tree.File], tree.File] | None = None) -> Program:
        """The program compiled again from its text, or from that text changed. Raises Inapplicable where lpc refuses that."""
        report, source = Report(), self.program.source
        if change is not None:
            source = Source(source.name, format_file(change(parse(source, report))))
        fresh = Program(source, parse(source, report), self.program.variant, self.program.overrides)
        made = run(fresh, report)
        if report.errors:
            raise Inapplicable(f"{report.errors[0].title_text}: {report.errors[0].label_text}")
        return in_float64(made)

    def ordered(self, order: str) -> Program:
        """The program with another `order`."""
        return replace(self.program, protocol=replace(self.program.protocol, order=order))  # type: ignore[type-var]

    # -- runs -------------------------------------------------------------------------------------------------------

    @cached_property
    def scripts(self) -> Mapping[Mode, str]:
        """The program's script in both schedules; they may be the same."""
        return scripts(self.program)

    @cached_property
    def expected(self) -> list[Moment]:
        """What the interpreter makes of the program."""
        return self.interpreted()

    @cached_property
    def moved(self) -> list[list[Moment]]:
        """The same with other rounding."""
        return [self.interpreted(jitter=jitter) for jitter in JITTERS]

    def trained(self, text: str) -> list[Moment]:
        """What a script of the program makes of it."""
        if text not in self._trained:
            self._trained[text] = self.run(text)
        return self._trained[text]

    def run(self, text: str, **options: Any) -> list[Moment]:
        """Run a script, afresh. Options: as `script_run` takes them."""
        with exactly(self.seed):
            return script_run(self.program, text, self.batches, self.seed, **{"devices": self.devices, **options})

    def interpreted(self, program: Program | None = None, **options: Any) -> list[Moment]:
        """Run the interpreter, afresh. Options: as `reference_run` takes them."""
        with exactly(self.seed):
            given = {"batches": self.batches, "devices": self.devices, **options}
            return reference_run(program or self.program, **given)

    # -- what must hold ---------------------------------------------------------------------------------------------

    def needs(self, holds: object, otherwise: str) -> None:
        """Raises Inapplicable where a condition does not hold."""
        if not holds:
            raise Inapplicable(otherwise)

    def agree(
        self,
        made: Sequence[Moment],
        expected: Sequence[Moment],
        moved: Callable[[], Sequence[Sequence[Moment]]] = tuple,
        what: str = "",
    ) -> None:
        """Two runs hold the same, up to what rounding explains: raises Broken with the first moment where they do not.

        moved: the second one with other rounding, asked for only where the two disagree.
        """
        found = first_difference(made, expected)
        if not found.agrees:
            found = first_difference(made, expected, moved())
        self._compared(found, what)

    def identical(self, made: Sequence[Moment], expected: Sequence[Moment], what: str) -> None:
        """Two runs hold the same bits."""
        self.compared += 1
        for one, other in zip(made, expected, strict=True):
            for name in dict.fromkeys([*other.tensors, *one.tensors]):
                same = name in one.tensors and name in other.tensors
                if not same or not torch.equal(one.tensors[name], other.tensors[name]):
                    size = f" by {_largest(one.tensors[name] - other.tensors[name]):.2g}" if same else ""
                    raise Broken(f"{what}: `{name}` differs{size} in {one.phase}, step {one.step + 1}")

    def _compared(self, found: Difference, what: str) -> None:
        self.compared += 1
        self.worst = max(self.worst, found.relative)
        if not found.agrees:
            raise Broken(f"{what}: {found}" if what else str(found))


def in_float64(program: Program) -> Program:
    assert program.protocol is not None
    return replace(program, protocol=replace(program.protocol, precision="f64"))


def _largest(tensor: torch.Tensor) -> float:
    return float(tensor.double().abs().max()) if tensor.numel() else 0.0


def scripts(program: Program) -> dict[Mode, str]:
    """A program's script in both schedules, whatever the prices."""
    return {mode: print_script(program, mode).text for mode in MODES}


# -- laws ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Programs:
    """What programs a law is tried on when they are drawn: with whatever can be a chain, or with a black box.

    most: of how many at most.
    """

    chains: bool = False
    boxed: bool = False
    most: int | None = None


Check = Callable[[Subject], None]


@dataclass(frozen=True)
class GeneralLaw:
    """A law of every program, and its check: it raises Broken, or Inapplicable with a reason."""

    stated: Stated
    check: Check = field(compare=False, repr=False)
    drawn: Programs = Programs()

    @property
    def name(self) -> str:
        return self.stated.name


def checks(stated: Stated, drawn: Programs = Programs()) -> Callable[[Check], GeneralLaw]:
    """Makes a law of its statement and its check."""
    return lambda check: GeneralLaw(stated, check, drawn)
