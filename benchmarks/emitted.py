"""The generated scripts that are timed: small programs compiled with `python -m lpc compile` and imported from their files."""

from __future__ import annotations

import importlib.util
import itertools
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from benchmarks.compare import Step

if TYPE_CHECKING:
    from torch import Tensor


def program(dims: Sequence[int], rule: str, batch: int, optimizer: str = "adam(lr = 1e-3)") -> str:
    """The `.lp` text of a multilayer perceptron of widths `dims`, `[inputs, hidden ..., classes]`, every block under one rule."""
    source, blocks = "x", []
    for number, width in enumerate(dims[1:-1], start=1):
        blocks.append(f"block hidden{number} = {source} -> linear({width}) -> relu")
        source = f"hidden{number}"
    return whole(dims[0], dims[-1], blocks, source, rule, f"batch = {batch}, optimizer = {optimizer}")


def chain(depth: int, width: int, rule: str, batch: int) -> str:
    """The `.lp` text of `depth` equal blocks, linear and ReLU, and a readout, under plain SGD."""
    block = f"block layer[{depth}] = x -> linear({width}) -> relu"
    return whole(width, 10, [block], "layer", rule, f"batch = {batch}, optimizer = sgd(lr = 1e-3)")


def whole(inputs: int, classes: int, blocks: Sequence[str], last: str, rule: str, options: str) -> str:
    """A program around some blocks. Its data are never made: batches are handed to its step."""
    lines = [
        "network timed",
        f"data x: f32[{inputs}], y: class[{classes}] = synthetic(examples = 1000)",
        *blocks,
        f"block readout = {last} -> linear({classes})",
        "objective cross_entropy(readout, y)",
        f"learn all with {rule}",
        f"train epochs = 1, {options}, seed = 1",
    ]
    return "\n".join(lines) + "\n"


def compiled(text: str, name: str, folder: Path) -> ModuleType:
    """The script of a program, imported under a name of its own."""
    source, script = folder / f"{name}.lp", folder / f"{name}_script.py"
    source.write_text(text, encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "lpc", "compile", str(source), "-o", str(script)], check=True, stdout=subprocess.DEVNULL
    )
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[script.stem] = module
    spec.loader.exec_module(module)
    return module


def step_of(module: ModuleType, batches: Sequence[Sequence[Tensor]]) -> Step:
    """The script's training step on one batch after another, as its own loop calls it."""
    import torch

    torch.manual_seed(1)
    net = module.Network()
    module.add_learning_parameters(net)
    optimizer = module.make_optimizers(net)
    numbered = enumerate(itertools.cycle(batches))

    def step() -> None:
        number, batch = next(numbered)
        module.train_step(net, optimizer, *batch, number)

    return step
