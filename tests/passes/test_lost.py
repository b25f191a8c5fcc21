"""Weights that only `position` reads: refused; read otherwise too: accepted."""

from __future__ import annotations

import pytest

from lpc.passes.check import check_source
from lpc.source import Source

PROGRAM = """network reading
data tokens, next = text("poems.txt", context = 8, classes = 20)
block embedded = tokens -> embedding(4)
{blocks}
block readout = placed -> linear(20)
objective cross_entropy(readout, next)
train steps = 1, batch = 4
"""


@pytest.mark.parametrize(
    ("blocks", "lost"),
    [
        ("block placed = embedded + (embedded -> position(4))", []),
        ("block placed = embedded + (embedded -> relu -> position(4))", []),
        ("block placed = embedded + (tokens -> position(4))", []),
        ("block placed = embedded -> position(4)", ["embedding"]),
        ("block deeper = embedded -> linear(4)\nblock placed = embedded + (deeper -> position(4))", ["linear"]),
    ],
)
def test_what_only_position_reads_is_lost(blocks: str, lost: list[str]) -> None:
    found = check_source(Source("reading.lp", PROGRAM.format(blocks=blocks)))
    told = [one.title_text for one in found.diagnostics if one.code == "LP204"]
    assert told == [f"what `{operation}` computes is lost" for operation in lost]
