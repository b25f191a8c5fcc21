"""Lets, arithmetic, searches, chains and variants, written out."""

from __future__ import annotations

import math

import pytest

from lpc.ir.program import Carbon
from lpc.passes.dump import dump
from tests.passes.checking import BASE, checked, codes, sound, without

WIDTH = BASE.replace("linear(64)", "linear(width)").replace("network example\n", "network example\nlet width = 64\n")


def with_width(value: str) -> str:
    return WIDTH.replace("let width = 64", f"let width = {value}")


def expanded(text: str, **options: str) -> str:
    """The text after `expand`, spaces made one."""
    program, report = checked(text, until="expand", **options)  # type: ignore[arg-type]
    assert report.errors == []
    return " ".join(dump(program).split())


def outputs(text: str) -> int:
    network = sound(text).network
    assert network is not None
    return int(network.node("hidden.linear").arguments["outputs"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("64", 64),
        ("2 * 3 + 4", 10),
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("10 - 3 - 2", 5),
        ("96 / 3 / 4", 8),
        ("-(-7)", 7),
        ("- - - -7", 7),
        ("size(image)", 64),
        ("size(image) / 2 - 2 * classes(label)", 12),
        ("-classes(label) + 12", 2),
    ],
)
def test_arithmetic(value: str, expected: int) -> None:
    assert outputs(with_width(value)) == expected


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("7 / 2", "LP121"),
        ("7.0 / 2", "LP114"),  # a fraction, and no number of outputs
        ("1 / 0", "LP123"),
        ("1.0 / 0.0", "LP123"),
        ("9999999999 * 9999999999", "LP123"),
        ("1e200 * 1e200", "LP123"),
        ('"a" * 2', "LP122"),
        ("10% + 1", "LP122"),
        ("[1] + 1", "LP122"),
        ("-widht", "LP101"),
        ("relu * 2", "LP101"),
        ("classes(image) + 1", "LP201"),
        ("size(nothing)", "LP101"),
        ("size(label, image)", "LP201"),
        ("size(3)", "LP201"),
        ("image + 1", "LP122"),
        ("width", "LP120"),
        ("search(3)", "LP124"),
        ("2 * search(3, 4)", "LP125"),
        ('"64"', "LP114"),
        ("same", "LP114"),
        ("[64]", "LP114"),
    ],
)
def test_a_value_that_is_wrong_gives_one_error(value: str, code: str) -> None:
    found = checked(with_width(value))[1].errors
    assert [d.code for d in found] == [code], [d.title_text for d in found]


def test_lets_in_any_order() -> None:
    text = with_width("height * 2").replace("learn all", "let height = 8\nlearn all")
    assert outputs(text) == 16


def test_a_circle_of_lets_is_one_error() -> None:
    text = with_width("a + 1").replace("learn all", "let a = b\nlet b = 2 * c\nlet c = a\nlearn all")
    assert codes(text) == ["LP120"]


def test_a_word_of_a_parameter_goes_before_a_let() -> None:
    text = WIDTH.replace("let width", "let cosine = 3\nlet f32 = 2\nlet width").replace(
        "batch = 64", "batch = cosine, schedule = cosine, precision = f32"
    )
    protocol = sound(text).protocol
    assert protocol is not None
    assert (protocol.batch, protocol.schedule.kind, protocol.precision) == (3, "cosine", "f32")


def test_names_of_operations_and_words_can_name_anything() -> None:
    text = """network stage
let with = 3
def on(steps, in = 2) = steps -> linear(in)
data scale, relu = digits()
block linear = scale -> flatten -> on(with)
block all_of = linear -> relu
block to = all_of -> linear(10)
objective cross_entropy(to, relu)
train epochs = 1, batch = 8
"""
    network = sound(text).network
    assert network is not None
    assert [node.name for node in map(network.node, network.graph)] == [
        "scale", "relu", "linear.flatten", "linear.linear", "all_of.relu", "to.linear",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "stand_in", "integer"),
    [
        ("search(64, 1024, log, int)", 256, True),
        ("search(10, 20)", 15, True),
        ("search(1, 1000, log)", 32, True),
        ("search(32, 64, 128)", 32, False),
        ("search([48, 64])", 48, False),
        ("search(2, 2 * low)", 5, True),
    ],
)
def test_a_search_has_a_stand_in(value: str, stand_in: int, integer: bool) -> None:
    program = sound(with_width(value).replace("learn all", "let low = 4\nlearn all"))
    (search,) = program.searches
    assert (search.place, search.stand_in, search.integer) == ("width", stand_in, integer)
    assert outputs(with_width(value).replace("learn all", "let low = 4\nlearn all")) == stand_in


@pytest.mark.parametrize(
    ("where", "code"),
    [("digits(validation = 20%)", "LP500"), ("cross_entropy(readout, label)", "LP430"), ("with mono_forward", "LP300")],
)
def test_a_search_where_no_value_stands_is_a_name_that_nothing_has(where: str, code: str) -> None:
    """Facts are verified, too, where the program thinks of a source, a loss or a rule of that name."""
    called = "with search" if where.startswith("with") else "search" + where[where.index("(") :]
    assert code in codes(BASE.replace(where, called))


def test_searches_of_fractions_take_the_middle() -> None:
    text = BASE.replace("mono_forward", "mono_forward(lr = search(1e-4, 1e-1, log))")
    text = text.replace("linear(64)", "linear(64) -> dropout(search(0.1, 0.4))").replace(
        "batch = 64", "batch = search(8, 16, 24)"
    )
    program = sound(text)
    assert {s.place: s.stand_in for s in program.searches} == {
        "hidden.dropout.rate": 0.25,
        "train.batch": 8,
        "all.mono_forward.lr": pytest.approx(math.sqrt(1e-5)),
    }
    optimizer = program.uses["hidden"].optimizer
    assert optimizer is not None
    assert optimizer.lr == pytest.approx(math.sqrt(1e-5))
    assert codes(text) == ["LP911"]


@pytest.mark.parametrize(
    "value",
    ["search()", "search(1)", "search(2, 1)", "search(1, 1)", "search(0, 1, log)", "search(0.5, 2, int)", 'search("a", 2)',
     "search(1, 2, 3, log)", "search([])", "search(low = 1, high = 2)", "search([[1]])", "search(image, 3)"],
)  # fmt: skip
def test_a_search_that_is_wrong(value: str) -> None:
    assert [d.code for d in checked(with_width(value))[1].errors] == ["LP124"]


CHAIN = BASE.replace("block hidden =", "block hidden[3] =")


def test_a_chain_feeds_each_block_with_the_one_before() -> None:
    network = sound(CHAIN).network
    assert network is not None
    assert [(b.name, b.inputs, b.chain, str(b)) for b in network.blocks] == [
        ("hidden_1", ("image",), ("hidden", 1), "hidden[1]"),
        ("hidden_2", ("hidden_1",), ("hidden", 2), "hidden[2]"),
        ("hidden_3", ("hidden_2",), ("hidden", 3), "hidden[3]"),
        ("readout", ("hidden_3",), None, "readout"),
    ]
    assert network.chains == {"hidden": 3}


def test_a_chain_may_name_its_source_often() -> None:
    text = CHAIN.replace(
        "hidden[3] = image -> flatten -> linear(64) -> relu",
        "hidden[2] = image + (image -> scale(0.5) -> linear(size(image) / 8))",
    )
    text = text.replace("hidden -> linear(10)", "hidden -> flatten -> linear(10)")
    report = checked(text)[1]
    assert [d.code for d in report.errors] == ["LP200"]  # [1, 8, 8] is no row of features, said once
    text = text.replace("-> linear(size(image) / 8)", "")
    network = sound(text).network
    assert network is not None
    assert network.node("hidden_2.add").inputs == ("hidden_1.add", "hidden_2.scale")


def test_a_chain_may_begin_inside_another() -> None:
    text = CHAIN.replace("block readout = hidden", "block more[2] = hidden[2] -> linear(5)\nblock readout = more")
    network = sound(text).network
    assert network is not None
    assert [network.block(name).inputs for name in ("more_1", "more_2")] == [("hidden_2",), ("more_1",)]


def test_a_shape_that_fails_in_the_second_block_is_one_error() -> None:
    text = CHAIN.replace("-> flatten -> linear(64) -> relu", "-> conv(3, kernel = 5)")
    text = text.replace("hidden -> linear(10)", "hidden -> flatten -> linear(10)")
    report = checked(text)[1]
    assert [d.code for d in report.errors] == ["LP200"]
    assert "`hidden_1.conv` gives f32[3, 4, 4]" in report.errors[0].note_texts


@pytest.mark.parametrize("count", ["0", "-1", "2.5", "100001", "100000000", '"3"', "10%", "size(image)"])
def test_lengths_of_chains(count: str) -> None:
    text = CHAIN.replace("[3]", f"[{count}]") + "learn hidden[1..2] with backprop\n"
    assert "LP134" in codes(without(text, "learn all"))


def test_names_of_blocks_of_chains_are_taken() -> None:
    text = CHAIN.replace(
        "block readout", "block hidden_2 = image -> relu\nblock hidden_4 = image -> relu\nblock readout"
    )
    errors = checked(text)[1].errors
    assert [d.code for d in errors] == ["LP102"]
    assert errors[0].related[0][1] == "`hidden[2]` is called `hidden_2` in scripts and results"


VARIANTS = """network example
let width = 16
data image, label = digits(validation = 20%)
block hidden[3] = image -> flatten -> linear(width) -> relu
block side = hidden -> linear(8)
block readout = side -> linear(10)
objective cross_entropy(readout, label)
learn hidden[1..2] with mono_forward
learn side with mono_forward(lr = 0.5)
learn rest with mono_forward(predict = sum)
place stages = 2
place readout on stage 2
train epochs = 5, batch = 8, optimizer = sgd(0.1), patience = 2
measure energy, carbon(intensity = 300)
variant wide { let width = 32 }
variant some { learn hidden[2] with backprop }
variant others { learn side with forward_forward learn rest with backprop }
variant longer {
    train steps = 900, optimizer = adam
    place stages = 3, balance = flops place side on stage 3
    measure flops, carbon(intensity = 1)
}
"""


def rules(variant: str | None) -> dict[str, str]:
    uses = sound(VARIANTS, variant=variant).uses
    return {block: use.rule for block, use in uses.items()}


def test_variants_learn_block_by_block() -> None:
    base = rules(None)
    assert base == dict.fromkeys(("hidden_1", "hidden_2", "hidden_3", "side", "readout"), "mono_forward")
    assert rules("base") == base
    assert rules("some") == base | {"hidden_2": "backprop"}
    assert rules("others") == dict.fromkeys(base, "backprop") | {"side": "forward_forward"}
    kept = sound(VARIANTS, variant="some").uses
    assert [dict(kept[block].arguments) for block in ("hidden_1", "hidden_3")] == [{}, {"predict": "sum"}]
    assert kept["side"].optimizer is not None


def test_variants_merge_option_by_option() -> None:
    program = sound(VARIANTS, variant="longer")
    protocol, placement, measured = program.protocol, program.placement, program.measurements
    assert protocol is not None
    assert (protocol.epochs, protocol.steps, protocol.batch, protocol.patience) == (None, 900, 8, 2)
    assert protocol.optimizer.kind == "adam"
    assert (placement.stages, placement.balance, placement.pins) == (3, "flops", {"side": 3, "readout": 2})
    assert (measured.energy, measured.flops, measured.carbon) == (True, True, Carbon(1.0))


def test_variants_override_lets() -> None:
    network = sound(VARIANTS, variant="wide").network
    assert network is not None
    assert network.node("hidden_3.linear").arguments["outputs"] == 32
    assert "let" not in expanded(VARIANTS, variant="wide")


def test_a_variant_that_is_not_there() -> None:
    errors = checked(VARIANTS, variant="log")[1].errors
    assert [(d.code, d.help_text) for d in errors] == [("LP140", "did you mean `longer`?")]
    assert errors[0].label_text == "there are `base`, `wide`, `some`, `others`, `longer`"


def test_checking_a_file_checks_its_variants() -> None:
    text = VARIANTS.replace("forward_forward learn", "forward_foward learn").replace("steps = 900", "steps = 0")
    assert codes(text) == ["LP300", "LP115"]
    assert [d.code for d in checked(text)[1].errors] == []


def test_defaults_are_written_out() -> None:
    shown = expanded(
        BASE.replace("mono_forward", "mono_forward(lr = 0.5)").replace("batch = 64", "batch = 64, optimizer = sgd(0.1)")
    )
    assert "digits(validation = 20%, standardise = false)" in shown
    assert "linear(64, bias = true)" in shown
    assert "mono_forward(lr = 0.5, predict = last)" in shown
    assert "sgd(0.1, momentum = 0.0, weight_decay = 0.0, nesterov = false)" in shown
    assert "schedule = constant, warmup = 0, precision = f32, order = simultaneous, seed = 1" in shown
