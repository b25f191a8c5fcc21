"""The parameters of a rule or an operation, as help prints them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lpc.cli.tables import definitions
from lpc.passes.signatures import Parameter, Signature


def parameters_text(signature: Signature, sources: Mapping[str, str] | None = None) -> str:
    """Each parameter with what it takes, its default and what it does; `sources` say where defaults come from."""
    if not signature.parameters:
        return "No parameters."
    items = [
        (parameter.name, _sentence(parameter, (sources or {}).get(parameter.name, "")))
        for parameter in signature.parameters
    ]
    return "Parameters:\n" + definitions(items, 2)


def _sentence(parameter: Parameter, source: str) -> str:
    facts = [parameter.expected.replace("`", ""), *bounds(parameter)]
    if default := default_text(parameter):
        facts.append(f"default {default}")
    elif parameter.required:
        facts.append("required")
    return f"{parameter.summary} ({'; '.join(facts)})" + (f"; source: {source}" if source else "")


BOUNDS = {"least": "at least", "most": "at most", "above": "above", "below": "below"}


def bounds(parameter: Parameter) -> list[str]:
    """`at least 1`, `below 1`: what a number must keep to."""
    return [f"{words} {value:g}" for name, words in BOUNDS.items() if (value := getattr(parameter, name)) is not None]


def default_text(parameter: Parameter) -> str:
    """The default as a program would write it; "" where there is none."""
    value = parameter.default
    if parameter.required or value is None or value == ():
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_json(parameter: Parameter, source: str = "") -> dict[str, Any]:
    return {
        "name": parameter.name,
        "summary": parameter.summary,
        "takes": parameter.expected.replace("`", ""),
        "required": parameter.required,
        "default": default_text(parameter) or None,
        "bounds": {name: value for name in BOUNDS if (value := getattr(parameter, name)) is not None},
        "source": source or None,
    }
