"""Graphs, whose nodes are the examples."""

from __future__ import annotations

from lpc.ir.op import Argument, Arguments, Inputs, Law, Misfit, Operation, Weight
from lpc.ir.ops.fit import numbers, whole
from lpc.ir.ops.spelling import literal, spell
from lpc.ir.types import Edges, Tensor


def _features(inputs: Inputs) -> int:
    nodes = numbers(inputs)
    if len(nodes.shape) != 1:
        raise Misfit(f"needs [features] for each node, found {nodes}")
    if not isinstance(inputs[1], Edges):
        raise Misfit(f"needs the edges of a graph as `edges`, found {inputs[1]}")
    return nodes.shape[0]


def _infer(inputs: Inputs, arguments: Arguments) -> Tensor:
    _features(inputs)
    return Tensor((whole(arguments, "width"),))


def _weights(inputs: Inputs, arguments: Arguments) -> tuple[Weight, ...]:
    features, width = _features(inputs), whole(arguments, "width")
    weight = Weight("weight", (width, features), Law("uniform", (6 / (features + width)) ** 0.5))
    bias = Weight("bias", (width,), Law("constant", 0.0))
    return weight, bias


def _product(inputs: Inputs, output: Tensor, _arguments: Arguments) -> int:
    return 2 * _features(inputs) * output.size


GCN = Operation(
    name="gcn",
    summary="graph convolution, D^-½ (A + I) D^-½ X Wᵀ + b (Kipf and Welling 2017); "
    "weight starts uniform in ±√(6 / (inputs + width)) (Glorot and Bengio 2010), bias at 0",
    arguments=(
        Argument("width", "int", "how many outputs a node", least=1),
        Argument("edges", "input", "the graph's edges; both directions of an undirected one"),
    ),
    infer=_infer,
    weights=_weights,
    # The product with the weight, and a node's two scalings; additions along edges are not counted: how many edges a
    # node has is known to the data only.
    flops=lambda inputs, output, arguments: _product(inputs, output, arguments) + 2 * output.size,
    weight_pull_flops=lambda inputs, output, arguments: _product(inputs, output, arguments) + 2 * output.size,
    input_pull_flops=_product,
    module=lambda inputs, arguments: spell(
        "GraphConvolution", (literal(_features(inputs)), literal(whole(arguments, "width")))
    ),
    call=lambda _inputs, _arguments: "{self}({0}, {1})",
    imports=("GraphConvolution", "spread"),
    via_call=lambda _inputs, _arguments: "linear_via(spread({0}, {1}), {self}.weight, {self}.bias, {via})",
    via_imports=("linear_via", "spread"),
    linear=True,
    batch_coupled=True,
    example="nodes -> gcn(64, edges = graph) -> relu",
)

ENTRIES = (GCN,)
