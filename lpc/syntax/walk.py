"""Walks over a tree with a stack of their own: expressions may be 200 deep, and Python's recursion is not asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from lpc.syntax import tree


def children(node: tree.Node) -> list[tree.Node]:
    """The nodes directly inside a node, in the order of the text."""
    found: list[tree.Node] = []
    for name in _names(type(node)):
        value = getattr(node, name)
        if isinstance(value, tree.Node):
            found.append(value)
        elif isinstance(value, tuple):
            found += [item for item in value if isinstance(item, tree.Node)]
    return found


def walk(node: tree.Node) -> Iterator[tree.Node]:
    """The node and all nodes inside it, each before what it holds, in the order of the text."""
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        stack += reversed(children(node))


def same(left: tree.Node, right: tree.Node) -> bool:
    """Whether two trees are equal, spans ignored: `left == right` for trees of any depth."""
    stack: list[tuple[object, object]] = [(left, right)]
    while stack:
        a, b = stack.pop()
        if type(a) is not type(b):
            return False
        if isinstance(a, tree.Node):
            stack += [(getattr(a, name), getattr(b, name)) for name in _names(type(a))]
        elif isinstance(a, tuple) and isinstance(b, tuple):
            if len(a) != len(b):
                return False
            stack += zip(a, b, strict=True)
        elif a != b:
            return False
    return True


_NAMES: dict[type[tree.Node], tuple[str, ...]] = {}


def _names(kind: type[tree.Node]) -> tuple[str, ...]:
    """The fields of a node class that count: those that `==` compares."""
    if kind not in _NAMES:
        _NAMES[kind] = tuple(field.name for field in fields(kind) if field.compare)
    return _NAMES[kind]
