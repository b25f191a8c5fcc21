"""Translation validation: a generated script against the reference interpreter, on the same program and the same batches.

Both are run step by step in float64, and what they hold after every step is compared. They round differently, so what
they may differ by depends on the program: where they do not agree at once, the interpreter is run again with everything
it computes moved in the last places, and what that moves is allowed, times `ALLOWANCE`.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from lpc.codegen.order import turns
from lpc.interpret.interpreter import Interpreter
from lpc.interpret.rates import factor
from lpc.interpret.rounding import Rounding
from lpc.ir.program import Program
from lpc.laws.leaks import Leak, left_gradients, watched
from lpc.runtime.random import RANDOM

Batch = Mapping[str, Tensor]
Devices = Mapping[str, Callable[[], Callable[[Tensor], Tensor]]]
"""What stands for the black boxes of a program: by `module:Name`, what that is, to be called without arguments."""
Guard = Callable[[nn.Module, str], AbstractContextManager[object]]
"""What is around a step of a script: made of the network and the phase's name."""

TOLERANCE = 1e-10
ALLOWANCE = 100.0
LEAST = 1e-6
"""Tensors are compared relative to the largest entry they have had so far, or to this: one that passes through 0 is not small."""
CHAOTIC = 1e-7
"""Where rounding alone moves a run so far, draws of it spread over orders of magnitude: `ALLOWANCE` is allowed once more."""
JITTERS = (2.0**-50, 2.0**-49, 2.0**-48, 2.0**-47, 2.0**-46, 2.0**-45, 2.0**-44)
"""Relative sizes of the moves in the last places, each at random in its own way; not even the largest moves a well-conditioned
program by `TOLERANCE`.
"""


@dataclass(frozen=True)
class Moment:
    """What a run holds at some moment: the state after a step with its losses and class scores, or a prediction."""

    phase: str
    step: int
    tensors: Mapping[str, Tensor]


@dataclass(frozen=True)
class Difference:
    """Where script and interpreter are farthest apart: after which step, in which tensor, and how far, relative to its size.

    allowed: what rounding explains, relative too; 0 where nobody had to ask.
    """

    phase: str
    step: int
    tensor: str
    relative: float
    allowed: float = 0.0

    @property
    def agrees(self) -> bool:
        return self.relative <= TOLERANCE + self.allowed

    def __str__(self) -> str:
        allowed = f"allowed {TOLERANCE + self.allowed:.1e}"
        return f"`{self.tensor}` differs by {self.relative:.1e} ({allowed}) in {self.phase}, step {self.step + 1}"


def validate(
    program: Program, text: str, batches: Sequence[Batch], seed: int = 1, devices: Devices | None = None
) -> Difference:
    """Run every phase of a script on some batches, and compare with the interpreter after each step.

    Each phase sees all the batches, as the examples of one epoch, or as many as there are steps. Compares initial values, state,
    losses and class scores after each step, and predictions at the end; returns the largest difference, relative to what is
    allowed. Raises `Leak` where a graph reaches a backward call that it has no part in.
    """
    return validate_all(program, [text], batches, seed, devices)[0]


def validate_all(
    program: Program, texts: Sequence[str], batches: Sequence[Batch], seed: int = 1, devices: Devices | None = None
) -> list[Difference]:
    """`validate`, of several scripts of one program."""
    given = devices or {}
    with exactly(seed):
        runs = [script_run(program, text, batches, seed, given) for text in texts]
        expected = reference_run(program, batches, given)
        found = [compare(run, expected) for run in runs]
        if all(difference.agrees for difference in found):
            return found
        moved = [reference_run(program, batches, given, jitter) for jitter in JITTERS]
        return [compare(run, expected, moved) for run in runs]


@contextmanager
def exactly(seed: int) -> Generator[None]:
    """Everything in float64, random tensors from one seed."""
    before = torch.get_default_dtype(), RANDOM.seed
    torch.set_default_dtype(torch.float64)
    RANDOM.seed = seed
    try:
        yield
    finally:
        torch.set_default_dtype(before[0])
        RANDOM.seed = before[1]


# -- the script ---------------------------------------------------------------------------------------------------


def load_script(text: str, name: str = "script", devices: Devices | None = None) -> ModuleType:
    """A generated script as a module; its main guard does not run. `devices` stand for what it imports from elsewhere."""
    module = ModuleType(f"{name}_{hashlib.sha256(text.encode()).hexdigest()[:8]}")
    module.__file__ = f"{name}.py"
    sys.modules[module.__name__] = module  # dataclasses look their module up there
    try:
        with _importable(devices or {}):
            exec(_code(text, module.__file__), module.__dict__)  # noqa: S102 - our own output
    finally:
        del sys.modules[module.__name__]
    return module


@lru_cache(maxsize=8)
def _code(text: str, name: str) -> CodeType:
    return compile(text, name, "exec")


@contextmanager
def _importable(devices: Devices) -> Generator[None]:
    before = dict(sys.modules)
    for written, device in devices.items():
        path, _, name = written.partition(":")
        parts = path.split(".")
        for end in range(1, len(parts) + 1):
            sys.modules.setdefault(".".join(parts[:end]), ModuleType(".".join(parts[:end])))
        setattr(sys.modules[path], name, device)
    try:
        yield
    finally:
        for path in set(sys.modules) - set(before):
            if any(written.startswith((f"{path}:", f"{path}.")) for written in devices):
                del sys.modules[path]


def script_run(
    program: Program,
    text: str,
    batches: Sequence[Batch],
    seed: int = 1,
    devices: Devices | None = None,
    rate: float = 1.0,
    guard: Guard | None = None,
) -> list[Moment]:
    """What a script's network holds from moment to moment. torch's default dtype is the one that counts.

    rate: all learning rates are multiplied by it. guard: what is around every step.
    """
    assert program.data is not None and program.protocol is not None
    script: Any = load_script(text, devices=devices)
    script.RANDOM.seed = seed
    net = script.Network()
    script.initialise(net, getattr(net, "RENAMED", {}))
    script.add_learning_parameters(net)
    moments = [Moment("initial", 0, _state(script, net))]
    names = program.data.names
    with watched():
        for phase in script.TASK.phases:
            optimizers = phase.optimizers(net)
            rates = [(group, group["lr"]) for optimizer in optimizers.values() for group in optimizer.param_groups]
            for step, batch in enumerate(batches[: program.protocol.steps]):
                factor = rate * (script.TASK.rate(step, len(batches)) if script.TASK.rate else 1.0)
                for group, written in rates:
                    group["lr"] = written * factor
                given = tuple(batch[name] for name in names)
                with _noted(phase.name, step), nullcontext() if guard is None else guard(net, phase.name):
                    if phase.part is not None:
                        net.eval()
                        with torch.no_grad():
                            given = phase.part(net, given, len(given[0]))
                    phase.mode(net)
                    losses, scores = phase.step(net, optimizers, *given, step)
                    if left := left_gradients(net):
                        raise Leak(f"a gradient is left on `{left[0]}`")
                    returned = _returned(phase.columns, losses, scores)
                moments.append(Moment(phase.name, step, {**_state(script, net), **returned}))
            if phase.finish is not None:
                phase.finish(net)
                moments.append(Moment(phase.name, len(batches), _state(script, net)))
    net.eval()
    with torch.no_grad():
        for number, batch in enumerate(batches):
            made = net(*(batch[name] for name in _inputs(program)))
            moments.append(Moment("prediction", number, {"scores": made}))
    return moments


@contextmanager
def _noted(phase: str, step: int) -> Generator[None]:
    """What is raised meanwhile says where."""
    try:
        yield
    except Exception as problem:
        problem.add_note(f"in {phase}, step {step + 1}")
        raise


def _state(script: Any, net: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in script.state(net).items()}


def _returned(columns: Sequence[str], losses: Tensor, scores: Tensor | None) -> dict[str, Tensor]:
    """What a step returns, under names that no tensor has."""
    if losses.requires_grad:
        raise Leak(f"the losses that a step returns ({', '.join(columns)}) have a graph")
    if scores is not None and scores.requires_grad:
        raise Leak("the class scores that a step returns have a graph")
    found = {f"the loss of {block}": loss for block, loss in zip(columns, losses, strict=True)}
    return found if scores is None else {**found, "the class scores": scores}


def _inputs(program: Program) -> list[str]:
    """The data that the network is called with to predict."""
    assert program.network is not None
    read = {str(n.attributes["source"]) for n in program.plan.prediction_nodes if n.primitive == "input"}
    return [name for name in program.network.data if name in read]


# -- the reference ------------------------------------------------------------------------------------------------


def interpreter_of(program: Program, devices: Devices | None = None) -> Interpreter:
    """The reference interpreter of a program whose steps are there, with initial values drawn."""
    assert program.network is not None and program.objective is not None and program.protocol is not None
    optimizers = {b.name: program.uses[b.name].optimizer or program.protocol.optimizer for b in program.network.blocks}
    boxes = {name: device() for name, device in (devices or {}).items()}
    made = Interpreter(program.network, program.objective, program.plan, optimizers, devices=boxes)
    made.initialise()
    return made


def reference_run(
    program: Program,
    batches: Sequence[Batch],
    devices: Devices | None = None,
    jitter: float = 0.0,
    start: Mapping[str, Tensor] | None = None,
    entering: Mapping[tuple[str, int], Mapping[str, Tensor]] | None = None,
    rate: float = 1.0,
    interrupt: Callable[[], None] | None = None,
) -> list[Moment]:
    """What the interpreter holds from moment to moment.

    jitter: how far all it computes is moved. start: initial values, by state name, instead of those that are drawn.
    entering: by phase and step, what the state becomes before that step, instead of what the steps before made it.
    rate: all learning rates are multiplied by it. interrupt: called before every node; what it raises ends the run.
    """
    assert program.protocol is not None
    reference = interpreter_of(program, devices)
    reference.state |= start or {}
    reference.interrupt = interrupt
    if jitter:
        reference.rounding = Rounding(jitter, round(-math.log2(jitter)))
    own = {added.name for added in program.plan.added if added.dtype == "f64"}

    def state() -> dict[str, Tensor]:
        return {name: tensor for name, tensor in reference.state.items() if name not in own}

    placed = entering or {}
    moments = [Moment("initial", 0, state())]
    with reference.rounding or nullcontext():
        for turn in turns(program):
            reference.begin(turn.phase)
            for step, batch in enumerate(batches[: program.protocol.steps]):
                reference.state |= placed.get((turn.name, step), {})
                losses = reference.step(turn.phase, batch, step, rate * factor(program.protocol, step, len(batches)))
                found = {f"the loss of {block}": torch.tensor(loss) for block, loss in losses.items()}
                if reference.scores is not None:
                    found["the class scores"] = reference.scores
                moments.append(Moment(turn.name, step, {**state(), **found}))
            if turn.phase.finish:
                reference.finish(turn.phase)
                moments.append(Moment(turn.name, len(batches), state()))
        for number, batch in enumerate(batches):
            moments.append(Moment("prediction", number, {"scores": reference.predict(batch)}))
    return moments


# -- comparison ---------------------------------------------------------------------------------------------------


def first_difference(
    made: Sequence[Moment], expected: Sequence[Moment], moved: Sequence[Sequence[Moment]] = ()
) -> Difference:
    """`compare`, of the first moment where two runs disagree, or of all where they agree."""
    for end in range(1, min(len(made), len(expected))):
        found = compare(made[:end], expected[:end], [run[:end] for run in moved])
        if not found.agrees:
            return found
    return compare(made, expected, moved)


def compare(made: Sequence[Moment], expected: Sequence[Moment], moved: Sequence[Sequence[Moment]] = ()) -> Difference:
    """The largest difference of two runs, beyond what `moved` runs of the second say is rounding up to that moment."""
    worst, noise = Difference("initial", 0, "", 0.0), 0.0
    if [(m.phase, m.step) for m in made] != [(m.phase, m.step) for m in expected]:
        return Difference("all", 0, "the phases and their steps", float("inf"))
    sizes: dict[str, float] = {}
    for at, (one, other) in enumerate(zip(made, expected, strict=True)):
        if unmatched := sorted(set(one.tensors) ^ set(other.tensors)):
            return Difference(one.phase, one.step, unmatched[0], float("inf"))
        for name, value in other.tensors.items():
            sizes[name] = max(sizes.get(name, LEAST), _largest(value))
        found = {name: _relative(one.tensors[name], value, sizes[name]) for name, value in other.tensors.items()}
        for run in moved:
            far = (_relative(run[at].tensors[name], value, sizes[name]) for name, value in other.tensors.items())
            noise = max(noise, *far)
        allowed = ALLOWANCE * noise * (ALLOWANCE if noise > CHAOTIC else 1)
        for name, relative in found.items():
            if relative - allowed > worst.relative - worst.allowed:
                worst = Difference(one.phase, one.step, name, relative, allowed)
    return worst


def _relative(made: Tensor, expected: Tensor, size: float) -> float:
    """The largest difference, as a part of a size; infinite where shapes differ or a number is not finite."""
    if made.shape != expected.shape:
        return float("inf")
    difference = _largest(made.double() - expected.double())
    return difference / size if math.isfinite(difference) else math.inf


def _largest(tensor: Tensor) -> float:
    return float(tensor.double().abs().max()) if tensor.numel() else 0.0
