"""Convolutions over `[channels, height, width]`, with square kernels. Weights are laid out as in torch."""

from __future__ import annotations

from collections.abc import Callable

from lpc.ir.op import Argument, Arguments, Inputs, Misfit, Operation, Weight
from lpc.ir.ops.dense import BIAS, torch_law
from lpc.ir.ops.fit import flag, image, whole
from lpc.ir.ops.spelling import literal, spell
from lpc.ir.types import Tensor

CHANNELS = Argument("channels", "int", "channels of the output", least=1)
KERNEL = Argument("kernel", "int", "side of the square kernel", least=1)
STRIDE = Argument("stride", "int", "step of the kernel", default=1, least=1)
PADDING = Argument("padding", "int", "zeros around the image, on each side", default=0, least=0)
DILATION = Argument("dilation", "int", "distance between the kernel's points", default=1, least=1)
GROUPS = Argument(
    "groups", "int", "groups of channels that do not mix; divides both channel counts", default=1, least=1
)

Weights = Callable[[Inputs, Arguments], tuple[Weight, ...]]


def extent(size: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> int:
    """How many places a kernel takes along an axis of `size`; it must fit at least once."""
    reach = dilation * (kernel - 1) + 1
    if size + 2 * padding < reach:
        padded = f" and {padding} of padding on each side" if padding else ""
        raise Misfit(f"reaches over {reach} points, but finds only {size}{padded}")
    return (size + 2 * padding - reach) // stride + 1


def _groups(arguments: Arguments, inputs: int, outputs: int) -> int:
    groups = whole(arguments, "groups")
    for count, what in ((inputs, "input"), (outputs, "output")):
        if count % groups:
            raise Misfit(f"cannot part {count} {what} channels into {groups} equal groups")
    return groups


def _weight_and_bias(shape: tuple[int, ...], outputs: int, arguments: Arguments) -> tuple[Weight, ...]:
    """Both start uniform in ±1/√fan_in; torch takes as fan-in of every kernel the size of `weight[0]`."""
    law = torch_law(shape[1] * shape[2] * shape[3])
    weight, bias = Weight("weight", shape, law), Weight("bias", (outputs,), law)
    return (weight, bias) if flag(arguments, "bias") else (weight,)


def _flops(weights: Weights, *, at_input: bool) -> Callable[[Inputs, Tensor, Arguments], int]:
    """Two for every weight at every place the kernel takes: places of the output, or of the input when transposed."""

    def flops(inputs: Inputs, output: Tensor, arguments: Arguments) -> int:
        kernel = weights(inputs, arguments)[0]
        height, width = (image(inputs) if at_input else output.shape)[-2:]
        return 2 * Tensor(kernel.shape).size * height * width

    return flops


def _options(arguments: Arguments) -> dict[str, tuple[int, int]]:
    return {
        name: (whole(arguments, name), default) for name, default in (("stride", 1), ("padding", 0), ("dilation", 1))
    }


# -- conv ---------------------------------------------------------------------------------------------------------


def _places(inputs: Inputs, arguments: Arguments) -> tuple[int, int]:
    _, height, width = image(inputs)
    kernel, stride, padding, dilation = (whole(arguments, n) for n in ("kernel", "stride", "padding", "dilation"))
    return extent(height, kernel, stride, padding, dilation), extent(width, kernel, stride, padding, dilation)


def _conv_infer(inputs: Inputs, arguments: Arguments) -> Tensor:
    channels = whole(arguments, "channels")
    _groups(arguments, image(inputs)[0], channels)
    return Tensor((channels, *_places(inputs, arguments)))


def _conv_weights(inputs: Inputs, arguments: Arguments) -> tuple[Weight, ...]:
    channels, kernel = whole(arguments, "channels"), whole(arguments, "kernel")
    shape = (channels, image(inputs)[0] // whole(arguments, "groups"), kernel, kernel)
    return _weight_and_bias(shape, channels, arguments)


def _conv_module(inputs: Inputs, arguments: Arguments) -> str:
    sizes = [literal(n) for n in (image(inputs)[0], whole(arguments, "channels"), whole(arguments, "kernel"))]
    groups, bias = (whole(arguments, "groups"), 1), (flag(arguments, "bias"), True)
    return spell("nn.Conv2d", sizes, **_options(arguments), groups=groups, bias=bias)


def _conv_via(_inputs: Inputs, arguments: Arguments) -> str:
    options = {**_options(arguments), "groups": (whole(arguments, "groups"), 1)}
    return spell("conv_via", ("{0}", "{self}.weight", "{self}.bias", "{via}"), **options)


CONV = Operation(
    name="conv",
    summary="convolution; weight and bias start uniform in ±1/√(channels in a group · kernel²)",
    arguments=(CHANNELS, KERNEL, STRIDE, PADDING, DILATION, GROUPS, BIAS),
    infer=_conv_infer,
    weights=_conv_weights,
    flops=_flops(_conv_weights, at_input=False),
    weight_pull_flops=_flops(_conv_weights, at_input=False),
    input_pull_flops=_flops(_conv_weights, at_input=False),
    module=_conv_module,
    call=lambda _inputs, _arguments: "{self}({0})",
    via_call=_conv_via,
    via_imports=("conv_via",),
    linear=True,
    example="image -> conv(32, kernel = 3, padding = 1)",
)


# -- depthwise_conv -----------------------------------------------------------------------------------------------


def _depthwise_infer(inputs: Inputs, arguments: Arguments) -> Tensor:
    return Tensor((image(inputs)[0], *_places(inputs, arguments)))


def _depthwise_weights(inputs: Inputs, arguments: Arguments) -> tuple[Weight, ...]:
    channels, kernel = image(inputs)[0], whole(arguments, "kernel")
    return _weight_and_bias((channels, 1, kernel, kernel), channels, arguments)


def _depthwise_module(inputs: Inputs, arguments: Arguments) -> str:
    channels = image(inputs)[0]
    sizes = [literal(n) for n in (channels, channels, whole(arguments, "kernel"))]
    groups, bias = (channels, 1), (flag(arguments, "bias"), True)
    return spell("nn.Conv2d", sizes, **_options(arguments), groups=groups, bias=bias)


def _depthwise_via(inputs: Inputs, arguments: Arguments) -> str:
    options = {**_options(arguments), "groups": (image(inputs)[0], 1)}
    return spell("conv_via", ("{0}", "{self}.weight", "{self}.bias", "{via}"), **options)


DEPTHWISE_CONV = Operation(
    name="depthwise_conv",
    summary="convolution of each channel by a kernel of its own; weight and bias start uniform in ±1/kernel",
    arguments=(KERNEL, STRIDE, PADDING, DILATION, BIAS),
    infer=_depthwise_infer,
    weights=_depthwise_weights,
    flops=_flops(_depthwise_weights, at_input=False),
    weight_pull_flops=_flops(_depthwise_weights, at_input=False),
    input_pull_flops=_flops(_depthwise_weights, at_input=False),
    module=_depthwise_module,
    call=lambda _inputs, _arguments: "{self}({0})",
    via_call=_depthwise_via,
    via_imports=("conv_via",),
    linear=True,
    example="image -> depthwise_conv(3, padding = 1) -> conv(64, kernel = 1)",
)


# -- conv_transpose -----------------------------------------------------------------------------------------------


def _transpose_infer(inputs: Inputs, arguments: Arguments) -> Tensor:
    channels, height, width = image(inputs)
    outputs = whole(arguments, "channels")
    _groups(arguments, channels, outputs)
    kernel, stride, padding, dilation = (whole(arguments, n) for n in ("kernel", "stride", "padding", "dilation"))
    extra = whole(arguments, "output_padding")
    if extra >= max(stride, dilation):
        raise Misfit(f"needs an `output_padding` below its stride or dilation, found {extra}")

    def grown(size: int) -> int:
        found = (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + extra + 1
        if found < 1:
            raise Misfit(f"makes nothing of {size} points: a padding of {padding} cuts all of it away")
        return found

    return Tensor((outputs, grown(height), grown(width)))


def _transpose_weights(inputs: Inputs, arguments: Arguments) -> tuple[Weight, ...]:
    outputs, kernel = whole(arguments, "channels"), whole(arguments, "kernel")
    shape = (image(inputs)[0], outputs // whole(arguments, "groups"), kernel, kernel)
    return _weight_and_bias(shape, outputs, arguments)


def _transpose_module(inputs: Inputs, arguments: Arguments) -> str:
    sizes = [literal(n) for n in (image(inputs)[0], whole(arguments, "channels"), whole(arguments, "kernel"))]
    extra, groups = (whole(arguments, "output_padding"), 0), (whole(arguments, "groups"), 1)
    bias = (flag(arguments, "bias"), True)
    return spell("nn.ConvTranspose2d", sizes, **_options(arguments), output_padding=extra, groups=groups, bias=bias)


def _transpose_via(_inputs: Inputs, arguments: Arguments) -> str:
    extra, groups = (whole(arguments, "output_padding"), 0), (whole(arguments, "groups"), 1)
    operands = ("{0}", "{self}.weight", "{self}.bias", "{via}")
    options = {**_options(arguments), "output_padding": extra, "groups": groups}
    return spell("conv_via", operands, transposed=(True, False), **options)


CONV_TRANSPOSE = Operation(
    name="conv_transpose",
    summary="transposed convolution, which enlarges by its stride; "
    "weight and bias start uniform in ±1/√(output channels in a group · kernel²)",
    arguments=(
        CHANNELS,
        KERNEL,
        STRIDE,
        Argument("padding", "int", "points cut off on each side of the output", default=0, least=0),
        Argument("output_padding", "int", "points added to the output, below and to the right", default=0, least=0),
        DILATION,
        GROUPS,
        BIAS,
    ),
    infer=_transpose_infer,
    weights=_transpose_weights,
    flops=_flops(_transpose_weights, at_input=True),
    weight_pull_flops=_flops(_transpose_weights, at_input=True),
    input_pull_flops=_flops(_transpose_weights, at_input=True),
    module=_transpose_module,
    call=lambda _inputs, _arguments: "{self}({0})",
    via_call=_transpose_via,
    via_imports=("conv_via",),
    linear=True,
    example="code -> conv_transpose(16, kernel = 4, stride = 2, padding = 1)",
)

ENTRIES = (CONV, CONV_TRANSPOSE, DEPTHWISE_CONV)
