"""The recorder: what a rule's `step` writes to, and the tracing of a whole program, phase by phase."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from lpc.ir.functions import FUNCTIONS
from lpc.ir.network import Network
from lpc.ir.program import Objective
from lpc.ir.step import GRADIENTS, NUMBER, Added, Kind, Node, SignalKind, Tape, Unit, Value, live
from lpc.ir.types import Label, Tensor, Type
from lpc.rules.rule import PHASES, Phase, Rule
from lpc.rules.run import Run, RunBlock


def kind_of(type_: Type) -> Kind:
    match type_:
        case Tensor(shape=shape, dtype=dtype):
            return Kind("batch", shape, dtype=dtype)
        case Label(shape=shape):
            return Kind("batch", shape, dtype="i64")
        case _:
            return Kind("batch", (), dtype="i64")


class Recorder:
    """Records one phase of a program, or its prediction, over one batch. Rules call its methods as if they computed."""

    def __init__(self, network: Network, objective: Objective) -> None:
        self.tape = Tape()
        self.network, self.objective_clause = network, objective
        self._outward: dict[str, Value] = {}
        self.scores: Value | None = None
        """The class scores of the batch, where the step has them."""
        self.frozen: set[str] = set()
        """Blocks that must stay in inference mode in this phase."""
        self._evaluated: set[str] = set()
        self.rule = ""
        """The rule that is recording; it names random tensors."""

    # -- values from outside ----------------------------------------------------------------------------------------

    def value_of(self, name: str) -> Value:
        """What a block gave, or a name of the data."""
        if name not in self._outward:
            kind = kind_of(self.network.type_of(name))
            self._outward[name] = self.tape.record("input", (), (kind,), name=name, block="", source=name)[0]
        return self._outward[name]

    @property
    def target(self) -> Value:
        """The objective's target: the label, or an expression of the data."""
        return self.value_of(self.objective_clause.target)

    def get(self, added: Added) -> Value:
        """A tensor the rule added."""
        return self.tape.record(
            "get", (), (Kind("fixed", added.shape, dtype=added.dtype),), name=added.name, source=added
        )[0]

    def weight(self, name: str, shape: tuple[int, ...]) -> Value:
        """The current value of a weight of the network, by its state name, as a number without gradient."""
        return self.tape.record("get", (), (Kind("fixed", shape),), name=name, source=name)[0]

    def within(self, block: RunBlock) -> None:
        """What follows belongs to a block's learning: for comments, costs and loops over chains. Evaluating it says so too."""
        self.tape.block = block.name

    # -- primitives -------------------------------------------------------------------------------------------------

    def fwd(self, block: RunBlock, *inputs: Value, frozen: bool = False) -> Value:
        """Evaluate a block on what the blocks before it gave, and give the result on; or on the inputs given (see `give`).

        `frozen`: in inference mode (batch-norm statistics fixed, no dropout) throughout this phase. Of several forwards of a
        block in one step, the first updates its batch-norm statistics.
        """
        self.tape.block = block.name
        if frozen:
            self.frozen.add(block.name)
        made = self._evaluate(block.unit, inputs or tuple(self.value_of(name) for name in block.inputs), block.name)
        if not inputs:
            self._outward[block.name] = made
        return made

    def part(self, unit: Unit, *inputs: Value, name: str) -> Value:
        """Evaluate a unit of `run.parts` on the inputs given; `name` is the value's. What the block hands on is yours to `give`."""
        self.tape.block = unit.block
        return self._evaluate(unit, inputs, name)

    def head(self, unit: Unit, value: Value) -> Value:
        """Evaluate a head on a block's output."""
        return self._evaluate(unit, (value,), "scores")

    def _evaluate(self, unit: Unit, inputs: tuple[Value, ...], name: str) -> Value:
        streams = max(value.kind.streams for value in inputs)
        mode = "frozen" if unit.block in self.frozen else "batch" if unit.name in self._evaluated else "update"
        self._evaluated.add(unit.name)
        kind = Kind("batch", unit.output, streams)
        return self.tape.record("fwd", inputs, (kind,), unit=unit, name=name, block=unit.block, statistics=mode)[0]

    def give(self, block: RunBlock, value: Value) -> None:
        """What the block hands on, where that is not its plain output."""
        self.tape.block = block.name
        self._outward[block.name] = value

    def vjp(
        self, value: Value, cotangent: Value, via: Mapping[str, Added] | None = None
    ) -> tuple[Value, tuple[Value, ...]]:
        """Pull a cotangent through the forward that made `value`: gradients of its parameters, cotangents of its inputs.

        `via` replaces weights (by operation name) on the way to the input cotangents only. A stand-in that is trained is among
        the parameters: its gradient is that of the weight it stands in for.
        """
        node = value.node
        assert node.primitive == "fwd" and node.unit is not None
        outputs = [GRADIENTS, *(v.kind for v in node.inputs)]
        attributes: dict[str, Any] = {"via": dict(via)} if via else {}
        made = self.tape.record("vjp", (value, cotangent), outputs, unit=node.unit, block=node.unit.block, **attributes)
        return made[0], made[1:]

    def loss(self, kind: str, *arguments: Value, of: RunBlock | None = None, **attributes: Any) -> Value:
        """A loss of the catalogue: one number. `of` names the block whose loss it is, for the log."""
        value = self.tape.record("loss", arguments, (NUMBER,), name="loss", loss=kind, **attributes)[0]
        if of is not None:
            self.tape.record("record", (value,), (), block=of.name, of=of.name)
        return value

    def objective(self, prediction: Value, of: RunBlock | None) -> Value:
        """The program's objective on a prediction, recorded as the loss of block `of`. `of = None`: not logged."""
        if self.scores is None and isinstance(self.network.type_of(self.objective_clause.target), Label):
            self.scores = prediction
        return self.loss(self.objective_clause.loss, prediction, self.target, of=of)

    def local_objective(self, scores: Value, of: RunBlock) -> Value:
        """The objective on a head's flat scores, recorded as the loss of block `of`."""
        target = self.target
        if isinstance(self.network.type_of(self.objective_clause.target), Tensor) and len(target.kind.shape) != 1:
            target = self.map("flatten", target, name="flat_target")
        return self.loss(self.objective_clause.loss, scores, target, of=of)

    def grad(self, loss: Value, argument: Value) -> Value:
        """The gradient of a loss with respect to one of its arguments."""
        position = next(i for i, v in enumerate(loss.node.inputs) if v.key == argument.key)
        return self.tape.record("grad", (loss,), (argument.kind,), name="error", argument=position)[0]

    def map(self, function: str, *values: Value, name: str = "", **attributes: Any) -> Value:
        """A function of the catalogue, never differentiated."""
        kind = FUNCTIONS[function].infer(tuple(v.kind for v in values), attributes)
        return self.tape.record("map", values, (kind,), name=name, function=function, **attributes)[0]

    def feedback(self, signal: Value, matrix: Value, block: RunBlock) -> Value:
        """A signal times a matrix (signal size x block output size), in the shape of the block's output."""
        shape = block.unit.output
        return self.tape.record("feedback", (signal, matrix), (Kind("batch", shape),), block=block.name, name="signal")[
            0
        ]

    def outer(self, a: Value, b: Value, *, dtype: str = "f32") -> Value:
        """Sum over the batch of products of two flat values: (size of a) x (size of b)."""
        kind = Kind("fixed", (prod(a.kind.shape), prod(b.kind.shape)), dtype="f64" if dtype == "f64" else "f32")
        return self.tape.record("outer", (a, b), (kind,))[0]

    def sample(self, distribution: str, like: Value, name: str, **attributes: Any) -> Value:
        """Random numbers shaped like a value, from the generator `RULE/NAME/STEP`."""
        key = f"{self.rule}/{name}"
        return self.tape.record(
            "sample", (like,), (like.kind,), name=name, distribution=distribution, key=key, **attributes
        )[0]

    def relax(
        self, count: int, states: Sequence[Value], names: Sequence[str], body: Callable[..., Sequence[Value]]
    ) -> tuple[Value, ...]:
        """Repeat a body over states, which carry names; it may read values from outside."""
        return self.tape.loop(count, states, names, body)

    def solve(self, products: Value, moments: Value, rows: Value, ridge: float, *, free: int = 0) -> Value:
        """(products + ridge * rows * I)^-1 moments; the last `free` columns are not penalised."""
        return self.tape.record("solve", (products, moments, rows), (moments.kind,), ridge=ridge, free=free)[0]

    def put(self, target: Added | str, value: Value) -> None:
        """Write a tensor the rule added, or a weight by state name, at the end of the step."""
        self.tape.record("put", (value,), (), name=target.name if isinstance(target, Added) else target, target=target)

    def update(self, unit: Unit | RunBlock, gradients: Value) -> None:
        """Hand gradients to the optimizer, at the end of the step."""
        made = unit.unit if isinstance(unit, RunBlock) else unit
        self.tape.record("update", (gradients,), (), unit=made, block=made.block)

    def cross(self, value: Value, kind: SignalKind) -> Value:
        """Name a signal that leaves its block other than forward: what costs on several stages, and what legality reads."""
        return self.tape.record("cross", (value,), (value.kind,), name=value.node.name, signal=kind)[0]

    # -- conveniences, no primitives --------------------------------------------------------------------------------

    def forward(self, run: Run) -> dict[str, Value]:
        """Every block of a run, evaluated in order."""
        return {block.name: self.fwd(block) for block in run}

    def flow(self) -> Flow:
        return Flow()


class Flow:
    """Cotangents on their way down: what arrives at a value from several readers is added."""

    def __init__(self) -> None:
        self._sums: dict[tuple[int, int], Value] = {}

    def add(self, value: Value, cotangent: Value) -> None:
        held = self._sums.get(value.key)
        self._sums[value.key] = cotangent if held is None else held + cotangent

    def give(self, value: Value, cotangents: Sequence[Value]) -> None:
        """Hand the input cotangents of a forward to the values it read."""
        for source, cotangent in zip(value.node.inputs, cotangents, strict=True):
            self.add(source, cotangent)

    def __getitem__(self, value: Value) -> Value:
        return self._sums[value.key]

    def get(self, value: Value) -> Value | None:
        return self._sums.get(value.key)


@dataclass(frozen=True, eq=False)
class Region:
    """A run with its rule."""

    rule: Rule
    run: Run


@dataclass(frozen=True, eq=False)
class TracedPhase:
    """One phase of a whole program: its step, what happens when it ends, and the blocks kept in inference mode."""

    phase: Phase
    nodes: tuple[Node, ...]
    scores: Value | None
    finish: tuple[Node, ...] = ()
    frozen: tuple[str, ...] = ()
    given: tuple[Value, ...] = ()
    """What blocks hand to blocks outside, where the phase is of some regions only."""

    @property
    def updates(self) -> bool:
        return any(node.primitive == "update" for node in self.nodes)


@dataclass(frozen=True, eq=False)
class Traced:
    """A program's phases in order, and its prediction."""

    phases: tuple[TracedPhase, ...]
    prediction_nodes: tuple[Node, ...]
    prediction: Value
    added: tuple[Added, ...]


def trace(network: Network, objective: Objective, regions: Sequence[Region]) -> Traced:
    """Record every phase of a program and its prediction. Regions are in topological order."""
    phases = trace_phases(network, objective, regions)
    nodes, prediction = trace_prediction(network, objective, regions)
    added = tuple(added for region in regions for added in region.rule.adds(region.run))
    return Traced(phases, nodes, prediction, added)


def trace_phases(
    network: Network, objective: Objective, regions: Sequence[Region], handed: Collection[str] = ()
) -> tuple[TracedPhase, ...]:
    """Record every phase of some regions; what they read of others counts as given. `handed`: blocks that others read."""
    own = [{phase.name for phase in region.rule.phases(region.run)} for region in regions]
    phases = [phase for phase in PHASES if any(phase.name in names for names in own)]
    return tuple(_trace_phase(network, objective, regions, phase, handed) for phase in phases)


def trace_step(region: Region, phase: Phase) -> list[Node]:
    """One region's step of a phase alone, dead code gone."""
    s = Recorder(region.run.network, region.run.objective)
    s.rule = region.rule.name
    region.rule.step(s, region.run, phase)
    return live(s.tape.nodes, [s.scores] if s.scores is not None else [])


def _trace_phase(
    network: Network, objective: Objective, regions: Sequence[Region], phase: Phase, handed: Collection[str]
) -> TracedPhase:
    s = Recorder(network, objective)
    for region in regions:
        own = list(region.rule.phases(region.run))
        s.rule, s.tape.block = region.rule.name, ""
        if phase in own:
            region.rule.step(s, region.run, phase)
        else:
            trained = any(PHASES.index(other) < PHASES.index(phase) for other in own) or phase.passes is not None
            for block in region.run:
                s.fwd(block, frozen=trained)
    f = Recorder(network, objective)
    for region in regions:
        if phase in region.rule.phases(region.run):
            region.rule.finish(f, region.run, phase)
    given = tuple(s.value_of(name) for name in handed)
    roots = [*given, *([s.scores] if s.scores is not None else [])]
    moving = [n for n in s.tape.nodes if n.primitive != "update" or (n.unit is not None and n.unit.parameters)]
    nodes = live(moving, roots)
    kept = {node.unit.block for node in nodes if node.primitive == "fwd" and node.unit is not None}
    frozen = tuple(block.name for block in network.blocks if block.name in s.frozen and block.name in kept)
    return TracedPhase(phase, tuple(nodes), s.scores, tuple(live(f.tape.nodes, [])), frozen, given)


def trace_prediction(
    network: Network, objective: Objective, regions: Sequence[Region]
) -> tuple[tuple[Node, ...], Value]:
    s = Recorder(network, objective)
    prediction: Value | None = None
    for region in regions:
        made = region.rule.infer(s, region.run)
        if region.run.output is not None:
            prediction = made if made is not None else s.value_of(objective.block)
    assert prediction is not None
    return tuple(live(s.tape.nodes, [prediction])), prediction
