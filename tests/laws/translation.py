"""What the tests of scripts against the interpreter share."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from lpc.codegen.schedule import Mode, Prices
from lpc.codegen.script import print_script
from lpc.diagnostics import Report
from lpc.ir.program import Program
from lpc.ir.types import Label
from lpc.ir.types import Tensor as TensorType
from lpc.laws.validation import Batch, Devices, Difference, validate, validate_all
from lpc.passes.pipeline import run
from lpc.source import Source
from lpc.syntax.parse import parse

MODES: tuple[Mode, ...] = ("at once", "summed")


@contextmanager
def scheduled(mode: Mode) -> Generator[None]:
    """Scripts printed meanwhile have the schedule asked for, whatever the prices."""
    before = Prices.choice
    Prices.choice = mode  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        Prices.choice = before  # type: ignore[method-assign]


def compiled(text: str, name: str = "tested.lp", until: str | None = None) -> tuple[Program, Report]:
    """A program's text through the passes, and what they said."""
    report, source = Report(), Source(name, text)
    file = parse(source, report)
    return run(Program(source, file), report, until), report


def sound(text: str) -> Program:
    """The program of a text that must be legal."""
    program, report = compiled(text)
    assert not report.errors, [f"{d.code} {d.title_text} {d.label_text}" for d in report.errors]
    return program


def scripts(program: Program) -> dict[Mode, str]:
    """The program's script in both schedules."""
    found: dict[Mode, str] = {}
    for mode in MODES:
        with scheduled(mode):
            found[mode] = print_script(program).text
    return found


def check(program: Program, batches: Sequence[Batch], devices: Devices | None = None) -> None:
    """Both schedules' scripts do what the interpreter does; else fails with the program."""
    assert program.protocol is not None
    modes: dict[str, list[str]] = {}
    for mode, text in scripts(program).items():
        modes.setdefault(text, []).append(mode)
    try:
        found = validate_all(program, list(modes), batches, program.protocol.seed, devices)
    except Exception as problem:
        raise AssertionError(f"{problem!r}\n\n{program.source.text}") from problem
    for difference, names in zip(found, modes.values(), strict=True):
        assert difference.agrees, f"{' and '.join(names)}: {difference}\n\n{program.source.text}"


def differs(program: Program, text: str, batches: Sequence[Batch]) -> Difference | Exception:
    """What validation says of a script that is wrong: a difference, or that it fails."""
    try:
        return validate(program, text, batches, seed=1)
    except Exception as problem:
        return problem


def batches_of(program: Program, sizes: Sequence[int] = (5, 5, 3), seed: int = 0) -> list[dict[str, Tensor]]:
    """Batches of the types a program declares."""
    assert program.network is not None
    assert program.data is not None
    generator = torch.Generator().manual_seed(seed)

    def values(name: str, rows: int) -> Tensor:
        assert program.network is not None
        type_ = program.network.node(name).type
        assert isinstance(type_, Label | TensorType)
        shape, classes = (rows, *type_.shape), program.network.tokens(name)
        if classes is not None:
            return torch.randint(0, classes, shape, generator=generator)
        return torch.rand(shape, generator=generator, dtype=torch.float64)

    return [{name: values(name, rows) for name in program.data.names} for rows in sizes]
