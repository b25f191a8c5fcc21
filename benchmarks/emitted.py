"""The generated scripts that are timed: small programs compiled with `python -m lpc compile` and imported from their files."""

from __future__ import annotations

import importlib.util
import itertools
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from benchmarks.compare import Step

SOURCES = {784: "mnist()", 3072: "cifar10()", 64: "digits()"}
"""A data source for a number of inputs: it fixes the types. Its files are not read, batches are drawn."""
SHAPES = {784: (1, 28, 28), 3072: (3, 32, 32), 64: (1, 8, 8)}


def program(rule: str, dims: Sequence[int], batch: int) -> str:
    """The `.lp` text of a multilayer perceptron of widths `dims`, every block under one rule."""
    blocks = []
    source = "image -> flatten"
    for number, width in enumerate(dims[1:-1], start=1):
        blocks.append(f"block hidden{number} = {source} -> linear({width}) -> relu")
        source = f"hidden{number}"
    lines = [
        "network perceptron",
        f"data image, label = {SOURCES[dims[0]]}",
        *blocks,
        f"block readout = {source} -> linear({dims[-1]})",
        "objective cross_entropy(readout, label)",
        f"learn all with {rule}",
        f"train epochs = 1, batch = {batch}, optimizer = adam(lr = 1e-3), seed = 1",
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
    torch.manual_seed(1)
    net = module.Network()
    module.add_learning_parameters(net)
    optimizer = module.make_optimizers(net)
    numbered = enumerate(itertools.cycle(batches))

    def step() -> None:
        number, batch = next(numbered)
        module.train_step(net, optimizer, *batch, number)

    return step
