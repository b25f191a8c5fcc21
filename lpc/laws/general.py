"""The laws of every program with their checks, and trying them: on programs that are drawn, or on one of a user's."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from hypothesis import given, reject
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from lpc.diagnostics import Report
from lpc.ir.program import Program
from lpc.laws import compiling, counting, descent, locality, nothing_changes
from lpc.laws.boxes import boxed
from lpc.laws.stand_ins import stand_ins
from lpc.laws.strategies import batches, data_for, least_rows, programs
from lpc.laws.subject import GeneralLaw, Programs, Subject
from lpc.laws.trying import FAILURES, Counterexample, Tried, drawing, told
from lpc.laws.validation import Devices
from lpc.passes.pipeline import InternalError, run
from lpc.rules.general import COMPILES, GENERAL_LAWS
from lpc.rules.law import Inapplicable
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.format import format_file
from lpc.syntax.parse import parse

_CHECKED = {law.stated: law for part in (compiling, nothing_changes, locality, descent, counting) for law in part.LAWS}
GENERAL: tuple[GeneralLaw, ...] = tuple(_CHECKED[stated] for stated in GENERAL_LAWS)
"""In the order in which they are stated; the first ones say that there is something to try the others on."""


BLOCKS = 3
"""The most blocks below the output block of programs that are drawn."""
SMALLER = 150
"""How many smaller programs are tried of one that breaks a law."""
REFUSED = 30
"""How many programs lpc may refuse at first, and ten times as many as it accepts, before drawing them is given up."""


def find(name: str) -> GeneralLaw:
    """The law of that name; KeyError where there is none."""
    return {law.name: law for law in GENERAL}[name]


# -- on one program -----------------------------------------------------------------------------------------------


def subjects(program: Program, seeds: Sequence[int] = (1, 2, 3), devices: Devices | None = None) -> Iterator[Subject]:
    """A program with data drawn by each seed: two batches of five examples and a smaller one."""
    last = max(3, least_rows(program))
    for seed in seeds:
        yield Subject(program, batches(program, [5, 5, last], seed), seed, devices or {})


def try_subject(law: GeneralLaw, subject: Subject, tried: Tried | None = None) -> Tried:
    """Try a law on a subject, once more where it was tried before."""
    found, began = tried or _untried(law), time.perf_counter()
    try:
        _once(found, law, subject)
    except Inapplicable:
        pass
    except FAILURES as problem:
        found.broken = Counterexample(subject.program.source.text, told(problem))
    found.seconds += time.perf_counter() - began
    return found


def check_program(program: Program, seeds: Sequence[int] = (1, 2, 3), devices: Devices | None = None) -> list[Tried]:
    """Try every general law on a program whose passes all ran, on data drawn by each seed."""
    found = {law: _untried(law) for law in GENERAL}
    for subject in subjects(program, seeds, devices):
        for law, tried in found.items():
            if tried.broken is None:
                try_subject(law, subject, tried)
    return list(found.values())


def _untried(law: GeneralLaw) -> Tried:
    return Tried(law.name, law.stated.kind, statement=law.stated.statement)


def _once(tried: Tried, law: GeneralLaw, subject: Subject) -> None:
    """One try, counted where the law is applicable and holds."""
    subject.compared, subject.worst = 0, 0.0
    try:
        law.check(subject)
    except Inapplicable as problem:
        tried.reasons[str(problem)] += 1
        raise
    except FAILURES:
        tried.worst = max(tried.worst, subject.worst)
        raise
    assert subject.compared, f"`{law.name}` was applicable, and compared nothing"
    tried.examples += 1
    tried.comparisons += subject.compared
    tried.worst = max(tried.worst, subject.worst)


# -- on programs that are drawn -----------------------------------------------------------------------------------


def try_general(
    laws: Sequence[GeneralLaw],
    rules: Collection[str] | None = None,
    examples: int = 20,
    seed: int = 0,
    *,
    shrink: bool = True,
) -> Iterator[Tried]:
    """Try laws on random programs of some rules (left out: of all there are, mixed); what breaks one is shrunk, unless told not to.

    Laws that are tried on the same kind of programs are tried on the same programs.
    """
    kinds: dict[Programs, list[GeneralLaw]] = {}
    for law in laws:
        kinds.setdefault(law.drawn, []).append(law)
    for drawn, group in kinds.items():
        yield from _Trying(drawn, rules, examples, seed, shrink).all(group)


class _Enough(Exception):
    """Drawing ends here."""


@dataclass
class _Trying:
    """Laws on the way through random programs of one kind."""

    drawn: Programs
    rules: Collection[str] | None
    examples: int
    seed: int
    shrink: bool = True
    found: dict[GeneralLaw, Tried] = field(default_factory=dict)
    smallest: tuple[GeneralLaw, Counterexample] | None = None
    """The law that is broken, by what so far is the smallest program."""
    accepted: int = 0
    refused: int = 0
    smaller: int = 0
    """Programs that were tried since one broke a law."""

    def all(self, laws: Sequence[GeneralLaw]) -> Iterator[Tried]:
        """A broken law is given as soon as it is found; the others are then tried anew."""
        left = list(laws)
        while left:
            self._begin(left)
            began = time.perf_counter()
            self._draw(left)
            seconds = time.perf_counter() - began
            done = left if self.smallest is None else [self.smallest[0]]
            for law in done:
                self.found[law].seconds = seconds / len(done)
                self.found[law].broken = self.smallest[1] if self.smallest else None
                yield self.found[law]
            left = [law for law in left if law not in done]

    def _begin(self, laws: Sequence[GeneralLaw]) -> None:
        self.found, self.smallest = {law: _untried(law) for law in laws}, None
        self.accepted = self.refused = self.smaller = 0

    def _draw(self, laws: Sequence[GeneralLaw]) -> None:
        files = programs(self.rules, blocks=BLOCKS, awkward=False, chains=self.drawn.chains)
        files = files.flatmap(boxed) if self.drawn.boxed else files

        @given(st.data())
        @seeded(self.seed)
        @drawing(min(self.examples, self.drawn.most or self.examples), shrink=self.shrink)
        def attempt(data: st.DataObject) -> None:
            if self.smaller > SMALLER or self.refused > REFUSED + 10 * self.accepted:
                raise _Enough
            self._attempt(laws, data.draw(files), data)

        try:
            attempt()
        except (Unsatisfiable, _Enough):
            pass
        except Exception:  # a law's, in whatever Hypothesis wraps it
            if self.smallest is None and not self.refused > REFUSED + 10 * self.accepted:
                raise

    def _attempt(self, laws: Sequence[GeneralLaw], file: tree.File, data: st.DataObject) -> None:
        chosen = [self.smallest[0]] if self.smallest else laws
        self.smaller += bool(self.smallest)
        subject = self._subject(chosen, file, data)
        for law in chosen:
            try:
                _once(self.found[law], law, subject)
            except Inapplicable:
                continue
            except FAILURES as problem:
                self._broken(law, subject.program.source.text, told(problem))
                raise

    def _subject(self, laws: Sequence[GeneralLaw], file: tree.File, data: st.DataObject) -> Subject:
        report, source = Report(), Source("drawn.lp", format_file(file))
        try:
            program = run(Program(source, parse(source, report)), report)
        except InternalError as problem:
            law = next((law for law in laws if law.stated == COMPILES), None)
            if law is None:
                self.refused += 1
                reject()
            cause = problem.__cause__ or problem
            self._broken(law, source.text, f"the pass `{problem.pass_name}` fails: {type(cause).__name__}: {cause}")
            raise
        if report.errors:
            self.refused += 1
            for law in laws:
                self.found[law].reasons[f"refused: {report.errors[0].title_text}"] += 1
            reject()
        self.accepted += 1
        return Subject(program, data.draw(data_for(program)), data.draw(st.integers(1, 50)), stand_ins(program))

    def _broken(self, law: GeneralLaw, text: str, shown: str) -> None:
        if self.smallest is None or len(text) <= len(self.smallest[1].text):
            self.smallest = law, Counterexample(text, shown)
