"""Sequences: tokens `i64[T]`, and `[T, width]` with a row for each position."""

from __future__ import annotations

from lpc.ir.op import Argument, Arguments, Inputs, Law, Misfit, Operation, Weight
from lpc.ir.ops.dense import torch_law
from lpc.ir.ops.fit import flag, numbers, tensor, whole
from lpc.ir.ops.spelling import literal, spell
from lpc.ir.types import Tensor

NORMAL = Law("normal", 1.0)
WIDTH = Argument("width", "int", "numbers a position", least=1)


# -- embedding ----------------------------------------------------------------------------------------------------


def _tokens(inputs: Inputs, arguments: Arguments) -> tuple[Tensor, int]:
    """The input and how many different tokens there are, from the data or from the argument `tokens`."""
    found = tensor(inputs)
    if found.dtype != "i64":
        raise Misfit(f"needs tokens, as i64[128], found {found}")
    if arguments["tokens"] is None:
        if found.classes is None:
            raise Misfit("needs to know how many different tokens there are, as `embedding(width, tokens = 256)`")
        return found, found.classes
    written = whole(arguments, "tokens")
    if found.classes is not None and written < found.classes:
        raise Misfit(f"needs room for the {found.classes} different tokens of its input, found `tokens = {written}`")
    return found, written


def _embedding_infer(inputs: Inputs, arguments: Arguments) -> Tensor:
    return Tensor((*_tokens(inputs, arguments)[0].shape, whole(arguments, "width")))


def _embedding_weights(inputs: Inputs, arguments: Arguments) -> tuple[Weight, ...]:
    return (Weight("weight", (_tokens(inputs, arguments)[1], whole(arguments, "width")), NORMAL),)


EMBEDDING = Operation(
    name="embedding",
    summary="a learned row of numbers for each token; starts normal with deviation 1",
    arguments=(
        WIDTH,
        Argument("tokens", "int", "how many different tokens; left out, what the data say", default=None, least=1),
    ),
    infer=_embedding_infer,
    weights=_embedding_weights,
    # Looking up is no arithmetic; the gradient adds each position's row into its token's.
    weight_pull_flops=lambda _inputs, output, _arguments: output.size,
    module=lambda inputs, arguments: spell(
        "nn.Embedding", (literal(_tokens(inputs, arguments)[1]), literal(whole(arguments, "width")))
    ),
    call=lambda _inputs, _arguments: "{self}({0})",
    linear=True,
    example="tokens -> embedding(64)",
)


# -- position -----------------------------------------------------------------------------------------------------


def _length(inputs: Inputs) -> int:
    found = tensor(inputs)
    if len(found.shape) != (1 if found.dtype == "i64" else 2):
        raise Misfit(f"needs positions, as i64[positions] or f32[positions, features], found {found}")
    return found.shape[0]


POSITION = Operation(
    name="position",
    summary="a learned row of numbers for each position of its input, whatever stands there; starts normal, deviation 1",
    arguments=(WIDTH,),
    infer=lambda inputs, arguments: Tensor((_length(inputs), whole(arguments, "width"))),
    weights=lambda inputs, arguments: (Weight("weight", (_length(inputs), whole(arguments, "width")), NORMAL),),
    weight_pull_flops=lambda _inputs, output, _arguments: output.size,
    module=lambda inputs, arguments: spell(
        "nn.Embedding", (literal(_length(inputs)), literal(whole(arguments, "width")))
    ),
    call=lambda _inputs, _arguments: "{self}.weight.expand(len({0}), -1, -1)",
    reads_values=False,
    example="(tokens -> embedding(64)) + (tokens -> position(64))",
)


# -- attention ----------------------------------------------------------------------------------------------------


def _attention_infer(inputs: Inputs, arguments: Arguments) -> Tensor:
    found, heads = numbers(inputs), whole(arguments, "heads")
    if len(found.shape) != 2:
        raise Misfit(f"needs [positions, features], found {found}")
    if found.shape[1] % heads:
        raise Misfit(f"cannot part {found.shape[1]} features into {heads} equal heads")
    return found


def _attention_weights(inputs: Inputs, arguments: Arguments) -> tuple[Weight, ...]:
    width = _attention_infer(inputs, arguments).shape[1]
    law = torch_law(width)
    return (
        Weight("qkv.weight", (3 * width, width), law),
        Weight("qkv.bias", (3 * width,), law),
        Weight("output.weight", (width, width), law),
        Weight("output.bias", (width,), law),
    )


def _projections(_inputs: Inputs, output: Tensor, _arguments: Arguments) -> int:
    """Four width × width products a position: query, key, value, output."""
    return 4 * 2 * output.size * output.shape[1]


def _mixing(output: Tensor, arguments: Arguments) -> tuple[int, int]:
    """Operations of one product over the pairs of positions (scores, or mixed values), and of the softmax between."""
    length, width = output.shape
    pairs = length * (length + 1) // 2 if flag(arguments, "causal") else length * length
    return 2 * pairs * width, 6 * pairs * whole(arguments, "heads")


def _attention_flops(inputs: Inputs, output: Tensor, arguments: Arguments) -> int:
    product, softmax = _mixing(output, arguments)
    return _projections(inputs, output, arguments) + 2 * product + softmax


def _attention_input_pull(inputs: Inputs, output: Tensor, arguments: Arguments) -> int:
    product, softmax = _mixing(output, arguments)
    return _projections(inputs, output, arguments) + 4 * product + softmax


ATTENTION = Operation(
    name="attention",
    summary="multi-head self-attention, softmax(q kᵀ/√(width/heads)) v between linear maps that start as `linear` does",
    arguments=(
        Argument("heads", "int", "how many heads; divides the width", least=1),
        Argument("causal", "bool", "each position sees itself and those before it only", default=False),
    ),
    infer=_attention_infer,
    weights=_attention_weights,
    # Of a causal attention only the pairs that may see each other are counted: T (T + 1) / 2 of T².
    flops=_attention_flops,
    weight_pull_flops=_projections,
    input_pull_flops=_attention_input_pull,
    module=lambda inputs, arguments: spell(
        "Attention",
        (literal(numbers(inputs).shape[1]), literal(whole(arguments, "heads"))),
        causal=(flag(arguments, "causal"), False),
    ),
    call=lambda _inputs, _arguments: "{self}({0})",
    imports=("Attention",),
    example="x + (x -> layer_norm -> attention(4, causal = true))",
)

ENTRIES = (EMBEDDING, POSITION, ATTENTION)
