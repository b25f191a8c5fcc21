"""Random uses of every operation, for tests of the catalogue and of the definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from hypothesis import strategies as st
from torch import Tensor, nn

from lpc.ir.op import REQUIRED, Operation, Value
from lpc.ir.ops import OPERATIONS
from lpc.ir.types import Edges, Type
from lpc.ir.types import Tensor as TensorType
from lpc.runtime import modules

few = st.integers(1, 3)
some = st.integers(1, 5)


def f32(*shape: int) -> TensorType:
    return TensorType(shape)


def complete(name: str, /, **given: Value) -> dict[str, Value]:
    """The arguments of an operation, those given and the defaults of the others."""
    known = {a.name: a.default for a in OPERATIONS[name].arguments if a.kind != "input"}
    assert given.keys() <= known.keys()
    arguments: dict[str, Any] = known | given
    assert REQUIRED not in arguments.values()
    return arguments


@dataclass(frozen=True)
class Use:
    """One operation with types of inputs and arguments; `batch` is how many examples to try it on."""

    name: str
    inputs: tuple[Type, ...]
    arguments: Mapping[str, Value]
    batch: int = 3
    seed: int = 0
    coarse: bool = False
    """Inputs are -1, 0 or 1: corners and equals turn up."""

    @property
    def operation(self) -> Operation:
        return OPERATIONS[self.name]

    def infer(self) -> TensorType:
        return self.operation.infer(self.inputs, self.arguments)

    def values(self) -> list[Tensor]:
        """Random inputs, batch first, in float64."""
        generator = torch.Generator().manual_seed(self.seed)
        return [self._value(found, generator) for found in self.inputs]

    def _value(self, found: Type, generator: torch.Generator) -> Tensor:
        if isinstance(found, Edges):
            return torch.randint(0, self.batch, (2, 2 * self.batch), generator=generator)
        assert isinstance(found, TensorType)
        shape = (self.batch, *found.shape)
        if found.dtype == "i64":
            return torch.randint(0, found.classes or 3, shape, generator=generator)
        if self.coarse:
            return torch.randint(-1, 2, shape, generator=generator).double()
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    def namespace(self) -> dict[str, Any]:
        """What a script has in scope: torch, and what the entry says it takes along."""
        taken = {name: getattr(modules, name) for name in (*self.operation.imports, *self.operation.via_imports)}
        return {"torch": torch, "nn": nn, "F": F, **taken}

    def module(self, foreign: object = None) -> nn.Module | None:
        """What the entry's `module` text constructs, all its tensors random."""
        if self.operation.module is None:
            return None
        text = self.operation.module(self.inputs, self.arguments).format(foreign="foreign")
        built: nn.Module = eval(text, {**self.namespace(), "foreign": foreign})  # noqa: S307 - the text under test
        generator = torch.Generator().manual_seed(self.seed + 1)
        with torch.no_grad():
            for tensor in (*built.parameters(), *built.buffers()):
                if tensor.is_floating_point():
                    tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.2)
        return built

    def run(self, text: str, module: nn.Module | None, values: list[Tensor], **scope: object) -> Tensor:
        """Evaluate a `call` text as a script would."""
        operands = [f"x{at}" for at in range(len(values))]
        line = text.format(*operands, self="module", name="block.operation", via="via")
        scope = {
            **self.namespace(),
            "module": module,
            "step": None,
            **dict(zip(operands, values, strict=True)),
            **scope,
        }
        y: Tensor = eval(line, scope)  # noqa: S307 - the text under test
        return y


@st.composite
def dense(draw: st.DrawFn, name: str) -> Use:
    shape = draw(st.sampled_from([(3,), (1,), (4, 3), (2, 1)]))
    return Use(name, (f32(*shape),), complete(name, outputs=draw(some), bias=draw(st.booleans())))


@st.composite
def spatial(draw: st.DrawFn, name: str) -> Use:
    """Convolutions and pools, also such as do not fit."""
    groups = draw(few) if name in ("conv", "conv_transpose") else 1
    channels = groups * draw(few)
    given: dict[str, Value] = {"stride": draw(few), "padding": draw(st.integers(0, 2))}
    if name.endswith("pool"):
        given |= {"size": draw(few)}
        if draw(st.booleans()):
            given["stride"] = None
    else:
        given |= {"kernel": draw(few), "dilation": draw(st.integers(1, 2)), "bias": draw(st.booleans())}
    if name in ("conv", "conv_transpose"):
        given |= {"channels": groups * draw(few), "groups": groups}
    if name == "conv_transpose":
        given |= {"output_padding": draw(st.integers(0, 2))}
    return Use(name, (f32(channels, draw(some), draw(some)),), complete(name, **given))


@st.composite
def normalising(draw: st.DrawFn, name: str) -> Use:
    groups = draw(few)
    channels = groups * draw(st.integers(2, 3))
    by_channel = [(channels,), (channels, 2, 3)]
    shape = draw(st.sampled_from(by_channel if name in ("batch_norm", "group_norm") else [(channels,), (4, channels)]))
    given: dict[str, Value] = {"epsilon": draw(st.sampled_from([1e-5, 1e-2]))}
    if name == "batch_norm":
        given["momentum"] = draw(st.sampled_from([0.1, 0.5, 1.0]))
    if name == "group_norm":
        given["groups"] = groups
    return Use(name, (f32(*shape),), complete(name, **given), batch=draw(st.integers(2, 4)))


@st.composite
def any_shape(draw: st.DrawFn, name: str) -> Use:
    shape = draw(st.lists(few, max_size=3).map(tuple))
    given: dict[str, Value] = {}
    match name:
        case "leaky_relu":
            given = {"slope": draw(st.sampled_from([0.0, 0.01, 0.5]))}
        case "dropout":
            given = {"rate": draw(st.sampled_from([0.0, 0.25, 0.5]))}
        case "scale":
            given = {"factor": draw(st.sampled_from([-2.0, 0.0, 0.5, 3]))}
        case "reshape":
            sizes = (*shape, 1) if draw(st.booleans()) else (TensorType(shape).size,)
            given = {"sizes": sizes}
        case "softmax":
            shape = shape or (2,)
    return Use(name, (f32(*shape),), complete(name, **given))


@st.composite
def combining(draw: st.DrawFn, name: str) -> Use:
    shape = draw(st.lists(few, min_size=1, max_size=3))
    count = draw(st.integers(2, 4))
    if name != "concat":
        return Use(name, (f32(*shape),) * count, complete(name))
    axis = draw(st.integers(0, len(shape) - 1))
    parts = tuple(f32(*(draw(few) if at == axis else size for at, size in enumerate(shape))) for _ in range(count))
    return Use(name, parts, complete(name, axis=axis))


@st.composite
def sequential(draw: st.DrawFn, name: str) -> Use:
    length = draw(some)
    tokens = TensorType((length,), "i64", draw(st.integers(1, 6)))
    match name:
        case "embedding":
            more = draw(st.sampled_from([None, 7]))
            return Use(name, (tokens,), complete(name, width=draw(some), tokens=more))
        case "position":
            source = draw(st.sampled_from([tokens, f32(length, 2)]))
            return Use(name, (source,), complete(name, width=draw(some)))
        case _:
            heads = draw(few)
            source = f32(length, heads * draw(few))
            return Use(name, (source,), complete(name, heads=heads, causal=draw(st.booleans())))


@st.composite
def graph(draw: st.DrawFn, name: str) -> Use:
    return Use(name, (f32(draw(some)), Edges()), complete(name, width=draw(some)), batch=draw(st.integers(1, 5)))


FAMILIES = {
    **dict.fromkeys(["linear"], dense),
    **dict.fromkeys(["conv", "conv_transpose", "depthwise_conv", "max_pool", "avg_pool"], spatial),
    **dict.fromkeys(["batch_norm", "layer_norm", "group_norm", "rms_norm"], normalising),
    **dict.fromkeys(["add", "mul", "concat"], combining),
    **dict.fromkeys(["embedding", "position", "attention"], sequential),
    **dict.fromkeys(["gcn"], graph),
}


@st.composite
def uses(draw: st.DrawFn, name: str) -> Use:
    """A use of the operation called `name`; of convolutions and pools also one that does not fit."""
    if name == "global_avg_pool":
        made = Use(name, (f32(draw(some), draw(some), draw(some)),), complete(name))
    elif name == "opaque":
        made = Use(name, (f32(draw(some)),), complete(name, name="lab_devices:Cavity", out=(draw(some), draw(few))))
    else:
        made = draw(FAMILIES.get(name, any_shape)(name))
    return Use(made.name, made.inputs, made.arguments, made.batch, draw(st.integers(0, 999)), draw(st.booleans()))
