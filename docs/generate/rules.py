"""Pages of learning rules, from the registry."""

from __future__ import annotations

import ast

import lpc
from docs.generate.markdown import GENERATED, fenced, page, sentence, table
from docs.generate.signatures import parameters
from lpc.cli.rules import AUTO_SUMMARY, conditions
from lpc.passes.rule_names import AUTO, rule_signature
from lpc.rules import registry
from lpc.rules.rule import Rule

NETWORK = """network digits
data image, label = digits(validation = 20%)
block hidden1 = image -> flatten -> linear(256) -> relu
block hidden2 = hidden1 -> linear(256) -> relu
block readout = hidden2 -> linear(10)
objective cross_entropy(readout, label)
learn all with {rule}
train epochs = 40, batch = 64
"""
"""The program whose generated step each page shows."""


def pages() -> dict[str, str]:
    """File name to text: a page for each of lpc's own rules, for `auto`, and a list of them."""
    own = list(registry.BUILT_IN)
    made = {f"{name}.md": rule_page(registry.find(name)) for name in own}
    return {"README.md": overview(own), "auto.md": auto_page(), **made}


def overview(names: list[str]) -> str:
    rows = [[f"[`{name}`]({name}.md)", registry.find(name).summary, registry.find(name).paper] for name in names]
    rows.append([f"[`{AUTO}`]({AUTO}.md)", AUTO_SUMMARY, ""])
    planned = ", ".join(f"`{name}`" for name in registry.PLANNED)
    return page(
        "# Learning rules",
        GENERATED,
        "`lpc rules` prints this list, `lpc rules NAME` a page. [language.md](../language.md#learn) says how rules are given to blocks.",
        table(["rule", "what it does", "paper"], rows),
        f"Words of the language that this version does not have yet (they get the diagnostic [LP301](../errors/LP301.md)): {planned}.",
    )


def rule_page(rule: type[Rule]) -> str:
    signature = rule_signature(rule.name)
    assert signature is not None
    sources = {parameter.name: parameter.source for parameter in rule.parameters()}
    needs = "\n".join(f"- {sentence(text)}" for text in conditions(rule))
    return page(
        f"# {rule.title}",
        GENERATED,
        f"`{rule.name}`. {sentence(rule.summary)}",
        fenced(rule.example, "lp"),
        f"Paper: {rule.paper}.",
        needs,
        "## Parameters",
        parameters(signature, sources),
        "## Laws" if rule.laws else "",
        table(
            ["law", "says", "kind", "holds for", "source"],
            [[law.name, law.statement, law.kind, law.conditions, law.source] for law in rule.laws],
        )
        if rule.laws
        else "",
        "## What is generated",
        *generated(rule),
    )


def generated(rule: type[Rule]) -> list[str]:
    """The step and the prediction for the rule by itself, and where they differ, for its example."""
    example = rule.example.partition(" with ")[2]
    step, predicts = "\n\n\n".join(learning_functions(rule.name)), prediction(rule.name)
    made = [
        f"For two hidden blocks of 256 units and a readout, `learn all with {rule.name}`:",
        fenced(step, "python shown"),
    ]
    made += ["It predicts by", fenced(predicts, "python shown")]
    if (other := "\n\n\n".join(learning_functions(example))) != step:
        made += [f"`learn all with {example}`:", fenced(other, "python shown")]
    if (other := prediction(example)) != predicts:
        made += [f"`learn all with {example}` predicts by", fenced(other, "python shown")]
    return made


def auto_page() -> str:
    signature = rule_signature(AUTO)
    assert signature is not None
    return page(
        f"# `{AUTO}`",
        GENERATED,
        sentence(AUTO_SUMMARY),
        fenced("learn all with auto(minimize = energy, memory = 2GiB)", "lp"),
        parameters(signature),
        "A block that no `learn` line names gets `auto`. `among` defaults to "
        + ", ".join(f"[`{name}`]({name}.md)" for name in registry.general())
        + ". The choice is exact and depends on the modelled cost alone; `lpc explain` prints the table it was made from.",
        "`energy` ranks rules by their operations and bytes and is no measurement. `memory` bounds parameters, gradients, optimizer state,"
        " what rules add, and the largest transient of a step; where nothing fits, [LP331](../errors/LP331.md) names the least that would.",
    )


def learning_functions(rule: str) -> list[str]:
    """The step functions of the script, and what runs when a phase ends, as printed."""
    text, tree = _script(rule)
    wanted = [node for node in tree.body if isinstance(node, ast.FunctionDef) and _learns(node.name)]
    return [source_of(text, node) for node in wanted]


def _learns(name: str) -> bool:
    return name.endswith("_step") or name.startswith("finish_")


def prediction(rule: str) -> str:
    """`Network.forward`, as printed but for its indent."""
    text, tree = _script(rule)
    network = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Network")
    forward = next(node for node in network.body if isinstance(node, ast.FunctionDef) and node.name == "forward")
    return "\n".join(line.removeprefix("    ") for line in source_of(text, forward).splitlines())


def _script(rule: str) -> tuple[str, ast.Module]:
    text = lpc.compile(NETWORK.format(rule=rule), "digits.lp").text
    return text, ast.parse(text)


def source_of(text: str, node: ast.FunctionDef) -> str:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno])
