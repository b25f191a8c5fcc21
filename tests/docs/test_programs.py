"""Every program in the documentation is what the page says: sound, or wrong in the way it is there to show."""

from __future__ import annotations

import pytest

from lpc.diagnostics import Diagnostic, Report
from lpc.passes.check import check_source
from lpc.render import render
from lpc.source import Source
from lpc.syntax.format import format_source
from tests.docs.blocks import Block, all_blocks, followed, pages
from tests.docs.frames import completions

WRITTEN = [block for block in all_blocks("lp") if not block.page.startswith("docs/errors/")]
"""Pages of codes are written from programs that other tests check, and are not laid out as `lpc fmt` does."""


def found_in(block: Block) -> tuple[tuple[Diagnostic, ...], Source]:
    """What lpc says of the block, completed in the way of which it says least."""
    said = []
    for text in completions(block.text):
        source = Source(block.marks.get("file", "example.lp"), text)
        said.append((check_source(source).diagnostics, source))
    return min(said, key=lambda one: len(one[0]))


@pytest.mark.parametrize("block", WRITTEN, ids=str)
def test_programs_are_what_the_page_says(block: Block) -> None:
    diagnostics, source = found_in(block)
    shown = "\n\n".join(render(one, source) for one in diagnostics)
    errors = {one.code for one in diagnostics if one.severity == "error"}
    warnings = {one.code for one in diagnostics if one.severity == "warning"}
    assert errors == set(filter(None, block.marks.get("bad", "").split(","))), shown
    assert warnings == set(filter(None, block.marks.get("warns", "").split(","))), shown


@pytest.mark.parametrize("block", [block for block in WRITTEN if not {"bad", "dense"} & set(block.marks)], ids=str)
def test_programs_are_laid_out_as_fmt_does(block: Block) -> None:
    head = "" if block.text.startswith(("network", "#")) else "network example\n\n"
    assert format_source(Source("example.lp", head + block.text), Report()) == head + block.text


def test_marks_are_known() -> None:
    known = {
        "lp": {"bad", "warns", "dense", "file"},
        "text": {"says", "prints"},
        "console": set[str](),
        "python": {"file", "shown"},
        "sh": set[str](),
    }
    for page in pages():
        for block, after in followed(page):
            assert set(block.marks) <= known.get(block.language, {"file"}), f"{block}: {block.marks}"
            assert block.language, f"{block}: no language"
            if after is not None and "says" in after.marks:
                assert block.language == "lp" and {"bad", "warns"} & set(block.marks), f"{after}: says what of what?"


def test_there_are_programs_to_check() -> None:
    assert len(WRITTEN) > 30
    assert {block.page for block in WRITTEN} >= {"README.md", "docs/language.md", "docs/tutorial.md"}
