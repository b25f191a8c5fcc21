"""The page of operations, from the catalogue."""

from __future__ import annotations

import inspect

from docs.generate.markdown import GENERATED, page, sentence
from docs.generate.signatures import parameters
from lpc.cli.ops import conditions, form
from lpc.ir.op import Operation
from lpc.ir.ops import FAMILIES
from lpc.passes.signatures import of_operation


def described(operation: Operation) -> str:
    said = [f"- {sentence(text)}" for text in conditions(operation)]
    return page(
        f"### `{operation.name}`",
        f"`{form(operation)}`: {operation.summary}.",
        "\n".join(said),
        parameters(of_operation(operation)) if operation.arguments else "",
        f"`{operation.example}`",
    ).rstrip("\n")


def families() -> list[str]:
    """A heading and its operations, family by family."""
    made = []
    for family in FAMILIES:
        title, _, more = (inspect.getdoc(family) or "").partition(". ")
        made += [f"## {title.rstrip('.')}", more, *(described(entry) for entry in family.ENTRIES)]
    return made


def whole() -> str:
    return page(
        "# Operations",
        GENERATED,
        "What a block is made of. `lpc ops` prints the list, `lpc ops NAME` one of them; [language.md](language.md#expressions)"
        " says how they are written. Types are of one example: the axis of examples is never written.",
        *families(),
    )
