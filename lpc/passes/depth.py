"""How deep an expression would print: brackets around a place and operators in a row before it, as the parser counts."""

from __future__ import annotations

from lpc.passes.spines import children
from lpc.syntax import tree


class Depths:
    """Measures expressions, each once: (operators in its outermost row, deepest place)."""

    def __init__(self) -> None:
        # The expression is kept beside its measure, so that its identity stays its own.
        self._known: dict[int, tuple[tree.Expr, int, int]] = {}

    def of(self, expr: tree.Expr) -> int:
        """The depth of an expression's deepest place."""
        waiting = [expr]
        while waiting:
            here = waiting[-1]
            if id(here) in self._known:
                waiting.pop()
                continue
            missing = [child for child in children(here) if id(child) not in self._known]
            if missing:
                waiting.extend(missing)
                continue
            waiting.pop()
            self._known[id(here)] = (here, *self._measure(here))
        return self._known[id(expr)][2]

    def _measure(self, expr: tree.Expr) -> tuple[int, int]:
        match expr:
            case tree.Pipe(left, right):
                row, deepest = self._part(left, isinstance(left, tree.Binary | tree.Negative))
                inside = self._part(right, False)[1] if isinstance(right, tree.Call) else 0
                return row + 1, max(deepest, row + 1 + inside)
            case tree.Binary(operator, left, right):
                row, deepest = self._part(left, operator in "*/" and not _is_atom(left))
                inside = self._part(right, not _is_atom(right))[1]
                return row + 1, max(deepest, row + 1 + inside)
            case tree.Negative(operand):
                row, deepest = self._part(operand, not _is_atom(operand))
                return row + 1, deepest + 1
            case tree.Call() | tree.ListExpr() | tree.Indexed():
                return 0, 1 + max((self._part(child, False)[1] for child in children(expr)), default=0)
            case _:
                return 0, 0

    def _part(self, expr: tree.Expr, in_brackets: bool) -> tuple[int, int]:
        _, row, deepest = self._known[id(expr)]
        return (0, deepest + 1) if in_brackets else (row, deepest)


def _is_atom(expr: tree.Expr) -> bool:
    return not isinstance(expr, tree.Pipe | tree.Binary | tree.Negative)
