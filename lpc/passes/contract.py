"""What a pass promises: the facts it needs, gives and drops, recorded beside the function and checked in a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum

from lpc.diagnostics import Report
from lpc.ir.program import Program


class Fact(Enum):
    """What may hold of a program. `lpc.passes.verify` has one check a fact."""

    NAMES = "names"
    """The text is one plain program: no let, variant, claim, search or override is left, and defaults are written out."""
    TYPES = "types"
    """Every node and block of the network has a known type, and the objective fits."""
    BLOCKS = "blocks"
    """The network's blocks stand in topological order, every node in exactly one of them."""
    PROTOCOL = "protocol"
    """How to train, what to measure and where to place it are known."""
    RULES = "rules"
    """Every block has a rule by name, `auto` perhaps."""
    ASSIGNED = "assigned"
    """No block is left to `auto`."""
    LEGAL = "legal"
    """Blocks belong to regions, and every rule can train its regions."""
    STEPS = "steps"
    """Every phase's step and the prediction are traced."""
    COST = "cost"
    """Every block has its modelled cost."""
    STAGES = "stages"
    """Every block has a stage."""


PassFunction = Callable[[Program, Report], Program]


@dataclass(frozen=True)
class Pass:
    """A pass and its contract. Calling it runs the function.

    `tolerant`: also runs on a program in which earlier passes found errors, because stand-ins fill the gaps; so mistakes in
    the network, the protocol and the learning rules are reported in one go.
    """

    function: PassFunction
    needs: frozenset[Fact]
    gives: frozenset[Fact]
    drops: frozenset[Fact]
    tolerant: bool

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def summary(self) -> str:
        """Its docstring: first line, Before, After, Errors."""
        return (self.function.__doc__ or "").strip()

    def __call__(self, program: Program, report: Report) -> Program:
        return self.function(program, report)


def pass_(
    *, needs: Collection[Fact], gives: Collection[Fact], drops: Collection[Fact] = (), tolerant: bool = False
) -> Callable[[PassFunction], Pass]:
    """Record the contract of a pass."""

    def record(function: PassFunction) -> Pass:
        return Pass(function, frozenset(needs), frozenset(gives), frozenset(drops), tolerant)

    return record


class PipelineError(Exception):
    """A pipeline that cannot work: a pass needs what none before it gives. A bug of whoever built it, never of a user."""


def pipeline(*passes: Pass) -> tuple[Pass, ...]:
    """The passes in order, checked: each needs only what holds where it stands."""
    check_order(passes)
    return passes


def check_order(passes: Sequence[Pass]) -> frozenset[Fact]:
    """The facts that hold after the passes; raises PipelineError with a sentence that names what is missing."""
    holds: frozenset[Fact] = frozenset()
    for step in passes:
        if missing := [fact for fact in Fact if fact in step.needs - holds]:
            names = ", ".join(fact.name for fact in missing)
            givers = [other.name for other in passes if not other.gives.isdisjoint(missing)]
            hint = f"; {', '.join(givers)} gives it, but stands later" if givers else "; no pass here gives it"
            raise PipelineError(f"`{step.name}` needs {names}, which does not hold there{hint}")
        holds = (holds - step.drops) | step.gives
    return holds
