"""`lpc rules`: the learning rules, read off the registry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from lpc.cli.options import color_option
from lpc.cli.refusal import Refusal
from lpc.cli.tables import bullets, definitions, paragraph
from lpc.diagnostics import nearest
from lpc.version import VERSION

if TYPE_CHECKING:
    from lpc.passes.signatures import Signature
    from lpc.rules.law import Law
    from lpc.rules.rule import Rule

AUTO = "auto"
AUTO_SUMMARY = "The compiler chooses: for each block the legal rule of least modelled cost within the budget."


def names() -> list[str]:
    """What can be described."""
    from lpc.rules import registry

    return [*registry.names(), AUTO]


def planned() -> list[str]:
    """Rules of the language that this version does not have."""
    from lpc.rules import registry

    return [name for name in registry.known() if name not in registry.names()]


def _complete(_ctx: click.Context, _argument: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in names() if name.startswith(incomplete)]


@click.command("rules", epilog="Example: lpc rules auto")
@click.argument("name", required=False, shell_complete=_complete)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@color_option
def command(name: str | None, as_json: bool) -> int:
    """List the learning rules, or describe one: parameters with their defaults and sources, laws, paper."""
    if as_json:
        every = {"version": 1, "rules": [facts(each) for each in names()], "planned": planned()}
        click.echo(json.dumps(facts(name) if name else every, indent=2))
    else:
        click.echo(described(name) if name else overview())
    return 0


def find(name: str) -> type[Rule]:
    """The rule of that name. Raises Refusal with the nearest name."""
    from lpc.rules import registry

    if name in registry.names():
        return registry.find(name)
    if name in planned():
        raise Refusal(
            f"`{name}` belongs to the language, but lpc {VERSION} does not have it yet; `lpc rules` lists what it has"
        )
    near = nearest(name, names())
    raise Refusal(f"there is no rule `{name}`; " + (f"did you mean `{near}`?" if near else "`lpc rules` lists them"))


def overview() -> str:
    listed = [(name, AUTO_SUMMARY if name == AUTO else find(name).summary) for name in names()]
    missing = paragraph(f"Of the language, but not in this version: {', '.join(planned())}.")
    return f"{definitions(listed)}\n\n{missing}\n\n`lpc rules NAME` has a rule's parameters, laws and paper."


def _signature(name: str) -> Signature:
    from lpc.passes.rule_names import rule_signature

    found = rule_signature(name)
    assert found is not None
    return found


def described(name: str) -> str:
    """One rule as a page."""
    from lpc.cli.signatures import parameters_text

    if name == AUTO:
        parts = [
            f"{AUTO}: {AUTO_SUMMARY}",
            parameters_text(_signature(AUTO)),
            "Example: learn all with auto(memory = 2GiB)",
        ]
        return "\n\n".join(parts)
    rule = find(name)
    sources = {parameter.name: parameter.source for parameter in rule.parameters()}
    parts = [
        f"{name}: {rule.title}",
        paragraph(rule.summary),
        bullets(conditions(rule)),
        parameters_text(_signature(name), sources),
        "\n".join(["Laws:", *map(_law, rule.laws)]) if rule.laws else "",
        paragraph(f"Paper: {rule.paper}"),
        f"Example: {rule.example}",
    ]
    return "\n\n".join(filter(None, parts))


def conditions(rule: type[Rule]) -> list[str]:
    """What the rule needs, and what is known of it, a sentence each."""
    rate = rule.usual_rate
    said = {
        "each block learns from its own input and the target alone: blocks can be trained in turn": rule.local,
        "the objective's error must arise in the same run of blocks, and every block must lead there": rule.needs_error,
        "the target must be a class label": rule.needs_label,
        "`auto` may choose it where a program does not say among what": rule.general,
        f"adam rates from {rate[0]:g} to {rate[1]:g} are usual" if rate else "": rate is not None,
    }
    return [sentence for sentence, holds in said.items() if holds]


def _law(law: Law) -> str:
    return f"  {law.name} ({law.kind}; {law.conditions})\n{paragraph(law.statement, 4)}"


def facts(name: str) -> dict[str, Any]:
    """Everything about one rule, for JSON."""
    from lpc.cli.signatures import as_json

    if name == AUTO:
        parameters = [as_json(parameter) for parameter in _signature(AUTO).parameters]
        return {"name": AUTO, "summary": AUTO_SUMMARY, "parameters": parameters}
    rule = find(name)
    sources = {parameter.name: parameter.source for parameter in rule.parameters()}
    return {
        "name": name,
        "title": rule.title,
        "summary": rule.summary,
        "paper": rule.paper,
        "local": rule.local,
        "needs_error": rule.needs_error,
        "needs_label": rule.needs_label,
        "general": rule.general,
        "usual_rate": rule.usual_rate,
        "parameters": [
            as_json(parameter, sources.get(parameter.name, "")) for parameter in _signature(name).parameters
        ],
        "laws": [
            {
                "name": law.name,
                "statement": law.statement,
                "kind": law.kind,
                "conditions": law.conditions,
                "source": law.source,
            }
            for law in rule.laws
        ],
        "example": rule.example,
    }
