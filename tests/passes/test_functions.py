"""Functions: what they compute, how they are written out, and where they end."""

from __future__ import annotations

import pytest

from lpc.passes.dump import dump
from tests.effort import calls
from tests.passes.checking import checked, codes, sound


def program(functions: str, pipeline: str = "f", block: str = "block hidden = image -> flatten -> ") -> str:
    return f"""network example
{functions}
data image, label = digits(validation = 20%)
{block}{pipeline}
block readout = hidden -> flatten -> linear(10)
objective cross_entropy(readout, label)
learn all with mono_forward
train epochs = 1, batch = 64
"""


def operations(text: str, block: str = "hidden") -> list[tuple[str, tuple[str, ...]]]:
    """The operations of a block with the places inside it that they read."""
    network = sound(text).network
    assert network is not None
    nodes = network.nodes_of(network.block(block))
    return [(n.attribute, tuple(name.rpartition(".")[2] for name in n.inputs)) for n in nodes]


def test_a_tensor_is_computed_once_however_often_a_body_names_it() -> None:
    text = program("def f(x) = add(x, x -> relu, x -> tanh)", "linear(8) -> f")
    assert operations(text) == [
        ("flatten", ("image",)),
        ("linear", ("flatten",)),
        ("relu", ("linear",)),
        ("tanh", ("linear",)),
        ("add", ("linear", "relu", "tanh")),
    ]


def test_each_use_has_weights_of_its_own() -> None:
    text = program("def f(x, n = 4) = x -> linear(n) -> relu", "f -> f(n = 5) -> f(6)")
    assert [name for name, _ in operations(text)] == [
        "flatten",
        "linear",
        "relu",
        "linear2",
        "relu2",
        "linear3",
        "relu3",
    ]


def test_a_tensor_that_comes_later_is_still_computed_first() -> None:
    # `x` stands second in the sum, but its value is there before the body begins.
    text = program("def f(x) = (image -> flatten -> linear(8)) + x", "linear(8) -> relu -> f")
    assert [name for name, _ in operations(text)][:3] == ["flatten", "linear", "relu"]


def test_parameters_may_be_tensors_words_and_lists() -> None:
    text = program(
        "def join(x, y, axis = 0) = concat(x, y, axis = axis)\ndef norm(x, b) = x -> linear(8, bias = b)",
        "join(image -> flatten -> relu) -> norm(false)",
    )
    network = sound(text).network
    assert network is not None
    assert network.node("hidden.concat").inputs == ("hidden.flatten", "hidden.relu")
    assert network.node("hidden.linear").arguments["bias"] is False


def test_defaults_may_use_parameters_before_them() -> None:
    text = program("def f(x, n, m = 2 * n) = x -> linear(n) -> linear(m)", "f(3)")
    network = sound(text).network
    assert network is not None
    assert network.node("hidden.linear2").arguments["outputs"] == 6


def test_a_parameter_hides_a_let_and_a_block() -> None:
    text = program("let n = 3\ndef f(label, n) = label + (label -> linear(n))", "linear(5) -> tanh -> f(5)")
    network = sound(text).network
    assert network is not None
    assert network.node("hidden.add").inputs == ("hidden.tanh", "hidden.linear2")
    assert codes(text) == ["LP903"]  # the let


def test_functions_may_be_called_like_functions() -> None:
    text = program("def f(x, n) = x -> linear(n)", "", block="block hidden = f(image -> flatten, 7)")
    assert [name for name, _ in operations(text)] == ["flatten", "linear"]


def test_sizes_of_a_function_s_tensor() -> None:
    text = program("def halve(x) = x -> linear(size(x) / 2)", "linear(24) -> halve -> halve")
    network = sound(text).network
    assert network is not None
    assert [network.node(f"hidden.linear{k}").arguments["outputs"] for k in (2, 3)] == [12, 6]


def test_equal_uses_share_one_function() -> None:
    text = program("def f(x, n) = x + (x -> linear(n))", "linear(5) -> f(5) -> relu -> f(5) -> linear(6) -> f(6)")
    shown = dump(checked(text, until="expand")[0])
    assert [line.split("(")[0] for line in shown.splitlines() if line.startswith("def")] == ["def f", "def f2"]


def test_a_name_that_stays_is_free() -> None:
    text = program(
        "def f(x, n) = x + (x -> linear(n))\ndef f2(x) = mul(x, x)",
        "linear(5) -> f(5) -> f2 -> linear(6) -> f(6) -> f2",
    )
    shown = dump(checked(text, until="expand")[0])
    assert len({line.split("(")[0] for line in shown.splitlines() if line.startswith("def")}) == 3
    assert operations(shown) == operations(text)


@pytest.mark.parametrize(
    ("functions", "pipeline", "code"),
    [
        ("def f(x) = x -> f", "f", "LP130"),
        ("def f(x) = x -> g\ndef g(x) = x + (x -> f)", "f", "LP130"),
        ("def f() = relu", "f", "LP133"),
        ("def f(x, n) = x -> linear(n)", "f", "LP113"),
        ("def f(x, n) = x -> linear(n)", "f(1, 2)", "LP111"),
        ("def f(x, n) = x -> linear(n)", "f(1, m = 2)", "LP110"),
        ("def f(x, n) = x -> linear(n)", "f(1, n = 2)", "LP112"),
        ("def f(x, n) = x -> linear(n)", 'f("a")', "LP114"),
        ("def f(x) = y -> relu", "f", "LP101"),
        ("def f(x) = x -> rleu", "f", "LP117"),
        ("def f(x) = 3", "f", "LP118"),
        ("def f(x) = x -> linear(k)", "f", "LP101"),
    ],
)
def test_mistakes_are_one_error(functions: str, pipeline: str, code: str) -> None:
    assert [d.code for d in checked(program(functions, pipeline))[1].errors] == [code]


def test_a_mistake_in_a_function_is_reported_once_however_often_it_is_used() -> None:
    for body, code in (
        ("linear(8, bais = true)", "LP110"),
        ("linear", "LP113"),
        ("linear(0)", "LP115"),
        ("conv(1, 9)", "LP200"),
    ):
        assert codes(program(f"def f(x) = x -> {body} -> relu\ndef g(x) = x + (x -> f)", "f -> g -> g")) == [code]


def test_warnings() -> None:
    assert codes(program("def relu(x, n = 3) = x -> tanh\ndef g(x) = x -> relu", "relu")) == ["LP901", "LP902", "LP904"]


def tower(body: str, height: int) -> str:
    """Functions of which each but the first names the one before, as `@`."""
    lines = [f"def f{k}(x) = {body.replace('@', f'f{k - 1}')}" for k in range(1, height)]
    return "\n".join(["def f0(x) = x + (x -> relu)", *lines])


@pytest.mark.parametrize(
    ("body", "height", "code"),
    [
        ("x -> @ -> @", 64, "LP131"),
        ("(x -> @) + (x -> @)", 64, "LP131"),
        ("concat(x, x -> @) -> @", 64, "LP131"),
        ("x -> relu -> @ -> relu -> @", 64, "LP131"),
        ("x -> @", 5_000, "LP132"),
        ("x + (x -> @)", 5_000, "LP132"),
    ],
)
def test_growth_without_end_is_refused_quickly(body: str, height: int, code: str) -> None:
    text = program(tower(body, height), f"f{height - 1}")
    assert [d.code for d in checked(text)[1].errors] == [code]
    assert calls(lambda: checked(text)) < 5_000_000  # about a second; written out in place it would be without bound


def test_what_grows_deep_but_not_large_stays_in_functions() -> None:
    # Written out in place these would be 400 operations in a row, more than a program may hold.
    text = program(
        "def ten(x) = x" + " -> relu" * 10 + "\ndef hundred(x) = x" + " -> ten" * 10, "linear(4)" + " -> hundred" * 4
    )
    shown = dump(checked(text, until="expand")[0])
    assert len(operations(shown)) == 402
    assert operations(shown) == operations(text)


def test_arguments_may_name_the_tensor_of_the_function_around_them() -> None:
    # Both stay, and the inner one has to be handed what it names of the outer one.
    text = program(
        "def inner(x, y, n) = x + (x -> linear(n)) + y\n"
        "def outer(x) = (x -> tanh -> inner(x, size(x))) + (x -> relu -> inner(x, 6))",
        "linear(6) -> outer",
    )
    expected = [
        ("flatten", ("image",)),
        ("linear", ("flatten",)),
        ("tanh", ("linear",)),
        ("linear2", ("tanh",)),
        ("add", ("tanh", "linear2", "linear")),
        ("relu", ("linear",)),
        ("linear3", ("relu",)),
        ("add2", ("relu", "linear3", "linear")),
        ("add3", ("add", "add2")),
    ]
    assert operations(text) == expected
    assert operations(dump(checked(text, until="expand")[0])) == expected


def test_defaults_may_ask_for_the_size_of_the_tensor() -> None:
    text = program(
        "def halve(x, n = size(x) / 2, y = x) = (x -> linear(n)) + (y -> linear(n))", "linear(24) -> tanh -> halve"
    )
    expected = operations(text)
    assert [name for name, _ in expected] == ["flatten", "linear", "tanh", "linear2", "linear3", "add"]
    assert expected[3][1] == expected[4][1] == ("tanh",)
    assert operations(dump(checked(text, until="expand")[0])) == expected


def test_what_fails_to_grow_leaves_nothing_half_written() -> None:
    text = program(tower("x -> @ -> @", 64) + "\ndef last(x) = x + (x -> f63)", "last").replace(
        "block readout = hidden", "block more = hidden -> relu -> last\nblock readout = more"
    )
    assert [d.code for d in checked(text)[1].errors] == ["LP131", "LP131"]


def test_a_function_whose_use_is_ignored_does_not_stay() -> None:
    """`twice` stays for its tensor, and `other` looks at nothing it is given: nothing is left that uses it."""
    functions = "def twice(x) = x + (x -> relu)\ndef other(x) = image -> flatten"
    text = program(functions, "linear(8) -> twice -> other")
    assert operations(text) == [("flatten", ("image",))]
    assert "def" not in dump(checked(text, until="expand")[0])


@pytest.mark.parametrize("taken", ["block x = hidden -> relu\nblock readout = x", "block readout = hidden"])
@pytest.mark.parametrize("block", ["block hidden[2] = image -> flatten -> ", "block hidden = image -> flatten -> "])
def test_a_parameter_may_have_the_name_of_a_block_or_of_data(block: str, taken: str) -> None:
    """What stays of `both` names `x`, which is no block there: neither a circle nor a second source of a chain."""
    text = program("def both(x) = x + (x -> relu)", "linear(8) -> both", block).replace("block readout = hidden", taken)
    if "block x" not in taken:
        text = text.replace("image", "x")
    sound(text)
    sound(dump(checked(text, until="expand")[0]))
