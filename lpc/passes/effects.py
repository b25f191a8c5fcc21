"""`effects`: arguments of rules that change nothing, for the steps would be the same without them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

from lpc.diagnostics import Diagnostic, Report, warning
from lpc.ir.program import Program, RuleUse
from lpc.ir.step import Node, Value
from lpc.passes.contract import Fact, pass_
from lpc.passes.regions import objections
from lpc.passes.scope import SOUND
from lpc.rules.rule import Rule
from lpc.rules.tracer import Region, Traced, trace


@warning("LP914")
class IdleArgument(Diagnostic):
    """The steps of the rule are the same with this argument and without it: what it sets is not used in this program."""

    title = "`{name}` of `{rule}` has no effect here"
    label = "its steps are the same without it"
    bad = SOUND + "learn all with cascaded_forward(predictor = least_squares, lr = 0.01)\n"
    good = SOUND + "learn all with cascaded_forward(predictor = least_squares, ridge = 0.01)\n"
    name: str
    rule: str


@pass_(needs={Fact.ASSIGNED, Fact.LEGAL, Fact.STEPS}, gives=set())
def effects(program: Program, report: Report) -> Program:
    """Warn of arguments that were written and that the steps do not depend on.

    Before: every rule is traced. After: the same program. Warnings: LP914 an argument of a rule that changes nothing.
    """
    uses = {(use.rule, use.span): (name, use) for name, use in program.uses.items() if use.argument_spans}
    for block, use in uses.values():
        regions = [region for region in program.regions if any(one.name == block for one in region.run)]
        for name in _idle(program, regions[0].rule, use):
            report.add(IdleArgument(span=dict(use.argument_spans)[name], name=name, rule=use.rule))
    return program


def _idle(program: Program, rule: Rule, use: RuleUse) -> Iterator[str]:
    spans = dict(use.argument_spans)
    defaults = {one.name: one.default for one in fields(rule)}
    for name, _ in use.arguments:
        if name not in spans or name not in defaults:
            continue
        others = (replace(rule, **{name: value}) for value in (defaults[name], *_beside(getattr(rule, name))))
        if all(_same_with(program, rule, other) for other in others):
            yield name
    learning = {block for block, other in program.uses.items() if other == use}
    updated = {n.block for phase in program.plan.phases for n in phase.nodes if n.primitive == "update"}
    if use.optimizer is not None and not learning & updated:
        yield from (name for name in ("lr", "optimizer") if name in spans)


def _beside(value: object) -> Iterator[object]:
    """Another value than one that is written, which may be what the default comes to."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
    elif isinstance(value, float):
        yield value / 2 if value else 1.0


def _same_with(program: Program, rule: Rule, other: Rule) -> bool:
    assert program.network is not None and program.objective is not None
    regions = [replace(region, rule=other) if region.rule == rule else region for region in program.regions]
    if any(_refuses(region) for region in regions):
        return False
    return _steps(trace(program.network, program.objective, regions)) == _steps(program.plan)


def _refuses(region: Region) -> bool:
    return next(iter(objections(region)), None) is not None


def _steps(plan: Traced) -> Sequence[object]:
    """A plan as what can be compared: nodes by their index, values by node and port."""
    phases = [(p.phase, _lines(p.nodes), _held(p.scores), _lines(p.finish), p.frozen) for p in plan.phases]
    return [*phases, _lines(plan.prediction_nodes), plan.added]


def _lines(nodes: Sequence[Node]) -> Sequence[object]:
    return [
        (
            node.index,
            node.primitive,
            _held(node.inputs),
            {name: _held(value) for name, value in node.attributes.items()},
            node.block,
            node.unit and node.unit.operations,
            node.body and _lines(node.body.nodes),
        )
        for node in nodes
    ]


def _held(value: object) -> object:
    if isinstance(value, Value):
        return value.node.index, value.port
    return tuple(map(_held, value)) if isinstance(value, tuple | list) else value
