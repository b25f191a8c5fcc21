"""Defaults written out: what a call leaves out, added by name."""

from __future__ import annotations

from collections.abc import Sequence

from lpc.passes.signatures import Parameter, Signature, matched
from lpc.source import Span
from lpc.syntax import tree


def complete(arguments: Sequence[tree.Argument], signature: Signature, span: Span) -> tuple[tree.Argument, ...]:
    """The arguments and, after them, every default that is a value. Mistakes among the arguments are left for checks."""
    filled = {parameter.name for _, parameter in matched(arguments, signature) if parameter is not None}
    added = (
        tree.Argument(p.name, _default(p, span), name_span=span, span=span)
        for p in signature.parameters
        if p.name not in filled and not p.required and p.default is not None and p.default != ()
    )
    return (*arguments, *added)


def _default(parameter: Parameter, span: Span) -> tree.Expr:
    """A parameter's default as a program writes it: of texts, strings."""
    if parameter.kind == "text":
        return tree.String(str(parameter.default), span=span)
    if parameter.kind == "texts" and isinstance(parameter.default, tuple):
        return tree.ListExpr(tuple(tree.String(text, span=span) for text in parameter.default), span=span)
    return literal(parameter.default, span)


def literal(value: object, span: Span) -> tree.Expr:
    """A setting as an expression: a word for a string, `true` and `false`, a number, a list. Expressions stay themselves."""
    match value:
        case bool():
            return tree.Name("true" if value else "false", span=span)
        case int() | float():
            return tree.Number(value, span=span)
        case str():
            return tree.Name(value, span=span)
        case tuple() | list():
            return tree.ListExpr(tuple(literal(item, span) for item in value), span=span)
        case tree.Node():
            return value  # type: ignore[return-value]
        case _:
            raise TypeError(f"no default: {value!r}")
