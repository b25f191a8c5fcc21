"""Programs with mistakes: sound ones, damaged as a tree or as a text. Now and then one is legal still."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from hypothesis import strategies as st

from lpc.laws.rewriting import numbered, replaced
from lpc.rules import registry
from lpc.syntax import tree
from lpc.syntax.format import format_file
from lpc.syntax.walk import walk
from lpc.syntax.words import KEYWORDS, UNITS

TOKEN = re.compile(r'"[^"\n]*"|[A-Za-z_0-9.]+%?|->|\.\.|\s+|\S')
ODD: Sequence[tree.Expr] = (
    tree.Number(0),
    tree.Number(1.5),
    tree.Number(10**30),
    tree.Number(1e300),
    tree.Number(12345),
    tree.Negative(tree.Number(3)),
    tree.Quantity(10, "%"),
    tree.Quantity(2, "GiB"),
    tree.String("text"),
    tree.String(""),
    tree.Name("nothing"),
    tree.Name("true"),
    tree.ListExpr(()),
    tree.ListExpr((tree.Number(2), tree.Name("x"))),
    tree.Call("linear", (tree.Argument(None, tree.Number(2)),)),
    tree.Call("search", (tree.Argument(None, tree.Number(1)), tree.Argument(None, tree.Number(8)))),
    tree.Call("classes", (tree.Argument(None, tree.Name("image")),)),
    tree.Indexed("a", tree.Number(2)),
    tree.Binary("/", tree.Number(1), tree.Number(0)),
)
"""What is seldom right."""
EXTRA: Sequence[tree.Argument | tree.Clause] = (
    tree.Argument("lr", tree.Number(0.1)),
    tree.Argument("optimizer", tree.Name("adam")),
    tree.Argument("nesterov", tree.Name("true")),
    tree.Argument("validation", tree.Number(10**6)),
    tree.Argument("augment", tree.Name("flip")),
    tree.Argument("among", tree.ListExpr((tree.Name(registry.PLANNED[0]),))),
    tree.Argument("edges", tree.Name("image")),
    tree.Let("p", tree.Binary("/", tree.Number(7), tree.Number(2))),
    tree.Let("q", tree.Binary("+", tree.Name("q"), tree.Number(1))),
    tree.Def("again", (tree.Parameter("x"),), tree.Pipe(tree.Name("x"), tree.Name("again"))),
    tree.Block("d", tree.Number(3), tree.Binary("+", tree.Name("a"), tree.Name("b"))),
    tree.Block("e", tree.Number(10**6), tree.Name("a")),
    tree.Learn((tree.Selector("all"),), tree.Call(next(iter(registry.BUILT_IN)), ())),
    tree.Learn((tree.Selector("a", tree.Number(2), tree.Number(1)),), tree.Call(registry.PLANNED[0], ())),
    tree.Place(options=(tree.Option("stages", tree.Number(9)),)),
    tree.Place(selectors=(tree.Selector("a"),), stage=tree.Number(2)),
    tree.Train((tree.Option("patience", tree.Number(2)),)),
    tree.Measure((tree.Call("carbon", ()),)),
    tree.Claim("base", "=", "base"),
    tree.Claim("other", "=", "base", after=tree.Number(0)),
    tree.Variant("other", ()),
)
"""What there may be one too many of."""
WORDS = (
    "nothing",
    "all",
    "rest",
    "true",
    "image",
    "label",
    "a",
    "readout",
    "linear",
    "relu",
    "search",
    "x",
    "auto",
    "é",
)
PIECES = (
    *KEYWORDS, *WORDS, "->", "+", "-", "*", "/", "(", ")", "[", "]", "{", "}", ",", "=", "..", ":", '"', "#", "%", "'",
    "\\", "0", "-1", "2.5", "1e300", "10%", '"x"', "with", "on", "stage", "\u200b", "\x00", "\n", "\r", "\t", "\ufeff",
    "\U0001d4cd", *list(UNITS)[:4],
)  # fmt: skip
NAMED = (
    tree.Name, tree.Indexed, tree.Call, tree.Argument, tree.Binding, tree.Let, tree.Parameter, tree.Def,
    tree.Block, tree.Selector, tree.Option, tree.Variant,
)  # fmt: skip


@st.composite
def broken_texts(draw: st.DrawFn, file: tree.File) -> str:
    """The text of a program, damaged once to three times."""
    ways = draw(st.lists(st.sampled_from(["tree", "words", "characters"]), min_size=1, max_size=3))
    for _ in range(ways.count("tree")):
        file = draw(draw(st.sampled_from(DAMAGES))(file))
    text = format_file(file)
    for way in ways:
        if way != "tree":
            pieces = TOKEN.findall(text) if way == "words" else list(text)
            text = "".join(draw(_jumbled(pieces)))
    return text


@st.composite
def _jumbled(draw: st.DrawFn, pieces: list[str]) -> list[str]:
    """Pieces of a text, one of them dropped, doubled, swapped with another, replaced, or the last."""
    if not pieces:
        return [draw(st.sampled_from(PIECES))]
    at, other = (draw(st.integers(0, len(pieces) - 1)) for _ in range(2))
    match draw(st.sampled_from(["drop", "double", "swap", "replace", "insert", "cut"])):
        case "drop":
            pieces[at] = ""
        case "double":
            pieces[at] *= 2
        case "swap":
            pieces[at], pieces[other] = pieces[other], pieces[at]
        case "replace":
            pieces[at] = draw(st.sampled_from(PIECES))
        case "insert":
            pieces.insert(at, draw(st.sampled_from(PIECES)))
        case _:
            pieces = pieces[:at]
    return pieces


# -- damage to a tree ---------------------------------------------------------------------------------------------


@st.composite
def renamed(draw: st.DrawFn, file: tree.File) -> tree.File:
    """One name is another: one of the file's, or one that means nothing."""
    found = numbered(file, lambda node: isinstance(node, NAMED) and node.name is not None)
    if not found:
        return file
    at, node = draw(st.sampled_from(found))
    others = sorted({str(other.name) for _, other in found if isinstance(other, NAMED)})
    return replaced(file, {at: replace(node, name=draw(st.sampled_from([*WORDS, *others])))})  # type: ignore[call-arg]


@st.composite
def misvalued(draw: st.DrawFn, file: tree.File) -> tree.File:
    """One expression is another: what is seldom right, or one that stands elsewhere."""
    fixed = {id(part) for node in walk(file) for part in _calls_of(node)}
    found = numbered(file, lambda node: isinstance(node, tree.Expr) and id(node) not in fixed)
    if not found:
        return file
    at, _ = draw(st.sampled_from(found))
    return replaced(file, {at: draw(st.sampled_from([*ODD, *(node for _, node in found)]))})


def _calls_of(node: tree.Node) -> Sequence[tree.Node]:
    """The parts of a node that only a name or a call can be."""
    match node:
        case tree.Pipe():
            return (node.right,)
        case tree.Data():
            return (node.source,)
        case tree.Objective():
            return (node.loss,)
        case tree.Learn():
            return (node.rule,)
        case tree.Measure():
            return node.items
        case _:
            return ()


@st.composite
def dropped(draw: st.DrawFn, file: tree.File) -> tree.File:
    """A clause, an argument, an option or a stage is missing, or there twice."""
    again = draw(st.booleans())

    def changed(parts: tuple[tree.Node, ...]) -> tuple[tree.Node, ...]:
        at = draw(st.integers(0, len(parts) - 1))
        return (*parts[:at], *((parts[at], parts[at]) if again else ()), *parts[at + 1 :])

    holders = numbered(file, lambda node: bool(_parts(node)))
    if not holders:
        return file
    at, node = draw(st.sampled_from(holders))
    if isinstance(node, tree.Pipe):
        return replaced(file, {at: replace(node, left=node) if again else node.left})
    name = _parts(node)
    return replaced(file, {at: replace(node, **{name: changed(getattr(node, name))})})  # type: ignore[arg-type]


def _parts(node: tree.Node) -> str:
    """The field that holds a node's arguments, options or clauses; "" where there are none to drop."""
    match node:
        case tree.File(clauses) | tree.Variant(_, clauses) if clauses:
            return "clauses"
        case tree.Call(_, arguments) if arguments:
            return "arguments"
        case tree.Train(options) if len(options) > 1:
            return "options"
        case tree.Data(bindings) if len(bindings) > 1:
            return "bindings"
        case tree.Learn(selectors) if len(selectors) > 1:
            return "selectors"
        case tree.Measure(items) if len(items) > 1:
            return "items"
        case tree.TypeExpr(_, sizes) if sizes:
            return "sizes"
        case tree.Def(_, parameters) if len(parameters) > 1:
            return "parameters"
        case tree.Pipe():
            return "left"
        case _:
            return ""


@st.composite
def swapped(draw: st.DrawFn, file: tree.File) -> tree.File:
    """Two parts of one kind change places: two blocks' expressions, two arguments, two numbers."""
    kind = draw(st.sampled_from([tree.Argument, tree.Number, tree.Call, tree.Binding, tree.Block, tree.Selector]))
    found = numbered(file, lambda node: isinstance(node, kind))
    if len(found) < 2:
        return file
    (at, one), (to, other) = draw(st.sampled_from(found)), draw(st.sampled_from(found))
    if isinstance(one, tree.Block) and isinstance(other, tree.Block):
        return replaced(file, {at: replace(one, expr=other.expr), to: replace(other, expr=one.expr)})
    return replaced(file, {at: other, to: one})


@st.composite
def added(draw: st.DrawFn, file: tree.File) -> tree.File:
    """A clause more, or an argument of some call."""
    more = draw(st.sampled_from(EXTRA))
    calls = numbered(file, lambda node: isinstance(node, tree.Call))
    if not isinstance(more, tree.Argument):
        at = draw(st.integers(0, len(file.clauses)))
        return tree.File((*file.clauses[:at], more, *file.clauses[at:]))
    if not calls:
        return file
    number, call = draw(st.sampled_from(calls))
    assert isinstance(call, tree.Call)
    return replaced(file, {number: replace(call, arguments=(*call.arguments, more))})


DAMAGES: tuple[Callable[[tree.File], st.SearchStrategy[tree.File]], ...] = (renamed, misvalued, dropped, swapped, added)
