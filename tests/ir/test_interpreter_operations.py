"""The interpreter's definitions and the catalogue's spellings are one thing: values, gradients, statistics, starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from math import exp
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lpc.interpret import operations
from lpc.interpret.operations import draw, evaluate, new_statistics
from lpc.ir.op import Misfit
from lpc.ir.ops import OPERATIONS
from lpc.runtime.initialise import initialise, state_name
from lpc.runtime.modules import Opaque, conv_via, dropout, linear_via, spread
from lpc.runtime.random import RANDOM
from tests.ir.uses import Use, complete, f32, uses

LINEAR = ["linear", "conv", "depthwise_conv", "conv_transpose", "gcn"]


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def fitting(use: Use) -> Use:
    try:
        use.infer()
    except Misfit:
        assume(False)
    return use


def mask_of(use: Use) -> Tensor | None:
    if use.name != "dropout":
        return None
    drawn = RANDOM.uniform("dropout/block.operation/7", use.values()[0].shape)
    return drawn >= cast("float", use.arguments["rate"])


def close(a: Tensor | None, b: Tensor | None) -> bool:
    if a is None or b is None:
        return a is b
    return torch.allclose(a, b, rtol=1e-10, atol=1e-12)


# -- values and gradients -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "opaque"])
@settings(max_examples=30, deadline=None)
@given(st.data())
def test_script_and_interpreter_agree(name: str, training: bool, data: st.DataObject) -> None:
    use = fitting(data.draw(uses(name)))
    module = use.module()
    weights: dict[str, Tensor] = {}
    if module is not None:
        module.train(training)
        weights = {n: t.detach().clone() for n, t in module.state_dict().items()}
    parameters = dict(module.named_parameters()) if module else {}
    for n in parameters:
        weights[n].requires_grad_()

    ours, theirs = use.values(), use.values()
    for x in (*ours, *theirs):
        x.requires_grad_(x.is_floating_point())
    y = use.run(use.operation.call(use.inputs, use.arguments), module, ours, step=7 if training else None)
    z = evaluate(name, use.arguments, theirs, weights, training=training, mask=mask_of(use) if training else None)
    assert z.shape == y.shape
    assert close(y, z)

    if name == "batch_norm" and training:
        assert module is not None
        statistics = new_statistics(name, use.arguments, theirs, weights)
        buffers = dict(module.named_buffers())
        assert statistics.keys() == buffers.keys()
        assert all(close(statistics[n], buffers[n]) for n in buffers)

    if not y.requires_grad:
        assert not z.requires_grad
        return
    cotangent = torch.randn(y.shape, generator=torch.Generator().manual_seed(use.seed))
    mine = [*(x for x in ours if x.requires_grad), *parameters.values()]
    plain = [*(x for x in theirs if x.requires_grad), *(weights[n] for n in parameters)]
    got = torch.autograd.grad(y, mine, cotangent, allow_unused=True)
    expected = torch.autograd.grad(z, plain, cotangent, allow_unused=True)
    assert all(close(a, b) for a, b in zip(got, expected, strict=True))


def test_only_batch_norm_has_statistics() -> None:
    x = torch.ones(2, 3)
    assert new_statistics("relu", {}, [x], {}) == {}


def test_dropout_in_training_needs_a_mask() -> None:
    with pytest.raises(ValueError, match="needs a mask"):
        evaluate("dropout", {"rate": 0.5}, [torch.ones(2, 3)], {}, training=True)


def test_unknown_operations_have_no_definition() -> None:
    with pytest.raises(KeyError, match="nosuch"):
        evaluate("nosuch", {}, [torch.ones(2)], {}, training=True)


def test_another_packages_operation_brings_its_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    def definition(_arguments: Any, inputs: list[Tensor], _weights: Any, *, training: bool, mask: Any) -> Tensor:
        return inputs[0] * (2 if training and mask is None else 3)

    entry = replace(OPERATIONS["identity"], name="swishy", definition=definition)
    monkeypatch.setattr(operations, "find", {"swishy": entry}.get)
    assert evaluate("swishy", {}, [torch.ones(1)], {}, training=True).item() == 2
    assert evaluate("swishy", {}, [torch.ones(1)], {}, training=False).item() == 3


@pytest.mark.parametrize(("name", "exact"), [("sigmoid", exp(-30)), ("silu", -30 * exp(-30))])
def test_what_is_nearly_0_is_as_exact_as_what_is_not(name: str, exact: float) -> None:
    """An optimizer that divides by a gradient's size makes whole steps of small ones, and of their errors."""
    x = torch.tensor([-30.0], requires_grad=True)
    made = evaluate(name, {}, [x], {}, training=True)
    (derivative,) = torch.autograd.grad(made.sum(), x)
    slope = exact if name == "sigmoid" else exp(-30) + exact
    assert float(made.detach()) == pytest.approx(exact, rel=1e-12)
    assert float(derivative) == pytest.approx(slope, rel=1e-12)


def test_dropout_keeps_its_share_and_its_mean() -> None:
    x = torch.ones(100, 200)
    y = dropout(x, 0.3, "block.dropout", 5)
    assert abs((y == 0).double().mean() - 0.3) < 0.01
    assert abs(y.mean() - 1) < 0.01
    assert torch.equal(y, dropout(x, 0.3, "block.dropout", 5))
    assert not torch.equal(y, dropout(x, 0.3, "block.dropout", 6))
    assert not torch.equal(y, dropout(x, 0.3, "other.dropout", 5))
    assert dropout(x, 0.3, "block.dropout", None) is x
    assert dropout(x.bfloat16(), 0.3, "block.dropout", 5).dtype == torch.bfloat16


def test_spread_is_the_normalised_adjacency() -> None:
    edges = torch.tensor([[0, 1, 1, 2, 2], [1, 0, 2, 1, 2]])  # a path of three nodes, and a loop that counts once
    with_loops = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]])
    degrees = with_loops.sum(1)
    expected = with_loops / np.sqrt(np.outer(degrees, degrees))
    assert np.allclose(spread(torch.eye(3), edges).numpy(), expected)


# -- black boxes --------------------------------------------------------------------------------------------------


class Cavity(nn.Module):
    """A device with a parameter of its own, which is none of ours."""

    def __init__(self) -> None:
        super().__init__()
        self.mirror = nn.Parameter(torch.full((2,), 3.0))

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :2] * self.mirror


def test_a_black_box_has_no_derivative_and_keeps_its_inside() -> None:
    use = Use("opaque", (f32(4),), complete("opaque", name="lab:Cavity", out=(2,)))
    module = use.module(Cavity)
    assert module is not None
    assert module.state_dict() == {}
    initialise(module)
    (x,) = use.values()
    y = use.run(use.operation.call(use.inputs, use.arguments), module, [x.requires_grad_()])
    z = evaluate("opaque", use.arguments, [x], {}, training=True, device=lambda x: 3 * x[:, :2])
    assert not y.requires_grad
    assert not z.requires_grad
    assert torch.equal(y, z)


def test_a_black_box_that_gives_another_shape_is_named() -> None:
    with pytest.raises(RuntimeError, match=r"the black box .*Cavity gave \[3, 2\], where \[3, 5\] is declared"):
        Opaque(Cavity(), (5,))(torch.ones(3, 4))


def test_a_black_box_without_a_device_has_no_value() -> None:
    with pytest.raises(ValueError, match="black box"):
        evaluate("opaque", {}, [torch.ones(2, 3)], {}, training=False)


# -- gradients through another weight -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", LINEAR)
@settings(max_examples=30, deadline=None)
@given(st.data())
def test_via_replaces_the_weight_on_the_way_back_only(name: str, data: st.DataObject) -> None:
    use = fitting(data.draw(uses(name)))
    operation, module = use.operation, use.module()
    assert module is not None
    assert operation.via_call is not None
    parameters = dict(module.named_parameters())
    values = use.values()
    values[0].requires_grad_()
    via = torch.randn(parameters["weight"].shape, generator=torch.Generator().manual_seed(use.seed))

    y = use.run(operation.call(use.inputs, use.arguments), module, values)
    z = use.run(operation.via_call(use.inputs, use.arguments), module, values, via=via)
    assert close(y, z)
    cotangent = torch.randn(y.shape, generator=torch.Generator().manual_seed(use.seed + 1))
    ordinary = torch.autograd.grad(y, list(parameters.values()), cotangent)
    for_x, *for_weights = torch.autograd.grad(z, [values[0], *parameters.values()], cotangent)
    assert all(close(a, b) for a, b in zip(ordinary, for_weights, strict=True))

    replaced = {n: p.detach() for n, p in parameters.items()} | {"weight": via}
    other = evaluate(name, use.arguments, values, replaced, training=True)
    assert close(for_x, torch.autograd.grad(other, values[0], cotangent)[0])


def test_all_linear_maps_with_an_input_gradient_have_a_via() -> None:
    linear = [name for name, entry in OPERATIONS.items() if entry.linear]
    assert sorted(linear) == sorted([*LINEAR, "embedding"])
    assert [name for name, entry in OPERATIONS.items() if entry.via_call] == [n for n in linear if n != "embedding"]


def test_two_layers_of_feedback_alignment() -> None:
    """Lillicrap et al. 2016: with e the error of the output, the hidden layer's is (B e) ⊙ f'(a)."""
    random = np.random.default_rng(1)
    x, target = random.normal(size=(5, 4)), random.normal(size=(5, 2))
    W1, W2, B = random.normal(size=(3, 4)), random.normal(size=(2, 3)), random.normal(size=(2, 3))
    hidden = np.tanh(x @ W1.T)
    e = (hidden @ W2.T - target) / 5
    expected = ((e @ B) * (1 - hidden**2)).T @ x

    first, second = torch.tensor(W1, requires_grad=True), torch.tensor(W2, requires_grad=True)
    out = linear_via(torch.tanh(torch.tensor(x) @ first.T), second, None, torch.tensor(B))
    (0.5 * (out - torch.tensor(target)).square().sum() / 5).backward()
    assert first.grad is not None
    assert second.grad is not None
    assert np.allclose(first.grad.numpy(), expected)
    assert np.allclose(second.grad.numpy(), e.T @ hidden)


@pytest.mark.parametrize("bias", [True, False])
def test_via_under_autocast_gives_gradients_in_the_parameters_precision(bias: bool) -> None:
    torch.set_default_dtype(torch.float32)
    for shape, weight_shape, function in (
        ((3, 4), (5, 4), linear_via),
        ((3, 2, 6, 6), (5, 2, 3, 3), conv_via),
        ((3, 2, 6, 6), (2, 5, 3, 3), partial(conv_via, transposed=True)),
    ):
        x, weight = torch.randn(shape, requires_grad=True), torch.randn(weight_shape, requires_grad=True)
        b = torch.randn(5, requires_grad=True) if bias else None
        with torch.autocast("cpu", torch.bfloat16):
            y = function(x, weight, b, torch.randn(weight_shape))
        assert y.dtype == torch.bfloat16
        y.sum().backward()
        for tensor in (x, weight, b):
            assert tensor is None or (tensor.grad is not None and tensor.grad.dtype == torch.float32)


def test_via_computes_no_input_gradient_that_nobody_asks_for() -> None:
    x, via = torch.ones(3, 4), torch.full((2, 4), torch.nan)
    weight = torch.ones(2, 4, requires_grad=True)
    linear_via(x, weight, None, via).sum().backward()
    assert torch.equal(weight.grad, torch.full((2, 4), 3.0))  # type: ignore[arg-type]


# -- initial values -----------------------------------------------------------------------------------------------


class Net(nn.Module):
    """One operation in a block called `stem`."""

    def __init__(self, name: str, operation: nn.Module) -> None:
        super().__init__()
        self.stem = nn.Module()
        self.stem.add_module(name, operation)


@pytest.mark.parametrize("name", [name for name, entry in OPERATIONS.items() if entry.module and name != "opaque"])
@settings(max_examples=10, deadline=None)
@given(st.data())
def test_scripts_draw_by_the_catalogues_laws(name: str, data: st.DataObject) -> None:
    use = fitting(data.draw(uses(name)))
    module = use.module()
    assert module is not None
    initialise(Net(name, module), {"stem": "layer_2"})
    weights = use.operation.weights(use.inputs, use.arguments)
    for weight in weights:
        assert torch.equal(module.state_dict()[weight.name], draw(weight, f"layer_2.{name}.{weight.name}"))


@pytest.mark.parametrize(
    ("name", "shape", "given_arguments"),
    [
        ("linear", (50,), {"outputs": 60}),
        ("conv", (8, 9, 9), {"channels": 12, "kernel": 3, "groups": 4}),
        ("conv_transpose", (8, 9, 9), {"channels": 12, "kernel": 3, "groups": 4}),
        ("depthwise_conv", (200, 9, 9), {"kernel": 3}),
        ("attention", (4, 40), {"heads": 2}),
        ("position", (40, 3), {"width": 50}),
        ("batch_norm", (20,), {}),
        ("layer_norm", (20,), {}),
        ("rms_norm", (20,), {}),
        ("group_norm", (20,), {"groups": 2}),
    ],
)
def test_laws_are_torchs_defaults(name: str, shape: tuple[int, ...], given_arguments: dict[str, int]) -> None:
    use = Use(name, (f32(*shape),), complete(name, **given_arguments))
    module = use.module()
    assert module is not None
    torch.manual_seed(1)
    parts: list[Any] = [part for part in module.modules() if hasattr(part, "reset_parameters")]
    for part in parts:
        part.reset_parameters()
    for weight in use.operation.weights(use.inputs, use.arguments):
        start, law = module.state_dict()[weight.name].double(), weight.law
        if law.kind == "constant":
            assert torch.equal(start, torch.full(weight.shape, law.scale))
        elif law.kind == "uniform":
            assert start.abs().max() <= law.scale
            assert start.numel() < 100 or start.abs().max() > 0.97 * law.scale
        else:
            assert abs(start.std() - law.scale) < 0.05


def test_names_are_replaced_by_their_longest_beginning() -> None:
    names = {"layer": "chain", "layer.0": "layer_1", "from_.linear": "from.linear"}
    assert state_name("layer.0.linear.weight", names) == "layer_1.linear.weight"
    assert state_name("layer.1.linear.weight", names) == "chain.1.linear.weight"
    assert state_name("from_.linear.bias", names) == "from.linear.bias"
    assert state_name("hidden.linear.bias", names) == "hidden.linear.bias"
    assert state_name("layers.0", names) == "layers.0"


def test_a_module_without_a_law_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Bilinear has no law for stem\.odd\.weight"):
        initialise(Net("odd", nn.Bilinear(2, 2, 2)))
