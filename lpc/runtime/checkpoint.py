"""Files that are whole or absent."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lpc.runtime.failure import Failure, first_line


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file aside, see it on the disk, then rename it: who opens it finds the old one or the new one, whole."""
    aside = path.with_name(path.name + ".part")
    try:
        with aside.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except (OSError, RuntimeError) as problem:  # torch.save makes a RuntimeError of a full disk
        aside.unlink(missing_ok=True)
        first = problem.__context__ if isinstance(problem, RuntimeError) else problem
        raise Failure(f"cannot write {path}: {getattr(first, 'strerror', None) or problem}") from problem


def load_whole(path: Path) -> dict[str, Any]:
    """Read what torch.save wrote; a file that is truncated or has a wrong bit is named, never used."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # torch.load does not look at the checksums
        content: dict[str, Any] = {} if damaged else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # what a broken file raises depends on where it is broken
        raise Failure(f"{path} is corrupt: {first_line(problem)}") from problem
    if damaged:
        raise Failure(f"{path} is corrupt: wrong checksum of {damaged}")
    return content


def state(net: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name, on the CPU; those that are there already are not copied."""
    return {name: tensor.cpu() for name, tensor in net.state_dict().items()}


def optimizer_state(net: nn.Module, optimizers: dict[str, Optimizer]) -> dict[str, dict[str, Any]]:
    """What optimizers remember, by parameter: how parameters are grouped may change."""
    names = {parameter: name for name, parameter in net.state_dict(keep_vars=True).items()}
    return {names[p]: kept for optimizer in optimizers.values() for p, kept in optimizer.state.items()}


def load_optimizer_state(net: nn.Module, optimizers: dict[str, Optimizer], kept: dict[str, dict[str, Any]]) -> None:
    names = {parameter: name for name, parameter in net.state_dict(keep_vars=True).items()}
    for optimizer in optimizers.values():
        parameters = [names[p] for group in optimizer.param_groups for p in group["params"]]
        remembered = {i: kept[name] for i, name in enumerate(parameters) if name in kept}
        optimizer.load_state_dict({"state": remembered, "param_groups": optimizer.state_dict()["param_groups"]})
