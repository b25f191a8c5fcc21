"""`lpc laws`: the equalities that rules obey, read off the rules, and those that every program obeys."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from lpc.cli.options import color_option
from lpc.cli.refusal import Refusal
from lpc.cli.tables import paragraph
from lpc.diagnostics import nearest

if TYPE_CHECKING:
    from lpc.rules.law import Stated

GENERAL = "general"
"""What stands in a rule's place for laws that hold whatever the rules are."""


def every() -> Mapping[str, Sequence[Stated]]:
    """All laws: by rule, and under `GENERAL` those of every program."""
    from lpc.rules import registry
    from lpc.rules.general import GENERAL_LAWS

    return {GENERAL: GENERAL_LAWS, **{name: registry.find(name).laws for name in registry.names()}}


def _complete(_ctx: click.Context, _argument: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in every() if name.startswith(incomplete)]


@click.command("laws", epilog="Example: lpc laws general")
@click.argument("name", metavar="RULE|LAW", required=False, shell_complete=_complete)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@color_option
def command(name: str | None, as_json: bool) -> int:
    """List the laws: equalities that learning rules obey, and that `lpc verify` tries on a program.

    RULE: the laws of one rule, or `general`, those of every program. LAW: one law by its name.
    """
    chosen = every() if name is None else find(name)
    if as_json:
        listed = [facts(rule, law) for rule, laws in chosen.items() for law in laws]
        click.echo(json.dumps({"version": 1, "laws": listed}, indent=2))
        return 0
    if name is None:
        click.echo(overview(chosen))
    else:
        click.echo("\n\n".join(described(rule, law) for rule, laws in chosen.items() for law in laws))
    return 0


def find(name: str) -> Mapping[str, Sequence[Stated]]:
    """The laws of a rule, or the ones of that name. Raises Refusal with the nearest name."""
    laws = every()
    if name in laws:
        if not laws[name]:
            raise Refusal(
                f"the rule `{name}` states no laws of its own; `lpc laws {GENERAL}` has those of every program"
            )
        return {name: laws[name]}
    found = {rule: [law for law in stated if law.name == name] for rule, stated in laws.items()}
    found = {rule: stated for rule, stated in found.items() if stated}
    if not found:
        near = nearest(name, [*laws, *(law.name for stated in laws.values() for law in stated)])
        raise Refusal(
            f"there is no rule or law `{name}`; " + (f"did you mean `{near}`?" if near else "`lpc laws` lists them")
        )
    return found


def overview(laws: Mapping[str, Sequence[Stated]]) -> str:
    parts = []
    for rule, stated in laws.items():
        head = "Of every program:" if rule == GENERAL else f"{rule}:"
        parts += [head, *(listed(law) for law in stated)]
    return "\n\n".join(
        [*parts, "`lpc laws NAME` says what a kind means; `lpc verify FILE` tries the laws on a program."]
    )


def listed(law: Stated) -> str:
    """A law among others: its name, the statement, and the rest in a sentence."""
    rest = f"kind: {law.kind}; holds for: {law.conditions}; source: {law.source}"
    return "\n".join([f"  {law.name}", paragraph(law.statement, 4), paragraph(rest, 4)])


def described(rule: str, law: Stated) -> str:
    from lpc.rules.law import KINDS

    of = "every program" if rule == GENERAL else rule
    lines = [
        law.name,
        paragraph(law.statement, 2),
        paragraph(f"of: {of}", 2),
        paragraph(f"kind: {law.kind} ({KINDS[law.kind]})", 2),
        paragraph(f"holds for: {law.conditions}", 2),
        paragraph(f"source: {law.source}", 2),
    ]
    return "\n".join(lines)


def facts(rule: str, law: Stated) -> dict[str, Any]:
    """One law, for JSON."""
    return {
        "rule": None if rule == GENERAL else rule,
        "name": law.name,
        "statement": law.statement,
        "kind": law.kind,
        "conditions": law.conditions,
        "source": law.source,
    }
