"""The pytest plug-in: every claim of a `.lp` file is a test. Off unless `--lp` or the setting `lp = true` asks for it.

pytest loads this module in every run of an environment that lpc is installed in, so nothing is imported before a file is
collected.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lpc.ir.program import Claim
    from lpc.laws.claims import ClaimResult
    from lpc.source import Source

EXAMPLES, SECONDS, SHRINKING = "20", "10", 5.0
"""Defaults: values a claim, seconds a claim; and seconds to make a counterexample small."""
NUMBER: Any = int | float | str if pytest.version_tuple >= (9, 2) else None
"""What a setting may be in a table of TOML, where pytest looks at types; before 9.2 it takes one type only, a string."""


class Refuted(Exception):
    """A claim that does not hold; its message is all there is to say."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lpc", "claims of .lp programs")
    group.addoption("--lp", action="store_true", default=None, help="test the claims of .lp files")
    group.addoption("--lp-seed", type=int, metavar="N", help="of initial values and examples of claims (1)")
    group.addoption("--lp-examples", type=int, metavar="N", help=f"values a claim is tried at, at most ({EXAMPLES})")
    group.addoption("--lp-seconds", type=float, metavar="X", help=f"how long a claim is tried, at most ({SECONDS})")
    parser.addini("lp", "test the claims of .lp files", type="bool", default=False)
    parser.addini("lp_seed", "of initial values and examples of claims", type=NUMBER, default="1")
    parser.addini("lp_examples", "values a claim is tried at, at most", type=NUMBER, default=EXAMPLES)
    parser.addini("lp_seconds", "how long a claim is tried, at most", type=NUMBER, default=SECONDS)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ProgramFile | None:
    if file_path.suffix != ".lp":
        return None
    config = parent.config
    if not (config.getoption("--lp") or config.getini("lp")):
        return None
    return ProgramFile.from_parent(parent, path=file_path)


class ProgramFile(pytest.File):
    """A program; its claims are its tests. One with errors is one test, which fails and says what is wrong."""

    def collect(self) -> Iterator[pytest.Item]:
        from lpc.diagnostics import Report
        from lpc.passes.check import check_source
        from lpc.report_formats import Findings, human
        from lpc.syntax.read import read_source

        report = Report()
        source = read_source(self.path, report)
        checked = check_source(source, report=report)
        if checked.errors:
            shown = human([Findings(source, checked.diagnostics, self.nodeid)])
            yield ErrorsItem.from_parent(self, name="errors", shown=shown)
            return
        texts: dict[str, int] = {}
        for claim in checked.programs["base"].claims:
            text = " ".join(source.snippet(claim.span).split())
            texts[text] = texts.get(text, 0) + 1
            name = text if texts[text] == 1 else f"{text} ({texts[text]})"
            yield ClaimItem.from_parent(self, name=name, source=source, claim=claim)


class ErrorsItem(pytest.Item):
    """A program with errors."""

    def __init__(self, *, shown: str, **rest: Any) -> None:
        super().__init__(**rest)
        self.shown = shown

    def runtest(self) -> None:
        raise Refuted(self.shown)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        return str(excinfo.value) if isinstance(excinfo.value, Refuted) else str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"{self.path.name}: {self.name}"


class ClaimItem(pytest.Item):
    """A claim."""

    def __init__(self, *, source: Source, claim: Claim, **rest: Any) -> None:
        super().__init__(**rest)
        self.source, self.claim = source, claim

    def runtest(self) -> None:
        """Fails where the claim is refuted; is skipped, with a reason, where it cannot be tried."""
        try:
            from lpc.laws.claims import Budget, check_claim
        except ModuleNotFoundError as missing:
            raise Refuted(f"testing claims needs {missing.name}: pip install 'lpc[laws]'") from missing
        budget = Budget(int(self._setting("examples")), self._setting("seconds"))
        found = check_claim(self.source, self.claim, budget=budget, seed=int(self._setting("seed")))
        if found.verdict == "not tried":
            pytest.skip(f"not tried: {found.reason}")
        if found.verdict == "refuted":
            raise Refuted(shown(self.source, found))

    def _setting(self, name: str) -> float:
        """Of the command line, else of the configuration. Raises Refuted where that is no number."""
        given = self.config.getoption(f"--lp-{name}")
        try:
            written = given if given is not None else self.config.getini(f"lp_{name}")
        except (TypeError, ValueError, pytest.UsageError) as problem:  # of another type, in a table of TOML
            raise Refuted(str(problem)) from None
        try:
            number = float(written)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise Refuted(f"lp_{name} = {written}: that is no number")
        return number

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """What refutes the claim, in the program's terms; Python's only where lpc itself fails."""
        return str(excinfo.value) if isinstance(excinfo.value, Refuted) else str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, self.source.line_number(self.claim.span.start) - 1, f"{self.path.name}: {self.name}"


def shown(source: Source, found: ClaimResult) -> str:
    """Where the claim stands, what refutes it, and a small program that does."""
    from lpc.laws.claim_programs import counterexample_program

    program = counterexample_program(source, found, budget_s=SHRINKING)
    return f"{source.name}:{found.line}: {found}\n\n{program.rstrip()}\n"
