"""Parameters as tables: of rules, operations, data sources, optimizers, clauses."""

from __future__ import annotations

from collections.abc import Mapping

from docs.generate.markdown import table
from lpc.cli.signatures import bounds, default_text
from lpc.passes.signatures import Parameter, Signature


def parameters(signature: Signature, sources: Mapping[str, str] | None = None) -> str:
    """A table of parameters; `sources` say where defaults come from, by name."""
    head = ["parameter", "takes", "default", "meaning", *(["source"] if sources is not None else [])]
    rows = [row(one, sources) for one in signature.parameters]
    return table(head, rows)


def row(one: Parameter, sources: Mapping[str, str] | None = None) -> list[str]:
    cells = [f"`{one.name}`", takes(one), default(one), one.summary]
    return cells if sources is None else [*cells, sources.get(one.name, "")]


def takes(one: Parameter) -> str:
    return ", ".join([one.expected, *bounds(one)])


def default(one: Parameter) -> str:
    text = default_text(one)
    return f"`{text}`" if text else "required" if one.required else ""
