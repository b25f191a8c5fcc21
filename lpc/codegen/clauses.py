"""Blocks as their program wrote them: what the docstrings of their classes show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lpc.ir.ops import find
from lpc.passes.completion import literal
from lpc.passes.signatures import of_operation
from lpc.syntax import tree
from lpc.syntax.format import print_clause

MOST_LINES = 12
"""Longer clauses are cut: functions can make them very long."""


def block_text(clause: tree.Block) -> list[str]:
    """A block's clause in lines, without arguments that are what they would be anyway."""
    lines = print_clause(replace(clause, expr=_shortened(clause.expr))).split("\n")
    return lines if len(lines) <= MOST_LINES else [*lines[: MOST_LINES - 1], "    ..."]


def docstring_text(text: str) -> str:
    """A text as it can stand between three quotes."""
    return (
        text.replace("\\", "\\\\").replace('"', '\\"') if "\\" in text or '"""' in text or text.endswith('"') else text
    )


def _shortened(node: Any) -> Any:
    """A tree whose calls of operations have no argument that is its default; what needs none is a name alone."""
    changed: dict[str, Any] = {}
    for name in tree.compared(type(node)):
        value = getattr(node, name)
        if isinstance(value, tree.Node):
            changed[name] = _shortened(value)
        elif isinstance(value, tuple):
            changed[name] = tuple(_shortened(item) if isinstance(item, tree.Node) else item for item in value)
    made = replace(node, **changed)
    if not isinstance(made, tree.Call):
        return made
    arguments = tuple(a for a in made.arguments if not _is_default(made.name, a))
    return replace(made, arguments=arguments) if arguments else tree.Name(made.name, span=made.span)


def _is_default(operation: str, argument: tree.Argument) -> bool:
    found = find(operation)
    parameter = of_operation(found).parameter(argument.name) if found is not None and argument.name else None
    if parameter is None or parameter.required or parameter.default in (None, ()):
        return False
    return literal(parameter.default, argument.span) == argument.value
