"""The operation catalogue. Operations of other packages are found through the entry-point group `lpc.ops`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from lpc.ir.op import Operation
from lpc.ir.ops import (
    activation,
    combine,
    convolution,
    dense,
    foreign,
    graph,
    norm,
    pooling,
    sequence,
    shape,
)
from lpc.plugins import PluginError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

FAMILIES = (dense, convolution, pooling, norm, activation, shape, sequence, graph, combine, foreign)

OPERATIONS: dict[str, Operation] = {entry.name: entry for family in FAMILIES for entry in family.ENTRIES}
"""The operations that come with lpc, by name, in the order `lpc ops` lists them."""


class BadPlugin(PluginError):
    """A package's operation cannot be used: its name is taken, or what it names is no operation."""


def find(name: str) -> Operation | None:
    """The operation of that name, or None. Looks at other packages only when lpc has none, and loads no other name."""
    if name in OPERATIONS:
        return OPERATIONS[name]
    point = _points().get(name)
    return _load(point) if point else None


def operation_of(kind: str) -> Operation:
    """The operation of a node that is bound already; KeyError where there is none, which is a bug."""
    found = find(kind)
    if found is None:
        raise KeyError(f"no operation `{kind}`")
    return found


def names() -> tuple[str, ...]:
    """Every name there is, without loading what is behind those of other packages."""
    return (*OPERATIONS, *_points())


def every() -> dict[str, Operation]:
    """All operations, those of other packages last."""
    return OPERATIONS | {name: _load(point) for name, point in _points().items()}


@cache
def _points() -> dict[str, EntryPoint]:
    """Entry points of other packages by name, sorted; raises BadPlugin when two packages give one name."""
    from importlib.metadata import entry_points  # loads an e-mail parser: most programs need no other package

    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group="lpc.ops"), key=lambda point: (point.name, _package(point))):
        taken = "lpc" if point.name in OPERATIONS else _package(found[point.name]) if point.name in found else None
        if taken:
            raise BadPlugin(f"the operation `{point.name}` comes from two packages, {taken} and {_package(point)}")
        found[point.name] = point
    return found


def _load(point: EntryPoint) -> Operation:
    try:
        loaded = point.load()
    except Exception as problem:  # a package of somebody else's may fail in any way
        raise BadPlugin(f"the operation `{point.name}` of {_package(point)} cannot be loaded: {problem}") from problem
    if not isinstance(loaded, Operation) or loaded.name != point.name:
        raise BadPlugin(f"`{point.value}` of {_package(point)} is not an operation named `{point.name}`")
    return loaded


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.value
