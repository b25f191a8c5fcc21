"""What makes one tensor of several, and scaling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lpc.ir.op import Argument, Arguments, Inputs, Misfit, Operation, one_flop_an_element
from lpc.ir.ops.fit import number, numbers, tensor, whole
from lpc.ir.ops.spelling import literal
from lpc.ir.types import Tensor


def _alike(inputs: Inputs, _arguments: Arguments) -> Tensor:
    first, *others = (numbers(inputs, at) for at in range(len(inputs)))
    for at, other in enumerate(others, start=2):
        if other.shape != first.shape:
            raise Misfit(f"needs inputs of one shape, but the first is {first} and number {at} is {other}")
    return first


def _between(sign: str) -> Callable[[Inputs, Arguments], str]:
    return lambda inputs, _arguments: f" {sign} ".join(f"{{{at}}}" for at in range(len(inputs)))


def _one_an_element_and_pair(inputs: Inputs, output: Tensor, _arguments: Arguments) -> int:
    return (len(inputs) - 1) * output.size


ADD = Operation(
    name="add",
    summary="the sum of its inputs, also written `a + b`",
    infer=_alike,
    inputs=(2, None),
    flops=_one_an_element_and_pair,
    call=_between("+"),
    infix=True,
    elementwise=True,
    example="add(hidden, hidden -> linear(64) -> relu)",
)

MUL = Operation(
    name="mul",
    summary="the product of its inputs, number by number",
    infer=_alike,
    inputs=(2, None),
    flops=_one_an_element_and_pair,
    # For each input the cotangent times all others.
    input_pull_flops=lambda inputs, output, _arguments: len(inputs) * (len(inputs) - 1) * output.size,
    call=_between("*"),
    infix=True,
    elementwise=True,
    example="mul(hidden -> linear(64), hidden -> linear(64) -> sigmoid)",
)


def _concat(inputs: Inputs, arguments: Arguments) -> Tensor:
    parts, axis = [tensor(inputs, at) for at in range(len(inputs))], whole(arguments, "axis")
    first = parts[0]
    if axis >= len(first.shape):
        raise Misfit(f"has no axis {axis} in {first}: axes count from 0, without the batch")
    for at, part in enumerate(parts[1:], start=2):
        same = (part.dtype, len(part.shape)) == (first.dtype, len(first.shape))
        if not same or replace(part, shape=_without(part, axis)) != replace(first, shape=_without(first, axis)):
            raise Misfit(f"needs inputs that agree but for axis {axis}; the first is {first} and number {at} is {part}")
    length = sum(part.shape[axis] for part in parts)
    return replace(first, shape=(*first.shape[:axis], length, *first.shape[axis + 1 :]))


def _without(part: Tensor, axis: int) -> tuple[int, ...]:
    return (*part.shape[:axis], *part.shape[axis + 1 :])


def _concat_call(inputs: Inputs, arguments: Arguments) -> str:
    parts = ", ".join(f"{{{at}}}" for at in range(len(inputs)))
    return f"torch.cat([{parts}], {literal(whole(arguments, 'axis') + 1)})"


CONCAT = Operation(
    name="concat",
    summary="its inputs one after another along an axis",
    arguments=(Argument("axis", "int", "the axis, counted from 0 without the batch", default=0, least=0),),
    infer=_concat,
    inputs=(2, None),
    call=_concat_call,
    example="concat(hidden1, hidden2) -> linear(10)",
)


def _scaled(inputs: Inputs, arguments: Arguments) -> Tensor:
    number(arguments, "factor")
    return numbers(inputs)


SCALE = Operation(
    name="scale",
    summary="its input times a fixed number",
    arguments=(Argument("factor", "float", "the number"),),
    infer=_scaled,
    flops=one_flop_an_element,
    input_pull_flops=one_flop_an_element,
    call=lambda _inputs, arguments: f"{{0}} * {literal(number(arguments, 'factor'))}",
    infix=True,
    elementwise=True,
    example="hidden -> linear(64) -> scale(0.5)",
)

ENTRIES = (CONCAT, ADD, MUL, SCALE)
