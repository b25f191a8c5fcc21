"""Laws of who learns from what: turns, locality, and where scripts differentiate."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from lpc.codegen.attributes import attributes
from lpc.codegen.order import Turn, turns
from lpc.interpret.rates import factor
from lpc.ir.network import Network
from lpc.ir.ops import operation_of
from lpc.ir.program import Program
from lpc.ir.step import Node, used_ports, walk
from lpc.laws.agreement import Broken
from lpc.laws.boxes import without_derivative
from lpc.laws.leaks import Leak
from lpc.laws.subject import GeneralLaw, Programs, Subject, checks
from lpc.laws.validation import Moment, exactly, interpreter_of
from lpc.rules import general
from lpc.rules.tracer import TracedPhase

# -- turns --------------------------------------------------------------------------------------------------------


@checks(general.TURNS)
def turns_are_cut(subject: Subject) -> None:
    program = subject.ordered("sequential")
    assert program.protocol is not None
    found = turns(program)
    phases = {phase.phase.name: phase for phase in program.plan.phases}
    together = [turn.phase.phase.name for turn in turns(subject.ordered("simultaneous"))]
    if together != [*phases]:
        raise Broken(
            f"under order = simultaneous the turns are {', '.join(together)}, where the phases are {', '.join(phases)}"
        )
    for name, phase in phases.items():
        own = [turn for turn in found if turn.phase.phase.name == name]
        if sorted(at for turn in own for at in _updates(turn.phase)) != sorted(_updates(phase)):
            raise Broken(f"the turns of {name} do not make each of its updates once")
        made, wanted = {turn.name: _learners(turn.phase) for turn in own}, _wanted(program, phase)
        if [*made.items()] != [*wanted.items()]:
            raise Broken(f"the turns of {name} are {_told(made)}, where learners are {_told(wanted)}")
    subject.needs(len(found) > len(phases), "all blocks learn in one turn")
    with exactly(subject.seed):
        cut, whole = interpreter_of(program, subject.devices), interpreter_of(program, subject.devices)
        for turn in found:
            full = replace(phases[turn.phase.phase.name], frozen=turn.phase.frozen)
            others = _moved_by_others(subject.network, turn.phase, full)
            cut.begin(turn.phase)
            whole.begin(full)
            for step, batch in enumerate(subject.batches[: program.protocol.steps]):
                rate = factor(program.protocol, step, len(subject.batches))
                cut.step(turn.phase, batch, step, rate)
                before = dict(whole.state)
                whole.step(full, batch, step, rate)
                whole.state.update({name: before[name] for name in others})
                one, other = (Moment(turn.name, step, dict(each.state)) for each in (cut, whole))
                subject.agree([one], [other], what="a turn and the step")
            if turn.phase.finish:
                cut.finish(turn.phase)
                whole.finish(full)


def _wanted(program: Program, phase: TracedPhase) -> dict[str, set[str]]:
    """The turns of a phase under `order = sequential`: what they are called, and who learns in each."""
    name, learning = phase.phase.name, _learners(phase)
    if phase.phase.passes is not None or not learning:
        return {name: learning}
    groups: list[list[str]] = []
    for region in program.regions:
        own = [block.name for block in region.run if block.name in learning]
        groups += [[block] for block in own] if region.rule.learns_alone() else [own]
    return {f"{name}_{'_to_'.join(dict.fromkeys((own[0], own[-1])))}": set(own) for own in groups if own}


def _told(made: Mapping[str, set[str]]) -> str:
    return "; ".join(f"{name} of {', '.join(sorted(blocks)) or 'nobody'}" for name, blocks in made.items()) or "none"


def _updates(phase: TracedPhase) -> list[int]:
    return [node.index for node in phase.nodes if node.primitive == "update"]


def _moved_by_others(network: Network, turn: TracedPhase, full: TracedPhase) -> set[str]:
    """Tensors that the whole step moves, and the turn does not: of updates it leaves out, and of statistics."""
    own = set(_updates(turn))
    left_out = [node for node in full.nodes if node.primitive == "update" and node.index not in own]
    names = {name for node in left_out if node.unit is not None for name, _ in node.unit.parameters}
    evaluated = [node.unit for node in turn.nodes if node.primitive == "fwd" and node.unit is not None]
    moving = {unit.block for unit in evaluated if unit.statistics} - {*turn.frozen}
    others = (block for block in network.blocks if block.name not in moving)
    return names | {name for block in others for name, weight in network.weights(block) if not weight.trained}


# -- locality -----------------------------------------------------------------------------------------------------


@checks(general.LOCALITY)
def locality(subject: Subject) -> None:
    local = {block.name for region in subject.program.regions if region.rule.learns_alone() for block in region.run}
    upstream = upstream_of(subject.network)
    unseen = {block: {*upstream} - upstream[block] - {block} for block in local}
    learning = [
        (phase, sorted(_learners(phase) & {b for b in local if unseen[b]})) for phase in subject.program.plan.phases
    ]
    subject.needs(
        any(blocks for _, blocks in learning), "no block of a local rule learns beside others that it must not see"
    )
    for phase, blocks in learning:
        plain = _one_step(subject, phase, frozenset())
        for block in blocks:
            found = _one_step(subject, phase, frozenset(unseen[block]))
            seen = [Moment(phase.phase.name, 0, _of(block, state)) for state in (found, plain)]
            subject.identical(seen[:1], seen[1:], f"with other parameters in {', '.join(sorted(unseen[block]))}")


def _learners(phase: TracedPhase) -> set[str]:
    return {node.block for node in phase.nodes if node.primitive == "update"}


def upstream_of(network: Network) -> Mapping[str, set[str]]:
    """The blocks each block reads, directly or not."""
    found: dict[str, set[str]] = {}
    for block in network.blocks:
        read = [name for name in block.inputs if network.has_block(name)]
        found[block.name] = {*read, *(name for source in read for name in found[source])}
    return found


def _one_step(subject: Subject, phase: TracedPhase, changed: frozenset[str]) -> Mapping[str, Tensor]:
    """The state after one step from the initial one, with other parameters in some blocks."""
    buffers = {name for b in subject.network.blocks for name, w in subject.network.weights(b) if not w.trained}
    with exactly(subject.seed):
        reference = interpreter_of(subject.program, subject.devices)
        for name, value in reference.state.items():
            if name.partition(".")[0] in changed and name not in buffers:
                reference.state[name] = 0.1 - value
        reference.begin(phase)
        reference.step(phase, subject.batches[0], 0)
    return reference.state


def _of(block: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if name.partition(".")[0] == block}


# -- where scripts differentiate ----------------------------------------------------------------------------------


@checks(general.GRADIENTS)
def gradients(subject: Subject) -> None:
    network = subject.network
    crossed = {turn.name: crossings(network, turn) for turn in turns(subject.program)}
    between = {(b.name, at) for b in network.blocks for at, name in enumerate(b.inputs) if network.has_block(name)}
    subject.needs(between, "no block reads another")
    subject.needs(
        any(between - crossing for crossing in crossed.values()), "the cotangent of every block's input is read"
    )

    @contextmanager
    def guard(net: nn.Module, phase: str) -> Generator[None]:
        with barred(net, network, crossed[phase]):
            yield

    for mode, text in subject.scripts.items():
        subject.compared += 1
        try:
            subject.run(text, guard=guard)
        except Leak as problem:
            raise Broken(f"{mode}: {problem}") from problem


def crossings(network: Network, turn: Turn) -> set[tuple[str, int]]:
    """Blocks, and the positions of their inputs, whose cotangents somebody reads."""
    roots = [turn.phase.scores] if turn.phase.scores is not None else []
    used = used_ports(turn.phase.nodes, roots)
    return {crossing for node in walk(turn.phase.nodes) for crossing in _crossed(network, node, used)}


def _crossed(network: Network, node: Node, used: set[tuple[int, int]]) -> set[tuple[str, int]]:
    unit = node.unit
    if node.primitive != "vjp" or unit is None or unit.head is not None:
        return set()
    outside = [at for at, name in enumerate(unit.reads) if network.node(name).owner != unit.block]
    return {(unit.block, at) for at in outside if (node.index, at + 1) in used}


@contextmanager
def barred(net: nn.Module, network: Network, crossed: set[tuple[str, int]]) -> Generator[None]:
    """While it lasts, a backward call that crosses an input of a block raises Leak, but for those inputs that it may cross."""
    names = attributes(network)
    before: list[tuple[nn.Module, Any]] = []
    for block in network.blocks:
        module = net.get_submodule(names.of(block.name))
        for method in ("forward", "lower"):  # where steps evaluate a block part by part, `lower` reads its inputs
            if hasattr(module, method):
                before.append((module, method))
                setattr(module, method, _barred(getattr(module, method), block.name, crossed))
    try:
        yield
    finally:
        for module, method in before:
            delattr(module, method)


def _barred(call: Any, block: str, crossed: set[tuple[str, int]]) -> Any:
    def called(*inputs: Tensor, **options: Any) -> Any:
        closed = [(block, at) not in crossed and x.requires_grad for at, x in enumerate(inputs)]
        given = [_Barrier.apply(x, block) if shut else x for x, shut in zip(inputs, closed, strict=True)]  # type: ignore[no-untyped-call]
        return call(*given, **options)

    return called


class _Barrier(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, block: str) -> Tensor:
        ctx.block = block
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *_: Any) -> Any:
        raise Leak(f"a backward call crosses the input of `{ctx.block}`, whose cotangent the step does not read")


# -- black boxes --------------------------------------------------------------------------------------------------


@checks(general.BOXES, Programs(boxed=True, most=5))
def black_boxes(subject: Subject) -> None:
    sealed = boxes_of(subject.program)
    subject.needs(sealed, "every operation has a derivative")
    subject.needs(sealed <= {*subject.devices}, "nothing stands for its black boxes")
    for mode, text in subject.scripts.items():
        subject.compared += 1
        try:
            subject.run(text, devices=without_derivative(subject.devices))
        except Leak as problem:
            raise Broken(f"{mode}: {problem}") from problem


def boxes_of(program: Program) -> set[str]:
    """What the program's black boxes are, as `module:Name`."""
    assert program.network is not None
    nodes = [node for node in program.network.nodes.values() if node.kind != "data"]
    return {str(node.arguments["name"]) for node in nodes if not operation_of(node.kind).differentiable}


LAWS: tuple[GeneralLaw, ...] = (turns_are_cut, locality, gradients, black_boxes)
