"""What a learning rule is: one file with its parameters, its needs, what it adds, its step, its prediction and its laws.

A rule never sees torch. Its `step` is a Python function that is *traced* over a run of blocks: Python's loops run at compile
time, and what is recorded is a straight-line program over the primitives of `lpc.ir.step`. Interpreter, legality, cost, code
generator and laws all read that one program.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from lpc.ir.step import Added
from lpc.rules.law import Law

if TYPE_CHECKING:
    from lpc.ir.step import Value
    from lpc.rules.run import Run
    from lpc.rules.tracer import Recorder

ParameterKind = Literal["int", "float", "word"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a rule, as `lpc rules NAME` shows it. `default` None: the rule works it out (its summary says how)."""

    name: str
    kind: ParameterKind
    default: int | float | str | None
    summary: str
    source: str
    words: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None


def parameter(
    default: Any,
    summary: str,
    *,
    source: str,
    kind: ParameterKind | None = None,
    words: tuple[str, ...] = (),
    least: float | None = None,
    most: float | None = None,
) -> Any:
    """A field of a rule that a program may set; `source` says where its default comes from."""
    found: ParameterKind = kind or ("word" if words else "int" if isinstance(default, int) else "float")
    made = {"kind": found, "summary": summary, "source": source, "words": words, "least": least, "most": most}
    return field(default=default, metadata=made)


@dataclass(frozen=True)
class Phase:
    """One part of training. `passes` None: the epochs or steps of the protocol; a number: so many passes over the data.

    Phases of the rules of one program run in the order of `PHASES`, each once, all rules together.
    """

    name: str
    passes: int | None = None


STATISTICS = Phase("statistics", passes=1)
"""One pass before anything else: frozen blocks gather batch-norm statistics."""
BLOCKS = Phase("blocks")
"""Blocks are trained first, apart from what reads them."""
TRAIN = Phase("train")
FIT = Phase("fit", passes=1)
"""One pass that gathers sums, then a closed-form solution."""

PHASES: tuple[Phase, ...] = (STATISTICS, BLOCKS, TRAIN, FIT)


@dataclass(frozen=True)
class Illegal:
    """Why a rule cannot train a block, and what would make it legal."""

    block: str
    reason: str
    remedy: str


@dataclass(frozen=True)
class Control:
    """A use of a rule that comparisons want beside another rule, and what it tells: `lpc bench --controls` adds it."""

    name: str
    """Of the variant that is added."""
    use: str
    """As a `learn` line writes it."""
    tells: str
    baseline: bool = False
    """All others are compared with it."""
    floor: bool = False
    """Reached without learning hidden blocks: a rule must be above it."""


@dataclass(frozen=True)
class Rule:
    """Base of all rules. Subclasses are frozen dataclasses whose fields are made by `parameter`."""

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    paper: ClassVar[str]
    example: ClassVar[str]
    """A `learn` line."""
    laws: ClassVar[tuple[Law, ...]] = ()

    general: ClassVar[bool] = False
    """Whether `auto` may choose it where a program does not say among what; other packages' rules it takes by name only."""
    local: ClassVar[bool] = False
    """Blocks learn from nothing but their own input and the label: each can be trained alone, in turn, on a stage of its own."""
    needs_error: ClassVar[bool] = False
    """The objective's error must arise in the same run: the output block belongs to it, and every block leads there."""
    needs_label: ClassVar[bool] = False
    """The objective's target must be a class label."""
    usual_rate: ClassVar[tuple[float, float] | None] = None
    """Adam rates the rule is known to work with; a rate outside by more than a factor ten is warned of."""

    controls: ClassVar[tuple[Control, ...]] = ()
    """Uses of this rule that comparisons of other rules want beside them."""

    @classmethod
    def parameters(cls) -> tuple[Parameter, ...]:
        return tuple(
            Parameter(name=f.name, default=None if f.default is MISSING else f.default, **f.metadata)
            for f in fields(cls)
            if f.metadata
        )

    @classmethod
    def make(cls, arguments: Mapping[str, Any]) -> Self:
        """The rule with some parameters set; they were checked against `parameters()` before."""
        return cls(**arguments)

    def learns_alone(self) -> bool:
        """Whether this use of the rule is local. Only for rules that are so, but for one of their settings."""
        return self.local

    def illegal(self, run: Run) -> Iterator[Illegal]:
        """What stands against training this run, beyond what the class variables and the step itself say."""
        return iter(())

    def notes(self, run: Run) -> Iterator[str]:
        """What `lpc explain` should say about this use of the rule."""
        return iter(())

    def departures(self, run: Run) -> Iterator[str]:
        """How this use of the rule departs from its paper's conditions: `lpc explain` says it, and `lpc bench` warns of it."""
        return iter(())

    def phases(self, run: Run) -> Sequence[Phase]:
        return (TRAIN,)

    def adds(self, run: Run) -> Sequence[Added]:
        """Tensors the rule adds to the run's blocks."""
        return ()

    def step(self, s: Recorder, run: Run, phase: Phase) -> None:
        """Record one step of a phase on one batch."""
        raise NotImplementedError

    def finish(self, s: Recorder, run: Run, phase: Phase) -> None:
        """Record what happens once when a phase ends. Nothing, for most rules."""

    def infer(self, s: Recorder, run: Run) -> Value | None:
        """Record inference through the run. A value returned by the run that holds the output block is the prediction."""
        for block in run:
            s.fwd(block)
        return None
