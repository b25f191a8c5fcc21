"""What acts on numbers one by one, and softmax."""

from __future__ import annotations

from collections.abc import Callable

from lpc.ir.op import Argument, Arguments, Inputs, Operation, one_flop_an_element
from lpc.ir.ops.fit import number, numbers
from lpc.ir.ops.spelling import literal, spell
from lpc.ir.types import Tensor


def _activation(name: str, summary: str, call: str) -> Operation:
    return Operation(
        name=name,
        summary=summary,
        infer=lambda inputs, _arguments: numbers(inputs),
        flops=one_flop_an_element,
        input_pull_flops=one_flop_an_element,
        call=lambda _inputs, _arguments: call,
        elementwise=True,
        example=f"image -> flatten -> linear(256) -> {name}",
    )


RELU = _activation("relu", "x where x > 0, else 0; its derivative at 0 is 0", "F.relu({0})")
GELU = _activation("gelu", "x Φ(x), with Φ the normal distribution function, exact (Hendrycks 2016)", "F.gelu({0})")
SILU = _activation("silu", "x sigmoid(x), also called swish (Ramachandran 2017)", "F.silu({0})")
TANH = _activation("tanh", "hyperbolic tangent, between -1 and 1", "torch.tanh({0})")
SIGMOID = _activation("sigmoid", "1 / (1 + exp(-x)), between 0 and 1", "torch.sigmoid({0})")


def _with(name: str) -> Callable[[Inputs, Arguments], Tensor]:
    """The input's own type, after a look at the float argument `name`."""

    def infer(inputs: Inputs, arguments: Arguments) -> Tensor:
        number(arguments, name)
        return numbers(inputs)

    return infer


LEAKY_RELU = Operation(
    name="leaky_relu",
    summary="x where x > 0, else slope · x; its derivative at 0 is the slope",
    arguments=(Argument("slope", "float", "what negative numbers are multiplied by", default=0.01, least=0),),
    infer=_with("slope"),
    flops=one_flop_an_element,
    input_pull_flops=one_flop_an_element,
    call=lambda _inputs, arguments: spell("F.leaky_relu", ("{0}", literal(number(arguments, "slope")))),
    elementwise=True,
    example="image -> flatten -> linear(256) -> leaky_relu(0.1)",
)

SOFTMAX = Operation(
    name="softmax",
    summary="exp(x) over its sum, on the last axis; not wanted before a cross_entropy objective, which holds its own",
    infer=lambda inputs, _arguments: numbers(inputs),
    # Largest, difference, exponential, sum, quotient; the gradient is y (d - Σ d y).
    flops=lambda _inputs, output, _arguments: 5 * output.size,
    input_pull_flops=lambda _inputs, output, _arguments: 4 * output.size,
    call=lambda _inputs, _arguments: "F.softmax({0}, -1)",
    example="image -> flatten -> linear(10) -> softmax",
)

DROPOUT = Operation(
    name="dropout",
    summary="in training each number is 0 with probability rate, else divided by 1 - rate; the identity in prediction",
    arguments=(Argument("rate", "float", "probability of a 0", least=0, below=1),),
    infer=_with("rate"),
    flops=one_flop_an_element,
    input_pull_flops=one_flop_an_element,
    call=lambda _inputs, arguments: spell("dropout", ("{0}", literal(number(arguments, "rate")), '"{name}"', "step")),
    imports=("dropout",),
    elementwise=True,
    random=True,
    example="image -> flatten -> linear(256) -> relu -> dropout(0.5)",
)

ENTRIES = (RELU, LEAKY_RELU, GELU, SILU, TANH, SIGMOID, SOFTMAX, DROPOUT)
