"""Files of made-up data for a program's source, where it reads one of the user's."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from math import prod
from pathlib import Path

import numpy as np

from lpc.ir.program import Program
from lpc.ir.types import Label, Tensor

EXAMPLES = 20
OWN = ("digits", "synthetic")
"""Sources that need no file."""


def data_for_run(program: Program, folder: Path) -> str:
    """What `--data` is given: the folder, with the program's file in it, or `synthetic` where the data are published."""
    assert program.data is not None
    source, generator = program.data.source, np.random.default_rng(0)
    if source in OWN:
        return str(folder)
    if "file" not in program.data.arguments:
        return "synthetic"
    path = folder / str(program.data.arguments["file"])
    path.parent.mkdir(parents=True, exist_ok=True)  # a broken name may have a folder in it
    if source == "text":
        classes, context = (int(program.data.arguments[name]) for name in ("classes", "context"))  # type: ignore[arg-type]
        letters = np.arange(EXAMPLES * context + 1) % classes + ord("a")
        path.write_bytes(letters.astype(np.uint8).tobytes())
        return str(folder)
    arrays = {name: _values(program, name, generator) for name in program.data.names}
    if source == "npz":
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
    else:
        _write_table(path, arrays, program.data.arguments.get("target"))
    return str(folder)


def _values(program: Program, name: str, generator: np.random.Generator) -> np.ndarray:
    """An array [examples, ...] of the type of a name. Every class occurs."""
    assert program.network is not None
    type_ = program.network.node(name).type
    assert isinstance(type_, Tensor | Label)
    classes = type_.classes if isinstance(type_, Label) else program.network.tokens(name)
    shape = (EXAMPLES, *type_.shape)
    if isinstance(type_, Label) or type_.dtype == "i64":
        return np.arange(prod(shape)).reshape(shape) % (classes or 1)
    return generator.random(shape)


def _write_table(path: Path, arrays: Mapping[str, np.ndarray], target: object) -> None:
    """A csv file: a column for each number; those of the last name are called as `target` says."""
    columns: dict[str, np.ndarray] = {}
    for place, (name, array) in enumerate(arrays.items()):
        flat = array.reshape(EXAMPLES, -1)
        last = place == len(arrays) - 1
        given = [str(word) for word in target] if last and isinstance(target, tuple) else [name]
        names = given if len(given) == flat.shape[1] else [f"{name}{number}" for number in range(flat.shape[1])]
        columns |= dict(zip(names, flat.T, strict=True))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
