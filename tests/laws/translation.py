"""What the tests of scripts against the interpreter share."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from lpc.diagnostics import Report
from lpc.ir.program import Program
from lpc.laws import general
from lpc.laws.general import try_subject
from lpc.laws.strategies import batches
from lpc.laws.subject import Subject
from lpc.laws.validation import Batch, Devices, Difference, validate
from lpc.passes.pipeline import run
from lpc.source import Source
from lpc.syntax.parse import parse

TRANSLATION = general.find("script = interpreter")


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


def check(program: Program, batches: Sequence[Batch], devices: Devices | None = None) -> None:
    """Both schedules' scripts do what the interpreter does; else fails with the program."""
    assert program.protocol is not None
    tried = try_subject(TRANSLATION, Subject(program, batches, program.protocol.seed, devices or {}))
    assert tried.examples, str(tried.broken)


def differs(program: Program, text: str, batches: Sequence[Batch]) -> Difference | Exception:
    """What validation says of a script that is wrong: a difference, or that it fails."""
    try:
        return validate(program, text, batches, seed=1)
    except Exception as problem:
        return problem


def batches_of(program: Program, sizes: Sequence[int] = (5, 5, 3), seed: int = 0) -> list[dict[str, Tensor]]:
    """Batches of the types a program declares."""
    return batches(program, sizes, seed)
