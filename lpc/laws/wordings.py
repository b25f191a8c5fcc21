"""The same program in other words: lets, searches and arithmetic for numbers, functions for parts of blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod

from hypothesis import strategies as st

from lpc.laws.expressions import seldom
from lpc.laws.rewriting import numbered, replaced
from lpc.laws.settings import blocks_of, data_of, written_sizes
from lpc.passes.spines import stages
from lpc.syntax import tree
from lpc.syntax.walk import walk

LETS = ("width", "depth", "rate")
FUNCTIONS = ("layer_of", "again")


# -- numbers ------------------------------------------------------------------------------------------------------


@st.composite
def lets(draw: st.DrawFn, file: tree.File) -> tree.File:
    """Some numbers get names, and some of those are worked out from others."""
    made: list[tree.Let] = []
    for name in LETS[: draw(st.integers(0, 3))]:
        number, old = draw(_numbers(file))
        everywhere = draw(st.booleans())
        places = [at for at, node in numbered(file, _is_number) if at == number or (everywhere and _same(node, old))]
        known = [let.name for let in made if _same(let.value, old)]
        typed = set(places) <= _in_blocks(file)
        written = tree.Name(known[0]) if known and seldom(draw, 2) else draw(_sums(old, file, typed))
        file = replaced(file, dict.fromkeys(places, tree.Name(name)))
        made.append(tree.Let(name, written))
    return tree.File((*file.clauses[:1], *made, *file.clauses[1:]))


@st.composite
def searches(draw: st.DrawFn, file: tree.File) -> tree.File:
    """A number or two are searched for; what stands in for the search is the number."""
    for _ in range(draw(st.integers(1, 2))):
        number, old = draw(_numbers(file, _whole_value(file)))
        file = replaced(file, {number: draw(_search(old.value))})
    return file


@st.composite
def sums(draw: st.DrawFn, file: tree.File) -> tree.File:
    """A number or two are worked out where they stand, perhaps from the types of data."""
    for _ in range(draw(st.integers(1, 2))):
        inside = _in_blocks(file)
        asked = [(at, _asked(node, file)) for at, node in numbered(file, _is_number) if at in inside]
        if (found := [(at, call) for at, calls in asked for call in calls]) and seldom(draw, 2):
            number, made = draw(st.sampled_from(found))
            file = replaced(file, {number: made})
        else:
            number, old = draw(_numbers(file))
            file = replaced(file, {number: draw(_sums(old, file, number in inside))})
    return file


def _is_number(node: tree.Node) -> bool:
    return isinstance(node, tree.Number)


def _same(node: tree.Node, other: tree.Number) -> bool:
    """The same number: `1` is not `1.0`, which counts nothing."""
    return isinstance(node, tree.Number) and (type(node.value), node.value) == (type(other.value), other.value)


def _whole_value(file: tree.File) -> Callable[[tree.Node], bool]:
    """Whether a number is all of an argument or option of the file: not part of a list, a sum, a selector or a search."""
    calls = [node for node in walk(file) if isinstance(node, tree.Call) and node.name == "search"]
    searched = {id(argument) for call in calls for argument in call.arguments}

    def wanted(node: tree.Node) -> bool:
        return isinstance(node, tree.Argument | tree.Option) and _is_number(node.value) and id(node) not in searched

    return wanted


def _in_blocks(file: tree.File) -> set[int]:
    """The numbers of the nodes in blocks' expressions: there, a value may ask for types."""
    found: set[int] = set()
    number = 1
    for clause in file.clauses:
        after = number + len(list(walk(clause)))
        if isinstance(clause, tree.Block):
            found.update(range(after - len(list(walk(clause.expr))), after))
        number = after
    return found


@st.composite
def _numbers(
    draw: st.DrawFn, file: tree.File, wanted: Callable[[tree.Node], bool] = _is_number
) -> tuple[int, tree.Number]:
    """One of the file's numbers, and where it stands: itself wanted, or the value of what is."""
    found = numbered(file, wanted)
    number, node = draw(st.sampled_from(found))
    if isinstance(node, tree.Number):
        return number, node
    assert isinstance(node, tree.Argument | tree.Option) and isinstance(node.value, tree.Number)
    return number + 1, node.value


@st.composite
def _sums(draw: st.DrawFn, old: tree.Number, file: tree.File, typed: bool) -> tree.Expr:
    """An expression that comes to the number. `typed`: it may ask for types."""
    v = old.value
    ways: list[tree.Expr] = [old]
    if isinstance(v, int) and v >= 1:
        ways += [
            tree.Binary("+", tree.Number(v - 1), tree.Number(1)),
            tree.Binary("-", tree.Number(v + 2), tree.Number(2)),
            tree.Binary("*", tree.Number(v), tree.Binary("/", tree.Number(6), tree.Number(6))),
            tree.Binary("/", tree.Number(2 * v), tree.Number(2)),
            tree.Negative(tree.Negative(old)),
        ]
        ways += _asked(old, file) if typed else []
    elif isinstance(v, float):
        ways += [tree.Binary("*", old, tree.Number(1)), tree.Binary("/", tree.Number(2 * v), tree.Number(2))]
    return draw(st.sampled_from(ways))


def _asked(old: tree.Node, file: tree.File) -> list[tree.Expr]:
    """What asks for a type of the data and gets the number: `classes(label)`, `size(image)`."""
    assert isinstance(old, tree.Number)
    first, label = data_of(file).bindings[0], data_of(file).bindings[-1]
    found = [("classes", label.name)] if written_sizes(label) == (old.value,) and _kind(label) == "class" else []
    found += [("size", first.name)] if prod(written_sizes(first)) == old.value and _kind(first) == "f32" else []
    return [tree.Call(name, (tree.Argument(None, tree.Name(of)),)) for name, of in found]


def _kind(binding: tree.Binding) -> str:
    return "" if binding.type is None else binding.type.kind


@st.composite
def _search(draw: st.DrawFn, middle: int | float) -> tree.Call:
    """A search for which `middle` stands in."""
    choices: list[tuple[tree.Expr, ...]] = [
        (tree.ListExpr((tree.Number(middle), tree.Number(middle + 1))),),
        (tree.Number(middle), tree.Number(middle + 1), tree.Number(2 * middle + 3)),
    ]
    if isinstance(middle, int) and middle >= 2:
        choices.append((tree.Number(middle - 1), tree.Number(middle + 1)))
        choices.append((tree.Number(middle - 1), tree.Number(middle + 1), tree.Name("int")))
        choices.append((tree.Number(1), tree.Number(middle**2), tree.Name("log"), tree.Name("int")))
    elif isinstance(middle, float) and middle > 0:
        choices.append((tree.Number(middle / 2), tree.Number(2 * middle), tree.Name("log")))
    return tree.Call("search", tuple(tree.Argument(None, item) for item in draw(st.sampled_from(choices))))


# -- functions ----------------------------------------------------------------------------------------------------


@st.composite
def functions(draw: st.DrawFn, file: tree.File) -> tree.File:
    """The last stages of a block or two as functions, some of whose numbers are parameters."""
    made: list[tree.Def] = []
    for name in FUNCTIONS[: draw(st.integers(1, 2))]:
        found = [block for block in blocks_of(file) if isinstance(block.expr, tree.Pipe)]
        if not found:
            break
        block = draw(st.sampled_from(found))
        assert isinstance(block.expr, tree.Pipe)
        head, pipes = stages(block.expr)
        cut = draw(st.integers(0, len(pipes) - 1))
        if any(_reads(pipe.right, file) for pipe in pipes[cut:]):
            continue
        body: tree.Expr = tree.Name("x")
        for pipe in pipes[cut:]:
            body = tree.Pipe(body, pipe.right)
        own, given = draw(_parameters(name, body))
        made.append(own)
        left = pipes[cut - 1] if cut else head
        if seldom(draw):
            use: tree.Expr = tree.Call(name, (tree.Argument(None, left), *given))
        else:
            use = tree.Pipe(left, tree.Call(name, given) if given else tree.Name(name))
        file = tree.File(tuple(replace(block, expr=use) if clause is block else clause for clause in file.clauses))
    return tree.File((*file.clauses[:1], *made, *file.clauses[1:]))


def _reads(stage: tree.Expr, file: tree.File) -> bool:
    """Whether a stage names a block or data."""
    known = {binding.name for binding in data_of(file).bindings} | {block.name for block in blocks_of(file)}
    inside = list(walk(stage))[1:]
    return any(isinstance(node, tree.Name | tree.Indexed) and node.name in known for node in inside)


@st.composite
def _parameters(draw: st.DrawFn, name: str, body: tree.Expr) -> tuple[tree.Def, tuple[tree.Argument, ...]]:
    """The function, and what it is called with: a number by place, another by name, or its default."""
    parameters: list[tree.Parameter] = [tree.Parameter("x")]
    given: list[tree.Argument] = []
    for own, kind in zip(("p", "q")[: draw(st.integers(0, 2))], ("place", "default"), strict=False):
        found = numbered(body, lambda node: isinstance(node, tree.Number))
        if not found:
            break
        at, old = draw(st.sampled_from(found))
        assert isinstance(old, tree.Number)
        body = replaced(body, {at: tree.Name(own)})
        if kind == "place":
            parameters.append(tree.Parameter(own))
            given.append(tree.Argument(None, old))
        else:
            used = draw(st.booleans())
            parameters.append(tree.Parameter(own, tree.Number(old.value + 1) if used else old))
            given += [tree.Argument(own, old)] if used else []
    return tree.Def(name, tuple(parameters), body), tuple(given)
