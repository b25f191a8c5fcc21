"""Hypothesis strategies for trees: every tree drawn is one that a text can give."""

from __future__ import annotations

import string
from functools import cache
from typing import Any

from hypothesis import strategies as st

from lpc.syntax import tree
from lpc.syntax.words import KEYWORDS, SELECTOR_WORDS, UNITS, VARIANT_KEYWORDS

LETTERS = string.ascii_letters + "_"
WORDS = ("with", "on", "stage", "within", "after", "steps", "up", "to", "for", "in", "as", "class_", "relu", "e3", "x")

names = st.one_of(
    st.sampled_from([*WORDS, "x", "hidden1", "blockone", "data2", "True", "import"]),
    st.builds(lambda head, tail: head + tail, st.sampled_from(LETTERS), st.text(LETTERS + string.digits, max_size=9)),
).filter(lambda name: name not in KEYWORDS)
free_names = names.filter(lambda name: name not in SELECTOR_WORDS)
strings = st.text(
    st.one_of(st.characters(exclude_categories=("C", "Z")), st.sampled_from(' \n\t"\\#{}()日本')), max_size=12
)
values = st.one_of(
    st.integers(0, 10**18 - 1), st.floats(0, allow_nan=False, allow_infinity=False).map(abs), st.just(1e-3)
)

leaves: st.SearchStrategy[tree.Expr] = st.one_of(
    st.builds(tree.Number, values),
    st.builds(tree.Quantity, values, st.sampled_from(list(UNITS))),
    st.builds(tree.String, strings),
    st.builds(tree.Name, names),
)


def arguments(expr: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[tree.Argument, ...]]:
    positional = st.lists(st.builds(tree.Argument, st.none(), expr), max_size=3)
    named = st.lists(st.builds(tree.Argument, names, expr), max_size=3, unique_by=lambda a: a.name)
    return st.builds(lambda first, rest: (*first, *rest), positional, named)


def calls(expr: st.SearchStrategy[Any]) -> st.SearchStrategy[tree.Call]:
    return st.builds(tree.Call, names, arguments(expr))


def larger(expr: st.SearchStrategy[tree.Expr]) -> st.SearchStrategy[tree.Expr]:
    stages = st.one_of(st.builds(tree.Name, names), calls(expr))
    return st.one_of(
        st.builds(tree.ListExpr, st.lists(expr, max_size=4).map(tuple)),
        calls(expr),
        st.builds(tree.Indexed, names, expr, st.none() | expr),
        st.builds(tree.Pipe, expr, stages),
        st.builds(_pipeline, expr, st.lists(stages, min_size=2, max_size=9)),
        st.builds(tree.Binary, st.sampled_from("+-*/"), expr, expr),
        st.builds(tree.Negative, expr),
    )


def _pipeline(source: tree.Expr, stages: list[Any]) -> tree.Expr:
    for stage in stages:
        source = tree.Pipe(source, stage)
    return source


@cache
def nodes(depth: int) -> st.SearchStrategy[tree.Expr]:
    return larger(expressions(depth - 1))


@st.composite
def expressions(draw: st.DrawFn, depth: int) -> tree.Expr:
    """Expressions at most so deep, most of them small."""
    return draw(nodes(depth) if depth and draw(st.integers(0, 2)) else leaves)


exprs = expressions(3)
small = expressions(1)
uses = calls(small)

selectors = st.one_of(
    st.builds(tree.Selector, names),
    st.builds(tree.Selector, names, small, st.none() | small),
)
some_selectors = st.lists(selectors, min_size=1, max_size=4).map(tuple)
options = st.lists(st.builds(tree.Option, names, small), min_size=1, max_size=6, unique_by=lambda o: o.name).map(tuple)
types = st.builds(tree.TypeExpr, names, st.lists(small, max_size=3).map(tuple))
bindings = st.lists(
    st.builds(tree.Binding, names, st.none() | types), min_size=1, max_size=3, unique_by=lambda b: b.name
).map(tuple)
parameters = st.lists(st.builds(tree.Parameter, names, st.none() | small), max_size=4, unique_by=lambda p: p.name).map(
    tuple
)

CLAUSES: dict[str, st.SearchStrategy[Any]] = {
    "let": st.builds(tree.Let, names, exprs),
    "def": st.builds(tree.Def, names, parameters, exprs),
    "data": st.builds(tree.Data, bindings, uses),
    "block": st.builds(tree.Block, free_names, st.none() | small, exprs),
    "objective": st.builds(tree.Objective, uses),
    "learn": st.builds(tree.Learn, some_selectors, uses),
    "place": st.one_of(st.builds(tree.Place, options), st.builds(tree.Place, st.just(()), some_selectors, small)),
    "train": st.builds(tree.Train, options),
    "measure": st.builds(
        tree.Measure, st.lists(uses, min_size=1, max_size=4, unique_by=lambda use: use.name).map(tuple)
    ),
    "claim": st.builds(
        tree.Claim,
        names,
        st.sampled_from(["=", "!="]),
        names,
        st.none() | small,
        st.none() | small,
        st.none() | names,
        st.lists(st.builds(tree.Range, names, small, small), max_size=3, unique_by=lambda r: r.name).map(tuple),
        st.none() | st.tuples(names, small),
    ),
}
inner = st.sampled_from(VARIANT_KEYWORDS).flatmap(lambda keyword: CLAUSES[keyword])
CLAUSES["variant"] = st.builds(tree.Variant, free_names, st.lists(inner, max_size=3).map(tuple))


@st.composite
def some_clause(draw: st.DrawFn) -> tree.Clause:
    return draw(CLAUSES[draw(st.sampled_from(list(CLAUSES)))])  # type: ignore[no-any-return]


clauses = some_clause()
files = st.builds(lambda name, rest: tree.File((tree.Network(name), *rest)), names, st.lists(clauses, max_size=6))
