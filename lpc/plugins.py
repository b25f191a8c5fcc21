"""What other packages add through entry points, and what happens when that fails."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

DOTTED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*):([A-Za-z_][A-Za-z0-9_]*)")


class PluginError(Exception):
    """Another package's rule, operation or data source cannot be used: its name is taken, or its entry is not what it should be."""


def entries(group: str, what: str, own: Collection[str]) -> dict[str, EntryPoint]:
    """The entry points of a group by name, sorted; nothing is imported. `own`: the names that lpc has taken itself.

    Raises PluginError where two packages give one name.
    """
    from importlib.metadata import entry_points  # loads an e-mail parser: most programs need no other package

    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=group), key=lambda point: (point.name, package(point), point.value)):
        taken = "lpc" if point.name in own else package(found[point.name]) if point.name in found else None
        if taken and not (point.name in found and found[point.name].value == point.value):
            raise PluginError(f"the {what} `{point.name}` comes from two packages, {taken} and {package(point)}")
        found[point.name] = point
    return found


def loaded(point: EntryPoint, what: str) -> object:
    """What an entry names. Raises PluginError where that does not load."""
    try:
        return point.load()
    except Exception as problem:  # a package of somebody else's may fail in any way
        raise PluginError(f"the {what} `{point.name}` of {package(point)} cannot be loaded: {problem}") from problem


def unfit(point: EntryPoint, what: str) -> PluginError:
    """The error of an entry that names something else than a thing of its kind and name."""
    return PluginError(f"`{point.value}` of {package(point)} is no {what} named `{point.name}`")


def package(point: EntryPoint) -> str:
    """What to install for an entry; where Python does not know, what the entry names."""
    return point.dist.name if point.dist else point.value


def module_and_name(written: str) -> tuple[str, str] | None:
    """`"lab.devices:Cavity"` as `("lab.devices", "Cavity")`, which can be printed into an import; None for all but plain dotted names."""
    match = DOTTED.fullmatch(written)
    if match is None or any(keyword.iskeyword(word) for word in re.split(r"[.:]", written)):
        return None
    return match[1], match[2]
