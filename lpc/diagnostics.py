"""What lpc says when a program is wrong: one frozen dataclass an error, declared beside the check that finds it.

    @error("LP101")
    class UnknownName(Diagnostic):
        '''A name must be declared before an expression can use it ...'''      # the long story: `lpc explain LP101`
        title = "there is no block or data named `{name}`"
        label = "not declared"
        help = "did you mean `{nearest}`?"                                     # left out when `nearest` is empty
        bad = "..."                                                            # a program that gives this code
        good = "..."                                                           # the same program, mended
        name: str
        nearest: str = ""

Terminal text, JSON, editor, `lpc explain CODE`, the page in docs and the test are all made from that one class.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self, TypeVar, dataclass_transform

from lpc.source import Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement in the source text that would mend the mistake (the editor's quick fix)."""

    span: Span
    text: str


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """Base of every error and warning; subclasses add fields, which fill the `{...}` of title, label, notes and help."""

    code: ClassVar[str] = ""
    severity: ClassVar[Severity] = "error"
    title: ClassVar[str] = ""
    label: ClassVar[str] = ""
    notes: ClassVar[tuple[str, ...]] = ()
    help: ClassVar[str] = ""
    bad: ClassVar[str] = ""
    good: ClassVar[str] = ""

    span: Span
    related: tuple[tuple[Span, str], ...] = ()
    edit: Edit | None = None
    detail: tuple[str, ...] = field(default=())
    """Further notes that only the finding place can word."""

    def __new__(cls, *_: object, **__: object) -> Self:
        """A subclass becomes a dataclass when the first of its kind is made: for all codes there are, that would take
        longer than checking a program.
        """
        if "__dataclass_fields__" not in cls.__dict__:
            dataclass(frozen=True, kw_only=True)(cls)
        return super().__new__(cls)

    def _fill(self, template: str) -> str:
        """The template with fields filled in; empty when a field it needs is empty (an empty hint is never printed)."""
        names = [name for _, name, _, _ in string.Formatter().parse(template) if name]
        values = {name: getattr(self, name) for name in names}
        return "" if any(value in ("", ()) for value in values.values()) else template.format(**values)

    @property
    def title_text(self) -> str:
        names = [name for _, name, _, _ in string.Formatter().parse(self.title) if name]
        return self.title.format(**{name: getattr(self, name) for name in names})

    @property
    def label_text(self) -> str:
        return self._fill(self.label)

    @property
    def note_texts(self) -> tuple[str, ...]:
        return (*(text for note in self.notes if (text := self._fill(note))), *self.detail)

    @property
    def help_text(self) -> str:
        return self._fill(self.help)

    @classmethod
    def why(cls) -> str:
        return cls.__doc__ or ""


CATALOGUE: dict[str, type[Diagnostic]] = {}
"""Every code there is. A code is never used twice and never changes its meaning."""

RETIRED: dict[str, str] = {
    "LP906": "It warned that claims were not tested; `lpc verify` tests them.",
}
"""Codes that are given no more, and what they said: none of them is taken again."""

D = TypeVar("D", bound=type[Diagnostic])


def _register(code: str, severity: Severity, cls: D) -> D:
    if code in RETIRED:
        raise ValueError(f"{code} has been in use, and is retired")
    if code in CATALOGUE and CATALOGUE[code].__qualname__ != cls.__qualname__:
        raise ValueError(f"{code} is taken by {CATALOGUE[code].__qualname__}")
    cls.code, cls.severity = code, severity
    CATALOGUE[code] = cls
    return cls


@dataclass_transform(frozen_default=True, kw_only_default=True)
def error(code: str) -> Callable[[D], D]:
    """Register a diagnostic under its code, as an error."""
    return lambda cls: _register(code, "error", cls)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def warning(code: str) -> Callable[[D], D]:
    """Register a diagnostic under its code, as a warning: the program runs, but likely not as meant."""
    return lambda cls: _register(code, "warning", cls)


@dataclass
class Report:
    """What passes say: errors and warnings in order of finding. Passes never raise for a user's mistake."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    _said: set[Diagnostic] = field(default_factory=set, repr=False, compare=False)

    def add(self, diagnostic: Diagnostic) -> None:
        if diagnostic not in self._said:
            self._said.add(diagnostic)
            self.diagnostics.append(diagnostic)

    @property
    def errors(self) -> list[Diagnostic]:
        return [d for d in self.diagnostics if d.severity == "error"]

    @property
    def warnings(self) -> list[Diagnostic]:
        return [d for d in self.diagnostics if d.severity == "warning"]

    def sorted(self) -> list[Diagnostic]:
        return sorted(self.diagnostics, key=lambda d: (d.span, d.code))


class ProgramError(Exception):
    """A program has errors. The Python interface raises it; `diagnostics` says what is wrong."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("; ".join(f"{d.code}: {d.title_text}" for d in self.diagnostics))


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name most like `name`, or "" when none is near: loose among few names, tight among many."""
    import difflib  # most programs have no name that is not known

    names = sorted(set(known))
    cutoff = 0.55 if len(names) <= 10 else 0.7
    found = difflib.get_close_matches(name, names, n=1, cutoff=cutoff)
    return found[0] if found else ""
