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
from lpc.plugins import entries, loaded, unfit

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

FAMILIES = (dense, convolution, pooling, norm, activation, shape, sequence, graph, combine, foreign)

OPERATIONS: dict[str, Operation] = {entry.name: entry for family in FAMILIES for entry in family.ENTRIES}
"""The operations that come with lpc, by name, in the order `lpc ops` lists them."""


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
    """Entry points of other packages by name; raises PluginError when two packages give one name."""
    return entries("lpc.ops", "operation", OPERATIONS)


def _load(point: EntryPoint) -> Operation:
    found = loaded(point, "operation")
    if not isinstance(found, Operation) or found.name != point.name:
        raise unfit(point, "operation")
    return found
