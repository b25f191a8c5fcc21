"""The law of descent: where a step says that an update is the gradient of a loss, central differences say so too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lpc.ir.program import Optimizer
from lpc.ir.step import SILENT, Added, Node, Unit, Value, walk
from lpc.laws.agreement import Array, Arrays, Broken, Run
from lpc.laws.slopes import SLOPE, STEPS, Slope, slope
from lpc.laws.subject import GeneralLaw, Subject, checks
from lpc.laws.validation import exactly, interpreter_of
from lpc.rules import general
from lpc.rules.law import Inapplicable
from lpc.rules.tracer import TracedPhase

PLAIN = Optimizer("sgd", {"lr": 1.0})
KINK = 1e-3
"""How far, as a part of what the move allows, the slopes to both sides may differ where the loss is smooth."""


@checks(general.DESCENT)
def descent(subject: Subject) -> None:
    found = [(phase, claim) for phase in subject.program.plan.phases for claim in claims(phase.nodes)]
    subject.needs(found, "no update comes from a logged loss through exact gradients alone")
    for phase, claim in found:
        before, after, _ = _step(subject, phase, {})
        names = [name for unit in claim.units for name, _ in unit.parameters]
        once = Run(before, [after], [(phase.phase.name, 1)], [{}], np.zeros(0))
        _check(subject, phase, claim, once, names)


def _check(subject: Subject, phase: TracedPhase, claim: Claim, once: Run, names: Sequence[str]) -> None:
    def loss(start: Arrays) -> float:
        return _step(subject, phase, start)[2][claim.of]

    made = slope(loss, once, names)
    subject.compared += 1
    if made.relative > SLOPE:
        if _bends(loss, once, names, made):
            raise Inapplicable("the loss has a kink where it is tried")
        blocks = ", ".join(f"`{unit.name}`" for unit in claim.units)
        raise Broken(f"{blocks}: not against the gradient of the loss of `{claim.of}` in {phase.phase.name}: {made}")
    subject.worst = max(subject.worst, made.relative)


def _bends(loss: object, once: Run, names: Sequence[str], made: Slope) -> bool:
    """Whether the slopes to both sides of where a run began differ, in the direction and at the width of `slope`'s last."""
    assert callable(loss)
    rng = np.random.default_rng(0)
    way = {name: rng.standard_normal(once.before[name].shape) for name in names}
    length = float(np.sqrt(sum(float((v * v).sum()) for v in way.values()))) or 1.0
    width = STEPS[-1]
    up, here, down = (loss({n: once.before[n] + s * width / length * v for n, v in way.items()}) for s in (1, 0, -1))
    return bool(abs((up - here) - (here - down)) / width > KINK * max(made.size, abs(made.by_differences)))


def _step(subject: Subject, phase: TracedPhase, start: Mapping[str, Array]) -> tuple[Arrays, Arrays, dict[str, float]]:
    """The state before and after one plain gradient step of rate 1, and the losses it logs."""
    with exactly(subject.seed):
        reference = interpreter_of(subject.program, subject.devices)
        reference.optimizers = dict.fromkeys(reference.optimizers, PLAIN)
        reference.state |= {name: torch.as_tensor(value) for name, value in start.items()}
        before = {name: value.double().numpy() for name, value in reference.state.items()}
        reference.begin(phase)
        losses = reference.step(phase, subject.batches[0], 0)
        after = {name: value.detach().double().numpy() for name, value in reference.state.items()}
    return before, after, losses


# -- what a step claims -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claim:
    """Units whose updates are, as the step has it, the whole gradient of the loss that a block logs."""

    of: str
    units: tuple[Unit, ...]


def claims(nodes: Sequence[Node]) -> Iterator[Claim]:
    """What a step claims of each loss it logs."""
    reader = _Reader(nodes)
    for node in nodes:
        if node.primitive == "record":
            loss = node.inputs[0].node
            updates = [n for n in nodes if n.primitive == "update" and reader.is_gradient(n, loss)]
            units = {n.unit.name: n.unit for n in updates if n.unit is not None}
            if units and loss.primitive == "loss":
                yield Claim(str(node.attributes["of"]), tuple(units.values()))


class _Reader:
    """Compares what is pulled through a step with what leads to a loss: every way there must be pulled back along, once."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = list(walk(nodes))
        self.readers: dict[tuple[int, int], list[tuple[Node, int]]] = {}
        for node in self.nodes:
            for position, value in enumerate(node.inputs):
                self.readers.setdefault(value.key, []).append((node, position))

    def is_gradient(self, update: Node, loss: Node) -> bool:
        """Whether an update is the gradient of a loss for all that its unit has."""
        leading = _leading_to(loss)
        assert update.unit is not None
        owned = {name for name, _ in update.unit.parameters}
        if any(self._reads_as_number(node, owned) for node in self.nodes if node.index in leading):
            return False
        evaluated = [n for n in self.nodes if n.index in leading and n.unit is not None and _shares(n.unit, owned)]
        terms = list(_terms(update.inputs[0]))
        if not evaluated or len(terms) != len(evaluated) or any(node.primitive != "fwd" for node in evaluated):
            return False
        return all(
            any(self._pulls(term.node, forward, loss, leading) for term in terms if term.port == 0)
            for forward in evaluated
        )

    @staticmethod
    def _reads_as_number(node: Node, owned: set[str]) -> bool:
        source = node.attributes.get("source")
        name = source.name if isinstance(source, Added) else source
        return node.primitive == "get" and name in owned

    def _pulls(self, vjp: Node, forward: Node, loss: Node, leading: set[int]) -> bool:
        """Whether a vjp pulls the whole gradient of a loss through a forward."""
        plain = vjp.primitive == "vjp" and "via" not in vjp.attributes and vjp.inputs[0].node is forward
        return plain and self._is_cotangent(vjp.inputs[1], Value(forward, 0, SILENT), loss, leading)

    def _is_cotangent(self, cotangent: Value, value: Value, loss: Node, leading: set[int]) -> bool:
        """Whether a cotangent has a term for every way from a value to a loss, and no other."""
        terms = list(_terms(cotangent))
        ways = [(reader, at) for reader, at in self.readers.get(value.key, ()) if reader.index in leading]
        return len(terms) == len(ways) and all(
            any(self._is_term(term, reader, at, loss, leading) for term in terms) for reader, at in ways
        )

    def _is_term(self, term: Value, reader: Node, position: int, loss: Node, leading: set[int]) -> bool:
        node = term.node
        if reader is loss:
            return node.primitive == "grad" and node.inputs[0].node is loss and node.attributes["argument"] == position
        is_forward = reader.primitive == "fwd" and term.port == position + 1
        return is_forward and self._pulls(node, reader, loss, leading)


def _leading_to(loss: Node) -> set[int]:
    """The loss, and the nodes that it depends on."""
    found: set[int] = set()
    waiting = [loss]
    while waiting:
        node = waiting.pop()
        if node.index not in found:
            found.add(node.index)
            waiting += [value.node for value in node.inputs]
    return found


def _shares(unit: Unit, owned: set[str]) -> bool:
    return any(name in owned for name, _ in unit.parameters)


def _terms(value: Value) -> Iterator[Value]:
    """The summands of a value, by the sums that the step writes."""
    node = value.node
    if node.primitive == "map" and node.attributes["function"] == "add":
        for part in node.inputs:
            yield from _terms(part)
    else:
        yield value


LAWS: tuple[GeneralLaw, ...] = (descent,)
