"""Changing a tree in some places: nodes are counted as `walk` gives them, the tree itself as number 0."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import count
from typing import Any, TypeVar

from lpc.syntax import tree
from lpc.syntax.walk import walk

N = TypeVar("N", bound=tree.Node)


def numbered(node: tree.Node, wanted: Callable[[tree.Node], bool]) -> list[tuple[int, tree.Node]]:
    """The nodes inside a node that are wanted, with their numbers."""
    return [(number, inside) for number, inside in enumerate(walk(node)) if wanted(inside)]


def replaced(node: N, changes: Mapping[int, tree.Node]) -> N:
    """The tree with other nodes where `changes` says; what those hold is not looked into."""
    return _replaced(node, changes, count()) if changes else node  # type: ignore[return-value]


def _replaced(node: tree.Node, changes: Mapping[int, tree.Node], numbers: Iterator[int]) -> tree.Node:
    number = next(numbers)
    if number in changes:
        for _ in range(sum(1 for _ in walk(node)) - 1):
            next(numbers)
        return changes[number]
    made: dict[str, Any] = {}
    for name in tree.compared(type(node)):
        value = getattr(node, name)
        if isinstance(value, tree.Node):
            made[name] = _replaced(value, changes, numbers)
        elif isinstance(value, tuple):
            made[name] = tuple(
                _replaced(item, changes, numbers) if isinstance(item, tree.Node) else item for item in value
            )
    return replace(node, **made)
