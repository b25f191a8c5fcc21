"""Programs through the front passes, every fact verified behind every pass."""

from __future__ import annotations

from lpc.diagnostics import Report
from lpc.ir.program import Program
from lpc.passes.check import check_source
from lpc.passes.pipeline import PIPELINE, run
from lpc.source import Source
from lpc.syntax.parse import parse

BASE = """network example
data image, label = digits(validation = 20%)
block hidden = image -> flatten -> linear(64) -> relu
block readout = hidden -> linear(10)
objective cross_entropy(readout, label)
learn all with mono_forward
train epochs = 1, batch = 64
"""


FRONT = PIPELINE[:4]


def checked(
    text: str,
    *,
    variant: str | None = None,
    overrides: tuple[tuple[str, str], ...] = (),
    until: str | None = None,
) -> tuple[Program, Report]:
    """The program after the front passes (of one variant), and what they said."""
    report = Report()
    source = Source("example.lp", text)
    file = parse(source, report)
    program = Program(source, file, variant, overrides)
    if report.errors:
        return program, report
    return run(program, report, until, passes=FRONT, verify=True), report


def sound(text: str, *, variant: str | None = None, overrides: tuple[tuple[str, str], ...] = ()) -> Program:
    """The program after the front passes, which must find no error."""
    program, report = checked(text, variant=variant, overrides=overrides)
    assert [f"{d.code} {d.title_text}" for d in report.errors] == []
    return program


def codes(text: str) -> list[str]:
    """The codes of what the front passes say of a program and its variants, in the order of the text."""
    return [d.code for d in check_source(Source("example.lp", text), passes=FRONT, verify=True).diagnostics]


def without(text: str, start: str) -> str:
    """The text without the lines that begin so."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(start))
