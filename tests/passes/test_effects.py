"""Arguments of rules that change nothing are warned of; those that only restate what holds anyway are not."""

from __future__ import annotations

import pytest

import lpc
from lpc.passes.scope import SOUND


@pytest.mark.parametrize(
    ("use", "idle"),
    [
        ("cascaded_forward(predictor = cross_entropy, ridge = 0.5)", ["ridge"]),
        ("cascaded_forward(predictor = least_squares, ridge = 0.5)", []),
        ("cascaded_forward(predictor = least_squares, lr = 0.01)", ["lr"]),
        ("cascaded_forward(predictor = cross_entropy, lr = 0.01)", []),
        ("forward_forward(threshold = 2.0)", []),  # what the default comes to
        ("dual_propagation(beta = 0.5)", []),
        ("backprop(lr = 0.01)", []),
        ("auto(minimize = time)", []),
    ],
)
def test_arguments_without_effect(use: str, idle: list[str]) -> None:
    found = [d for d in lpc.check(SOUND + f"learn all with {use}\n").diagnostics if d.code == "LP914"]
    assert [d.title_text.split("`")[1] for d in found] == idle


def test_an_argument_that_the_output_block_alone_reads() -> None:
    lines = "learn hidden with mono_forward(predict = sum)\nlearn rest with backprop\n"
    (found,) = (d for d in lpc.check(SOUND + lines).diagnostics if d.code == "LP914")
    assert found.title_text == "`predict` of `mono_forward` has no effect here"
