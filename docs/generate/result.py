"""The keys of `result.json` as a table, from its schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from docs.generate.markdown import table

AS_ABOVE = "as above"
"""The description of what was described before: its keys are not listed again."""


def table_of(schema: Mapping[str, Any]) -> str:
    return table(["key", "is", "type"], list(rows(schema, schema)))


def rows(schema: Mapping[str, Any], node: Mapping[str, Any], prefix: str = "") -> Iterator[list[str]]:
    """A row a key, those inside an object below it."""
    for name, found in node.get("properties", {}).items():
        inner = resolved(schema, found)
        yield [f"`{prefix}{name}`", str(inner.get("description", "")), kind(schema, inner)]
        if inner.get("description") == AS_ABOVE:
            continue
        yield from rows(schema, inside(schema, inner), f"{prefix}{name}{'[]' if 'items' in inner else ''}.")
    more = node.get("additionalProperties")
    if isinstance(more, Mapping):
        inner = resolved(schema, more)
        key = str(node.get("x-key", "NAME"))
        if inner.get("properties"):
            yield from rows(schema, inner, f"{prefix}{key}.")
        elif "description" in inner:
            yield [f"`{prefix}{key}`", str(inner["description"]), kind(schema, inner)]


def inside(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object that a node is, may be, or is a list of."""
    if "items" in node:
        return resolved(schema, node["items"])
    for one in node.get("anyOf", ()):
        if resolved(schema, one).get("type") == "object":
            return resolved(schema, one)
    return node


def resolved(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """The node, its `$ref` followed; a description beside the `$ref` wins."""
    if "$ref" not in node:
        return node
    found: Any = schema
    for part in str(node["$ref"]).removeprefix("#/").split("/"):
        found = found[part]
    return {**found, **{key: value for key, value in node.items() if key != "$ref"}}


def kind(schema: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    if "const" in node:
        return f"`{json.dumps(node['const'])}`"
    if "enum" in node:
        return " or ".join(f"`{json.dumps(value)}`" for value in node["enum"])
    if "anyOf" in node:
        return " or ".join(dict.fromkeys(kind(schema, resolved(schema, one)) for one in node["anyOf"]))
    types = node.get("type", "anything")
    return " or ".join([types] if isinstance(types, str) else types)


def keys(path: Path) -> str:
    return table_of(json.loads(path.read_text(encoding="utf-8")))
