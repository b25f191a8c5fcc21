"""The programs of a study: with a trial's values set from outside, and with the best ones written into the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lpc.diagnostics import ProgramError
from lpc.ir.program import Program, Search
from lpc.lab.tune_objectives import Unfit
from lpc.lab.tune_space import Values
from lpc.passes import data_sources
from lpc.passes.check import check_source
from lpc.passes.dump import dump
from lpc.passes.searches import SEARCH
from lpc.source import Source

Settings = tuple[tuple[str, str], ...]
MAY_CHANGE = frozenset({"standardise", "augment"})
"""Arguments of a data source that may be searched: trials are judged by the same examples."""


def compiled(source: Source, variant: str, settings: Settings) -> Program:
    """The variant with values set from outside. Raises ProgramError where they do not fit it."""
    checked = check_source(source, variant=variant, overrides=settings)
    return checked.program


def require_tunable(source: Source, variant: str, program: Program, settings: Settings) -> None:
    """Raises Unfit where there is nothing to tune, or trials could not be judged by validation, or not by the same examples."""
    if foreign := next((place for place, value in settings if SEARCH in value), None):
        raise Unfit(f"`--set {foreign}` holds a search: write it into the program, where its value will be written")
    if not program.searches:
        raise Unfit(f"`{_named(program)}` has no `search(...)`: there is nothing to tune")
    if not _has_validation(program):
        raise Unfit(
            f"`{_named(program)}` has no validation part, and a test part is not for choosing: give its data one "
            "(`validation = 20%`)"
        )
    for search in program.searches:
        for value in _probes(search):
            try:
                other = compiled(source, variant, (*settings, (search.place, value)))
            except ProgramError:
                continue
            if _judged_by(other) != _judged_by(program):
                raise Unfit(
                    f"`{search.place}` is searched, and changes the examples or the chance that trials are judged by: "
                    "they would not compare"
                )


def _named(program: Program) -> str:
    return program.name if program.variant is None else f"{program.name} {program.variant}"


def _has_validation(program: Program) -> bool:
    assert program.data is not None
    known = data_sources.find(program.data.source)
    return bool(program.data.arguments.get("validation")) or (known is not None and "validation" in known.parts)


def _probes(search: Search) -> Sequence[str]:
    if search.choices is not None:
        return search.texts
    convert = int if search.integer else float
    return [repr(convert(bound)) for bound in (search.low, search.high) if bound is not None]


def _judged_by(program: Program) -> object:
    assert program.data is not None and program.protocol is not None
    arguments = {name: value for name, value in program.data.arguments.items() if name not in MAY_CHANGE}
    return program.data.source, arguments, program.data.bindings, program.protocol.seed


def with_values(source: Source, searches: Sequence[Search], values: Values) -> Source:
    """The text with each `search(...)` replaced by its value, and nothing else touched."""
    text = source.text
    for search in sorted(searches, key=lambda one: one.span, reverse=True):
        text = text[: search.span.start] + values[search.place] + text[search.span.end :]
    return Source(source.name, text)


def best_source(program: Program, settings: Settings, values: Values) -> Source:
    """The program with a trial's values in its text: with the same settings, it is the program that the trial trained."""
    source, variant = program.source, program.variant or "base"
    made = with_values(source, program.searches, values)
    trained = compiled(source, variant, (*settings, *values.items()))
    assert dump(compiled(made, variant, settings)) == dump(trained), "the text with values is another program"
    return made


def set_options(settings: Sequence[tuple[str, str]] | Mapping[str, str]) -> list[str]:
    """`--set PLACE=VALUE`, as arguments."""
    pairs = settings.items() if isinstance(settings, Mapping) else settings
    return [part for place, value in pairs for part in ("--set", f"{place}={value}")]
