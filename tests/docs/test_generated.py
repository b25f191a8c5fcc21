"""Generated pages are what the registries say; links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.generate.pages import PART, stale, written
from docs.generate.result import keys
from tests.docs.blocks import FENCE, ROOT, name_of, pages

LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (?P<title>.+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return written()


def test_pages_are_up_to_date(made: dict[str, str]) -> None:
    assert stale(made) == [], "python -m docs.generate, then read the diff"


def test_a_page_that_differs_is_noticed(made: dict[str, str]) -> None:
    assert stale(made | {"docs/operations.md": made["docs/operations.md"] + "more"}) == ["docs/operations.md"]
    without = {name: text for name, text in made.items() if name != "docs/rules/backprop.md"}
    assert "docs/rules/backprop.md" in stale(without)


def test_every_part_is_generated() -> None:
    found = [part["name"] for page in pages() for part in PART.finditer(page.read_text(encoding="utf-8"))]
    assert len(set(found)) == len(found) > 5
    assert keys(ROOT / "docs" / "result.schema.json").count("\n") > 80


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    made: set[str] = set()
    for heading in HEADING.finditer(FENCE.sub("", text)):
        title = re.sub(r"[^\w\- ]", "", heading["title"].lower()).replace(" ", "-")
        made.add(title if title not in made else f"{title}-1")
    return made


@pytest.mark.parametrize("page", [page for page in pages() if "errors" not in page.parts[-2:-1]], ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for found in LINK.finditer(text):
        target, _, anchor = found["target"].partition("#")
        if "://" in target:
            continue
        there = (page.parent / target).resolve() if target else page
        assert there.is_relative_to(ROOT), f"{found[0]} leads out of the project"
        assert there.exists(), f"{found[0]} leads nowhere"
        if anchor:
            assert anchor in anchors(there.read_text(encoding="utf-8")), f"{found[0]}: no such heading"
