"""The reference interpreter: runs a program's steps in float64, node by node, slowly and plainly.

It reads the same traced steps as the code generator and shares nothing with it but the naming of random tensors. Every vjp is
taken operation by operation, from the plain definitions in `lpc.interpret.operations`; nothing is recorded across blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor

from lpc.interpret import functions, losses
from lpc.interpret.operations import draw, evaluate, new_statistics
from lpc.interpret.optimizers import OptimizerState, apply
from lpc.interpret.rounding import Rounding
from lpc.ir.network import TARGET, Network
from lpc.ir.network import Node as Operation
from lpc.ir.op import Weight
from lpc.ir.program import Objective, Optimizer
from lpc.ir.step import Added, Kind, Node, Unit, Value
from lpc.rules.tracer import Traced, TracedPhase
from lpc.runtime.random import RANDOM

Gradients = dict[str, Tensor]
Result = Tensor | Gradients
Values = dict[tuple[int, int], Result]
Name = TypeVar("Name")
Definition = Callable[[Mapping[str, Tensor], Sequence[Tensor]], Tensor]


@dataclass
class Interpreter:
    """A program's state, and what one step of a phase does to it.

    `state` holds every parameter and buffer in float64, by state name, those that rules added included.
    """

    network: Network
    objective: Objective
    traced: Traced
    optimizers: Mapping[str, Optimizer]
    """The optimizer of each block."""
    state: dict[str, Tensor] = field(default_factory=dict)
    optimizer_state: OptimizerState = field(default_factory=OptimizerState)
    devices: Mapping[str, Callable[[Tensor], Tensor]] = field(default_factory=dict)
    """What stands for black boxes, by `module:Name`."""
    scores: Tensor | None = None
    """The class scores of the last step, where it had some."""
    rounding: Rounding | None = None
    """The context it runs in, to see what other rounding would change. None: it runs in none."""
    interrupt: Callable[[], None] | None = None
    """Called before every node; what it raises ends the run."""

    def initialise(self) -> None:
        """Every tensor by its law, from the generator of its own name."""
        for block in self.network.blocks:
            for name, weight in self.network.weights(block):
                self.state[name] = draw(weight, name)
        for added in self.traced.added:
            self.state[added.name] = draw(Weight("", added.shape, added.law, added.trained), added.name).double()

    def begin(self, phase: TracedPhase) -> None:
        """A phase starts with fresh optimizers."""
        self.optimizer_state = OptimizerState()

    def step(self, phase: TracedPhase, batch: Mapping[str, Tensor], step: int, factor: float = 1.0) -> dict[str, float]:
        """One step on one batch; the logged losses by block. `factor` multiplies the learning rates."""
        machine = _Machine(self, dict(batch), step, training=True, frozen=frozenset(phase.frozen))
        machine.run(phase.nodes)
        for (block, name), gradient in machine.updates.items():
            apply(self.optimizers[block], self.optimizer_state, self.state, name, gradient, factor)
        self.state.update(machine.puts)
        self.state.update(machine.statistics)
        self.scores = machine.tensor(phase.scores.key) if phase.scores is not None else None
        return machine.losses

    def finish(self, phase: TracedPhase) -> None:
        """What happens once when a phase ends."""
        machine = _Machine(self, {}, 0, training=False, frozen=frozenset())
        machine.run(phase.finish)
        self.state.update(machine.puts)

    def values(
        self, phase: TracedPhase, nodes: Sequence[Node], wanted: Sequence[Value], batch: Mapping[str, Tensor]
    ) -> list[Tensor]:
        """What some nodes of a phase give on a batch; nothing moves."""
        machine = _Machine(self, dict(batch), 0, training=True, frozen=frozenset(phase.frozen))
        machine.run(nodes)
        return [machine.tensor(value.key) for value in wanted]

    def predict(self, batch: Mapping[str, Tensor]) -> Tensor:
        """The network's prediction on a batch."""
        machine = _Machine(self, dict(batch), 0, training=False, frozen=frozenset())
        machine.run(self.traced.prediction_nodes)
        return machine.tensor(self.traced.prediction.key)


@dataclass(frozen=True)
class _Trace:
    """What a forward leaves behind for its vjps: for each operation, its inputs and whether a mask was drawn."""

    unit: Unit
    inputs: tuple[Tensor, ...]
    made: dict[str, Tensor]
    training: bool


class _Machine:
    """Runs the nodes of one step; effects are collected, and take place when the step is over."""

    def __init__(
        self, program: Interpreter, batch: dict[str, Tensor], step: int, *, training: bool, frozen: frozenset[str]
    ) -> None:
        self.program, self.batch, self.step_number, self.training, self.frozen = program, batch, step, training, frozen
        self.values: Values = {}
        self.traces: dict[int, _Trace] = {}
        self.updates: dict[tuple[str, str], Tensor] = {}
        self.puts: dict[str, Tensor] = {}
        self.statistics: dict[str, Tensor] = {}
        self.losses: dict[str, float] = {}

    def tensor(self, key: tuple[int, int]) -> Tensor:
        value = self.values[key]
        assert isinstance(value, Tensor)
        return value

    def run(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            if self.program.interrupt is not None:
                self.program.interrupt()
            inputs = [self.values[value.key] for value in node.inputs]
            for port, value in enumerate(self._evaluate(node, inputs)):
                self.values[node.index, port] = value

    def _pull_through(
        self, pull: Callable[[Tensor], Mapping[Name, Tensor]], cotangent: Tensor
    ) -> Mapping[Name, Tensor]:
        return pull(cotangent) if self.program.rounding is None else self.program.rounding.pulled(pull, cotangent)

    def _evaluate(self, node: Node, inputs: list[Result]) -> Sequence[Result]:
        tensors = [value for value in inputs if isinstance(value, Tensor)]
        match node.primitive:
            case "input":
                return [self._input(str(node.attributes["source"]))]
            case "fwd":
                return [self._forward(node, tensors)]
            case "vjp":
                return self._pull(node, tensors[1])
            case "loss":
                return [losses.value(node, tensors)]
            case "grad":
                loss = node.inputs[0].node
                return [losses.gradient(loss, [self.tensor(v.key) for v in loss.inputs], node.attributes["argument"])]
            case "map":
                return [self._map(node, inputs)]
            case "feedback":
                return [_feedback(tensors[0], tensors[1], node.outputs[0])]
            case "outer":
                return [tensors[0].flatten(1).T @ tensors[1].flatten(1)]
            case "sample":
                return [self._sample(node, tensors[0])]
            case "relax":
                return self._relax(node, inputs)
            case "solve":
                return [_solve(node, tensors)]
            case "get":
                source = node.attributes["source"]
                return [self.program.state[source.name if isinstance(source, Added) else str(source)]]
            case "cross":
                return inputs
            case "put" | "update" | "record":
                self._effect(node, inputs[0])
                return []
            case other:
                raise AssertionError(f"no meaning for {other}")

    def _input(self, source: str) -> Tensor:
        if source in self.batch:
            return self.batch[source]
        made = dict(self.batch)
        for node in self.program.network.target_nodes:
            if node.owner == TARGET:
                made[node.name] = evaluate(
                    node.kind, node.arguments, [made[name] for name in node.inputs], {}, training=False
                )
        return made[source]

    def _map(self, node: Node, inputs: list[Result]) -> Result:
        function, first = str(node.attributes["function"]), inputs[0]
        if isinstance(first, dict):
            if function == "scale":
                factor = node.attributes["factor"]
                assert isinstance(factor, float)
                return {name: factor * gradient for name, gradient in first.items()}
            second = inputs[1]
            assert isinstance(second, dict)
            sign = 1.0 if function == "add" else -1.0
            return {name: gradient + sign * second[name] for name, gradient in first.items()}
        return functions.apply(function, node.attributes, [value for value in inputs if isinstance(value, Tensor)])

    def _sample(self, node: Node, like: Tensor) -> Tensor:
        assert node.attributes["distribution"] == "wrong_label"
        classes = node.attributes["classes"]
        assert isinstance(classes, int)
        offset = RANDOM.integers(f"{node.attributes['key']}/{self.step_number}", like.shape, 1, classes)
        return (like + offset) % classes

    def _relax(self, node: Node, inputs: list[Result]) -> Sequence[Result]:
        body, count = node.body, node.attributes["count"]
        assert body is not None and isinstance(count, int)
        states = list(inputs)
        for _ in range(count):
            for state, value in zip(body.states, states, strict=True):
                self.values[state.key] = value
            self.run(body.nodes)
            states = [self.values[result.key] for result in body.results]
        return states

    def _effect(self, node: Node, value: Result) -> None:
        if node.primitive == "record":
            assert isinstance(value, Tensor)
            self.losses[str(node.attributes["of"])] = float(value)
        elif node.primitive == "put":
            assert isinstance(value, Tensor)
            target = node.attributes["target"]
            self.puts[target.name if isinstance(target, Added) else str(target)] = value
        else:
            assert isinstance(value, dict) and node.unit is not None
            for name, gradient in value.items():
                key = (node.unit.block, name)
                self.updates[key] = self.updates[key] + gradient if key in self.updates else gradient

    # -- forwards and vjps ------------------------------------------------------------------------------------------

    def _forward(self, node: Node, inputs: list[Tensor]) -> Tensor:
        unit = node.unit
        assert unit is not None
        if unit.head is not None:
            self.traces[node.index] = _Trace(unit, tuple(inputs), {}, False)
            return _head(unit, inputs[0], self.program.state[unit.head.name])
        training = self.training and unit.block not in self.frozen
        moves, streams = node.attributes["statistics"] == "update", node.outputs[0].streams
        if unit.batch_coupled and streams > 1:
            parts = zip(*(x.chunk(streams) for x in inputs), strict=True)
            runs = [self._operations(unit, part, training, moves=moves) for part in parts]
            made = {name: torch.cat([run[name] for run in runs]) for name in runs[0]}
        else:
            made = self._operations(unit, inputs, training, moves=moves)
        self.traces[node.index] = _Trace(unit, tuple(inputs), made, training)
        return made[unit.gives]

    def _operations(self, unit: Unit, inputs: Sequence[Tensor], training: bool, *, moves: bool) -> dict[str, Tensor]:
        """Every operation's output, the unit's inputs included, by node name."""
        made = dict(zip(unit.reads, inputs, strict=True))
        for node in map(self.program.network.node, unit.operations):
            given = [made[name] for name in node.inputs]
            weights = self._weights(node.name, node.weights)
            if training and moves:
                for name, value in new_statistics(node.kind, node.arguments, given, weights).items():
                    self.statistics[f"{node.name}.{name}"] = value
            mask = self._mask(node.name, node.kind, node.arguments, given) if training else None
            device = self.program.devices.get(str(node.arguments.get("name")))
            made[node.name] = evaluate(
                node.kind, node.arguments, given, weights, training=training, mask=mask, device=device
            )
        return made

    def _weights(self, name: str, weights: Sequence[Weight]) -> dict[str, Tensor]:
        """Weights as they were when the step began, statistics as they are now."""
        names = {weight.name: f"{name}.{weight.name}" for weight in weights}
        return {own: self.statistics.get(full, self.program.state[full]) for own, full in names.items()}

    def _mask(self, name: str, kind: str, arguments: Mapping[str, object], given: Sequence[Tensor]) -> Tensor | None:
        if kind != "dropout":
            return None
        rate = arguments["rate"]
        assert isinstance(rate, float | int)
        return RANDOM.uniform(f"dropout/{name}/{self.step_number}", given[0].shape) >= rate

    def _pull(self, node: Node, cotangent: Tensor) -> Sequence[Result]:
        trace = self.traces[node.inputs[0].node.index]
        if trace.unit.head is not None:
            weight = self.program.state[trace.unit.head.name]
            found = self._pull_through(partial(_pull_head, trace.unit, trace.inputs[0], weight), cotangent)
            return [{trace.unit.head.name: found["weight"]}, found["input"]]
        via = node.attributes.get("via", {})
        assert isinstance(via, Mapping)
        streams = node.inputs[0].kind.streams
        if trace.unit.batch_coupled and streams > 1:
            return self._pull_streams(trace, cotangent, via, streams)
        gradients, below = self._pull_operations(trace, cotangent, via)
        return [gradients, *below]

    def _pull_streams(
        self, trace: _Trace, cotangent: Tensor, via: Mapping[str, Added], streams: int
    ) -> Sequence[Result]:
        """A pair through operations that couple the batch: each stream apart, gradients added."""
        total: Gradients = {}
        below: list[list[Tensor]] = []
        for stream in range(streams):
            made = {name: value.chunk(streams)[stream] for name, value in trace.made.items()}
            inputs = tuple(x.chunk(streams)[stream] for x in trace.inputs)
            part = _Trace(trace.unit, inputs, made, trace.training)
            gradients, pulled = self._pull_operations(part, cotangent.chunk(streams)[stream], via)
            total = {name: total[name] + g if name in total else g for name, g in gradients.items()}
            below.append(pulled)
        return [total, *(torch.cat(parts) for parts in zip(*below, strict=True))]

    def _definition(
        self, node: Operation, weights: Mapping[str, Tensor], training: bool, mask: Tensor | None
    ) -> Definition:
        """One operation of a block as a function of its trained weights and its inputs."""

        def output(trained: Mapping[str, Tensor], inputs: Sequence[Tensor]) -> Tensor:
            return evaluate(node.kind, node.arguments, inputs, {**weights, **trained}, training=training, mask=mask)

        return output

    def _pull_operations(
        self, trace: _Trace, cotangent: Tensor, via: Mapping[str, Added]
    ) -> tuple[Gradients, list[Tensor]]:
        """Down through a unit, one operation at a time; `via` replaces a weight on the way to an operation's input."""
        gradients: Gradients = {}
        arriving: dict[str, Tensor] = {trace.unit.gives: cotangent}
        for node in map(self.program.network.node, reversed(trace.unit.operations)):
            if node.name not in arriving:
                continue
            given = [trace.made[name] for name in node.inputs]
            weights = self._weights(node.name, node.weights)
            mask = self._mask(node.name, node.kind, node.arguments, given) if trace.training else None
            trained = [weight.name for weight in node.weights if weight.trained]

            output = self._definition(node, weights, trace.training, mask)

            arrived = arriving[node.name]
            path = {n: weights[n] for n in trained}
            for name, gradient in self._pull_through(partial(_weight_gradients, output, path, given), arrived).items():
                gradients[f"{node.name}.{name}"] = gradient
            if (stand_in := via.get(node.attribute)) is not None:
                path["weight"] = self.program.state[stand_in.name]
                if stand_in.trained:  # it makes the moves of the weight it stands in for
                    gradients[stand_in.name] = gradients[f"{node.name}.weight"]
            pulled = self._pull_through(partial(_input_gradients, output, path, given), arrived)
            for position, name in enumerate(node.inputs):
                if position in pulled:
                    arriving[name] = arriving[name] + pulled[position] if name in arriving else pulled[position]
        return gradients, [arriving.get(name, torch.zeros_like(trace.made[name])) for name in trace.unit.reads]


def _weight_gradients(
    output: Definition, weights: Mapping[str, Tensor], inputs: Sequence[Tensor], cotangent: Tensor
) -> dict[str, Tensor]:
    """The cotangent pulled through one operation's plain definition to its weights, by name."""
    wanted = {name: weight.detach().clone().requires_grad_() for name, weight in weights.items()}
    made = output(wanted, [x.detach() for x in inputs])
    return dict(zip(wanted, _pulled(made, list(wanted.values()), cotangent), strict=True))


def _input_gradients(
    output: Definition, weights: Mapping[str, Tensor], inputs: Sequence[Tensor], cotangent: Tensor
) -> dict[int, Tensor]:
    """The same to its inputs, by position; whole numbers have none."""
    given = [x.detach().clone().requires_grad_(x.is_floating_point()) for x in inputs]
    wanted = {position: x for position, x in enumerate(given) if x.requires_grad}
    made = output({name: weight.detach() for name, weight in weights.items()}, given)
    return dict(zip(wanted, _pulled(made, list(wanted.values()), cotangent), strict=True))


def _pulled(made: Tensor, wanted: list[Tensor], cotangent: Tensor) -> Sequence[Tensor]:
    if not wanted or not made.requires_grad:
        return [torch.zeros_like(value) for value in wanted]
    return torch.autograd.grad(made, wanted, cotangent, allow_unused=True, materialize_grads=True)


def _head(unit: Unit, x: Tensor, weight: Tensor) -> Tensor:
    return _rows(unit, x) @ weight.T


def _rows(unit: Unit, x: Tensor) -> Tensor:
    """A head's features: the batch, the positions where labels have them, then what is left, flat."""
    assert unit.head is not None
    return x.reshape(len(x), *unit.output[:-1], unit.head.shape[1])


def _pull_head(unit: Unit, x: Tensor, weight: Tensor, cotangent: Tensor) -> dict[str, Tensor]:
    rows = _rows(unit, x)
    gradient = cotangent.reshape(-1, weight.shape[0]).T @ rows.reshape(-1, weight.shape[1])
    return {"weight": gradient, "input": (cotangent @ weight).reshape(x.shape)}


def _feedback(signal: Tensor, matrix: Tensor, kind: Kind) -> Tensor:
    if tuple(matrix.shape) == (signal.shape[-1], kind.shape[-1]) and signal.shape[1:-1] == kind.shape[:-1]:
        return signal @ matrix
    return (signal.flatten(1) @ matrix).reshape(len(signal), *kind.shape)


def _solve(node: Node, tensors: list[Tensor]) -> Tensor:
    products, moments, rows = tensors
    ridge, free = node.attributes["ridge"], node.attributes["free"]
    assert isinstance(ridge, float) and isinstance(free, int)
    penalty = torch.eye(len(products), dtype=torch.float64) * ridge * rows
    if free:
        penalty[-free:] = 0
    solution: Tensor = torch.linalg.solve(products + penalty, moments)
    return solution
