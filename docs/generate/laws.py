"""The page of laws, from the rules and from what is stated of every program."""

from __future__ import annotations

from docs.generate.markdown import GENERATED, page, table
from lpc.rules import registry
from lpc.rules.general import GENERAL_LAWS
from lpc.rules.law import KINDS, Stated


def whole() -> str:
    """docs/laws.md."""
    parts = [f"- *{kind}*: {meaning}." for kind, meaning in KINDS.items()]
    own = [
        part
        for name in registry.BUILT_IN
        for part in (
            f"## {registry.find(name).title}",
            f"[`{name}`](rules/{name}.md)",
            listed(registry.find(name).laws),
        )
    ]
    return page(
        "# Laws",
        GENERATED,
        "A law is an equality that a rule, or every program, obeys. `lpc laws` prints this list. `lpc verify FILE` tries on a "
        "program the laws of its rules and of every program; `lpc.laws.check_rule` tries a rule's on random programs, and so do lpc's "
        "own tests. [trust.md](trust.md) says what that finds.",
        "\n".join(parts),
        "## Every program",
        "What changes a step on its way to a script rests on these: each such pass names its law.",
        listed(GENERAL_LAWS),
        *own,
    )


def listed(laws: tuple[Stated, ...]) -> str:
    """A table of laws."""
    rows = [[law.name, law.statement, law.kind, law.conditions, law.source] for law in laws]
    return table(["law", "says", "kind", "holds for", "source"], rows)
