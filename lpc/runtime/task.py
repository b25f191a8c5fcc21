"""What a program asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from lpc.runtime.data import Binding


@dataclass(frozen=True)
class Phase:
    """Training in one go, or one region's turn under `order = sequential`."""

    name: str
    columns: tuple[str, ...]  # the blocks whose losses a step returns
    step: Callable[..., Any]  # (net, optimizers, *batch, step) -> losses [columns], scores [B, ..., classes] or None
    optimizers: Callable[..., Any]  # (net) -> {name: optimizer}
    passes: int | None = None  # over the data, where not the protocol's number: 1 to gather sums
    finish: Callable[..., Any] | None = None  # (net), at the end: a solution in closed form
    mode: Callable[..., Any] = nn.Module.train  # (net): which blocks train, which are frozen
    part: Callable[..., Any] | None = None  # (net, part, size) -> the training part as `step` takes it, made once
    label: int | None = None  # where labels stand in such a part's batches
    score: Callable[..., Any] | None = None  # in place of the task's
    watch: bool = True  # patience applies
    flops: int | None = None  # of a step, an example, as modelled
    shares: dict[str, int] | None = None  # of them each block's, where energy is measured
    part_flops: int = 0  # of making `part`, an example, as modelled
    part_shares: dict[str, int] | None = None  # of them each block's, where energy is measured


@dataclass(frozen=True)
class Task:
    """A program's protocol, and the functions that load its data and build, teach and score its network."""

    program: str
    variant: str | None
    source: str  # the whole `.lp` text
    source_sha256: str
    settings: dict[str, str]  # what was set from outside when compiling
    lpc: str
    seed: int
    data: tuple[Binding, ...]
    label: int | None  # which of the data is the class to predict, if one is
    output: str  # the block of the objective
    rules: dict[str, str]  # of each block
    places: dict[str, str]  # of each block in the `.lp` file
    epochs: int | None
    steps: int | None
    batch: int | None  # None: the whole training part
    network: Callable[..., nn.Module]
    learning: Callable[..., Any]  # (net): attaches what the rules add
    load: Callable[..., Any]  # (options) -> Splits
    score: Callable[..., Any]  # (net, *batch) -> mean loss, number of right predictions or None
    phases: tuple[Phase, ...]
    meter: Callable[..., Any]  # (device, idle seconds) -> Stopwatch or Meter
    order: str = "simultaneous"
    patience: int | None = None
    precision: str = "f32"
    rate: Callable[..., float] | None = None  # (step, steps in an epoch) -> what learning rates are multiplied by
    augment: Callable[..., Any] | None = None  # (batch, step) -> batch
    memory: Callable[..., Any] | None = None  # (device) -> peak bytes
    estimate: Callable[..., Any] | None = (
        None  # (energy, device, flops, seconds by phase) -> the energy with an estimate
    )
    carbon: Callable[..., Any] | None = None  # (joules) -> the `carbon` of the result
