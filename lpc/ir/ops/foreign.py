"""Code, or a device, that is none of ours: a black box with a known output shape and no derivative."""

from __future__ import annotations

from lpc import plugins
from lpc.ir.op import Argument, Arguments, Inputs, Misfit, Operation
from lpc.ir.ops.fit import numbers, sizes, text
from lpc.ir.ops.spelling import literal
from lpc.ir.types import Tensor


def module_and_name(arguments: Arguments) -> tuple[str, str]:
    """`"lab.devices:Cavity"` as `("lab.devices", "Cavity")`; anything but plain dotted names is a Misfit."""
    written = text(arguments, "name")
    found = plugins.module_and_name(written)
    if found is None:
        raise Misfit(f'needs a dotted module and a name, as "lab_devices:Cavity", found {written!r}')
    return found


def _infer(inputs: Inputs, arguments: Arguments) -> Tensor:
    numbers(inputs)
    module_and_name(arguments)
    return Tensor(sizes(arguments, "out"))


OPAQUE = Operation(
    name="opaque",
    summary="a black box: the script imports module:Name, calls it without arguments, and calls what it gets with batches",
    arguments=(
        Argument("name", "text", 'where the script finds it, as "lab_devices:Cavity"'),
        Argument("out", "sizes", "sizes of its output, without the batch"),
    ),
    infer=_infer,
    module=lambda _inputs, arguments: f"Opaque({{foreign}}(), {literal(sizes(arguments, 'out'))})",
    call=lambda _inputs, _arguments: "{self}({0})",
    imports=("Opaque",),
    foreign=module_and_name,
    differentiable=False,
    example='encode -> opaque("lab_devices:Cavity", out = [128])',
)

ENTRIES = (OPAQUE,)
