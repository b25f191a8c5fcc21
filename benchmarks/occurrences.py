"""What occurs in programs, and in how many: clauses, operations, rules, losses, optimizers, options, diagnostics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from lpc.cli.stories import catalogue
from lpc.ir.losses import LOSSES
from lpc.ir.ops import OPERATIONS
from lpc.ir.program import Program
from lpc.passes.data_sources import SOURCES
from lpc.passes.rule_names import AUTO, rule_signature
from lpc.passes.signatures import Signature
from lpc.passes.tables import MEASURES, OPTIMIZERS, PLACE, SCHEDULES, TRAIN
from lpc.rules import registry
from lpc.syntax import tree
from lpc.syntax.walk import walk
from lpc.syntax.words import KEYWORDS

Counts = Counter[tuple[str, str]]
"""Programs by (kind, name): `("operation", "linear")`."""


def occurring(file: tree.File, programs: Sequence[Program]) -> set[tuple[str, str]]:
    """What occurs in a file, as written, and in the programs it came to."""
    return {*_written(file), *(found for program in programs for found in _compiled(program))}


def _compiled(program: Program) -> Iterator[tuple[str, str]]:
    assert program.network is not None and program.objective is not None and program.protocol is not None
    for block in program.network.blocks:
        for node in program.network.nodes_of(block):
            yield "operation", node.kind
    for use in program.uses.values():
        yield "rule", use.rule
        if use.auto:
            yield "rule", AUTO
        if use.optimizer is not None:
            yield "optimizer", use.optimizer.kind
    yield "loss", program.objective.loss
    yield "optimizer", program.protocol.optimizer.kind
    yield "schedule", program.protocol.schedule.kind


def _written(file: tree.File) -> Iterator[tuple[str, str]]:
    for node in walk(file):
        if isinstance(node, tree.Clause):
            yield "clause", type(node).__name__.lower()
        match node:
            case tree.Data(source=source):
                yield "source", source.name
                yield from _arguments("data", source, SOURCES[source.name].signature)
            case tree.Learn(rule=rule):
                yield from _arguments(rule.name, rule, rule_signature(rule.name))
            case tree.Place(stage=stage) if stage is not None:
                yield "of the language", "pin"
            case tree.Train(options) | tree.Place(options=options):
                yield from (("option", f"{type(node).__name__.lower()}.{option.name}") for option in options)
            case tree.Measure(items):
                yield from (("option", f"measure.{item.name}") for item in items)
            case tree.Call(name) if name in ("search", "classes", "size"):
                yield "of the language", name
            case tree.Block(count=count) if count is not None:
                yield "of the language", "chain"
            case tree.Indexed():
                yield "of the language", "block of a chain"
            case _:
                pass


def _arguments(of: str, call: tree.Call, signature: Signature | None) -> Iterator[tuple[str, str]]:
    for place, argument in enumerate(call.arguments):
        parameter = None if signature is None else signature.at(place)
        yield "option", f"{of}.{argument.name or (parameter.name if parameter else '?')}"


def everything() -> Mapping[str, Sequence[str]]:
    """All there is of each kind, so that what never occurred is named."""
    data = dict.fromkeys(p.name for source in SOURCES.values() if source.available for p in source.parameters)
    options = [f"train.{name}" for name in TRAIN.names] + [f"place.{name}" for name in PLACE.names]
    options += [f"measure.{name}" for name in MEASURES] + [f"data.{name}" for name in data]
    for rule in (*registry.BUILT_IN, AUTO):
        signature = rule_signature(rule)
        assert signature is not None
        options += [f"{rule}.{name}" for name in signature.names]
    return {
        "clause": KEYWORDS,
        "of the language": ("chain", "block of a chain", "pin", "search", "classes", "size"),
        "source": [source.name for source in SOURCES.values() if source.available],
        "operation": list(OPERATIONS),
        "rule": [*registry.BUILT_IN, AUTO],
        "loss": [name for name, loss in LOSSES.items() if loss.objective],
        "optimizer": list(OPTIMIZERS),
        "schedule": list(SCHEDULES),
        "option": options,
    }


def table(counts: Counts) -> str:
    """A Markdown row a kind: what occurred, and in how many legal programs; what never did."""
    lines = ["| kind | in how many legal programs | never |", "| --- | --- | --- |"]
    for kind, names in everything().items():
        found = {name: counts[kind, name] for name in names}
        more = {name: count for (of, name), count in counts.items() if of == kind and name not in found}
        met = ", ".join(f"{name} {count}" for name, count in (found | more).items() if count)
        never = ", ".join(name for name, count in found.items() if not count)
        lines.append(f"| {kind} | {met} | {never} |")
    return "\n".join(lines)


def codes_table(drawn: Counter[str], broken: Counter[str]) -> str:
    """A Markdown row a diagnostic that was given: in how many programs, drawn and broken; and what never was."""
    lines = ["| code | drawn | broken |", "| --- | --- | --- |"]
    lines += [f"| {code} | {drawn[code]} | {broken[code]} |" for code in sorted({*drawn, *broken})]
    never = ", ".join(code for code in catalogue() if code not in drawn and code not in broken)
    return "\n".join([*lines, "", f"Never given: {never or 'none'}."])
