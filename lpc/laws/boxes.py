"""Black boxes: random programs that have one for certain, and devices that must not be differentiated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from hypothesis import assume
from hypothesis import strategies as st
from torch import Tensor

from lpc.diagnostics import Report
from lpc.ir.program import Program
from lpc.ir.types import Tensor as TensorType
from lpc.laws.expressions import call
from lpc.laws.leaks import Leak
from lpc.laws.validation import Devices
from lpc.passes.pipeline import run
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.format import format_file
from lpc.syntax.parse import parse


@st.composite
def boxed(draw: st.DrawFn, file: tree.File) -> tree.File:
    """The program with a black box at the end of a block that is not the output block."""
    report, source = Report(), Source("drawn.lp", format_file(file))
    network = run(Program(source, parse(source, report)), report, "bind").network
    assume(network is not None and not report.errors)
    assert network is not None
    hidden = [clause for clause in file.clauses if isinstance(clause, tree.Block)][:-1]
    assume(hidden)
    chosen = draw(st.sampled_from(hidden))
    type_ = network.block(chosen.name if chosen.count is None else f"{chosen.name}_1").type
    assert isinstance(type_, TensorType)
    assume(type_.shape)
    box = call("opaque", {"out": type_.shape})
    box = tree.Call(box.name, (tree.Argument(None, tree.String("lab:Box")), *box.arguments))
    made = replace(chosen, expr=tree.Pipe(chosen.expr, box))
    return tree.File(tuple(made if clause is chosen else clause for clause in file.clauses))


def without_derivative(devices: Devices) -> Devices:
    """Devices that raise `Leak` where somebody differentiates them."""

    def sealed(make: Callable[[], Callable[[Tensor], Tensor]], name: str) -> Callable[[], Callable[[Tensor], Tensor]]:
        return lambda: lambda x: _Sealed.apply(x, make(), name)  # type: ignore[no-untyped-call]

    return {name: sealed(make, name) for name, make in devices.items()}


class _Sealed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, device: Callable[[Tensor], Tensor], name: str) -> Tensor:
        ctx.name = name
        return device(x)

    @staticmethod
    def backward(ctx: Any, *_: Any) -> Any:
        raise Leak(f"the black box `{ctx.name}` is differentiated")
