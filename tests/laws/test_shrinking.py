"""Programs made smaller while something holds of them, by any of the ways there are."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import pytest

from lpc.diagnostics import Report
from lpc.laws import shrinking
from lpc.laws.shrinking import shrunk, sound
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.format import format_file
from lpc.syntax.parse import parse
from lpc.syntax.walk import walk

TEXT = """network large
let width = 24
let share = 0.5
def bend(x, n) = x -> linear(n) -> tanh
data image, label = digits(validation = 20%)
block stem = image -> flatten -> bend(width) -> dropout(share)
block body[2] = stem -> linear(width) -> layer_norm
block both = concat(body[1], body) -> bend(12)
block readout = both -> linear(10)
objective cross_entropy(readout, label)
learn stem with mono_forward
learn rest with backprop
train epochs = 4, batch = 64, optimizer = adam(lr = 1e-3), seed = 1
measure energy, memory
place stages = 2
place stem on stage 1
variant plain { learn all with backprop measure flops train batch = 32 }
variant other { let width = 12 }
claim base = plain for width in 1..64
"""


def read(text: str) -> tree.File:
    return parse(Source("large.lp", text), Report())


LARGE = read(TEXT)


def using(name: str) -> Callable[[tree.File], bool]:
    """Whether something of a name is used."""

    def uses(file: tree.File) -> bool:
        return any(getattr(node, "name", None) == name for node in walk(file))

    return uses


def test_the_program_is_sound() -> None:
    assert sound(LARGE)
    assert not sound(read(TEXT.replace("layer_norm", "linear(0)")))
    assert not sound(read(TEXT.replace("let width = 12", "let width = 1.5")))  # in a variant


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("dropout", "block stem = image -> dropout(0.5)"),
        ("concat", "block both    = concat(image, image)"),
    ],
)
def test_one_operation_is_left(name: str, block: str) -> None:
    small = shrunk(LARGE, using(name), inf)
    text = format_file(small)
    lines = text.splitlines()
    assert sound(small), text
    assert block in lines and sum(line.startswith("block") for line in lines) <= 2, text
    assert "class[1]" in text and "f32[1]" in text and "batch = 1" in text, text
    assert not [line for line in lines if line.startswith(("let", "learn", "variant", "claim", "place", "measure"))], (
        text
    )


@pytest.mark.parametrize(
    ("fails", "left"),
    [
        (lambda file: any(isinstance(node, tree.Variant) and node.name == "plain" for node in walk(file)), "variant plain {}"),
        (lambda file: any(isinstance(node, tree.Block) and node.count is not None for node in walk(file)), "block body[1] = image"),
        (lambda file: any(isinstance(node, tree.Measure) for node in walk(file)), "measure energy"),
        (using("mono_forward"), "with mono_forward"),
    ],
)  # fmt: skip
def test_what_is_asked_for_is_left(fails: Callable[[tree.File], bool], left: str) -> None:
    small = shrunk(LARGE, fails, inf)
    text = format_file(small)
    assert fails(small) and sound(small) and len(text) < len(TEXT) / 2, text
    assert left in text, text


def test_nothing_is_taken_where_nothing_may_be() -> None:
    assert shrunk(LARGE, lambda file: file == LARGE, inf) == LARGE


def test_without_time_the_program_stays() -> None:
    assert shrunk(LARGE, lambda _: True, 0.0) == LARGE


def test_candidates_that_lpc_refuses_are_never_shown() -> None:
    seen: list[tree.File] = []

    def fails(file: tree.File) -> bool:
        seen.append(file)
        return using("concat")(file)

    shrunk(LARGE, fails, inf)
    assert seen and all(map(sound, seen[:: max(1, len(seen) // 10)]))


def test_what_a_candidate_must_be_can_be_chosen() -> None:
    part = tree.File(tuple(c for c in LARGE.clauses if isinstance(c, tree.Data | tree.Block | tree.Def | tree.Let)))
    small = shrunk(part, using("layer_norm"), inf, accepts=lambda _: True)
    assert format_file(small).endswith("-> layer_norm\n") and len(small.clauses) <= 2


@pytest.mark.parametrize("way", shrinking.WAYS, ids=lambda way: way.__name__)
def test_every_way_has_candidates(way: Callable[[tree.File], shrinking.Files]) -> None:
    candidates = list(way(LARGE))
    assert candidates and all(candidate != LARGE for candidate in candidates)
    alone = [c for c in LARGE.clauses if not isinstance(c, tree.Claim)]  # a claim needs its let
    assert any(map(sound, way(tree.File(tuple(alone)))))
