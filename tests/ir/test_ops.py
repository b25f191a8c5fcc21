"""The catalogue: what an entry infers, spells and counts is what torch does."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

import lpc.ir.ops as catalogue
from lpc.diagnostics import Report
from lpc.ir.op import Argument, Misfit, Operation, Value
from lpc.ir.ops import OPERATIONS, every, find, names, operation_of
from lpc.ir.ops.spelling import literal, spell
from lpc.ir.types import Edges, Label, Tensor, Type
from lpc.plugins import PluginError
from lpc.source import Source
from lpc.syntax.parse import parse
from tests.ir.uses import Use, complete, f32, uses

WANTED = [
    *("linear", "conv", "conv_transpose", "depthwise_conv", "max_pool", "avg_pool", "global_avg_pool"),
    *("batch_norm", "layer_norm", "group_norm", "rms_norm"),
    *("relu", "leaky_relu", "gelu", "silu", "tanh", "sigmoid", "softmax", "dropout"),
    *("flatten", "reshape", "identity", "embedding", "position", "attention", "gcn"),
    *("concat", "add", "mul", "scale", "opaque"),
]

IMAGE, TOKENS = f32(3, 8, 6), Tensor((5,), "i64", 10)


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def device(x: torch.Tensor) -> torch.Tensor:
    return x.sum(1)[:, None, None].expand(len(x), 2, 3)


# -- the catalogue as a whole -------------------------------------------------------------------------------------


def test_every_operation_is_there() -> None:
    assert sorted(OPERATIONS) == sorted(WANTED)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))
def test_entry_is_documented(operation: Operation) -> None:
    report = Report()
    parse(Source("example.lp", f"network example\nblock made = {operation.example}\n"), report)
    assert report.diagnostics == []
    assert operation.name in operation.example
    assert len(operation.summary) > 10
    assert not operation.summary.endswith(".")
    assert all(argument.summary for argument in operation.arguments)


def test_importing_the_catalogue_loads_neither_torch_nor_metadata() -> None:
    code = "import sys, lpc.ir.ops as o; o.find('linear'); print([m for m in ('torch', 'numpy', 'email') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


# -- shapes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WANTED)
@settings(max_examples=30, deadline=None)
@given(st.data())
def test_inferred_shape_is_torchs(name: str, data: st.DataObject) -> None:
    use = data.draw(uses(name))
    try:
        inferred = use.infer()
    except Misfit:
        # What lpc refuses of a convolution or a pool, torch would have refused too.
        with pytest.raises((RuntimeError, ValueError)):
            use.run(use.operation.call(use.inputs, use.arguments), use.module(), use.values())
        return
    sizes = use.arguments.get("out")
    module = use.module(lambda: lambda x: x.new_zeros(len(x), *sizes))  # type: ignore[misc]
    y = use.run(use.operation.call(use.inputs, use.arguments), module, use.values())
    assert y.shape == (use.batch, *inferred.shape)
    assert y.dtype == torch.float64


@pytest.mark.parametrize("name", WANTED)
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_weights_are_the_modules(name: str, data: st.DataObject) -> None:
    use = data.draw(uses(name))
    try:
        use.infer()
    except Misfit:
        assume(False)
    weights = use.operation.weights(use.inputs, use.arguments)
    module = use.module(lambda: device)
    state = module.state_dict() if module else {}
    assert [(w.name, w.shape) for w in weights] == [(name, tuple(t.shape)) for name, t in state.items()]
    assert [w.dtype == "i64" for w in weights] == [t.dtype == torch.int64 for t in state.values()]
    trained = [name for name, _ in module.named_parameters()] if module else []
    assert [w.name for w in weights if w.trained] == trained


def test_tokens_keep_their_vocabulary() -> None:
    assert OPERATIONS["flatten"].infer((Tensor((2, 3), "i64", 10),), {}) == Tensor((6,), "i64", 10)
    assert str(TOKENS) == "i64[5]"


def test_a_number_an_example_can_be_flattened() -> None:
    use = Use("flatten", (f32(),), {})
    assert use.infer() == f32(1)
    assert use.run(use.operation.call(use.inputs, {}), None, [torch.ones(4)]).shape == (4, 1)


# -- what does not fit --------------------------------------------------------------------------------------------

MISFITS: list[tuple[str, tuple[Type, ...], dict[str, Value], str]] = [
    ("linear", (IMAGE,), {"outputs": 5}, "found f32[3, 8, 6]: put a `flatten` before it"),
    ("linear", (f32(),), {"outputs": 5}, "give it one axis with `reshape(1)`"),
    ("linear", (TOKENS,), {"outputs": 5}, "found tokens, i64[5]: `embedding(width)` makes numbers of them"),
    ("linear", (Label(10),), {"outputs": 5}, "needs a tensor, found a label, class[10]"),
    ("linear", (Edges(),), {"outputs": 5}, "found the edges of a graph"),
    (
        "conv",
        (f32(64),),
        {"channels": 8, "kernel": 3},
        "needs channels first, as [channels, height, width], found f32[64]",
    ),
    ("conv", (IMAGE,), {"channels": 8, "kernel": 7}, "reaches over 7 points, but finds only 6"),
    ("conv", (IMAGE,), {"channels": 8, "kernel": 9, "padding": 1}, "finds only 6 and 1 of padding on each side"),
    ("conv", (IMAGE,), {"channels": 4, "kernel": 3, "groups": 2}, "cannot part 3 input channels into 2 equal groups"),
    ("conv", (IMAGE,), {"channels": 4, "kernel": 3, "groups": 3}, "cannot part 4 output channels into 3 equal groups"),
    ("conv_transpose", (f32(2, 1, 1),), {"channels": 1, "kernel": 1, "padding": 2}, "cuts all of it away"),
    ("conv_transpose", (IMAGE,), {"channels": 1, "kernel": 1, "output_padding": 1}, "below its stride or dilation"),
    ("depthwise_conv", (f32(4, 4),), {"kernel": 3}, "needs channels first"),
    ("max_pool", (IMAGE,), {"size": 2, "padding": 2}, "needs a padding of at most half its size, 1, found 2"),
    ("avg_pool", (IMAGE,), {"size": 9}, "reaches over 9 points"),
    ("global_avg_pool", (f32(64),), {}, "needs channels first"),
    ("batch_norm", (f32(5, 4),), {}, "found f32[5, 4]: `layer_norm` normalises each position by itself"),
    ("batch_norm", (f32(4),), {"momentum": 1.5}, "needs a momentum of at most 1"),
    ("layer_norm", (IMAGE,), {}, "needs [features] or [positions, features]"),
    ("layer_norm", (f32(1),), {}, "needs more than one feature"),
    ("group_norm", (IMAGE,), {"groups": 2}, "cannot part 3 channels into 2 equal groups"),
    ("group_norm", (f32(4),), {"groups": 4}, "needs more than one number in a group"),
    ("rms_norm", (IMAGE,), {}, "put a `flatten` before it"),
    ("relu", (TOKENS,), {}, "needs numbers"),
    ("scale", (f32(4),), {"factor": float("inf")}, "needs a finite `factor`"),
    ("reshape", (IMAGE,), {"sizes": (12, 13)}, "makes 156 numbers, [12, 13], of the 144 of f32[3, 8, 6]"),
    ("reshape", (IMAGE,), {"sizes": (0, 144)}, "needs sizes of at least 1"),
    ("embedding", (f32(5),), {"width": 4}, "needs tokens, as i64[128], found f32[5]"),
    ("embedding", (Tensor((5,), "i64"),), {"width": 4}, "how many different tokens there are"),
    ("embedding", (TOKENS,), {"width": 4, "tokens": 9}, "needs room for the 10 different tokens"),
    ("position", (f32(5),), {"width": 4}, "needs positions, as i64[positions] or f32[positions, features]"),
    ("attention", (f32(8),), {"heads": 2}, "needs [positions, features], found f32[8]"),
    ("attention", (f32(5, 8),), {"heads": 3}, "cannot part 8 features into 3 equal heads"),
    ("gcn", (f32(5), f32(5)), {"width": 4}, "needs the edges of a graph as `edges`, found f32[5]"),
    ("gcn", (f32(5, 2), Edges()), {"width": 4}, "needs [features] for each node"),
    ("add", (f32(4), f32(5)), {}, "the first is f32[4] and number 2 is f32[5]"),
    ("mul", (f32(4), f32(4), f32(1)), {}, "the first is f32[4] and number 3 is f32[1]"),
    ("concat", (f32(4), f32(5)), {"axis": 1}, "has no axis 1 in f32[4]"),
    ("concat", (f32(4, 2), f32(5, 3)), {}, "agree but for axis 0; the first is f32[4, 2] and number 2 is f32[5, 3]"),
    ("concat", (f32(4), f32(4, 1)), {}, "agree but for axis 0"),
    ("concat", (f32(5), TOKENS), {}, "agree but for axis 0"),
    ("opaque", (f32(4),), {"name": "lab:C", "out": (0,)}, "needs sizes of at least 1"),
]


NO_NAMES = [
    "Cavity",
    "lab:",
    ":Cavity",
    "lab.:C",
    "lab:C()",
    "a b:C",
    "lab:C\n",
    "lab:class",
    "1ab:C",
    "läb:C",
    "a:b:c",
]
MISFITS += [("opaque", (f32(4),), {"name": text, "out": (3,)}, "needs a dotted module") for text in NO_NAMES]


@pytest.mark.parametrize(("name", "inputs", "given", "text"), MISFITS)
def test_misfit_says_what_would_fit(name: str, inputs: tuple[Type, ...], given: dict[str, Value], text: str) -> None:
    with pytest.raises(Misfit) as caught:
        OPERATIONS[name].infer(inputs, complete(name, **given))
    assert text in str(caught.value)


ANY_TYPE = st.one_of(
    st.lists(st.integers(1, 4), max_size=4).map(lambda shape: f32(*shape)),
    st.lists(st.integers(1, 4), max_size=2).map(lambda shape: Tensor(tuple(shape), "i64", 5)),
    st.just(Label(3)),
    st.just(Edges()),
)


def any_value(argument: Argument) -> st.SearchStrategy[Value]:
    low = int(argument.least or 0)
    made: dict[str, st.SearchStrategy[Value]] = {
        "int": st.integers(low, 6),
        "float": st.floats(low, 0.9) | st.just(float("inf")),
        "bool": st.booleans(),
        "sizes": st.lists(st.integers(-1, 6), max_size=3).map(tuple),
        "text": st.text(max_size=8) | st.just("a.b:C"),
    }
    optional = st.none() if argument.default is None else st.nothing()
    return made[argument.kind] | optional


@pytest.mark.parametrize("name", WANTED)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_input_gives_a_shape_or_a_misfit(name: str, data: st.DataObject) -> None:
    operation = OPERATIONS[name]
    low, high = operation.inputs
    edges = sum(argument.kind == "input" for argument in operation.arguments)
    inputs = data.draw(st.lists(ANY_TYPE, min_size=low + edges, max_size=(high or 4) + edges).map(tuple))
    arguments = {a.name: data.draw(any_value(a)) for a in operation.arguments if a.kind != "input"}
    try:
        output = operation.infer(inputs, arguments)
    except Misfit:
        return
    assert all(size >= 1 for size in output.shape)
    operation.weights(inputs, arguments)
    operation.call(inputs, arguments)
    if operation.module:
        operation.module(inputs, arguments)
    for count in (operation.flops, operation.weight_pull_flops, operation.input_pull_flops):
        assert count(inputs, output, arguments) >= 0


# -- texts --------------------------------------------------------------------------------------------------------

TEXTS: list[tuple[str, tuple[Type, ...], dict[str, Value], str | None, str]] = [
    ("linear", (f32(784),), {"outputs": 10}, "nn.Linear(784, 10)", "{self}({0})"),
    ("linear", (f32(784),), {"outputs": 10, "bias": False}, "nn.Linear(784, 10, bias=False)", "{self}({0})"),
    ("conv", (IMAGE,), {"channels": 8, "kernel": 3, "padding": 1}, "nn.Conv2d(3, 8, 3, padding=1)", "{self}({0})"),
    ("depthwise_conv", (IMAGE,), {"kernel": 3}, "nn.Conv2d(3, 3, 3, groups=3)", "{self}({0})"),
    ("batch_norm", (f32(8),), {}, "nn.BatchNorm1d(8)", "{self}({0})"),
    ("batch_norm", (IMAGE,), {"momentum": 0.2}, "nn.BatchNorm2d(3, momentum=0.2)", "{self}({0})"),
    ("rms_norm", (f32(8),), {}, "nn.RMSNorm(8, eps=1e-06)", "{self}({0})"),
    ("attention", (f32(5, 8),), {"heads": 2, "causal": True}, "Attention(8, 2, causal=True)", "{self}({0})"),
    ("embedding", (TOKENS,), {"width": 4}, "nn.Embedding(10, 4)", "{self}({0})"),
    ("opaque", (f32(4),), {"name": "a.b:C", "out": (3,)}, "Opaque({foreign}(), (3,))", "{self}({0})"),
    ("max_pool", (IMAGE,), {"size": 2}, None, "F.max_pool2d({0}, 2)"),
    ("max_pool", (IMAGE,), {"size": 3, "stride": 2, "padding": 1}, None, "F.max_pool2d({0}, 3, stride=2, padding=1)"),
    ("dropout", (f32(4),), {"rate": 0.5}, None, 'dropout({0}, 0.5, "{name}", step)'),
    ("flatten", (IMAGE,), {}, None, "{0}.flatten(1)"),
    ("reshape", (IMAGE,), {"sizes": (6, 24)}, None, "{0}.reshape(-1, 6, 24)"),
    ("scale", (f32(4),), {"factor": 2}, None, "{0} * 2.0"),
    ("add", (f32(4),) * 3, {}, None, "{0} + {1} + {2}"),
    ("concat", (f32(4),) * 2, {}, None, "torch.cat([{0}, {1}], 1)"),
]


@pytest.mark.parametrize(("name", "inputs", "given", "module", "call"), TEXTS)
def test_spelling(name: str, inputs: tuple[Type, ...], given: dict[str, Value], module: str | None, call: str) -> None:
    operation, arguments = OPERATIONS[name], complete(name, **given)
    assert (operation.module(inputs, arguments) if operation.module else None) == module
    assert operation.call(inputs, arguments) == call


def test_only_sums_and_products_want_parentheses() -> None:
    assert [name for name, entry in OPERATIONS.items() if entry.infix] == ["add", "mul", "scale"]


def test_opaque_names_what_the_script_imports() -> None:
    foreign = OPERATIONS["opaque"].foreign
    assert foreign is not None
    assert foreign(complete("opaque", name="lab.devices:Cavity", out=(3,))) == ("lab.devices", "Cavity")


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.text(), st.none()))
def test_literal_reads_back(value: Value) -> None:
    assert eval(literal(value)) == value  # noqa: S307 - the text under test
    assert eval(literal((value, value))) == (value, value)  # noqa: S307
    assert eval(literal((value,))) == (value,)  # noqa: S307


def test_literal_refuses_what_has_none() -> None:
    for value in (float("inf"), float("nan"), (1, float("-inf"))):
        with pytest.raises(ValueError, match="has no literal"):
            literal(value)
    with pytest.raises(TypeError, match="no literal for list"):
        literal([1])


def test_defaults_are_left_out() -> None:
    assert spell("f", ("1", "x"), a=(2, 2), b=(3, 2), c=(None, None)) == "f(1, x, b=3)"


# -- costs --------------------------------------------------------------------------------------------------------

PRODUCTS: list[tuple[str, tuple[Type, ...], dict[str, Value]]] = [
    ("linear", (f32(12),), {"outputs": 7}),
    ("linear", (f32(5, 12),), {"outputs": 7, "bias": False}),
    ("conv", (IMAGE,), {"channels": 6, "kernel": 3, "groups": 3, "padding": 1}),
    ("conv", (IMAGE,), {"channels": 6, "kernel": 2, "stride": 2}),
    ("depthwise_conv", (IMAGE,), {"kernel": 3}),
    ("conv_transpose", (IMAGE,), {"channels": 4, "kernel": 3, "stride": 2}),
]


@pytest.mark.parametrize(("name", "inputs", "given"), PRODUCTS)
def test_flops_of_linear_maps_are_those_torch_counts(
    name: str, inputs: tuple[Type, ...], given: dict[str, Value]
) -> None:
    use = Use(name, inputs, complete(name, **given), batch=1)
    operation, output, module = use.operation, use.infer(), use.module()
    (x,) = use.values()
    with FlopCounterMode(display=False) as forward:
        y = use.run(operation.call(inputs, use.arguments), module, [x.requires_grad_()])
    with FlopCounterMode(display=False) as backward:
        y.backward(torch.ones_like(y))
    pulls = operation.weight_pull_flops, operation.input_pull_flops
    assert operation.flops(inputs, output, use.arguments) == forward.get_total_flops()
    if "groups" not in given and name != "depthwise_conv":  # torch's count of backward passes takes no note of groups
        assert sum(pull(inputs, output, use.arguments) for pull in pulls) == backward.get_total_flops()
    assert all(pull(inputs, output, use.arguments) == forward.get_total_flops() for pull in pulls)


def test_flops_of_attention() -> None:
    inputs, output, causal = (f32(6, 8),), f32(6, 8), complete("attention", heads=2, causal=True)
    operation, full = OPERATIONS["attention"], complete("attention", heads=2)
    projections, product, softmax = 4 * 2 * 6 * 8 * 8, 2 * 6 * 6 * 8, 6 * 6 * 6 * 2
    assert operation.flops(inputs, output, full) == projections + 2 * product + softmax
    assert operation.weight_pull_flops(inputs, output, full) == projections
    assert operation.input_pull_flops(inputs, output, full) == projections + 4 * product + softmax
    saved = operation.flops(inputs, output, full) - operation.flops(inputs, output, causal)
    assert saved == (2 * 2 * 8 + 6 * 2) * (36 - 21)


def test_bytes_are_read_and_written_numbers() -> None:
    assert OPERATIONS["relu"].bytes_moved((f32(5),), f32(5)) == 40
    assert OPERATIONS["add"].bytes_moved((f32(5), f32(5)), f32(5)) == 60
    assert OPERATIONS["embedding"].bytes_moved((TOKENS,), f32(5, 4)) == 5 * 8 + 20 * 4
    assert OPERATIONS["flatten"].bytes_moved((IMAGE,), f32(144)) == 0


# -- other packages -----------------------------------------------------------------------------------------------

SWISHY = Operation(
    name="swishy", summary="made elsewhere", infer=lambda inputs, _: f32(1), call=lambda _i, _a: "{0}", example="swishy"
)
NOT_ONE = "no operation"


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EntryPoint]]:
    points: list[EntryPoint] = []
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points if group == "lpc.ops" else [])
    catalogue._points.cache_clear()
    yield points
    catalogue._points.cache_clear()


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, "lpc.ops")


def test_another_packages_operation_is_found(plugins: list[EntryPoint]) -> None:
    plugins.append(point("swishy", f"{__name__}:SWISHY"))
    found = find("swishy")
    assert found is not None
    assert found.summary == "made elsewhere"
    assert names()[-1] == "swishy"
    assert list(every()) == [*OPERATIONS, "swishy"]


def test_unknown_names_are_none(plugins: list[EntryPoint]) -> None:
    assert find("nosuch") is None
    with pytest.raises(KeyError, match="nosuch"):
        operation_of("nosuch")
    assert operation_of("linear") is OPERATIONS["linear"]


def test_own_names_are_found_without_a_look_at_other_packages(plugins: list[EntryPoint]) -> None:
    plugins.append(point("linear", "nowhere:X"))
    assert find("linear") is OPERATIONS["linear"]


@pytest.mark.parametrize("name", ["linear", "swishy"])
def test_a_name_given_twice_names_both_packages(plugins: list[EntryPoint], name: str) -> None:
    plugins += [point(name, "one.place:X"), point(name, "other.place:X")]
    first = "lpc" if name == "linear" else "one.place:X"
    with pytest.raises(PluginError, match=rf"`{name}` comes from two packages, {first} and o"):
        names()


@pytest.mark.parametrize(
    ("value", "text"),
    [("no_such_module:X", "cannot be loaded: No module"), (f"{__name__}:NOT_ONE", "is no operation named `swishy`")],
)
def test_a_broken_package_is_named(plugins: list[EntryPoint], value: str, text: str) -> None:
    plugins.append(point("swishy", value))
    with pytest.raises(PluginError, match=text):
        find("swishy")
