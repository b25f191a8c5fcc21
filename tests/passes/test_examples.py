"""Every diagnostic of the front passes carries two programs: one that gives it and nothing else, one that gives nothing."""

from __future__ import annotations

import pytest

from lpc.diagnostics import CATALOGUE, Diagnostic
from lpc.passes import pipeline  # noqa: F401 - registers the diagnostics
from tests.passes.checking import checked, codes

LATER = tuple(f"lpc.passes.{name}" for name in ("assign", "legal", "regions", "lower", "effects", "cost", "partition"))
FRONT = [c for c in CATALOGUE.values() if c.__module__.startswith("lpc.passes") and c.__module__ not in LATER]
FROM_OUTSIDE = {"LP141", "LP142"}
"""Given by `--set` only, which no program shows."""

ALONGSIDE = {"LP911"}
"""Said of every program with a search: its examples cannot be without."""


@pytest.mark.parametrize("cls", [c for c in FRONT if c.code not in FROM_OUTSIDE], ids=lambda c: c.code)
def test_examples(cls: type[Diagnostic]) -> None:
    assert set(codes(cls.bad)) - ALONGSIDE == {cls.code} - ALONGSIDE
    assert cls.code in codes(cls.bad)
    assert set(codes(cls.good)) <= ALONGSIDE - {cls.code}


@pytest.mark.parametrize("cls", FRONT, ids=lambda c: c.code)
def test_documented(cls: type[Diagnostic]) -> None:
    assert cls.title
    assert cls.label


@pytest.mark.parametrize("cls", [c for c in FRONT if c.bad], ids=lambda c: c.code)
def test_texts_are_filled_in(cls: type[Diagnostic]) -> None:
    _, report = checked(cls.bad)
    for diagnostic in report.diagnostics:
        texts = (diagnostic.title_text, diagnostic.label_text, *diagnostic.note_texts, diagnostic.help_text)
        assert not any("{" in text or "tree." in text or "Span(" in text for text in texts)
        assert diagnostic.span.start < diagnostic.span.end <= len(cls.bad)
        assert diagnostic.label_text
