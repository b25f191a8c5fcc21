"""Dense layers."""

from __future__ import annotations

from lpc.ir.op import Argument, Arguments, Inputs, Law, Operation, Weight
from lpc.ir.ops.fit import features, flag, whole
from lpc.ir.ops.spelling import literal, spell
from lpc.ir.types import Tensor

BIAS = Argument("bias", "bool", "add a bias", default=True)


def torch_law(fan_in: int) -> Law:
    """How torch starts linear maps: weight and bias uniform in ±1/√fan_in.

    It is spelled there as `kaiming_uniform_(a=√5)` (He et al. 2015), whose bound √(6 / ((1 + a²) fan_in)) is that.
    """
    return Law("uniform", fan_in**-0.5)


def _infer(inputs: Inputs, arguments: Arguments) -> Tensor:
    return Tensor((*features(inputs).shape[:-1], whole(arguments, "outputs")))


def _weights(inputs: Inputs, arguments: Arguments) -> tuple[Weight, ...]:
    fan_in, outputs = features(inputs).shape[-1], whole(arguments, "outputs")
    weight = Weight("weight", (outputs, fan_in), torch_law(fan_in))
    bias = Weight("bias", (outputs,), torch_law(fan_in))
    return (weight, bias) if flag(arguments, "bias") else (weight,)


def _flops(inputs: Inputs, output: Tensor, _arguments: Arguments) -> int:
    """For each output n multiplications and n additions: n - 1 of the sum, one of the bias."""
    return 2 * features(inputs).shape[-1] * output.size


def _module(inputs: Inputs, arguments: Arguments) -> str:
    sizes = literal(features(inputs).shape[-1]), literal(whole(arguments, "outputs"))
    return spell("nn.Linear", sizes, bias=(flag(arguments, "bias"), True))


LINEAR = Operation(
    name="linear",
    summary="y = W x + b on the last axis; weight and bias start uniform in ±1/√inputs",
    arguments=(Argument("outputs", "int", "how many outputs", least=1), BIAS),
    infer=_infer,
    weights=_weights,
    flops=_flops,
    weight_pull_flops=_flops,
    input_pull_flops=_flops,
    module=_module,
    call=lambda _inputs, _arguments: "{self}({0})",
    via_call=lambda _inputs, _arguments: "linear_via({0}, {self}.weight, {self}.bias, {via})",
    via_imports=("linear_via",),
    linear=True,
    example="image -> flatten -> linear(256)",
)

ENTRIES = (LINEAR,)
