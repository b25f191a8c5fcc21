"""`--set PLACE=VALUE`."""

from __future__ import annotations

import pytest

from lpc.ir.program import Carbon, Program
from tests.passes.checking import checked, sound

TEXT = """network example
let width = 16
let wide = 2 * width
def bend(x, by = 3) = x -> linear(by) -> relu
data image, label = digits(validation = 20%)
block h[3] = image -> flatten -> linear(wide) -> relu -> linear(width)
block g = h -> bend -> dropout(0.1)
block readout = g -> linear(10)
objective cross_entropy(readout, label)
learn h[1..2] with mono_forward
learn g with mono_forward(lr = 0.5)
learn rest with mono_forward(predict = sum)
train epochs = 5, batch = 8, optimizer = sgd(0.1)
measure energy, carbon(intensity = 300)
variant small { let width = 2 learn g with backprop }
"""


def set_to(*overrides: str, variant: str | None = None) -> Program:
    pairs = tuple((place, value) for place, _, value in (text.partition("=") for text in overrides))
    return sound(TEXT, variant=variant, overrides=pairs)


def argument(program: Program, node: str, name: str) -> object:
    assert program.network is not None
    return program.network.node(node).arguments[name]


def test_lets_and_what_follows_from_them() -> None:
    program = set_to("width=7")
    assert argument(program, "h_1.linear", "outputs") == 14
    assert argument(program, "h_3.linear2", "outputs") == 7


def test_an_override_goes_before_a_variant() -> None:
    assert argument(set_to(variant="small"), "h_1.linear2", "outputs") == 2
    assert argument(set_to("width=9", variant="small"), "h_1.linear2", "outputs") == 9


def test_arguments_of_operations_by_block_and_function() -> None:
    program = set_to("h.linear.outputs=9", "h.linear2.bias=false", "h.count=2", "bend.by=11", "g.dropout.rate=0.3")
    assert argument(program, "h_2.linear", "outputs") == 9
    assert argument(program, "h_2.linear2", "bias") is False
    assert argument(program, "g.linear", "outputs") == 11
    assert argument(program, "g.dropout", "rate") == 0.3
    assert program.network is not None
    assert program.network.chains == {"h": 2}
    assert argument(set_to("g.bend.by=5"), "g.linear", "outputs") == 5


def test_options() -> None:
    program = set_to(
        "train.batch=all", "train.optimizer.lr=0.7", "train.optimizer.momentum=0.9", "train.patience=2",
        "data.validation=100", "measure.carbon.intensity=5", "place.stages=2",
    )  # fmt: skip
    protocol = program.protocol
    assert protocol is not None
    assert program.data is not None
    assert (protocol.batch, protocol.patience, protocol.optimizer.lr) == (None, 2, 0.7)
    assert protocol.optimizer.arguments["momentum"] == 0.9
    assert program.data.arguments["validation"] == 100
    assert program.measurements.carbon == Carbon(5.0)
    assert program.placement.stages == 2


def test_steps_take_the_place_of_epochs() -> None:
    protocol = set_to("train.steps=70").protocol
    assert protocol is not None
    assert (protocol.epochs, protocol.steps) == (None, 70)


def rates(program: Program) -> dict[str, float]:
    return {block: use.optimizer.lr for block, use in program.uses.items() if use.optimizer is not None}


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("g.mono_forward.lr=0.25", {"g": 0.25}),
        ("h.mono_forward.lr=0.25", {"h_1": 0.25, "h_2": 0.25, "h_3": 0.25, "g": 0.5}),
        ("h[3].mono_forward.lr=0.25", {"h_3": 0.25, "g": 0.5}),
        ("h[1..2].mono_forward.lr=0.25", {"h_1": 0.25, "h_2": 0.25, "g": 0.5}),
        ("h[1]+readout.mono_forward.lr=0.25", {"h_1": 0.25, "g": 0.5, "readout": 0.25}),
        ("rest.mono_forward.lr=0.25", {"h_3": 0.25, "g": 0.5, "readout": 0.25}),
        ("all.mono_forward.lr=0.25", dict.fromkeys(("h_1", "h_2", "h_3", "g", "readout"), 0.25)),
    ],
)
def test_arguments_of_rules(override: str, expected: dict[str, float]) -> None:
    program = set_to(override)
    assert rates(program) == expected
    assert dict(program.uses["h_3"].arguments) == {"predict": "sum"}


def test_a_rule_is_set_where_it_is_used() -> None:
    program = set_to("all.mono_forward.lr=0.25", variant="small")
    assert program.uses["g"].rule == "backprop"
    assert rates(program) == dict.fromkeys(("h_1", "h_2", "h_3", "readout"), 0.25)


def test_a_search_may_be_set_and_replaced() -> None:
    assert [s.place for s in set_to("train.batch=search(4, 8)").searches] == ["train.batch"]
    searched = TEXT.replace("let width = 16", "let width = search(2, 8)")
    assert sound(searched, overrides=(("width", "3"),)).searches == ()


@pytest.mark.parametrize(
    ("override", "code", "hint"),
    [
        ("widht=7", "LP141", "did you mean `width`?"),
        ("train.bacth=7", "LP141", "did you mean `train.batch`?"),
        ("h.linear.otputs=7", "LP141", "did you mean `h.linear.outputs`?"),
        ("g.mono_forward.predct=sum", "LP141", "did you mean `g.mono_forward.predict`?"),
        ("g.backprop.lr=1", "LP141", ""),
        ("a.b.c.d=1", "LP141", ""),
        ("=1", "LP141", ""),
        ("train.batch.size=1", "LP141", "did you mean `train.batch`?"),
        ("width.a=1", "LP141", "did you mean `width`?"),
        ("width=", "LP142", ""),
        ('width="x', "LP142", ""),
        ("width=7 let b = 3", "LP142", ""),
        ("width=7, 8", "LP142", ""),
        ("width=-3", "LP115", ""),
        ("h.count=0", "LP134", ""),
        ("train.seed=1.5", "LP114", ""),
    ],
)
def test_overrides_that_cannot_be(override: str, code: str, hint: str) -> None:
    place, _, value = override.partition("=")
    errors = checked(TEXT, overrides=((place, value),))[1].errors
    assert {d.code for d in errors} == {code}
    if code == "LP141":
        assert errors[0].help_text == hint
