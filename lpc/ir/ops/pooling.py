"""Pooling over `[channels, height, width]`."""

from __future__ import annotations

from lpc.ir.op import Argument, Arguments, Inputs, Misfit, Operation
from lpc.ir.ops.convolution import extent
from lpc.ir.ops.fit import image, numbers, whole
from lpc.ir.ops.spelling import literal, spell
from lpc.ir.types import Tensor

ARGUMENTS = (
    Argument("size", "int", "side of the square window", least=1),
    Argument("stride", "int", "step of the window; left out, its size", default=None, least=1),
    Argument("padding", "int", "points around the image, on each side; at most half the size", default=0, least=0),
)


def _stride(arguments: Arguments) -> int:
    return whole(arguments, "size") if arguments["stride"] is None else whole(arguments, "stride")


def _infer(inputs: Inputs, arguments: Arguments) -> Tensor:
    channels, height, width = image(inputs)
    size, stride, padding = whole(arguments, "size"), _stride(arguments), whole(arguments, "padding")
    if 2 * padding > size:
        raise Misfit(f"needs a padding of at most half its size, {size // 2}, found {padding}")
    return Tensor((channels, extent(height, size, stride, padding), extent(width, size, stride, padding)))


def _window(_inputs: Inputs, output: Tensor, arguments: Arguments) -> int:
    """Every number of every window is looked at once."""
    return output.size * whole(arguments, "size") ** 2


def _spell(function: str, arguments: Arguments) -> str:
    size = whole(arguments, "size")
    operands = ("{0}", literal(size))
    return spell(function, operands, stride=(_stride(arguments), size), padding=(whole(arguments, "padding"), 0))


MAX_POOL = Operation(
    name="max_pool",
    summary="the largest number of each window; padding never wins, and the first of equals gets the gradient",
    arguments=ARGUMENTS,
    infer=_infer,
    flops=_window,
    input_pull_flops=lambda _inputs, output, _arguments: output.size,
    call=lambda _inputs, arguments: _spell("F.max_pool2d", arguments),
    example="image -> conv(32, kernel = 3) -> relu -> max_pool(2)",
)

AVG_POOL = Operation(
    name="avg_pool",
    summary="the mean of each window, padding counted as zeros",
    arguments=ARGUMENTS,
    infer=_infer,
    flops=_window,
    input_pull_flops=_window,
    call=lambda _inputs, arguments: _spell("F.avg_pool2d", arguments),
    example="image -> conv(32, kernel = 3) -> relu -> avg_pool(2)",
)

GLOBAL_AVG_POOL = Operation(
    name="global_avg_pool",
    summary="the mean of each channel: [channels, height, width] becomes [channels]",
    infer=lambda inputs, _arguments: Tensor((image(inputs)[0],)),
    flops=lambda inputs, _output, _arguments: numbers(inputs).size,
    input_pull_flops=lambda _inputs, output, _arguments: output.size,
    call=lambda _inputs, _arguments: "{0}.mean((2, 3))",
    example="image -> conv(32, kernel = 3) -> relu -> global_avg_pool -> linear(10)",
)

ENTRIES = (MAX_POOL, AVG_POOL, GLOBAL_AVG_POOL)
