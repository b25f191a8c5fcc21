"""What the compiler knows of one kind of operation: everything in one entry, nothing anywhere else.

An entry says how arguments are checked, what shape comes out, which weights there are and how they start, what it costs,
and how torch spells it. The interpreter has its own, plain definition of every operation (`lpc/interpret/operations.py`):
that the two agree is tested, never assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from lpc.ir.types import Tensor, Type

Value = int | float | bool | str | None
"""What an argument of an operation can be once names are resolved."""

Arguments = Mapping[str, Value]
"""All arguments of one use, by name, defaults filled in."""

REQUIRED = object()


@dataclass(frozen=True)
class Argument:
    """One argument: its kind, default and range.

    `kind` is `int`, `float`, `bool`, `word` (one of `words`), `text` (a string) or `input` (a name of data, as `gcn`'s edges).
    `least` is the smallest legal number; `below` a bound it must stay under.
    """

    name: str
    kind: Literal["int", "float", "bool", "word", "text", "sizes", "input"]
    summary: str
    default: object = REQUIRED
    words: tuple[str, ...] = ()
    least: float | None = None
    below: float | None = None


@dataclass(frozen=True)
class Law:
    """How a weight starts: `uniform` in ±scale, `normal` with deviation `scale`, `constant` equal to `scale`."""

    kind: Literal["uniform", "normal", "constant"]
    scale: float


@dataclass(frozen=True)
class Weight:
    """One tensor an operation owns. `trained` is False for buffers (running statistics), which no optimizer sees."""

    name: str
    shape: tuple[int, ...]
    law: Law
    trained: bool = True
    dtype: Literal["f32", "i64"] = "f32"


class Misfit(Exception):
    """Inputs or arguments do not fit; the text is for the user: `needs channels first, as [channels, height, width]`."""


Inputs = tuple[Type, ...]


def no_weights(_inputs: Inputs, _arguments: Arguments) -> tuple[Weight, ...]:
    return ()


def no_flops(_inputs: Inputs, _output: Tensor, _arguments: Arguments) -> int:
    return 0


def one_flop_an_element(_inputs: Inputs, output: Tensor, _arguments: Arguments) -> int:
    return output.size


@dataclass(frozen=True)
class Operation:
    """One entry of the catalogue.

    infer:   types of the inputs and the arguments -> type of the output; raises `Misfit`.
    weights: the tensors it owns, in state-dict order; `.name` is the last part of the state name (`weight`, `bias`).
    flops:   floating-point operations of one forward evaluation of one example (a multiply-add counts 2).
    module:  the text that constructs its `torch.nn` module (`nn.Linear(64, 256)`), or None when it has no state.
    call:    the expression that evaluates it, with `{self}` for its module (`self.linear`), `{0}`, `{1}`, ... for its inputs
             and, when `random`, `{step}` and `{name}`; built from checked arguments only, so nothing of a program's text gets in.
    """

    name: str
    summary: str
    infer: Callable[[Inputs, Arguments], Tensor]
    call: Callable[[Inputs, Arguments], str]
    arguments: tuple[Argument, ...] = ()
    inputs: tuple[int, int | None] = (1, 1)
    """Fewest and most tensor inputs (None: any number)."""
    weights: Callable[[Inputs, Arguments], tuple[Weight, ...]] = no_weights
    flops: Callable[[Inputs, Tensor, Arguments], int] = no_flops
    module: Callable[[Inputs, Arguments], str] | None = None
    imports: tuple[str, ...] = ()
    """Names of `lpc/runtime/modules.py` that `module` or `call` use and a script must take along."""

    linear: bool = False
    """Output is linear in the input through `weight` (linear, convolutions, embedding): what feedback can replace."""
    elementwise: bool = False
    shape_only: bool = False
    """Moves numbers without changing them (flatten, reshape, identity)."""
    batch_coupled: bool = False
    """One example's output depends on the others of its batch (batch_norm): streams may not be merged."""
    random: bool = False
    differentiable: bool = True
    weight_pull_flops: Callable[[Inputs, Tensor, Arguments], int] = field(default=no_flops)
    """Cost of the gradient for its weights, one example."""
    input_pull_flops: Callable[[Inputs, Tensor, Arguments], int] = field(default=no_flops)
    """Cost of the gradient for its inputs, one example."""
    via_call: Callable[[Inputs, Arguments], str] | None = None
    """For `linear` ones: the call whose input gradient goes through another weight, `{via}`; `{self}`, `{0}` as in `call`."""
    example: str = ""
