"""The programs behind a report: the text that was trained, written out with its settings, and what sets each apart."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lpc.ir.program import Program
from lpc.lab.findings import Entry
from lpc.passes.check import check_source
from lpc.passes.dump import dump
from lpc.passes.variants import BASE
from lpc.source import Source


@dataclass(frozen=True)
class Listing:
    """A variant's program. `program` None: this lpc does not compile it as it was trained, and `why` says so."""

    label: str
    text: str
    program: Program | None = field(default=None, repr=False)
    why: str = ""
    protocols: tuple[str, ...] = ()


def listings(entries: Sequence[Entry]) -> list[Listing]:
    """One for each program: variants that differ in the length of training alone share it."""
    made: dict[tuple[str, str], Listing] = {}
    for entry in entries:
        run = next(iter(entry.runs.values()), None)
        if run is None:
            continue
        source = run.whole.get("source")
        if not isinstance(source, str):
            found = Listing(entry.label, "", why="its runs did not keep the program's text")
        else:
            found = _listing(entry, Source(entry.file, source))
        key = entry.label, _without_length(found.text)
        before = made.get(key)
        made[key] = Listing(
            entry.label,
            before.text if before else found.text,
            before.program if before else found.program,
            found.why,
            (*(before.protocols if before else ()), entry.protocol),
        )
    return list(made.values())


def _listing(entry: Entry, source: Source) -> Listing:
    checked = check_source(source, variant=entry.variant or BASE, overrides=tuple(entry.settings.items()))
    if checked.errors:
        first = checked.errors[0]
        return Listing(entry.label, source.text, why=f"this lpc does not compile it: {first.title_text} ({first.code})")
    rules = {block: use.rule for block, use in checked.program.uses.items()}
    if rules != dict(entry.rules):
        return Listing(entry.label, source.text, why="this lpc gives its blocks other rules than it was trained with")
    return Listing(entry.label, dump(checked.program), checked.program)


def _without_length(text: str) -> str:
    """A text without its `train` clause: that is the protocol's."""
    before, found, _ = text.partition("\ntrain ")
    return before if found else text


def differences(listing: Listing, baseline: Listing) -> list[tuple[str, str]]:
    """Lines of a unified diff, each with `+`, `-`, `@` or a blank; empty where the two are the same."""
    return list(_lines(baseline.text, listing.text))


def _lines(before: str, after: str) -> Iterator[tuple[str, str]]:
    found = difflib.unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm="")
    for at, line in enumerate(found):
        if at > 1:  # the two file names
            yield line[:1], line[1:]
