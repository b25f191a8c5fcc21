"""Programs over the whole language: most are legal, all of it is drawn, they shrink; broken ones give diagnostics."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from lpc.diagnostics import Report
from lpc.laws.broken import broken_texts
from lpc.laws.rewriting import numbered, replaced
from lpc.laws.whole import whole_programs
from lpc.passes.check import check_source
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.format import format_file
from lpc.syntax.parse import parse
from lpc.syntax.walk import walk
from lpc.syntax.words import KEYWORDS

DRAWING = settings(max_examples=200, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))


def checked(text: str) -> list[str]:
    return [d.code for d in check_source(Source("drawn.lp", text), verify=True).errors]


def test_most_programs_are_legal_with_all_their_variants() -> None:
    count: Counter[bool] = Counter()

    @given(whole_programs())
    @DRAWING
    def draw(file: tree.File) -> None:
        count[not checked(format_file(file))] += 1

    draw()
    assert count[True] / count.total() > 0.6


@given(whole_programs())
@DRAWING
def test_the_text_of_a_program_reads_back(file: tree.File) -> None:
    report = Report()
    assert parse(Source("drawn.lp", format_file(file)), report) == file
    assert not report.diagnostics


def test_everything_is_drawn() -> None:
    seen: set[str] = set()

    @given(whole_programs())
    @settings(DRAWING, max_examples=800)
    def draw(file: tree.File) -> None:
        for node in walk(file):
            seen.add(type(node).__name__.lower())
            if isinstance(node, tree.Call | tree.Option | tree.Argument):
                seen.add(str(node.name))

    draw()
    sources = {"synthetic", "npz", "csv", "text", "digits", "mnist", "fashion_mnist", "cifar10", "planetoid"}
    said = {
        "validation",
        "test",
        "standardise",
        "augment",
        "target",
        "patience",
        "stages",
        "balance",
        "memory",
        "carbon",
    }
    more = {"auto", "search", "classes", "size", "opaque", "gcn", "range"}
    assert sorted({*KEYWORDS, *sources, *said, *more} - seen) == []


def test_what_is_not_asked_for_falls_away() -> None:
    smallest = find(
        whole_programs(),
        lambda file: any(isinstance(clause, tree.Variant) for clause in file.clauses),
        settings=settings(database=None, max_examples=2000, suppress_health_check=list(HealthCheck)),
    )
    kinds = Counter(type(clause) for clause in smallest.clauses)
    assert kinds[tree.Variant] == 1 and kinds[tree.Block] <= 2, format_file(smallest)
    assert not {tree.Let, tree.Def, tree.Place, tree.Claim, tree.Measure} & set(kinds), format_file(smallest)


@given(whole_programs(), st.data())
@settings(max_examples=150)
def test_broken_programs_give_diagnostics_or_are_legal_still(file: tree.File, data: st.DataObject) -> None:
    checked(data.draw(broken_texts(file)))


@pytest.mark.parametrize(("number", "text"), [(1, "let a = 7\n"), (3, "let a = 1 + 7\n"), (4, "let a = 1 + 7 * 3\n")])
def test_a_node_is_replaced_by_its_number(number: int, text: str) -> None:
    file = parse(Source("a.lp", "let a = 1 + 2 * 3\n"), Report())
    at = {1: 2, 3: 4, 4: 5}[number]
    kinds = [type(node).__name__ for _, node in numbered(file, lambda _: True)]
    assert kinds == ["File", "Let", "Binary", "Number", "Binary", "Number", "Number"]
    assert format_file(replaced(file, {at: tree.Number(7)})) == text
