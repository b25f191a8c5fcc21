"""What the compiler knows of one kind of operation: everything in one entry, nothing anywhere else.

An entry says how arguments are checked, what shape comes out, which weights there are and how they start, what it costs,
and how torch spells it. The interpreter has its own, plain definition of every operation (`lpc/interpret/operations.py`):
that the two agree is tested, never assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lpc.ir.types import Tensor, Type

Value = int | float | bool | str | tuple[int, ...] | None
"""What an argument of an operation can be once names are resolved; `sizes` are a tuple."""

Arguments = Mapping[str, Value]
"""All arguments of one use, by name, defaults filled in."""

REQUIRED = object()


@dataclass(frozen=True)
class Argument:
    """One argument: its kind, default and range.

    `kind` is `int`, `float`, `bool`, `word` (one of `words`), `text` (a string), `sizes` (positive integers) or `input` (a
    name of data, as `gcn`'s edges: its type follows the tensor inputs in `Inputs`, and `call` names it as the next `{1}`).
    `least` is the smallest legal number; `below` a bound it must stay under. A default of None means "not given", which no
    program can write: the summary says what stands in for it.
    """

    name: str
    kind: Literal["int", "float", "bool", "word", "text", "sizes", "input"]
    summary: str
    default: object = REQUIRED
    words: tuple[str, ...] = ()
    least: float | None = None
    below: float | None = None
    variadic: bool = False
    """Of `sizes`: written as positional arguments, `reshape(4, 8)`, not as a list, `out = [4, 8]`."""


@dataclass(frozen=True)
class Law:
    """How a weight starts: `uniform` in ±scale, `normal` with deviation `scale`, `constant` equal to `scale`."""

    kind: Literal["uniform", "normal", "constant"]
    scale: float


@dataclass(frozen=True)
class Weight:
    """One tensor an operation owns. `trained` is False for buffers (running statistics), which no optimizer sees.

    `name` follows the operation's in the state name, and has a dot where the module has parts: `weight`, `qkv.weight`.
    """

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
    weights: the tensors it owns, in state-dict order.
    flops:   floating-point operations of one forward evaluation of one example (a multiply-add counts 2).
    module:  the text that constructs its `torch.nn` module (`nn.Linear(64, 256)`), or None when it has no state.
    call:    the expression that evaluates it, with `{self}` for its module (`self.linear`), `{0}`, `{1}`, ... for its inputs
             and, when `random`, `{name}` for its state name, in quotes, beside the script's own `step` (None in prediction);
             built from checked arguments only, so nothing of a program's text gets in.
    """

    name: str
    summary: str
    infer: Callable[[Inputs, Arguments], Tensor]
    call: Callable[[Inputs, Arguments], str]
    arguments: tuple[Argument, ...] = ()
    inputs: tuple[int, int | None] = (1, 1)
    """Fewest and most tensor inputs (None: any number); arguments of kind `input` are not counted."""
    weights: Callable[[Inputs, Arguments], tuple[Weight, ...]] = no_weights
    flops: Callable[[Inputs, Tensor, Arguments], int] = no_flops
    module: Callable[[Inputs, Arguments], str] | None = None
    imports: tuple[str, ...] = ()
    """Names of `lpc/runtime/modules.py` that `module` or `call` use and a script must take along."""
    infix: bool = False
    """`call` is a sum or product: it wants parentheses where it becomes part of a larger expression."""
    foreign: Callable[[Arguments], tuple[str, str]] | None = None
    """Module and name that the script imports when it starts (`opaque`); `module` has `{foreign}` where the name goes."""

    linear: bool = False
    """Output is linear in the input through `weight` (linear, convolutions, embedding): what feedback can replace."""
    elementwise: bool = False
    shape_only: bool = False
    """Moves numbers without changing them (flatten, reshape, identity)."""
    batch_coupled: bool = False
    """One example's output depends on the others of its batch (batch_norm): streams may not be merged."""
    random: bool = False
    reads_values: bool = True
    """What stands in its input counts, not only how much of it there is (position)."""
    differentiable: bool = True
    weight_pull_flops: Callable[[Inputs, Tensor, Arguments], int] = field(default=no_flops)
    """Cost of the gradient for its weights, one example."""
    input_pull_flops: Callable[[Inputs, Tensor, Arguments], int] = field(default=no_flops)
    """Cost of the gradient for its inputs, one example."""
    via_call: Callable[[Inputs, Arguments], str] | None = None
    """For `linear` ones: the call whose input gradient goes through another weight, `{via}`; `{self}`, `{0}` as in `call`."""
    via_imports: tuple[str, ...] = ()
    """As `imports`, for `via_call`."""
    again_call: Callable[[Inputs, Arguments], str] | None = None
    """For those that keep statistics: what `call` computes in training, leaving them as they are; `{self}`, `{0}` as there."""
    again_imports: tuple[str, ...] = ()
    """As `imports`, for `again_call`."""
    definition: Callable[..., Any] | None = None
    """For operations of other packages: what the interpreter evaluates, called as `definition(arguments, inputs, weights,
    training=..., mask=...)` on float64 tensors."""
    example: str = ""

    def bytes_moved(self, inputs: Inputs, output: Tensor) -> int:
        """Bytes read and written by one forward evaluation of one example, weights (read once a batch) apart.

        Numbers are f32 (4 bytes) and tokens i64 (8); what only changes a shape moves nothing.
        """
        if self.shape_only:
            return 0
        width = {"f32": 4, "i64": 8}
        return sum(t.size * width[t.dtype] for t in (*inputs, output) if isinstance(t, Tensor))


def find_weight(weights: tuple[Weight, ...], name: str) -> Weight:
    """The weight of a node by its last name."""
    return next(weight for weight in weights if weight.name == name)
