"""Random expressions of operations: recipes, drawn for a type, that can be followed from any value they fit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from lpc.ir.op import REQUIRED, Misfit, Operation
from lpc.ir.ops import operation_of
from lpc.ir.types import Tensor
from lpc.passes.completion import literal
from lpc.source import NOWHERE
from lpc.syntax import tree

WIDTH = 3
"""The most features and channels that are drawn: small programs say as much, and are checked faster."""

SMOOTH = ("tanh", "sigmoid", "gelu", "silu", "softmax")
KINKED = ("relu", "leaky_relu")
ACTIVATIONS = (*KINKED, *SMOOTH)
ANYWHERE = (*ACTIVATIONS, "dropout", "scale")

FEATURES = (
    "identity", "linear", "linear", "linear", *ANYWHERE, "batch_norm", "layer_norm", "rms_norm", "reshape", "opaque",
)  # fmt: skip
POSITIONS = ("identity", "linear", "linear", "attention", *ANYWHERE, "layer_norm", "rms_norm", "flatten", "opaque")
IMAGES = (
    "identity", "conv", "conv_transpose", "depthwise_conv", "max_pool", "avg_pool", "global_avg_pool",
    "relu", "tanh", "dropout", "batch_norm", "group_norm", "flatten", "opaque",
)  # fmt: skip
BOXES = ("boxes:Same", "lab.boxes:Three")
"""Black boxes: what `opaque` imports. One gives as many numbers as it takes, one three."""
FITTING: Mapping[int, Sequence[str]] = {0: ("flatten",), 1: FEATURES, 2: POSITIONS, 3: IMAGES}
"""What a value with so many axes can be put through; the plainest first, since examples shrink towards it."""

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Typed:
    """An expression and the type of its value."""

    expr: tree.Expr
    type: Tensor
    functions: tuple[tree.Def, ...] = ()
    """Those the expression uses."""


@dataclass(frozen=True)
class Apply:
    """One operation with the arguments that are written."""

    operation: str
    arguments: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Branch:
    """Several recipes from one value, joined by `add`, `mul` or `concat`; an empty recipe is the value itself."""

    joined_by: str
    recipes: tuple[Recipe, ...]


Recipe = tuple["Apply | Branch", ...]


def follow(recipe: Recipe, value: Typed, name: str = "f") -> Typed:
    """What a recipe makes of a value. Raises `Misfit` where it does not fit.

    Where several ways go from a value that is more than a name, a function keeps it one value: `name` begins its name.
    """
    for step in recipe:
        if isinstance(step, Apply):
            value = applied(step.operation, [value], dict(step.arguments))
        elif isinstance(value.expr, tree.Name | tree.Indexed):
            value = _branched(step, value, name)
        else:
            body = _branched(step, Typed(tree.Name("x"), value.type, value.functions), name)
            own = tree.Def(f"{name}{len(body.functions) + 1}", (tree.Parameter("x"),), body.expr)
            value = Typed(tree.Pipe(value.expr, tree.Name(own.name)), body.type, (*body.functions, own))
    return value


def _branched(branch: Branch, value: Typed, name: str) -> Typed:
    ways: list[Typed] = []
    for recipe in branch.recipes:
        value = replace(value, functions=ways[-1].functions if ways else value.functions)
        ways.append(follow(recipe, value, name))
    return replace(applied(branch.joined_by, ways, {}), functions=ways[-1].functions)


def applied(name: str, values: Sequence[Typed], arguments: Arguments) -> Typed:
    """An operation on values. Raises `Misfit` where they do not fit."""
    operation = operation_of(name)
    full: dict[str, Any] = {a.name: a.default for a in operation.arguments} | dict(arguments)
    type_ = operation.infer(tuple(value.type for value in values), full)
    functions = dict.fromkeys(function for value in values for function in value.functions)
    return Typed(_written(operation, [value.expr for value in values], arguments), type_, tuple(functions))


def call(name: str, arguments: Arguments) -> tree.Call:
    """A call with named arguments."""
    return tree.Call(name, tuple(tree.Argument(key, setting(value)) for key, value in arguments.items()))


def setting(value: object) -> tree.Expr:
    """A value as a program writes it."""
    if isinstance(value, int | float) and value < 0:
        return tree.Negative(tree.Number(-value))
    return literal(value, NOWHERE)


def _written(operation: Operation, values: Sequence[tree.Expr], arguments: Arguments) -> tree.Expr:
    given = []
    for argument in operation.arguments:
        if argument.name not in arguments:
            continue
        written = arguments[argument.name]
        items = written if argument.variadic else (written,)
        named = not argument.variadic and argument.default is not REQUIRED
        values_ = [tree.String(item) if argument.kind == "text" else setting(item) for item in items]
        given += [tree.Argument(argument.name if named else None, value) for value in values_]
    if operation.name == "add":
        total = values[0]
        for value in values[1:]:
            total = tree.Binary("+", total, value)
        return total
    if len(values) == 1:
        return tree.Pipe(values[0], tree.Call(operation.name, tuple(given)) if given else tree.Name(operation.name))
    return tree.Call(operation.name, (*(tree.Argument(None, value) for value in values), *given))


# -- arguments ----------------------------------------------------------------------------------------------------


def _linear(draw: st.DrawFn, _type: Tensor) -> Arguments:
    return {"outputs": draw(st.integers(1, WIDTH)), **_rarely(draw, bias=False)}


def _conv(draw: st.DrawFn, type_: Tensor) -> Arguments:
    groups = _rarely(draw, groups=type_.shape[0])
    channels = draw(st.integers(1, WIDTH)) * groups.get("groups", 1)
    return {
        "channels": channels,
        **_window(draw, type_),
        **_rarely(draw, dilation=2),
        **groups,
        **_rarely(draw, bias=False),
    }


def _conv_transpose(draw: st.DrawFn, _type: Tensor) -> Arguments:
    kernel = draw(st.integers(1, 2))
    given = {
        "channels": draw(st.integers(1, WIDTH)),
        "kernel": kernel,
        **_rarely(draw, stride=2),
        **_rarely(draw, bias=False),
    }
    return given | (_rarely(draw, output_padding=1) if "stride" in given else {})


def _depthwise(draw: st.DrawFn, type_: Tensor) -> Arguments:
    return {**_window(draw, type_), **_rarely(draw, bias=False)}


def _window(draw: st.DrawFn, type_: Tensor) -> dict[str, Any]:
    """A kernel that fits, with or without padding."""
    side = min(type_.shape[1:])
    kernel = draw(st.integers(1, min(3, side + 2)))
    least = max(0, (kernel - side + 1) // 2)
    padding = draw(st.integers(least, max(least, kernel // 2)))
    return {"kernel": kernel, **({"padding": padding} if padding else {}), **_rarely(draw, stride=2)}


def _pool(draw: st.DrawFn, type_: Tensor) -> Arguments:
    size = draw(st.integers(1, min(2, *type_.shape[1:])))
    return {"size": size, **_rarely(draw, stride=1), **(_rarely(draw, padding=1) if size == 2 else {})}


def _group_norm(draw: st.DrawFn, type_: Tensor) -> Arguments:
    return {"groups": draw(st.sampled_from([1, type_.shape[0]]))}


def _attention(draw: st.DrawFn, type_: Tensor) -> Arguments:
    return {"heads": draw(st.sampled_from([1, type_.shape[1]])), **_rarely(draw, causal=True)}


def _opaque(draw: st.DrawFn, type_: Tensor) -> Arguments:
    name = draw(st.sampled_from(BOXES))
    return {"name": name, "out": type_.shape if name == BOXES[0] else (3,)}


def _image(draw: st.DrawFn, type_: Tensor) -> Arguments:
    return {"sizes": draw(st.sampled_from([(type_.size, 1, 1), (1, type_.size, 1)]))}


def seldom(draw: st.DrawFn, one_in: int = 4) -> bool:
    """Whether to do what is not done in most examples, and never in the least."""
    return draw(st.integers(0, one_in - 1)) == one_in - 1


def _rarely(draw: st.DrawFn, **given: Any) -> dict[str, Any]:
    """An argument that is left out in most examples."""
    return given if seldom(draw) else {}


DRAWN: Mapping[str, Callable[[st.DrawFn, Tensor], Arguments]] = {
    "linear": _linear,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "depthwise_conv": _depthwise,
    "max_pool": _pool,
    "avg_pool": _pool,
    "group_norm": _group_norm,
    "attention": _attention,
    "reshape": _image,
    "opaque": _opaque,
    "embedding": lambda draw, _type: {"width": draw(st.integers(1, WIDTH))},
    "scale": lambda draw, _type: {"factor": draw(st.sampled_from([0.5, -1.5]))},
    "dropout": lambda draw, _type: {"rate": draw(st.sampled_from([0.5, 0.25]))},
    "leaky_relu": lambda draw, _type: _rarely(draw, slope=0.2),
}
"""How the arguments of an operation are drawn for an input; the others take none, or their defaults."""


# -- recipes ------------------------------------------------------------------------------------------------------


@st.composite
def operations(draw: st.DrawFn, type_: Tensor, ops: Collection[str]) -> Apply:
    """An operation that fits the type; `identity` where what was drawn does not."""
    names = [name for name in FITTING.get(len(type_.shape), ()) if name in ops] or ["identity"]
    name = draw(st.sampled_from(names))
    arguments = DRAWN[name](draw, type_) if name in DRAWN else {}
    made = Apply(name, tuple(arguments.items()))
    return made if _fits((made,), type_) else Apply("identity")


@st.composite
def recipes(draw: st.DrawFn, type_: Tensor, ops: Collection[str], most: int = 3, branches: bool = True) -> Recipe:
    """Up to `most` steps from a value of some type; residual sums, products and concatenations among them."""
    steps: list[Apply | Branch] = []
    value = Typed(tree.Name("x"), type_)
    for _ in range(draw(st.integers(0, most))):
        if branches and draw(st.integers(0, 4)) == 4:
            step: Apply | Branch = draw(_branches(value.type, ops))
        else:
            step = draw(operations(value.type, ops))
        steps.append(step)
        value = follow((step,), value)
    return tuple(steps)


@st.composite
def _branches(draw: st.DrawFn, type_: Tensor, ops: Collection[str]) -> Apply | Branch:
    """Two ways from one value, joined; the value itself is often one of them."""
    kind = draw(st.sampled_from([name for name in ("add", "mul", "concat") if name in ops] or ["identity"]))
    if kind == "identity":
        return Apply("identity")
    one = draw(recipes(type_, ops, most=2, branches=False))
    other = () if draw(st.booleans()) else draw(recipes(type_, ops, most=2, branches=False))
    made = Branch(kind, (other, one))
    return made if _fits((made,), type_) else Apply("identity")


def _fits(recipe: Recipe, type_: Tensor) -> bool:
    try:
        follow(recipe, Typed(tree.Name("x"), type_))
    except Misfit:
        return False
    return True
