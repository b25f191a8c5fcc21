"""Variants merged into the base program: `let` by name, `train place measure` option by option, `learn` block by block."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from lpc.diagnostics import Diagnostic, Report, error, nearest
from lpc.passes.scope import SOUND
from lpc.passes.selectors import Chains, Line, distribute, gather
from lpc.passes.tables import EITHER
from lpc.source import NOWHERE, Span
from lpc.syntax import tree

BASE = "base"


@error("LP140")
class UnknownVariant(Diagnostic):
    """A variant is chosen by the name it is declared with; `base` names the program without a variant."""

    title = "there is no variant named `{name}`"
    label = "{known}"
    help = "did you mean `{nearest}`?"
    bad = SOUND + "variant small { train batch = 32 }\nclaim base != smal\n"
    good = SOUND + "variant small { train batch = 32 }\nclaim base != small\n"
    name: str
    known: str
    nearest: str = ""


@error("LP104")
class RepeatedVariant(Diagnostic):
    """Each variant has a name of its own: it names the script and the folder of its results."""

    title = "variant `{name}` is declared twice"
    label = "declared again"
    bad = SOUND + "variant small { train batch = 32 }\nvariant small { train batch = 16 }\n"
    good = SOUND + "variant small { train batch = 32 }\nvariant smaller { train batch = 16 }\n"
    name: str


@error("LP105")
class RepeatedOption(Diagnostic):
    """Options of several `train`, `place` or `measure` lines are one list, and each is given once."""

    title = "`{name}` is given twice"
    label = "given again"
    bad = SOUND + "train batch = 32\n"
    good = SOUND.replace("batch = 64", "batch = 32")
    name: str


@dataclass(frozen=True)
class Merged:
    """A program with one variant merged in, but for its `learn` and `place ... on stage` lines: those need the blocks."""

    clauses: tuple[tree.Clause, ...]
    learn: tuple[Sequence[tree.Learn], Sequence[tree.Learn]]
    """Of the base, and of the variant."""
    pins: tuple[Sequence[tree.Place], Sequence[tree.Place]]


def check_variants(file: tree.File, report: Report) -> dict[str, tree.Variant]:
    """The variants by name; names used twice, and claims about variants that are not there, are reported."""
    found: dict[str, tree.Variant] = {}
    for clause in file.clauses:
        if isinstance(clause, tree.Variant):
            if clause.name in found:
                related = ((found[clause.name].name_span, "declared first here"),)
                report.add(RepeatedVariant(span=clause.name_span, name=clause.name, related=related))
            found.setdefault(clause.name, clause)
    for clause in file.clauses:
        if isinstance(clause, tree.Claim):
            for name in (clause.left, clause.right):
                if name != BASE and name not in found:
                    report.add(unknown_variant(name, found, clause.span))
    return found


def unknown_variant(name: str, variants: Iterable[str], span: Span) -> Diagnostic:
    listed = (BASE, *variants)
    near = nearest(name, listed)
    known = "there are " + ", ".join(f"`{v}`" for v in listed) if len(listed) > 1 else "the program has no variants"
    return UnknownVariant(span=span, name=name, known=known, nearest=near)


def merge(file: tree.File, variant: tree.Variant | None, report: Report) -> Merged:
    """The base's clauses with the variant's in their place; variants and claims are gone."""
    base = [clause for clause in file.clauses if not isinstance(clause, tree.Variant | tree.Claim)]
    own = list(variant.clauses) if variant else []
    clauses = _lets(base, own)
    for kind in (tree.Train, tree.Place):
        clauses = _options(clauses, own, kind, report)
    clauses = _measures(clauses, own, report)
    clauses = [c for c in clauses if not isinstance(c, tree.Learn) and not _is_pin(c)]
    return Merged(
        tuple(clauses),
        ([c for c in base if isinstance(c, tree.Learn)], [c for c in own if isinstance(c, tree.Learn)]),
        ([c for c in base if _is_pin(c)], [c for c in own if _is_pin(c)]),  # type: ignore[misc]
    )


def _is_pin(clause: tree.Clause) -> bool:
    return isinstance(clause, tree.Place) and bool(clause.selectors)


def _lets(base: Sequence[tree.Clause], own: Sequence[tree.Clause]) -> list[tree.Clause]:
    """The variant's lets where the base's of the same name stand; new ones before everything that may use them."""
    new = {clause.name: clause for clause in own if isinstance(clause, tree.Let)}
    made = [new.pop(c.name, c) if isinstance(c, tree.Let) else c for c in base]
    start = 1 if made and isinstance(made[0], tree.Network) else 0
    return [*made[:start], *new.values(), *made[start:]]


def _options(
    base: Sequence[tree.Clause], own: Sequence[tree.Clause], kind: type[tree.Train] | type[tree.Place], report: Report
) -> list[tree.Clause]:
    """One clause of a kind, where the first stands, with the options of all."""
    lines = [clause for clause in base if _has_options(clause, kind)]
    options = {option.name: option for option in _once(lines, report)}
    changed = {option.name: option for option in _once([c for c in own if _has_options(c, kind)], report)}
    if EITHER & changed.keys():
        options = {name: option for name, option in options.items() if name not in EITHER}
    options |= changed
    if not options:
        return list(base)
    span = lines[0].span if lines else next(iter(changed.values())).span
    made = kind(tuple(options.values()), span=span)
    first = next((index for index, clause in enumerate(base) if _has_options(clause, kind)), len(base))
    kept = [clause for clause in base[first:] if not _has_options(clause, kind)]
    return [*base[:first], made, *kept]


def _has_options(clause: tree.Clause, kind: type[tree.Train] | type[tree.Place]) -> bool:
    return isinstance(clause, kind) and bool(clause.options)


def _once(lines: Sequence[tree.Clause], report: Report) -> list[tree.Option]:
    found: dict[str, tree.Option] = {}
    for line in lines:
        for option in line.options if isinstance(line, tree.Train | tree.Place) else ():
            if option.name in found:
                related = ((found[option.name].name_span, "given first here"),)
                report.add(RepeatedOption(span=option.name_span, name=option.name, related=related))
            found.setdefault(option.name, option)
    return list(found.values())


def _measures(base: Sequence[tree.Clause], own: Sequence[tree.Clause], report: Report) -> list[tree.Clause]:
    items: dict[str, tree.Call] = {}
    for clause in base:
        for item in clause.items if isinstance(clause, tree.Measure) else ():
            if item.name in items:
                related = ((items[item.name].span, "given first here"),)
                report.add(RepeatedOption(span=item.span, name=item.name, related=related))
            items.setdefault(item.name, item)
    first = next((index for index, clause in enumerate(base) if isinstance(clause, tree.Measure)), len(base))
    span = base[first].span if first < len(base) else NOWHERE
    for clause in own:
        if isinstance(clause, tree.Measure):
            items |= {item.name: item for item in clause.items}
            span = clause.span if span == NOWHERE else span
    if not items:
        return list(base)
    kept = [clause for clause in base[first:] if not isinstance(clause, tree.Measure)]
    return [*base[:first], tree.Measure(tuple(items.values()), span=span), *kept]


L = TypeVar("L", tree.Learn, tree.Place)


def merge_lines(base: Sequence[L], own: Sequence[L], chains: Chains, report: Report) -> list[L]:
    """Lines with selectors, merged block by block: the variant's for the blocks it names, the base's for all others."""
    if not own:
        return list(base)
    kept = distribute([Line(clause.selectors, clause) for clause in base], chains, report)
    changed = distribute([Line(clause.selectors, clause) for clause in own], chains, report)
    given = {b: changed.get(b) or kept[b] for b in chains.everything() if b in changed or b in kept}
    return [replace(line.gives, selectors=line.selectors) for line in gather(given, chains, id, own[0].span)]
