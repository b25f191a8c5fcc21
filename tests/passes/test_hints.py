"""Warnings that the text gives."""

from __future__ import annotations

import pytest

from lpc.diagnostics import Report
from lpc.source import Source
from lpc.syntax.format import format_source
from tests.passes.checking import BASE, codes

SUMS = [
    ("image + image -> relu", True),
    ("image + (image -> relu)", False),
    ("(image + image) -> relu", False),
    ("image -> relu + image", False),
    ("image + image -> scale(2)", False),
    ("image + (image -> scale(2)) -> relu", True),
    ("image + ((image -> scale(2)) -> relu)", False),
    ("image + (image) -> batch_norm", True),
    ("image + image -> scale(2) -> softmax", True),
    ("image + image -> relu + image", True),
    ("concat(image, image + image -> tanh)", True),
    ("image + # (\n image -> relu", True),
]


@pytest.mark.parametrize(("expr", "warned"), SUMS)
def test_a_sum_that_ends_in_an_activation(expr: str, warned: bool) -> None:
    for text in (
        BASE.replace("image -> flatten -> linear(64) -> relu", expr).replace("hidden ->", "hidden -> flatten ->"),
        BASE.replace("block hidden", f"def f(image) = {expr}\nblock hidden").replace("-> flatten", "-> f -> flatten"),
    ):
        assert ("LP905" in codes(text)) == warned
        report = Report()
        formatted = format_source(Source("example.lp", text), report)
        assert formatted is not None
        assert "LP905" not in codes(formatted)  # the formatter writes the parentheses


def test_what_nothing_uses() -> None:
    text = BASE.replace("data image", "let a = 1\nlet b = a\nlet c = b\ndef f(c, a) = c -> linear(a)\ndata image")
    assert codes(text) == ["LP903", "LP904"]  # c, f
    used = "variant small { train batch = c learn readout with backprop }\n"
    assert codes(text.replace("relu", "f(3)") + used) == []
    assert (
        codes(text.replace("relu", "f(3)") + "variant small { train batch = 3 }\nclaim base != small for c in 1..3\n")
        == []
    )


def test_nothing_seems_unused_where_a_name_is_wrong() -> None:
    text = BASE.replace("data image", "let width = 1\ndef bend(x) = x -> relu\ndata image")
    assert codes(text.replace("linear(64)", "linear(widht)").replace("-> relu\nblock", "-> bnd\nblock")) == [
        "LP101",
        "LP117",
    ]
