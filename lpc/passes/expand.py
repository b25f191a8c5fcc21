"""`expand`: the program as one plain text: a variant chosen, overrides made, lets and functions written out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lpc.diagnostics import Report
from lpc.ir.program import Program
from lpc.passes import searches, variants
from lpc.passes.claims import read_claims
from lpc.passes.contract import Fact, pass_
from lpc.passes.folding import Folder
from lpc.passes.functions import Writer
from lpc.passes.overrides import LearnOverride, Overrides, apply_to_rule, matches, read_selectors
from lpc.passes.places import search_places
from lpc.passes.scope import check_chain_names, scope_of
from lpc.passes.selectors import Chains, Line, distribute, gather
from lpc.passes.writing import ClauseWriter, measure_chains
from lpc.source import NOWHERE, Span
from lpc.syntax import tree


@pass_(needs=(), gives={Fact.NAMES})
def expand(program: Program, report: Report) -> Program:
    """Write the program out as one plain `.lp` text.

    Before: as parsed, with variants, lets, functions, searches, and overrides from outside.
    After: `file` is the chosen variant with its defaults written out. Functions are gone but for those whose tensor is
    used more than once; these have no other parameters left. `name`, `searches` and `claims` are known.
    Errors: names (LP101-LP105), arguments (LP110-LP116), values (LP120-LP125), functions (LP130-LP134), variants and
    overrides (LP140-LP142), claims (LP150-LP153), selectors (LP310-LP313).
    """
    known = variants.check_variants(program.file, report)
    merged = variants.merge(program.file, _chosen(program, known, report), report)
    outside = Overrides(
        list(merged.clauses), scope_of(tree.File(merged.clauses), Report()), report, _name_span(program)
    )
    outside.lines = (*merged.learn[0], *merged.learn[1])
    outside.apply(program.overrides)
    file = tree.File(tuple(outside.clauses), span=program.file.span)

    scope = scope_of(file, report)
    places: dict[int, str] = {}
    if looking := _may_search(program):
        places.update(search_places(file.clauses, scope))
    folder = Folder(scope, places, report)
    chains, counts = measure_chains(scope, folder, report)
    check_chain_names(file, {name: length for name, length in chains.lengths.items() if length}, report)
    writer = ClauseWriter(Writer(folder, report), counts)

    base_learn, own_learn = (writer.selected(lines) for lines in merged.learn)
    learn = variants.merge_lines(base_learn, own_learn, chains, report)
    for override in outside.learning:
        learn = _override(learn, override, chains, outside, report)
    if looking:
        places.update(search_places(tuple(learn), scope))
    base_pins, own_pins = (writer.selected(lines) for lines in merged.pins)
    pins = variants.merge_lines(base_pins, own_pins, chains, report)
    clauses = writer.clauses((*file.clauses, *learn, *pins))
    found = tuple(search for search in folder.searches.values() if search is not None)
    searches.say_once(found, report)
    claims = read_claims(program.file, scope, folder, report)
    plain = tree.File(clauses, span=program.file.span)
    return replace(program, file=plain, name=_name(file), searches=found, claims=claims)


def _chosen(program: Program, known: dict[str, tree.Variant], report: Report) -> tree.Variant | None:
    if program.variant is None or program.variant == variants.BASE:
        return None
    if program.variant not in known:
        report.add(variants.unknown_variant(program.variant, known, _name_span(program)))
    return known.get(program.variant)


def _may_search(program: Program) -> bool:
    """Whether a search can be anywhere: looking for places takes time on large programs."""
    return searches.SEARCH in program.source.text or any(searches.SEARCH in text for _, text in program.overrides)


def _name(file: tree.File) -> str:
    return next((clause.name for clause in file.clauses if isinstance(clause, tree.Network)), "")


def _name_span(program: Program) -> Span:
    return next((clause.name_span for clause in program.file.clauses if isinstance(clause, tree.Network)), NOWHERE)


def _override(
    lines: Sequence[tree.Learn], override: LearnOverride, chains: Chains, outside: Overrides, report: Report
) -> list[tree.Learn]:
    """The `learn` lines with one argument changed: of the line named, or of the rule where the blocks named use it."""
    for number, line in enumerate(lines):
        if matches(override, line):
            made = apply_to_rule(line.rule, override)
            if made is None:
                break
            return [*lines[:number], replace(line, rule=made), *lines[number + 1 :]]
    else:
        if changed := _override_blocks(lines, override, chains, report):
            return changed
    outside.unknown(override.place)
    return list(lines)


def _override_blocks(
    lines: Sequence[tree.Learn], override: LearnOverride, chains: Chains, report: Report
) -> list[tree.Learn]:
    """None of the lines, an empty list, when no block named learns by the rule named, or the rule has no such argument."""
    selected = distribute([Line(read_selectors(override.selectors), True)], chains, Report())
    given = distribute([Line(line.selectors, line) for line in lines], chains, report)
    concerned = {
        id(line): line for block, line in given.items() if block in selected and line.rule.name == override.rule
    }
    rules = {key: apply_to_rule(line.rule, override) for key, line in concerned.items()}
    if not rules or None in rules.values():
        return []
    changed = {key: replace(line, rule=rule) for key, line in concerned.items() if (rule := rules[key]) is not None}
    for block, line in given.items():
        if block in selected and id(line) in changed:
            given[block] = changed[id(line)]
    return [replace(line.gives, selectors=line.selectors) for line in gather(given, chains, id, lines[0].span)]
