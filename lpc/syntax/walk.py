"""Walks over a tree with a stack of their own: expressions may be 200 deep, and Python's recursion is not asked."""

from __future__ import annotations

from collections.abc import Iterator

from lpc.syntax import tree


def children(node: tree.Node) -> list[tree.Node]:
    """The nodes directly inside a node, in the order of the text."""
    found: list[tree.Node] = []
    for name in tree.compared(type(node)):
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
