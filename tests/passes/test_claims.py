"""Claims as they are read: their numbers, and what is said of those that say nothing."""

from __future__ import annotations

import pytest

import lpc
from lpc.diagnostics import RETIRED, Diagnostic, error
from lpc.ir.program import Between, Claim
from tests.passes.checking import BASE, checked, codes

TEXT = (
    BASE.replace("64", "width") + "let width = 3\nlet rate = 0.5\nlet way = tanh\nvariant small { train batch = 3 }\n"
)
TEXT = TEXT.replace("epochs", "optimizer = sgd(lr = rate), epochs").replace("-> relu", "-> relu -> dropout(rate)")


def claims(text: str) -> tuple[Claim, ...]:
    return lpc.check(TEXT + text).programs["base"].claims


def test_a_claim_is_read() -> None:
    written = "claim base = small within 1e-6 after width + 1 steps up to scale for width in 1..2 * 32, batch in 1..width as rate -> -1"
    ranges = (Between("width", 1, 64), Between("batch", 1, 3))
    assert claims(written) == (Claim("base", "=", "small", 1e-6, 4, True, ranges, ("rate", -1)),)
    assert claims("claim small != base\nclaim base = small") == (
        Claim("small", "!=", "base"),
        Claim("base", "=", "small"),
    )
    assert claims("") == ()


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("for width in 1..4, batch in 1..3", []),
        ("for width in 4..4 as rate -> 0", []),
        ("for rate in 0.1..1", []),
        ("for width in 4..3", ["LP150"]),
        ("for widht in 1..4 as rte -> 0", ["LP101", "LP101"]),
        ("as batch -> 1", ["LP101"]),
        ("for batch in 0..3", ["LP151"]),
        ("for batch in 1..2.5", ["LP151"]),
        ("for width in 1..wdth", ["LP151"]),
        ("for width in 1..wdth + 1", ["LP101"]),
        ("for width in 1..4 as width -> 2", ["LP154"]),
        ("for way in 1..2", ["LP152"]),
        ("as way -> 0", ["LP152"]),
        ('as rate -> "x"', ["LP151"]),
        ("after 0 steps", ["LP151"]),
        ("after 1.5 steps", ["LP151"]),
        ("after way steps", ["LP151"]),
        ("after 1001 steps", ["LP151"]),
        ("within 0", ["LP151"]),
        ("within -1e-6", ["LP151"]),
        ("within 10%", ["LP151"]),
        ("up to scale", []),
        ("up to sign", ["LP153"]),
    ],
)  # fmt: skip
def test_what_a_claim_goes_on_with(claim: str, expected: list[str]) -> None:
    assert [code for code in codes(TEXT + f"claim base = small {claim}\n") if code != "LP903"] == expected


def test_variants_of_claims() -> None:
    assert codes(TEXT.replace("let way = tanh\n", "") + "claim base = smal\n") == ["LP140"]
    assert codes(TEXT.replace("let way = tanh\n", "") + "claim small != small\n") == ["LP913"]


def test_a_quick_fix_changes_the_name_alone() -> None:
    _, report = checked(TEXT + "claim base = small for widht in 1..4 as rte -> 0\n")
    edits = [d.edit for d in report.errors]
    text = TEXT + "claim base = small for widht in 1..4 as rte -> 0\n"
    assert [text[edit.span.start : edit.span.end] for edit in edits if edit] == ["widht"]


def test_a_retired_code_is_not_taken_again() -> None:
    assert "LP906" in RETIRED
    with pytest.raises(ValueError, match="retired"):
        error("LP906")(type("Again", (Diagnostic,), {}))
