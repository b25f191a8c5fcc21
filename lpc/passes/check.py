"""A whole file checked: the base program and every variant, with everything there is to say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lpc.diagnostics import Diagnostic, ProgramError, Report
from lpc.ir.program import Program
from lpc.passes import hints
from lpc.passes.contract import Pass
from lpc.passes.pipeline import PIPELINE, run
from lpc.passes.variants import BASE
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.parse import parse
from lpc.syntax.read import decode, read_source

Overrides = Sequence[tuple[str, str]]
"""`--set PLACE=VALUE`, as written."""


@dataclass(frozen=True)
class Checked:
    """What a check found. `programs` holds each program that was checked by the name of its variant, `base` first."""

    source: Source
    diagnostics: tuple[Diagnostic, ...] = ()
    programs: Mapping[str, Program] = field(default_factory=dict)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self.diagnostics if d.severity == "error")

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self.diagnostics if d.severity == "warning")

    @property
    def ok(self) -> bool:
        return not self.errors

    @property
    def program(self) -> Program:
        """The program that was asked for: of the variant, or the base. Raises ProgramError when there are errors."""
        if self.errors:
            raise ProgramError(self.errors)
        return next(iter(self.programs.values()))


def check_source(
    source: Source,
    *,
    variant: str | None = None,
    overrides: Overrides = (),
    passes: Sequence[Pass] = PIPELINE,
    report: Report | None = None,
    verify: bool = False,
) -> Checked:
    """Check one variant of a program, or all of it when none is named: the base, then every variant.

    `verify` runs the verifiers of all facts behind every pass, as tests do.
    """
    report = report if report is not None else Report()
    if report.errors:
        return Checked(source, tuple(report.sorted()))
    file = parse(source, report)
    programs: dict[str, Program] = {}
    if not report.errors:
        declared = [clause.name for clause in file.clauses if isinstance(clause, tree.Variant)]
        for name in [BASE, *dict.fromkeys(declared)] if variant is None else [variant]:
            own = Report()
            program = Program(source, file, None if name == BASE else name, tuple(overrides))
            programs[name] = run(program, own, passes=passes, verify=verify)
            for diagnostic in own.diagnostics:
                report.add(diagnostic)
    if not report.errors:  # what seems unused may have been meant by a name that is wrong
        hints.unused_names(file, report)
        hints.ambiguous_sums(file, source, report)
    return Checked(source, tuple(report.sorted()), programs)


def source_of(program: str | Path, name: str | None, report: Report) -> Source:
    """The source text of a path, or of a string: a path if it ends in `.lp` and has one line, else a program's text.

    Raises OSError for a file that cannot be read.
    """
    if isinstance(program, Path) or (program.endswith(".lp") and "\n" not in program):
        found = read_source(program, report)
        return found if name is None else Source(name, found.text)
    return decode(name or "program.lp", program.encode("utf-8", "surrogatepass"), report)
