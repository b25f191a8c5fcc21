"""What passes take and give: a program, filled in pass by pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lpc.ir.op import Value
from lpc.ir.types import Type
from lpc.source import NOWHERE, Source, Span
from lpc.syntax import tree

if TYPE_CHECKING:
    from lpc.ir.network import Network

Setting = Value | tuple["Setting", ...]
"""A resolved argument value: a number, word, string, or a list of them."""


@dataclass(frozen=True)
class DataUse:
    """The `data` clause: a source by name with its arguments, and the names it binds with their types."""

    source: str
    arguments: Mapping[str, Setting]
    bindings: tuple[tuple[str, Type], ...]
    span: Span = NOWHERE

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.bindings)


@dataclass(frozen=True)
class Objective:
    """`LOSS(block, target)`. `target` is a data name, or the name of the last node of an expression of the data."""

    loss: str
    block: str
    target: str
    arguments: Mapping[str, Setting] = field(default_factory=dict)
    span: Span = NOWHERE


@dataclass(frozen=True)
class Optimizer:
    """`adam(lr = 1e-3)`: kind (`sgd adam adamw rmsprop`) and all its arguments, defaults filled in."""

    kind: str = "adam"
    arguments: Mapping[str, float | bool] = field(
        default_factory=lambda: {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0}
    )

    @property
    def lr(self) -> float:
        return float(self.arguments["lr"])


@dataclass(frozen=True)
class Schedule:
    """How the rate moves over training: `constant linear cosine step(every, factor)`, with `warmup` (epochs, or steps)."""

    kind: Literal["constant", "linear", "cosine", "step"] = "constant"
    every: int = 0
    factor: float = 1.0
    warmup: int = 0


@dataclass(frozen=True)
class Protocol:
    """The `train` clause. Exactly one of `epochs` and `steps`; `batch` None is the whole training part."""

    epochs: int | None
    steps: int | None
    batch: int | None
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    precision: Literal["f32", "f64", "bf16"] = "f32"
    patience: int | None = None
    order: Literal["simultaneous", "sequential"] = "simultaneous"
    seed: int = 1
    span: Span = NOWHERE


@dataclass(frozen=True)
class Estimate:
    """Energy by a model: what the program says an operation takes, and the device at all times."""

    pj_per_flop: float
    idle_w: float


@dataclass(frozen=True)
class Carbon:
    """Grams of CO₂ equivalent a kilowatt-hour, whose word that is, and what a data centre draws for each watt of its machines."""

    intensity: float
    pue: float | None = None
    source: str = "the program"


@dataclass(frozen=True)
class Measurements:
    """The `measure` clause: what the result reports."""

    energy: bool = False
    memory: bool = False
    flops: bool = False
    carbon: Carbon | None = None
    estimate: Estimate | None = None


@dataclass(frozen=True)
class RuleUse:
    """A rule as the program uses it: its name and the arguments the user wrote, resolved (defaults are the rule's own).

    `optimizer` is what `lr =` or `optimizer =` among the arguments makes of the protocol's. Two blocks belong to one
    instance when their uses are equal (spans aside).
    """

    rule: str
    arguments: tuple[tuple[str, Setting], ...] = ()
    optimizer: Optimizer | None = None
    span: Span = field(default=NOWHERE, compare=False)
    argument_spans: tuple[tuple[str, Span], ...] = field(default=(), compare=False)
    auto: bool = field(default=False, compare=False)
    """Chosen by the compiler."""


@dataclass(frozen=True)
class Search:
    """A `search(...)` range, and the value that stands for it in check, compile and run."""

    place: str
    choices: tuple[Setting, ...] | None
    low: float | None
    high: float | None
    log: bool
    integer: bool
    stand_in: Setting
    span: Span
    texts: tuple[str, ...] = ()
    """The choices as the language writes them."""


@dataclass(frozen=True)
class Between:
    """`width in 1..64` of a claim: a let, or the batch size, and the numbers it runs through, both ends included."""

    name: str
    first: int | float
    last: int | float

    @property
    def whole(self) -> bool:
        return isinstance(self.first, int) and isinstance(self.last, int)


@dataclass(frozen=True)
class Claim:
    """`claim A = B ...`: what two variants are said to share. `left` and `right` are variants, or `base`."""

    left: str
    relation: Literal["=", "!="]
    right: str
    within: int | float | None = None
    after: int | None = None
    scale: bool = False
    ranges: tuple[Between, ...] = ()
    limit: tuple[str, int | float] | None = None
    """A let, and what it goes to."""
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True)
class Choice:
    """A line of the table that `auto` chose from: one rule for one block, everything else as chosen. Figures are None where the
    rule could not train the block; `energy` ranks, and is no joules.
    """

    block: str
    rule: str
    chosen: bool
    seconds: float | None
    energy: float | None
    memory: int | None


@dataclass(frozen=True)
class Placement:
    """The `place` clause: how many stages, what is balanced, which blocks are pinned (stages count from 1)."""

    stages: int = 1
    balance: Literal["flops", "time", "memory"] = "time"
    pins: Mapping[str, int] = field(default_factory=dict)
    span: Span = NOWHERE


@dataclass(frozen=True)
class Program:
    """A program in the compiler's hands. Each pass fills in what the facts it gives say; `file` is always the program as
    text-able tree, so that a dump after any pass is a `.lp` program.
    """

    source: Source
    file: tree.File
    variant: str | None = None
    overrides: tuple[tuple[str, str], ...] = ()
    """`--set NAME=VALUE`, as written."""
    name: str = ""
    data: DataUse | None = None
    network: Network | None = None
    objective: Objective | None = None
    protocol: Protocol | None = None
    measurements: Measurements = Measurements()
    placement: Placement = Placement()
    searches: tuple[Search, ...] = ()
    claims: tuple[Claim, ...] = ()
    uses: Mapping[str, RuleUse] = field(default_factory=dict)
    """The rule of each block, by block name, in the network's order; rule "auto" until `assign`."""
    choices: tuple[Choice, ...] = ()
    """What `auto` chose from."""
    regions: tuple[Any, ...] = ()
    """Runs of neighbouring blocks under one rule instance (`lpc.rules.region.Region`)."""
    plan: Any = None
    """The traced steps of every phase, and the prediction (`lpc.rules.tracing.Plan`)."""
    costs: Any = None
    """Modelled costs, block by block (`lpc.passes.cost.Costs`)."""
    stages: tuple[tuple[str, ...], ...] = ()
    """Blocks by stage, after `partition`."""
