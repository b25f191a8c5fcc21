"""What gives numbers another shape, or leaves them as they are."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from lpc.ir.op import Argument, Arguments, Inputs, Misfit, Operation
from lpc.ir.ops.fit import sizes, tensor
from lpc.ir.ops.spelling import literal
from lpc.ir.types import Tensor


def _flatten(inputs: Inputs, _arguments: Arguments) -> Tensor:
    found = tensor(inputs)
    return replace(found, shape=(found.size,))


def _flatten_call(inputs: Inputs, _arguments: Arguments) -> str:
    return "{0}.flatten(1)" if tensor(inputs).shape else "{0}.unsqueeze(1)"


def _reshape(inputs: Inputs, arguments: Arguments) -> Tensor:
    found, shape = tensor(inputs), sizes(arguments, "sizes")
    if prod(shape) != found.size:
        raise Misfit(f"makes {prod(shape)} numbers, {list(shape)}, of the {found.size} of {found}")
    return replace(found, shape=shape)


FLATTEN = Operation(
    name="flatten",
    summary="all axes as one",
    infer=_flatten,
    call=_flatten_call,
    shape_only=True,
    example="image -> flatten -> linear(256)",
)

RESHAPE = Operation(
    name="reshape",
    summary="the same numbers in the same order, in another shape",
    arguments=(Argument("sizes", "sizes", "sizes of the axes, without the batch", variadic=True),),
    infer=_reshape,
    call=lambda _inputs, arguments: f"{{0}}.reshape({', '.join(map(literal, (-1, *sizes(arguments, 'sizes'))))})",
    shape_only=True,
    example="code -> linear(784) -> reshape(1, 28, 28)",
)

IDENTITY = Operation(
    name="identity",
    summary="its input, unchanged",
    infer=lambda inputs, _arguments: tensor(inputs),
    call=lambda _inputs, _arguments: "{0}",
    elementwise=True,
    shape_only=True,
    example="image -> identity",
)

ENTRIES = (FLATTEN, RESHAPE, IDENTITY)
