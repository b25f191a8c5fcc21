"""Random networks: the `data`, `block` and `objective` clauses of a program, sound by construction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from hypothesis import strategies as st

from lpc.ir.op import Misfit
from lpc.ir.types import Label, Tensor, Type
from lpc.laws.expressions import (
    FITTING,
    WIDTH,
    Apply,
    Branch,
    Recipe,
    Typed,
    applied,
    call,
    follow,
    operations,
    recipes,
    seldom,
)
from lpc.syntax import tree
from lpc.syntax.walk import walk

FOREIGN = frozenset({"opaque"})
FITTED = {name for names in FITTING.values() for name in names} - FOREIGN
USUAL = frozenset(FITTED | {"embedding", "position", "add", "mul", "concat"})
"""The operations that are drawn where a property names none: all but black boxes and those of graphs."""
NEEDED = frozenset({"identity", "flatten", "linear"})
"""What leads to an output of the target's type."""

PUBLISHED: Mapping[str, tuple[int, ...]] = {
    "digits": (1, 8, 8),
    "mnist": (1, 28, 28),
    "fashion_mnist": (1, 28, 28),
    "cifar10": (3, 32, 32),
}
"""Published data: the shape of an image, whose label is one of ten classes."""

BLOCKS = ("a", "b", "c", "d", "e", "f", "g", "h")
AWKWARD = (
    "x", "y", "net", "step", "losses", "loss", "scores", "error", "value", "k", "self", "target", "optimizer", "update", "normalise",
    "for", "class", "len", "type", "forward", "parameters", "float", "F", "torch", "TASK", "Network", "feedback", "_", "__init__",
    "x_", "net_", "a_feedback", "b_loss", "a_error", "name", "state", "target_of", "score", "train_step", "Added",
)  # fmt: skip
"""Names that Python, torch or scripts have a use for, and that programs may use all the same."""


@dataclass(frozen=True)
class Sketch:
    """A network under construction."""

    data: Mapping[str, Type]
    """Of all data names, the target's last."""
    ops: Collection[str]
    awkward: bool
    labelled: bool
    chains: bool
    values: tuple[Typed, ...]
    """What a block may read: data, blocks, and some of the blocks inside chains."""
    functions: tuple[tree.Def, ...] = ()
    blocks: tuple[tree.Block, ...] = ()
    read: frozenset[str] = frozenset()

    @property
    def taken(self) -> set[str]:
        return {*self.data, *(block.name for block in self.blocks)}

    @property
    def target(self) -> Type:
        return list(self.data.values())[-1]

    @property
    def positions(self) -> tuple[int, ...]:
        """Every value keeps the positions that carry a label each."""
        return self.target.shape if isinstance(self.target, Label) else ()

    @property
    def ends(self) -> list[Typed]:
        """Blocks that nothing reads yet; data, where there is no block."""
        found = [v for v in self.values if isinstance(v.expr, tree.Name) and v.expr.name not in self.read]
        blocks = [v for v in found if _name(v.expr) not in self.data]
        return blocks or [v for v in self.values if _name(v.expr) in self.data][:1]


def _name(expr: tree.Expr) -> str:
    assert isinstance(expr, tree.Name | tree.Indexed)
    return expr.name


@st.composite
def networks(
    draw: st.DrawFn,
    ops: Collection[str] | None = None,
    blocks: int = 4,
    awkward: bool = True,
    labelled: bool = False,
    chains: bool = False,
    published: bool = False,
    positions: bool = False,
) -> tree.File:
    """The `network`, `data`, `block` and `objective` clauses of a program with up to `blocks` blocks below its output block.

    ops: names of the operations to draw from; left out, all that random data suit.
    awkward: now and then a name is a word of Python, of torch or of scripts.
    labelled: the target is always one class label an example.
    chains: whatever can be a chain is one, of three blocks or more.
    published: now and then the data are a published set's.
    positions: the data are texts, with a class label at every position.
    """
    allowed = frozenset(USUAL if ops is None else ops) | NEEDED
    famous = published and draw(st.integers(0, 7)) == 7
    clause, data = draw(_published(awkward) if famous else _data(allowed, awkward, labelled, positions))
    inputs = tuple(Typed(tree.Name(n), t) for n, t in list(data.items())[:-1] if isinstance(t, Tensor))
    sketch = Sketch(data, allowed, awkward, labelled, chains, inputs)
    if sketch.positions:
        sketch = replace(sketch, ops=allowed - {"flatten", "concat"})
    for usual in BLOCKS[
        : min(blocks, draw(st.integers(0, 3 * blocks)))
    ]:  # asked before all, so that each can fall away
        sketch = draw(_block(sketch, usual))
    functions, output, objective = draw(_output(sketch))
    return tree.File((tree.Network("drawn"), *sketch.functions, *functions, clause, *sketch.blocks, output, objective))


@st.composite
def _named(draw: st.DrawFn, usual: str, taken: Collection[str], awkward: bool) -> str:
    name = draw(st.sampled_from(AWKWARD)) if awkward and draw(st.integers(0, 11)) == 11 else usual
    return usual if name in taken else name


# -- data ---------------------------------------------------------------------------------------------------------


@st.composite
def _data(
    draw: st.DrawFn, ops: Collection[str], awkward: bool, labelled: bool, positions: bool
) -> tuple[tree.Data, dict[str, Type]]:
    """A `data` clause, and the types it binds."""
    kinds = ["features", "image", "image", "two"] + ([] if labelled else ["numbers"])
    kinds += ["features", "image", "tokens"] + ([] if labelled else ["text"]) if "embedding" in ops else []
    kind = "text" if positions else draw(st.sampled_from(kinds))
    classes = draw(st.integers(2, WIDTH))
    target = Tensor((classes - 1,)) if kind == "numbers" else Label(classes)
    source, types = "synthetic", [*draw(_inputs(kind, classes)), target]
    if kind == "text":
        length = draw(st.integers(1, 3))
        source, types = "text", [Tensor((length,), "i64", classes), Label(classes, (length,))]
    elif kind == "tokens":
        source = "npz"
    elif draw(st.integers(0, 9)) == 9:
        types.insert(1, draw(st.sampled_from([Tensor((1,)), Tensor(())])))
    data: dict[str, Type] = {}
    for number, type_ in enumerate(types):
        last = number == len(types) - 1
        usual = ("label" if isinstance(type_, Label) else "wanted") if last else ("image", "other", "more")[number]
        data[draw(_named(usual, data, awkward))] = type_
    written = source != "text"
    bindings = tuple(tree.Binding(name, _written_type(type_) if written else None) for name, type_ in data.items())
    return tree.Data(bindings, _source(source, types[0])), data


@st.composite
def _published(draw: st.DrawFn, awkward: bool) -> tuple[tree.Data, dict[str, Type]]:
    """A `data` clause of a published set, whose types may be written."""
    source = draw(st.sampled_from(list(PUBLISHED)))
    image = draw(_named("image", (), awkward))
    data: dict[str, Type] = {image: Tensor(PUBLISHED[source])}
    data[draw(_named("label", data, awkward))] = Label(10)
    written = draw(st.booleans())
    bindings = tuple(tree.Binding(name, _written_type(type_) if written else None) for name, type_ in data.items())
    return tree.Data(bindings, tree.Call(source, ())), data


@st.composite
def _inputs(draw: st.DrawFn, kind: str, classes: int) -> list[Type]:
    if kind == "tokens":
        return [Tensor((draw(st.integers(1, 3)),), "i64")]
    if kind == "image":
        return [Tensor((draw(st.integers(1, 2)), draw(st.integers(2, 4)), draw(st.integers(2, 4))))]
    return [Tensor((draw(st.integers(classes, WIDTH + 1)),)) for _ in range(2 if kind == "two" else 1)]


def _source(name: str, first: Type) -> tree.Call:
    if name == "synthetic":
        return call(name, {"examples": 20})
    file = tree.Argument(None, tree.String("examples.npz" if name == "npz" else "poems.txt"))
    if name == "npz":
        return tree.Call(name, (file,))
    assert isinstance(first, Tensor) and first.classes is not None
    more = call(name, {"context": first.shape[0], "classes": first.classes})
    return tree.Call(name, (file, *more.arguments))


def _written_type(type_: Type) -> tree.TypeExpr:
    if isinstance(type_, Label):
        return tree.TypeExpr("class", (tree.Number(type_.classes),))
    assert isinstance(type_, Tensor)
    return tree.TypeExpr(type_.dtype, tuple(tree.Number(size) for size in type_.shape))


# -- blocks -------------------------------------------------------------------------------------------------------


@st.composite
def _one_of(draw: st.DrawFn, values: Sequence[Typed]) -> Typed:
    """Some value, by a choice that does not depend on how many there are: what is drawn next stands when a block falls away."""
    return values[draw(st.integers(0, 2 * len(BLOCKS))) % len(values)]


@st.composite
def _block(draw: st.DrawFn, sketch: Sketch, usual: str) -> Sketch:
    """One more block, or a chain of them."""
    name = draw(_named(usual, sketch.taken, sketch.awkward))
    first = draw(_one_of(sketch.values[::-1]))
    second = draw(_one_of(sketch.values)) if draw(st.integers(0, 5)) == 5 else first
    value = _numbers(first)
    sources = {_name(first.expr), _name(second.expr)}
    if second is not first:
        value = _joined([value, _numbers(second)], bool(sketch.positions))
    recipe = draw(_layers(value.type, sketch.ops))
    count = draw(length(recipe, value, sketch.chains))
    if second is not first or first.type.dtype != "f32":
        count = None
    made = follow(recipe, value, f"{usual}_part")
    clause = tree.Block(name, None if count is None else tree.Number(count), made.expr)
    inside = draw(st.integers(1, count - 1)) if count is not None and count > 1 and draw(st.booleans()) else None
    more = [Typed(tree.Name(name), made.type)]
    more += [Typed(tree.Indexed(name, tree.Number(inside)), made.type)] if inside is not None else []
    values = (*sketch.values, *more[::-1])
    functions = (*sketch.functions, *made.functions)
    return replace(
        sketch, values=values, functions=functions, blocks=(*sketch.blocks, clause), read=sketch.read | sources
    )


@st.composite
def length(draw: st.DrawFn, recipe: Recipe, value: Typed, wanted: bool) -> int | None:
    """How many blocks a chain may have; None for a block that is none."""
    if not wanted and draw(st.integers(0, 3)) < 3:
        return None
    try:
        made = follow(recipe, value)
        once, again = made.type, follow(recipe, Typed(value.expr, made.type)).type
    except Misfit:
        return None
    if once != value.type and any(isinstance(node, tree.Call) and node.name == "opaque" for node in walk(made.expr)):
        return None  # the box would be given other shapes in the blocks that follow, and the program says one
    return draw(st.integers(3 if wanted else 1, 5)) if again == once else None


@st.composite
def _layers(draw: st.DrawFn, type_: Tensor, ops: Collection[str]) -> Recipe:
    """A layer with weights (in most cases) and what comes after it."""
    kind = draw(st.integers(0, 5))
    first: Recipe = ()
    convolutions = {"conv", "conv_transpose", "depthwise_conv"} & set(ops)
    if kind < 5 and len(type_.shape) == 3 and (kind < 1 or not convolutions):
        first = (Apply("flatten"), Apply("linear", (("outputs", draw(st.integers(1, WIDTH))),)))
    elif kind < 5 and len(type_.shape) == 3:
        first = (draw(operations(type_, convolutions)),)
    elif kind < 5 and type_.shape:
        first = (draw(operations(type_, {"linear"})),)
    return (*first, *draw(recipes(follow(first, Typed(tree.Name("x"), type_)).type, ops)))


def _numbers(value: Typed) -> Typed:
    """Tokens become rows of numbers, with their positions."""
    if value.type.dtype == "f32":
        return value
    tokens = () if value.type.classes is not None else (("tokens", 3),)
    rows: Recipe = (Apply("embedding", (("width", 2), *tokens)),)
    return follow((Branch("add", (rows, (Apply("position", (("width", 2),)),))),), value)


def _joined(values: Sequence[Typed], along_positions: bool) -> Typed:
    """Several values as one: their sum where they have one shape, else side by side."""
    if len(values) == 1:
        return values[0]
    if all(value.type == values[0].type for value in values):
        return applied("add", values, {})
    if along_positions:
        return applied("concat", values, {"axis": 1})
    flat = [value if len(value.type.shape) == 1 else follow((Apply("flatten"),), value) for value in values]
    return applied("concat", flat, {})


# -- objective ----------------------------------------------------------------------------------------------------


@st.composite
def _output(draw: st.DrawFn, sketch: Sketch) -> tuple[tuple[tree.Def, ...], tree.Block, tree.Objective]:
    """The output block, with functions it uses, which reads whatever nothing else reads, and what it is scored by."""
    name = draw(_named("readout", sketch.taken, sketch.awkward))
    value = _joined([_numbers(end) for end in sketch.ends], bool(sketch.positions))
    if draw(st.integers(0, 3)) == 3:
        value = follow(draw(_layers(value.type, sketch.ops)), value, "readout_part")
    image = next((v for v in sketch.values if v.type.dtype == "f32" and _name(v.expr) in sketch.data), None)
    if image is not None and not sketch.labelled and draw(st.integers(0, 9)) == 9:
        made, target = draw(_drawn_again(value, image))
        return _scored(name, made, "mse", target)
    target = tree.Name(list(sketch.data)[-1])
    biased = not seldom(draw)
    if isinstance(sketch.target, Label):
        made = _linear(value, sketch.target.classes, bool(sketch.positions), biased)
        return _scored(name, made, "cross_entropy", target)
    assert isinstance(sketch.target, Tensor)
    loss = draw(st.sampled_from(["mse", "binary_cross_entropy"]))
    return _scored(name, _linear(value, sketch.target.size, False, biased), loss, target)


def _linear(value: Typed, outputs: int, positions: bool, biased: bool = True) -> Typed:
    flat: Recipe = () if positions or len(value.type.shape) == 1 else (Apply("flatten"),)
    bias = () if biased else (("bias", False),)
    return follow((*flat, Apply("linear", (("outputs", outputs), *bias))), value)


@st.composite
def _drawn_again(draw: st.DrawFn, value: Typed, image: Typed) -> tuple[Typed, tree.Expr]:
    """An autoencoder: the prediction and the input it should equal, both flat or both as the input is."""
    made = _linear(value, prod(image.type.shape), False)
    if draw(st.booleans()):
        return follow((Apply("reshape", (("sizes", image.type.shape),)),), made), image.expr
    return made, tree.Pipe(image.expr, tree.Name("flatten"))


def _scored(
    name: str, value: Typed, loss: str, target: tree.Expr
) -> tuple[tuple[tree.Def, ...], tree.Block, tree.Objective]:
    scored = tree.Call(loss, (tree.Argument(None, tree.Name(name)), tree.Argument(None, target)))
    return value.functions, tree.Block(name, None, value.expr), tree.Objective(scored)
