"""`learn` lines."""

from __future__ import annotations

import pytest

from lpc.passes.dump import dump
from lpc.rules import registry
from tests.passes.checking import BASE, checked, codes, sound, without

NET = """network example
data image, label = digits(validation = 20%)
block hidden[3] = image -> flatten -> linear(64) -> relu
block side = hidden -> linear(9)
block readout = side -> linear(10)
objective cross_entropy(readout, label)
train epochs = 1, batch = 64, optimizer = sgd(0.1, momentum = 0.9)
"""


def rules(lines: str) -> dict[str, str]:
    return {block: use.rule for block, use in sound(NET + lines).uses.items()}


def errors(lines: str) -> list[str]:
    return [d.code for d in checked(NET + lines)[1].errors]


def test_blocks_that_no_line_names_have_auto() -> None:
    assert set(rules("").values()) == {"auto"}
    assert rules("learn side with backprop\n")["readout"] == "auto"


def test_selectors() -> None:
    found = rules(
        "learn rest with mono_forward\nlearn hidden[1..2], readout with backprop\nlearn side with forward_forward\n"
    )
    assert found == {
        "hidden_1": "backprop",
        "hidden_2": "backprop",
        "hidden_3": "mono_forward",
        "side": "forward_forward",
        "readout": "backprop",
    }
    assert set(rules("learn all with backprop\n").values()) == {"backprop"}
    assert rules("let n = 2\nlearn hidden[n - 1..n] with backprop\n")["hidden_3"] == "auto"


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("learn hiden with backprop\n", "LP310"),
        ("learn image with backprop\n", "LP310"),
        ("learn hidden_2 with backprop\n", "LP310"),
        ("learn hidden[4] with backprop\n", "LP311"),
        ("learn hidden[0] with backprop\n", "LP311"),
        ("learn hidden[2..1] with backprop\n", "LP311"),
        ("learn hidden[1.5] with backprop\n", "LP311"),
        ("learn hidden[k] with backprop\n", "LP101"),
        ("learn side[1] with backprop\n", "LP311"),
        ("learn all with backprop\nlearn side with mono_forward\n", "LP312"),
        ("learn hidden[1..2], hidden[2..3] with backprop\n", "LP312"),
        ("learn rest with backprop\nlearn rest with mono_forward\n", "LP313"),
        ("learn all with backpop\n", "LP300"),
        ("learn all with relu\n", "LP300"),
        ("learn all with particle_swarm\n", "LP301"),
        ("learn all with backprop(rate = 3)\n", "LP110"),
        ("learn all with mono_forward(predict = lst)\n", "LP116"),
        ("learn all with mono_forward(predict = 3)\n", "LP114"),
        ("learn all with forward_forward(threshold = -1)\n", "LP115"),
        ("learn all with forward_forward(threshold = big)\n", "LP101"),
        ("learn all with predictive_coding(iterations = 2.5)\n", "LP114"),
        ("learn all with backprop(lr = 0)\n", "LP115"),
        ("learn all with backprop(optimizer = adm)\n", "LP116"),
        ("learn all with backprop(optimizer = sgd)\n", "LP113"),
        ("learn all with backprop(lr = 1, optimizer = adam)\n", "LP302"),
        ("learn all with auto(minimize = joules)\n", "LP116"),
        ("learn all with auto(among = [backpop])\n", "LP300"),
        ("learn all with auto(among = [particle_swarm])\n", "LP303"),
        ("learn all with auto(among = backprop, memory = 2W)\n", "LP114"),
        ("learn all with auto(memory = 10%)\n", "LP114"),
    ],
)
def test_mistakes(lines: str, code: str) -> None:
    assert errors(lines) == [code]


def test_hints() -> None:
    (error,) = checked(NET + "learn hidden_2 with backprop\n")[1].errors
    assert error.help_text == "did you mean `hidden[2]`?"
    (error,) = checked(NET + "learn all with backpop\n")[1].errors
    assert error.help_text == "did you mean `backprop`?"
    (error,) = checked(NET + "learn all with backprop\nlearn side with mono_forward\n")[1].errors
    assert error.related[0][1] == "named first here"


@pytest.mark.parametrize("name", [name for name in registry.known() if name not in registry.names()])
def test_rules_that_are_not_there_yet_say_so(name: str) -> None:
    (error,) = checked(f"{NET}learn all with {name}(whatever = 3)\n")[1].errors
    assert (error.code, error.title_text) == ("LP301", f"`{name}` is not in this version")


@pytest.mark.parametrize("name", registry.names())
def test_every_rule_can_be_named_with_all_its_defaults(name: str) -> None:
    program = sound(f"{NET}learn all with {name}\n")
    use = program.uses["side"]
    assert (use.rule, use.arguments, use.optimizer) == (name, (), None)
    assert registry.find(name).make(dict(use.arguments)) == registry.find(name)()
    written = sound(without(dump(program), "#")).uses["side"]
    assert written == use


def test_settings() -> None:
    use = sound(NET + "learn all with forward_forward(threshold = 3, goodness = sum)\n").uses["side"]
    assert dict(use.arguments) == {"goodness": "sum", "threshold": 3.0}
    assert [name for name, _ in use.argument_spans] == ["goodness", "threshold"]


def test_an_argument_at_its_default_is_no_difference() -> None:
    uses = sound(NET + "learn hidden with mono_forward\nlearn rest with mono_forward(predict = last)\n").uses
    assert len({(use.rule, use.arguments) for use in uses.values()}) == 1


def test_rates_and_optimizers_of_a_rule() -> None:
    uses = sound(
        NET + "learn hidden with mono_forward(lr = 2)\nlearn rest with backprop(optimizer = adam(lr = 5))\n"
    ).uses
    first, last = uses["hidden_1"].optimizer, uses["readout"].optimizer
    assert first is not None
    assert last is not None
    assert (first.kind, first.lr, first.arguments["momentum"]) == ("sgd", 2.0, 0.9)
    assert (last.kind, last.lr) == ("adam", 5.0)


def test_auto() -> None:
    use = sound(NET + "learn all with auto(minimize = energy, memory = 2GiB, among = [backprop, mono_forward])\n").uses[
        "side"
    ]
    assert dict(use.arguments) == {"minimize": "energy", "memory": 2**31, "among": ("backprop", "mono_forward")}
    assert dict(sound(NET).uses["side"].arguments) == {}


def test_auto_passes_over_rules_that_are_not_there() -> None:
    lines = "learn all with auto(among = [infopro, backprop])\n"
    assert codes(NET + lines) == ["LP910"]
    assert dict(sound(NET + lines).uses["side"].arguments) == {"among": ("backprop",)}


def test_a_rest_of_nothing_is_warned_of() -> None:
    assert codes(NET + "learn all with backprop\nlearn rest with mono_forward\n") == ["LP912"]


def test_the_dump_has_a_line_for_every_block() -> None:
    text = without(BASE, "learn")
    lines = [line for line in dump(sound(text)).splitlines() if line.startswith("learn")]
    assert lines == ["learn hidden, readout with auto(minimize = time)"]
    shown = dump(sound(NET + "learn hidden[1], hidden[3], side with mono_forward\nlearn rest with backprop\n"))
    assert [line for line in shown.splitlines() if line.startswith("learn")] == [
        "learn hidden[1], hidden[3], side with mono_forward(predict = last)",
        "learn hidden[2], readout with backprop",
    ]
