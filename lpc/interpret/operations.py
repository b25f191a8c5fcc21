"""What each operation means: plain definitions, on float64 tensors with the batch axis first.

Written from the definitions, not from the catalogue: neither its texts nor torch's modules are used, so that a mistake
there shows here. Speed does not matter; all are differentiable by torch wherever the operation is. Where an operation has
a corner (the derivative of relu at 0, equals in a maximum), the definition takes the same side as torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from typing import Literal, cast

import torch
from torch import Tensor

from lpc.ir.op import Arguments, Weight
from lpc.ir.ops import find
from lpc.runtime.random import RANDOM

Weights = Mapping[str, Tensor]


def evaluate(
    kind: str,
    arguments: Arguments,
    inputs: Sequence[Tensor],
    weights: Weights,
    *,
    training: bool,
    mask: Tensor | None = None,
    device: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """The output of one operation.

    Args:
        kind: its name in the catalogue.
        arguments: all of them, defaults filled in.
        inputs: one tensor an input, batch first; tokens as int64, edges as int64 [2, E], from row 0 to row 1.
        weights: its tensors by the catalogue's names (`weight`, `running_mean`, `qkv.bias`).
        training: batch_norm uses the batch's statistics and not the running ones; dropout drops.
        mask: for dropout in training: which numbers are kept, of the input's shape.
        device: for opaque: what stands for the black box.

    Raises:
        ValueError: dropout in training without a mask, opaque without a device.
        KeyError: no operation has that name, or another package's has no definition.
    """
    if kind == "batch_norm":
        return batch_norm(inputs[0], weights, _number(arguments, "epsilon"), "batch" if training else "running")
    if kind == "dropout":
        return dropout(inputs[0], _number(arguments, "rate"), mask) if training else inputs[0]
    if kind == "opaque":
        if device is None:
            raise ValueError("a black box has no definition: evaluate it with a device in its place")
        return device(inputs[0]).detach()
    if kind in DEFINITIONS:
        return DEFINITIONS[kind](arguments, inputs, weights)
    foreign = find(kind)
    if foreign is None or foreign.definition is None:
        raise KeyError(f"no definition of `{kind}`")
    return cast("Tensor", foreign.definition(arguments, inputs, weights, training=training, mask=mask))


def new_statistics(kind: str, arguments: Arguments, inputs: Sequence[Tensor], weights: Weights) -> dict[str, Tensor]:
    """The buffers of an operation after one training evaluation; empty for all but batch_norm.

    The running variance takes in the unbiased variance of the batch, though the batch itself is divided by the biased one.
    """
    if kind != "batch_norm":
        return {}
    share = _number(arguments, "momentum")
    axes = _all_but_channels(inputs[0])
    mean, variance = inputs[0].mean(axes), inputs[0].var(axes, correction=1)
    return {
        "running_mean": ((1 - share) * weights["running_mean"] + share * mean).detach(),
        "running_var": ((1 - share) * weights["running_var"] + share * variance).detach(),
        "num_batches_tracked": weights["num_batches_tracked"] + 1,
    }


def draw(weight: Weight, name: str) -> Tensor:
    """The initial value of a weight whose state name is `name`, from the generator of that name."""
    match weight.law.kind:
        case "uniform":
            return RANDOM.uniform(name, weight.shape, -weight.law.scale, weight.law.scale)
        case "normal":
            return RANDOM.normal(name, weight.shape, weight.law.scale)
        case "constant":
            dtype = torch.int64 if weight.dtype == "i64" else torch.get_default_dtype()
            return torch.full(weight.shape, weight.law.scale, dtype=dtype)


def _int(arguments: Arguments, name: str) -> int:
    return cast("int", arguments[name])


def _number(arguments: Arguments, name: str) -> float:
    return cast("float", arguments[name])


# -- linear maps --------------------------------------------------------------------------------------------------


def linear(_arguments: Arguments, inputs: Sequence[Tensor], weights: Weights) -> Tensor:
    y = torch.einsum("b...i,oi->b...o", inputs[0], weights["weight"])
    return y + weights["bias"] if "bias" in weights else y


def _rows(places: int, kernel: int, stride: int, dilation: int) -> Tensor:
    """[kernel, places]: the point that kernel point k touches at place i, i stride + k dilation."""
    return torch.arange(kernel)[:, None] * dilation + torch.arange(places) * stride


def _split(x: Tensor, groups: int, axis: int = 1) -> Tensor:
    """An axis in two: groups, and what each holds."""
    return x.reshape(*x.shape[:axis], groups, x.shape[axis] // groups, *x.shape[axis + 1 :])


def _pad(x: Tensor, padding: int, value: float) -> Tensor:
    batch, channels, height, width = x.shape
    side = x.new_full((batch, channels, height, padding), value)
    x = torch.cat([side, x, side], 3)
    top = x.new_full((batch, channels, padding, width + 2 * padding), value)
    return torch.cat([top, x, top], 2)


def _patches(x: Tensor, kernel: int, stride: int, padding: int, dilation: int, value: float = 0.0) -> Tensor:
    """[B, C, kernel, kernel, H', W']: what the kernel sees at each of its places."""
    x = _pad(x, padding, value)
    reach = dilation * (kernel - 1) + 1
    rows, columns = (_rows((size - reach) // stride + 1, kernel, stride, dilation) for size in x.shape[2:])
    return x[:, :, rows[:, None, :, None], columns[None, :, None, :]]


def conv(arguments: Arguments, inputs: Sequence[Tensor], weights: Weights) -> Tensor:
    x, weight = inputs[0], weights["weight"]
    # What is left of the channels, when each kernel sees `weight.shape[1]` of them, are groups.
    groups = x.shape[1] // weight.shape[1]
    kernel, stride, padding, dilation = (_int(arguments, n) for n in ("kernel", "stride", "padding", "dilation"))
    patches = _split(_patches(x, kernel, stride, padding, dilation), groups)
    y = torch.einsum("bgcklhw,gockl->bgohw", patches, _split(weight, groups, 0)).flatten(1, 2)
    return y + weights["bias"][:, None, None] if "bias" in weights else y


def conv_transpose(arguments: Arguments, inputs: Sequence[Tensor], weights: Weights) -> Tensor:
    x, weight, groups = inputs[0], weights["weight"], _int(arguments, "groups")
    kernel, stride, padding, dilation = (_int(arguments, n) for n in ("kernel", "stride", "padding", "dilation"))
    rows, columns = (_rows(size, kernel, stride, dilation) for size in x.shape[2:])
    # Each input point lays its kernel down on the output, and where kernels overlap they add.
    laid = torch.einsum("bgchw,gcokl->khlwbgo", _split(x, groups), _split(weight, groups, 0))
    extra = _int(arguments, "output_padding")
    height, width = (int(points.max()) + 1 + extra for points in (rows, columns))
    canvas = x.new_zeros(height, width, *laid.shape[4:])
    canvas = canvas.index_put((rows[:, :, None, None], columns[None, None]), laid, accumulate=True)
    y = canvas[padding : height - padding, padding : width - padding].flatten(3).permute(2, 3, 0, 1)
    return y + weights["bias"][:, None, None] if "bias" in weights else y


# -- pooling ------------------------------------------------------------------------------------------------------


def _windows(arguments: Arguments, x: Tensor, value: float) -> Tensor:
    """[B, C, H', W', window]."""
    size, padding = _int(arguments, "size"), _int(arguments, "padding")
    stride = size if arguments["stride"] is None else _int(arguments, "stride")
    return _patches(x, size, stride, padding, 1, value).flatten(2, 3).movedim(2, -1)


def max_pool(arguments: Arguments, inputs: Sequence[Tensor], _weights: Weights) -> Tensor:
    # The gradient of `max` along an axis goes to the first of equals, that of `amax` would be shared.
    return _windows(arguments, inputs[0], -torch.inf).max(-1).values


def avg_pool(arguments: Arguments, inputs: Sequence[Tensor], _weights: Weights) -> Tensor:
    return _windows(arguments, inputs[0], 0.0).sum(-1) / _int(arguments, "size") ** 2


def global_avg_pool(_arguments: Arguments, inputs: Sequence[Tensor], _weights: Weights) -> Tensor:
    return inputs[0].flatten(2).sum(2) / (inputs[0].shape[2] * inputs[0].shape[3])


# -- normalisations -----------------------------------------------------------------------------------------------


def _all_but_channels(x: Tensor) -> list[int]:
    return [axis for axis in range(x.dim()) if axis != 1]


def _by_channel(weight: Tensor, x: Tensor) -> Tensor:
    return weight.reshape(-1, *(1 for _ in x.shape[2:]))


def _standardise(x: Tensor, axes: Sequence[int], epsilon: float) -> Tensor:
    centred = x - x.mean(list(axes), keepdim=True)
    return centred / (centred.square().mean(list(axes), keepdim=True) + epsilon).sqrt()


def batch_norm(x: Tensor, weights: Weights, epsilon: float, stats: Literal["batch", "running"]) -> Tensor:
    """[B, C, ...] standardised over all axes but the channels', by the batch's statistics or by the running ones."""
    if stats == "batch":
        y = _standardise(x, _all_but_channels(x), epsilon)
    else:
        centred = x - _by_channel(weights["running_mean"], x)
        y = centred / (_by_channel(weights["running_var"], x) + epsilon).sqrt()
    return y * _by_channel(weights["weight"], x) + _by_channel(weights["bias"], x)


def layer_norm(arguments: Arguments, inputs: Sequence[Tensor], weights: Weights) -> Tensor:
    return _standardise(inputs[0], [-1], _number(arguments, "epsilon")) * weights["weight"] + weights["bias"]


def rms_norm(arguments: Arguments, inputs: Sequence[Tensor], weights: Weights) -> Tensor:
    x = inputs[0]
    return x / (x.square().mean(-1, keepdim=True) + _number(arguments, "epsilon")).sqrt() * weights["weight"]


def group_norm(arguments: Arguments, inputs: Sequence[Tensor], weights: Weights) -> Tensor:
    x = inputs[0]
    grouped = _split(x, _int(arguments, "groups"))
    y = _standardise(grouped, range(2, grouped.dim()), _number(arguments, "epsilon")).flatten(1, 2)
    return y * _by_channel(weights["weight"], x) + _by_channel(weights["bias"], x)


# -- activations --------------------------------------------------------------------------------------------------


def relu(_arguments: Arguments, inputs: Sequence[Tensor], _weights: Weights) -> Tensor:
    return torch.where(inputs[0] > 0, inputs[0], 0.0)


def leaky_relu(arguments: Arguments, inputs: Sequence[Tensor], _weights: Weights) -> Tensor:
    return torch.where(inputs[0] > 0, inputs[0], _number(arguments, "slope") * inputs[0])


def gelu(_arguments: Arguments, inputs: Sequence[Tensor], _weights: Weights) -> Tensor:
    return inputs[0] * (1 + torch.erf(inputs[0] / sqrt(2))) / 2


def tanh(_arguments: Arguments, inputs: Sequence[Tensor], _weights: Weights) -> Tensor:
    return torch.tanh(inputs[0])


def sigmoid(_arguments: Arguments, inputs: Sequence[Tensor], _weights: Weights) -> Tensor:
    return torch.sigmoid(inputs[0])


def silu(_arguments: Arguments, inputs: Sequence[Tensor], _weights: Weights) -> Tensor:
    return inputs[0] * torch.sigmoid(inputs[0])


def _softmax(x: Tensor) -> Tensor:
    exponential = (x - x.detach().max(-1, keepdim=True).values).exp()
    return exponential / exponential.sum(-1, keepdim=True)


def softmax(_arguments: Arguments, inputs: Sequence[Tensor], _weights: Weights) -> Tensor:
    return _softmax(inputs[0])


def dropout(x: Tensor, rate: float, mask: Tensor | None) -> Tensor:
    if mask is None:
        raise ValueError("dropout in training needs a mask: which numbers are kept")
    return torch.where(mask.bool(), x / (1 - rate), 0.0)


# -- sequences and graphs -----------------------------------------------------------------------------------------


def embedding(_arguments: Arguments, inputs: Sequence[Tensor], weights: Weights) -> Tensor:
    return weights["weight"][inputs[0]]


def position(_arguments: Arguments, inputs: Sequence[Tensor], weights: Weights) -> Tensor:
    return torch.stack([weights["weight"]] * len(inputs[0]))


def attention(arguments: Arguments, inputs: Sequence[Tensor], weights: Weights) -> Tensor:
    x, heads = inputs[0], _int(arguments, "heads")
    length, width = x.shape[1:]
    projected = torch.einsum("bti,oi->bto", x, weights["qkv.weight"]) + weights["qkv.bias"]
    query, key, value = projected.reshape(len(x), length, 3, heads, width // heads).unbind(
        2
    )  # each [B, T, heads, width/heads]
    scores = torch.einsum("bthd,bshd->bhts", query, key) / sqrt(width // heads)
    if arguments["causal"]:
        later = torch.arange(length) > torch.arange(length)[:, None]
        scores = torch.where(later, -torch.inf, scores)
    mixed = torch.einsum("bhts,bshd->bthd", _softmax(scores), value).flatten(2)
    return torch.einsum("bti,oi->bto", mixed, weights["output.weight"]) + weights["output.bias"]


def gcn(_arguments: Arguments, inputs: Sequence[Tensor], weights: Weights) -> Tensor:
    nodes, edges = inputs
    adjacency = torch.zeros(len(nodes), len(nodes), dtype=nodes.dtype)
    for source, target in edges.T.tolist():
        adjacency[target, source] += source != target
    adjacency += torch.eye(len(nodes), dtype=nodes.dtype)
    root = adjacency.sum(1).sqrt()
    return adjacency / root[:, None] / root @ nodes @ weights["weight"].T + weights["bias"]


# -- shape and sums -----------------------------------------------------------------------------------------------


def flatten(_arguments: Arguments, inputs: Sequence[Tensor], _weights: Weights) -> Tensor:
    return torch.stack([row.reshape(-1) for row in inputs[0]])


def reshape(arguments: Arguments, inputs: Sequence[Tensor], _weights: Weights) -> Tensor:
    sizes = cast("tuple[int, ...]", arguments["sizes"])
    return torch.stack([row.reshape(sizes) for row in inputs[0]])


def identity(_arguments: Arguments, inputs: Sequence[Tensor], _weights: Weights) -> Tensor:
    return inputs[0]


def concat(arguments: Arguments, inputs: Sequence[Tensor], _weights: Weights) -> Tensor:
    return torch.cat(list(inputs), _int(arguments, "axis") + 1)


def add(_arguments: Arguments, inputs: Sequence[Tensor], _weights: Weights) -> Tensor:
    return torch.stack(list(inputs)).sum(0)


def mul(_arguments: Arguments, inputs: Sequence[Tensor], _weights: Weights) -> Tensor:
    y = inputs[0]
    for other in inputs[1:]:
        y = y * other
    return y


def scale(arguments: Arguments, inputs: Sequence[Tensor], _weights: Weights) -> Tensor:
    return inputs[0] * _number(arguments, "factor")


DEFINITIONS: dict[str, Callable[[Arguments, Sequence[Tensor], Weights], Tensor]] = {
    "linear": linear,
    "conv": conv,
    "conv_transpose": conv_transpose,
    "depthwise_conv": conv,
    "max_pool": max_pool,
    "avg_pool": avg_pool,
    "global_avg_pool": global_avg_pool,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "rms_norm": rms_norm,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "gelu": gelu,
    "silu": silu,
    "tanh": tanh,
    "sigmoid": sigmoid,
    "softmax": softmax,
    "flatten": flatten,
    "reshape": reshape,
    "embedding": embedding,
    "position": position,
    "attention": attention,
    "gcn": gcn,
    "concat": concat,
    "add": add,
    "mul": mul,
    "scale": scale,
    "identity": identity,
}
"""Definitions of one kind each; batch_norm, dropout and opaque need more than arguments, inputs and weights."""
