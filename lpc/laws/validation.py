"""Translation validation: a generated script against the reference interpreter, on the same program and the same batches."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from lpc.codegen.order import Turn, turns
from lpc.interpret.interpreter import Interpreter
from lpc.ir.program import Program
from lpc.runtime.initialise import initialise
from lpc.runtime.random import RANDOM

Batch = Mapping[str, Tensor]


@dataclass(frozen=True)
class Difference:
    """Where script and interpreter are farthest apart: after which step, in which tensor, and how far, relative to its size."""

    phase: str
    step: int
    tensor: str
    relative: float


def load_script(text: str, name: str = "script") -> ModuleType:
    """A generated script as a module; its main guard does not run."""
    module = ModuleType(f"{name}_{hashlib.sha256(text.encode()).hexdigest()[:8]}")
    module.__file__ = f"{name}.py"
    sys.modules[module.__name__] = module  # dataclasses look their module up there
    exec(compile(text, module.__file__, "exec"), module.__dict__)  # noqa: S102 - our own output
    return module


def interpreter_of(program: Program) -> Interpreter:
    """The reference interpreter of a program whose steps are there, with initial values drawn."""
    assert program.network is not None and program.objective is not None and program.protocol is not None
    optimizers = {b.name: program.uses[b.name].optimizer or program.protocol.optimizer for b in program.network.blocks}
    made = Interpreter(program.network, program.objective, program.plan, optimizers)
    made.initialise()
    return made


def validate(program: Program, text: str, batches: Sequence[Batch], seed: int = 1) -> Difference:
    """Run every phase of a script on some batches, each phase on all of them, and compare with the interpreter after each step.

    Both compute in float64. Predictions are compared at the end. Returns the largest relative difference found.
    """
    before = torch.get_default_dtype(), RANDOM.seed
    torch.set_default_dtype(torch.float64)
    RANDOM.seed = seed
    try:
        return _validate(program, text, batches, seed)
    finally:
        torch.set_default_dtype(before[0])
        RANDOM.seed = before[1]


def _validate(program: Program, text: str, batches: Sequence[Batch], seed: int) -> Difference:
    script: Any = load_script(text)
    script.RANDOM.seed = seed
    net = script.Network()
    (script.initialise if hasattr(script, "initialise") else initialise)(net, getattr(net, "RENAMED", {}))
    script.add_learning_parameters(net)
    reference = interpreter_of(program)
    worst = Difference("initial", 0, *_farthest(script, net, reference.state))
    for turn, phase in zip(turns(program), script.TASK.phases, strict=True):
        worst = _further(worst, _run_phase(program, script, net, reference, turn, phase, batches))
    net.eval()
    with torch.no_grad():
        for batch in batches:
            made = net(*(batch[name] for name in _inputs(program)))
            expected = reference.predict(batch)
            relative = float((made - expected).abs().max() / expected.abs().max().clamp(min=1e-12))
            worst = _further(worst, Difference("prediction", 0, "scores", relative))
    return worst


def _run_phase(
    program: Program, script: Any, net: Any, reference: Interpreter, turn: Turn, phase: Any, batches: Sequence[Batch]
) -> Difference:
    assert program.data is not None
    optimizers = phase.optimizers(net)
    reference.begin(turn.phase)
    worst = Difference(turn.name, 0, "", 0.0)
    for step, batch in enumerate(batches):
        phase.mode(net)
        phase.step(net, optimizers, *(batch[name] for name in program.data.names), step)
        reference.step(turn.phase, batch, step)
        worst = _further(worst, Difference(turn.name, step, *_farthest(script, net, reference.state)))
    if phase.finish is not None:
        phase.finish(net)
        reference.finish(turn.phase)
        worst = _further(worst, Difference(turn.name, len(batches), *_farthest(script, net, reference.state)))
    return worst


def _inputs(program: Program) -> list[str]:
    assert program.network is not None
    read = {str(n.attributes["source"]) for n in program.plan.prediction_nodes if n.primitive == "input"}
    return [name for name in program.network.data if name in read]


def _further(a: Difference, b: Difference) -> Difference:
    return b if not b.relative <= a.relative else a


def _farthest(script: Any, net: Any, expected: Mapping[str, Tensor]) -> tuple[str, float]:
    """The tensor that differs most, by name; a tensor that only the script has, or lacks, differs by infinity."""
    state = script.state(net)
    worst = ("", 0.0)
    for name, value in expected.items():
        if name not in state:
            if value.dtype == torch.float64 and _is_sum(name, net):
                continue
            return name, float("inf")
        made = state[name].double()
        if made.shape != value.shape or not torch.isfinite(made).all():
            return name, float("inf")
        size = max(float(value.abs().max()) if value.numel() else 0.0, 1e-6)
        relative = float((made - value.double()).abs().max()) / size if value.numel() else 0.0
        if relative > worst[1]:
            worst = (name, relative)
    extra = sorted(set(state) - set(expected))
    return (extra[0], float("inf")) if extra else worst


def _is_sum(name: str, net: Any) -> bool:
    """Sums gathered over a pass are no part of the network's state."""
    path, _, attribute = name.rpartition(".")
    block, _, rule = path.partition(".")
    renamed = {lp: own for own, lp in getattr(net, "RENAMED", {}).items()}
    holder = net.get_submodule(f"{renamed.get(block, block)}.{rule}")
    return attribute in dict(holder.named_buffers())
