"""Names, operations, types, blocks, data and the objective."""

from __future__ import annotations

import pytest

from lpc.ir.network import TARGET, Network
from lpc.ir.types import Edges, Label, Tensor
from tests.passes.checking import BASE, checked, codes, sound, without


def network(text: str) -> Network:
    found = sound(text).network
    assert found is not None
    return found


def errors(text: str) -> list[str]:
    return [d.code for d in checked(text)[1].errors]


def with_block(expr: str, data: str = "digits(validation = 20%)", more: str = "") -> str:
    """A program with one block `hidden`, whatever its shape."""
    return f"""network example
data image, label = {data}
{more}block hidden = {expr}
block readout = hidden -> flatten -> linear(10)
objective cross_entropy(readout, label)
learn all with mono_forward
train epochs = 1, batch = 64
"""


def test_nodes_have_the_names_of_their_states() -> None:
    text = with_block("(image -> conv(4, 3) -> relu -> conv(4, 3)) + (image -> conv(4, kernel = 5))")
    assert network(text).block("hidden").nodes == (
        "hidden.conv", "hidden.relu", "hidden.conv2", "hidden.conv3", "hidden.add",
    )  # fmt: skip


def test_a_sum_of_several_is_one_addition() -> None:
    found = network(with_block("image + image + (image -> relu) + image"))
    assert found.node("hidden.add").inputs == ("image", "image", "hidden.relu", "image")


def test_a_sum_whose_last_operand_takes_the_pipe_says_so() -> None:
    def advice(expr: str) -> str:
        return checked(with_block(expr))[1].errors[0].help_text

    assert "`->` binds tighter than `+`" in advice("image + image -> flatten")
    assert advice("image + (image -> flatten)") == ""
    assert advice("image -> reshape(8, 9)") == ""


def test_a_block_that_only_names_another_is_an_identity() -> None:
    found = network(with_block("image"))
    assert found.node("hidden.identity").inputs == ("image",)
    chained = network(with_block("image").replace("block hidden", "block hidden[2]"))
    assert chained.node("hidden_2.identity").inputs == ("hidden_1.identity",)


def test_operations_may_be_written_like_functions() -> None:
    assert network(with_block("relu(linear(flatten(image), 7))")).block("hidden").type == Tensor((7,))
    assert errors(with_block("relu()")) == ["LP119"]
    assert errors(with_block("relu(image, image)")) == ["LP111"]
    assert errors(with_block("add(image)")) == ["LP119"]


def test_a_position_takes_the_source_of_its_sum() -> None:
    text = """network example
data tokens, next = text("poems.txt", context = 16, classes = 50)
def both(x) = x -> embedding(8) + position(8)
block embed = tokens -> embedding(8) + position(8) + (tokens -> position(8))
block again = (tokens -> embedding(8)) + (tokens -> both)
block head = embed + again -> linear(classes(next))
objective cross_entropy(head, next)
learn all with backprop
train steps = 10, batch = 4
"""
    text = text.replace("embed + again ->", "(embed + again) ->")
    found = network(text)
    assert found.node("embed.position").inputs == ("tokens",)
    assert found.node("embed.position2").inputs == ("tokens",)
    assert found.node("again.position").inputs == ("tokens",)
    assert found.node("tokens").type == Tensor((16,), "i64", 50)
    assert found.node("next").type == Label(50, (16,))
    assert errors(text.replace("tokens -> embedding(8) + position(8) +", "position(8) +")) == ["LP119"]
    assert errors(text.replace("+ position(8) +", "+ linear(8) +")) == ["LP119"]


def test_graphs() -> None:
    text = """network example
data nodes: f32[12], graph: edges, label: class[3] = npz("graph.npz")
block layer[2] = nodes -> gcn(8, edges = graph) -> relu
block readout = layer -> linear(classes(label))
objective cross_entropy(readout, label)
learn all with backprop
train epochs = 1, batch = all
"""
    program, report = checked(text)
    found = program.network
    assert found is not None and [d.code for d in report.errors] == ["LP508"]  # checked, and not there yet
    assert found.node("graph").type == Edges()
    assert [found.node(f"layer_{k}.gcn").inputs for k in (1, 2)] == [("nodes", "graph"), ("layer_1.relu", "graph")]
    assert found.block("layer_2").inputs == ("layer_1", "graph")
    assert errors(text.replace("edges = graph", "edges = nodes")) == ["LP508", "LP200"]
    assert errors(text.replace("edges = graph", "edges = grahp")) == ["LP508", "LP101"]
    assert errors(text.replace("edges = graph", "edges = 3")) == ["LP508", "LP114"]
    assert errors(text.replace(", edges = graph", "")) == ["LP508", "LP113"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ('image: f32[4], label: class[10] = csv("t.csv")', []),
        ('image: f32[2, 2], label: class[10] = csv("t.csv", target = "kind")', []),
        ('image: f32[4], other: f32[1], label: class[10] = csv("t.csv")', []),
        ('image: f32[4], other: f32, label: class[10] = csv("t.csv", target = ["kind"])', []),
        ('image: f32[4], other: f32[2], label: class[10] = csv("t.csv")', ["LP509"]),
        ('image: f32[4], label: class[10] = csv("t.csv", target = ["a", "b"])', ["LP509"]),
        ('label: class[10], image: f32[4] = csv("t.csv")', ["LP509"]),
        ('label: class[10], image: f32[4] = csv("t.csv", target = ["a", "b", "c", "d"])', []),
        ('label: class[10], image: f32[4] = npz("t.npz")', []),
    ],
)
def test_names_of_a_table_take_as_many_numbers_as_they_get_columns(data: str, expected: list[str]) -> None:
    text = with_block("image -> flatten").replace("image, label = digits(validation = 20%)", data)
    assert errors(text) == expected


def test_blocks_stand_in_the_order_they_are_computed() -> None:
    text = """network example
block readout = join -> linear(10)
block join = concat(b, a)
block a = image -> flatten -> linear(3)
block b = a -> relu
data image, label = digits()
objective cross_entropy(readout, label)
train epochs = 1, batch = 8
"""
    found = network(text)
    assert [block.name for block in found.blocks] == ["a", "b", "join", "readout"]
    assert found.block("join").inputs == ("b", "a")
    assert found.consumers("a") == ["b", "join"]


@pytest.mark.parametrize(
    ("expr", "code"),
    [
        ("imge -> relu", "LP101"),
        ("image -> rleu", "LP117"),
        ("relu", "LP118"),
        ("image -> flatten -> linear", "LP113"),
        ("image -> flatten -> linear(64, outputs = 3)", "LP112"),
        ("image -> flatten -> linear(64, true, 3)", "LP111"),
        ("image -> flatten -> linear(64, bais = true)", "LP110"),
        ("image -> flatten -> linear(64, bias = yes)", "LP116"),
        ("image -> flatten -> linear(64, bias = 1)", "LP114"),
        ("image -> flatten -> linear(0)", "LP115"),
        ("image -> flatten -> linear(64.0)", "LP114"),
        ("image -> dropout(1)", "LP115"),
        ("image -> dropout(10%)", ""),
        ("image -> dropout(1e999)", "LP036"),
        ("image -> reshape(8, 8)", ""),
        ("image -> reshape(8, 9)", "LP200"),
        ("image -> reshape(8, 8.5)", "LP114"),
        ("image -> reshape(8, -8)", "LP200"),
        ("image -> reshape()", "LP113"),
        ('image -> opaque("lab:Box", out = [8])', ""),
        ('image -> opaque("lab:Box", out = 8)', "LP114"),
        ('image -> opaque("lab:Box", out = [size(image) / 2, 2])', ""),
        ('image -> opaque("lab:Box", out = [size(label), classes(image)])', "LP201"),
        ('image -> opaque("lab:Box", out = [8, x])', "LP101"),
        ('image -> opaque("import os", out = [8])', "LP200"),
        ("image -> conv(8, 9)", "LP200"),
        ("image + (image -> flatten)", "LP200"),
        ("image + label", "LP200"),
        ("label -> relu", "LP200"),
        ("image - image", "LP118"),
        ("image * 2", "LP118"),
        ("-image", "LP118"),
        ("image + 1", "LP118"),
        ("3", "LP118"),
        ('"image"', "LP118"),
        ("[image]", "LP118"),
        ("size(image)", "LP118"),
        ("search(1, 2)", "LP125"),
        ("image[1]", "LP118"),
        ("image -> label", "LP117"),
        ("concat(image, image, axis = 4)", "LP200"),
        ("image -> flatten -> linear(image)", "LP114"),
        ("image -> flatten -> linear(image -> flatten)", "LP114"),
        ("hidden -> relu", "LP108"),
        ("readout -> relu", "LP108"),
    ],
)
def test_one_mistake_makes_one_error(expr: str, code: str) -> None:
    assert errors(with_block(expr)) == ([code] if code else [])


def test_several_mistakes_make_several_errors() -> None:
    text = with_block("imge -> flaten -> linear(64, bais = true) -> dropout(2) -> conv(2, kernel = x)")
    assert errors(text.replace("linear(10)", "lineer(10)")) == ["LP101", "LP101", "LP117", "LP110", "LP115", "LP117"]


def test_a_misfit_names_shapes_and_where_they_come_from() -> None:
    text = with_block("(image -> conv(4, 3)) + (image -> conv(5, 3))")
    (error,) = checked(text)[1].errors
    assert error.note_texts == ("`hidden.conv` gives f32[4, 6, 6]", "`hidden.conv2` gives f32[5, 6, 6]")
    assert [text[span.start : span.end] for span, _ in error.related] == ["conv(4, 3)", "conv(5, 3)"]


def test_ranges_and_indices_of_chains() -> None:
    chain = "block many[3] = image -> relu\n"
    assert errors(with_block("many[2] -> relu", more=chain)) == []
    for wrong in ("many[0]", "many[4]", "many[1..2]", "many[1.5]", 'many["a"]'):
        assert errors(with_block(f"{wrong} -> relu", more=chain)) == ["LP118"]
    assert errors(with_block("mny[2] -> relu", more=chain)) == ["LP101"]


@pytest.mark.parametrize("expr", ["image + other", "concat(image, other)", "position(3)", "many[1] + many[2]"])
def test_a_chain_reads_one_name(expr: str) -> None:
    text = with_block(expr, more="block other = image\nblock many[2] = image\n").replace(
        "block hidden", "block hidden[2]"
    )
    assert len(errors(text)) == 1


def test_circles() -> None:
    text = with_block(
        "a -> relu", more="block a = b -> relu\nblock b = c\nblock c = a\nblock d = d -> relu\nblock e = d\n"
    )
    found = checked(text)[1].errors
    assert [d.code for d in found] == ["LP108", "LP108"]
    assert {d.title_text.partition(": ")[2] for d in found} == {"`d` -> `d`", "`a` -> `c` -> `b` -> `a`"}


def test_missing_and_repeated_clauses() -> None:
    assert errors("network a\n") == ["LP106"] * 4
    assert errors(without(BASE, "data")) == ["LP106"]
    assert errors(without(BASE, "objective")) == ["LP106"]
    assert errors(without(BASE, "train")) == ["LP106"]
    assert errors(BASE + "objective mse(readout, label)\n") == ["LP107"]
    assert errors(BASE + "data a, b = digits()\n") == ["LP107"]


def test_a_block_that_leads_nowhere() -> None:
    text = with_block("image", more="block side[2] = image -> relu\nblock more = side -> relu\n")
    report = checked(text)[1]
    assert [(d.code, d.title_text) for d in report.diagnostics] == [("LP907", "block `more` leads nowhere")]


DATA = [
    ("digits()", "", "f32[1, 8, 8]"),
    ("mnist(validation = 5000)", "", "f32[1, 28, 28]"),
    ("cifar10(augment = [flip, crop], standardise = true)", "", "f32[3, 32, 32]"),
    ("cifar10(augment = flip)", "", "f32[3, 32, 32]"),
    ("didgits()", "LP500", ""),
    ("digits", "", "f32[1, 8, 8]"),
    ("digits(validation = 5000)", "LP506", ""),
    ("digits(validation = 60%, test = 40%)", "LP506", ""),
    ("digits(validation = 1000, test = 700)", "", "f32[1, 8, 8]"),
    ("digits(validation = 0.2)", "LP114", ""),
    ("digits(validation = 0)", "LP115", ""),
    ("digits(validation = 100%)", "LP115", ""),
    ("digits(validation = 2GiB)", "LP114", ""),
    ("digits(validaton = 10%)", "LP110", ""),
    ("mnist(test = 10%)", "LP110", ""),
    ("mnist(augment = rotate)", "LP116", ""),
    ("mnist(augment = [flip, rotate])", "LP116", ""),
    ("mnist(standardise = 1)", "LP114", ""),
    ('npz("a.npz")', "LP502", ""),
    ('csv("a.csv")', "LP502", ""),
]


@pytest.mark.parametrize(("source", "code", "type_"), DATA)
def test_data_sources(source: str, code: str, type_: str) -> None:
    text = with_block("image", data=source)
    if code:
        assert set(errors(text)) == {code}
    else:
        assert str(network(text).node("image").type) == type_


TYPES = [
    ("f32[64]", "class[10]", ""),
    ("f32[1, 8, 8]", "class[10]", ""),
    ("f32[2 * n, n]", "class[10]", ""),
    ("f32", "class[10]", ""),
    ("f64[3]", "class[10]", "LP505"),
    ("f32[0]", "class[10]", "LP505"),
    ("f32[3.5]", "class[10]", "LP505"),
    ("f32[99999, 99999]", "class[10]", "LP505"),
    ("f32[m]", "class[10]", "LP101"),
    ("f32[3]", "class", "LP505"),
    ("f32[3]", "class[2, 3]", "LP505"),
    ("f32[3]", "edges[3]", "LP505"),
    ("f32[3]", "class[7]", "LP202"),
    ("f32[3]", "f32[10]", "LP202"),
]


@pytest.mark.parametrize(("image", "label", "code"), TYPES)
def test_types(image: str, label: str, code: str) -> None:
    text = with_block("image", data="synthetic()").replace("image, label =", f"image: {image}, label: {label} =")
    assert errors(text.replace("data ", "let n = 4\ndata ", 1)) == ([code] if code else [])


def test_written_types_of_known_sources_must_agree() -> None:
    assert errors(BASE.replace("image, label", "image: f32[1, 8, 8], label: class[10]")) == []
    assert errors(BASE.replace("image, label", "image: f32[64], label: class[10]")) == ["LP503"]
    assert errors(BASE.replace("image, label", "image, label, more")) == ["LP504"]


def test_a_table_targets_its_last_name() -> None:
    text = BASE.replace(
        "image, label = digits(validation = 20%)", 'image: f32[4], label: class[10] = csv("t.csv", test = 10%)'
    )
    data = sound(text).data
    assert data is not None
    assert data.arguments == {
        "file": "t.csv",
        "target": ("label",),
        "validation": None,
        "test": 0.1,
        "standardise": True,
    }


def objective(clause: str) -> str:
    return with_block("image -> flatten -> linear(10)").replace("cross_entropy(readout, label)", clause)


def test_an_objective_may_target_an_expression_of_the_data() -> None:
    text = objective("mse(decode, image -> flatten -> scale(0.5))").replace(
        "objective", "block decode = hidden -> linear(64)\nobjective"
    )
    program = sound(text)
    assert program.objective is not None
    assert program.network is not None
    assert (program.objective.block, program.objective.target) == ("decode", "objective.scale")
    assert [node.name for node in program.network.target_nodes] == ["objective.flatten", "objective.scale"]
    assert all(node.owner == TARGET for node in program.network.target_nodes)
    assert codes(text) == ["LP907"]  # readout


@pytest.mark.parametrize(
    ("clause", "code"),
    [
        ("cross_entropy(hidden, label)", ""),
        ("crossentropy(readout, label)", "LP430"),
        ("goodness(readout, label)", "LP430"),
        ("cross_entropy(readout)", "LP113"),
        ("cross_entropy(readout, label, 3)", "LP111"),
        ("cross_entropy(image, label)", "LP431"),
        ("cross_entropy(readout -> relu, label)", "LP431"),
        ("cross_entropy(3, label)", "LP431"),
        ("cross_entropy(readot, label)", "LP101"),
        ("cross_entropy(readout, lable)", "LP101"),
        ("cross_entropy(readout, 3)", "LP118"),
        ("mse(readout, label)", "LP202"),
        ("mse(readout, image)", "LP202"),
        ("mse(readout, hidden)", "LP432"),
        ("mse(readout, hidden -> relu)", "LP432"),
        ("mse(readout, image -> flatten -> linear(10))", "LP433"),
        ("mse(readout, image -> rleu)", "LP117"),
        ("mse(readout, image -> conv(3, kernel = 50))", "LP200"),
    ],
)
def test_objectives(clause: str, code: str) -> None:
    assert errors(objective(clause)) == ([code] if code else [])


def test_a_chain_is_scored_at_its_end() -> None:
    text = BASE.replace("block readout = hidden", "block readout[2] = hidden")
    program = sound(text)
    assert program.objective is not None
    assert program.objective.block == "readout_2"
    assert errors(text.replace("(readout, label)", "(readout[1], label)")) == []
    assert errors(text.replace("(readout, label)", "(readout[3], label)")) == ["LP118"]
