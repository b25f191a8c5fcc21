"""Programs through every pass, each fact verified behind each pass."""

from __future__ import annotations

from lpc.diagnostics import Diagnostic, Report
from lpc.ir.program import Program
from lpc.passes.pipeline import run
from lpc.source import Source
from lpc.syntax.parse import parse


def passed(text: str, until: str | None = None) -> tuple[Program, list[Diagnostic]]:
    """The program behind some pass (or all), and the errors found."""
    source, report = Source("example.lp", text), Report()
    program = Program(source, parse(source, report))
    if report.errors:
        return program, report.errors
    return run(program, report, until, verify=True), report.errors


def program_of(text: str, until: str | None = None) -> Program:
    """The program of a text that must be sound."""
    program, errors = passed(text, until)
    assert [f"{e.code} {e.title_text} ({e.label_text})" for e in errors] == []
    return program
