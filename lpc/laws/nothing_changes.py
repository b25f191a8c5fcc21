"""Laws of steps: what can be done to a step, or beside it, without changing what it does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count

import torch

from lpc.codegen.order import Turn, turns
from lpc.codegen.prefix import Prefix, cut
from lpc.interpret.interpreter import Interpreter
from lpc.interpret.rates import factor
from lpc.ir.program import Program
from lpc.ir.step import GRADIENTS, SILENT, Added, Node, Value, live, walk
from lpc.laws.agreement import Broken
from lpc.laws.subject import GeneralLaw, Subject, checks
from lpc.laws.validation import Moment, exactly, interpreter_of
from lpc.rules import general
from lpc.rules.tracer import Traced, TracedPhase


@checks(general.STILL)
def still(subject: Subject) -> None:
    kept = _moving_by_itself(subject.program)
    runs = {"the interpreter": subject.interpreted(rate=0.0)}
    runs["the script"] = subject.run(next(iter(subject.scripts.values())), rate=0.0)
    for who, moments in runs.items():
        subject.compared += 1
        before = {name: value for name, value in moments[0].tensors.items() if name not in kept}
        for moment in moments:
            for name, value in before.items():
                if name in moment.tensors and not torch.equal(moment.tensors[name], value):
                    raise Broken(f"{who}: `{name}` moves in {moment.phase}, step {moment.step + 1}")


def _moving_by_itself(program: Program) -> set[str]:
    """Tensors that rules write, and batch-norm statistics."""
    assert program.network is not None
    traced: Traced = program.plan
    nodes = [node for phase in traced.phases for node in (*walk(phase.nodes), *phase.finish)]
    targets = [node.attributes["target"] for node in nodes if node.primitive == "put"]
    written = {target.name if isinstance(target, Added) else str(target) for target in targets}
    named = (pair for block in program.network.blocks for pair in program.network.weights(block))
    return written | {name for name, weight in named if not weight.trained}


@checks(general.ROWS)
def rows(subject: Subject) -> None:
    for phase in subject.program.plan.phases:
        for node in walk(phase.nodes):
            subject.needs(node.primitive != "sample", "numbers are drawn for single rows")
            unit = node.unit
            drops = node.primitive == "fwd" and unit is not None and unit.random and unit.block not in phase.frozen
            subject.needs(not drops, "dropout draws for single rows")
    generator = torch.Generator().manual_seed(subject.seed)
    permuted = []
    for batch in subject.batches:
        order = torch.randperm(len(next(iter(batch.values()))), generator=generator)
        permuted.append({name: value[order] for name, value in batch.items()})
    made = _of_batches(subject.interpreted(batches=permuted))
    moved = lambda: [_of_batches(moments) for moments in subject.moved]  # noqa: E731 - asked for where they disagree
    subject.agree(made, _of_batches(subject.expected), moved, "rows permuted")


def _of_batches(moments: Sequence[Moment]) -> list[Moment]:
    """A run without what it holds for single examples."""
    kept = [moment for moment in moments if moment.phase != "prediction"]
    return [replace(m, tensors={n: v for n, v in m.tensors.items() if n != "the class scores"}) for m in kept]


# -- dead code ----------------------------------------------------------------------------------------------------


@checks(general.DEAD)
def dead_code(subject: Subject) -> None:
    program = subject.ordered("simultaneous")
    traced: Traced = program.plan
    phases = tuple(replace(phase, nodes=tuple(with_dead_code(phase.nodes))) for phase in traced.phases)
    for phase, more in zip(traced.phases, phases, strict=True):
        roots = [*phase.given, *([phase.scores] if phase.scores is not None else [])]
        left = {node.index for node in live(more.nodes, roots, phase.frozen)}
        wanted = {node.index for node in live(phase.nodes, roots, phase.frozen)}
        subject.compared += 1
        if left != wanted:
            raise Broken(f"dead-code removal of {phase.phase.name} leaves other nodes than there were")
    expected = subject.expected if program == subject.program else subject.interpreted(program)
    made = subject.interpreted(replace(program, plan=replace(traced, phases=phases)))
    subject.identical(made, expected, "with dead code")


def with_dead_code(nodes: Sequence[Node]) -> Iterator[Node]:
    """The nodes, and after each forward the same one again, pulled through itself, and after each label one that is wrong."""
    fresh = count(max((node.index for node in walk(nodes)), default=0) + 1)
    for node in nodes:
        yield node
        if node.primitive == "fwd" and node.unit is not None:
            attributes = {**node.attributes, "statistics": "batch"}
            again = Node(next(fresh), "fwd", node.inputs, node.outputs, attributes, node.block, node.unit)
            yield again
            if node.unit.differentiable:
                made = Value(again, 0, SILENT)
                outputs = (GRADIENTS, *(value.kind for value in node.inputs))
                yield Node(next(fresh), "vjp", (made, made), outputs, {}, node.block, node.unit)
        elif node.primitive == "input" and node.outputs[0].dtype == "i64":
            drawn = {"distribution": "wrong_label", "classes": 2, "key": "dead/label"}
            yield Node(next(fresh), "sample", (Value(node, 0, SILENT),), node.outputs, drawn, node.block)


# -- what is frozen -----------------------------------------------------------------------------------------------


@checks(general.FROZEN)
def frozen(subject: Subject) -> None:
    program = subject.ordered("sequential")
    found = [(turn, cut(turn.phase, examples=1)) for turn in turns(program)]
    subject.needs(any(prefix for _, prefix in found), "no turn has a frozen prefix")
    with exactly(subject.seed):
        reference = interpreter_of(program, subject.devices)
        for turn, kept in found:
            before = _outputs(reference, turn.phase, kept[1], subject) if kept else []
            train(reference, program, turn, subject)
            after = _outputs(reference, turn.phase, kept[1], subject) if kept else []
            if kept:
                subject.identical(after, before, f"the frozen prefix of {turn.name}")


def _outputs(reference: Interpreter, phase: TracedPhase, prefix: Prefix, subject: Subject) -> list[Moment]:
    made = [reference.values(phase, prefix.nodes, prefix.outputs, batch) for batch in subject.batches]
    names = [prefix.name(value) for value in prefix.outputs]
    return [Moment(phase.phase.name, at, dict(zip(names, values, strict=True))) for at, values in enumerate(made)]


def train(reference: Interpreter, program: Program, turn: Turn, subject: Subject) -> None:
    """One turn of an interpreter, over a subject's batches."""
    assert program.protocol is not None
    reference.begin(turn.phase)
    for step, batch in enumerate(subject.batches[: program.protocol.steps]):
        reference.step(turn.phase, batch, step, factor(program.protocol, step, len(subject.batches)))
    if turn.phase.finish:
        reference.finish(turn.phase)


LAWS: tuple[GeneralLaw, ...] = (still, rows, dead_code, frozen)
