"""Hard tanh: the identity, cut off at -1 and 1 (Collobert 2004). Cheaper than tanh, and it saturates as tanh does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lpc.ir.op import Arguments, Operation, one_flop_an_element
from lpc.ir.ops.fit import numbers


def defined(_arguments: Arguments, inputs: Sequence[Any], _weights: object, **_: object) -> Any:
    """The number itself between -1 and 1, its sign elsewhere; at -1 and 1 the derivative is 0."""
    (x,) = inputs
    return x.where(x.abs() < 1, x.sign())


HARD_TANH = Operation(
    name="hard_tanh",
    summary="x between -1 and 1, -1 below, 1 above",
    infer=lambda inputs, _arguments: numbers(inputs),
    call=lambda _inputs, _arguments: "F.hardtanh({0})",
    flops=one_flop_an_element,
    input_pull_flops=one_flop_an_element,
    elementwise=True,
    definition=defined,
    example="image -> flatten -> linear(256) -> hard_tanh",
)
