"""The places of values in a program, as `--set` and tuning name them.

width                     a let
train.batch               an option; train.optimizer.lr an argument of its value
data.validation           an argument of the data source
hidden.linear.outputs     an argument in a block or function; `linear2` is the second of a kind
hidden.count              the length of a chain
all.RULE.lr               an argument of a rule, with the selectors of its `learn` line joined by `+`
place.stages, measure.carbon.intensity
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from lpc.ir.ops import find
from lpc.passes import data_sources
from lpc.passes.rule_names import rule_signature
from lpc.passes.scope import Scope
from lpc.passes.searches import SEARCH
from lpc.passes.signatures import Signature, matched, of_function, of_operation
from lpc.passes.spines import evaluated_calls
from lpc.passes.tables import MEASURES, value_call
from lpc.syntax import tree

Placed = Iterator[tuple[str, tree.Expr]]


def placed_values(clause: tree.Clause, scope: Scope) -> Placed:
    """Every value of a clause that has a place, with its place; values of nested calls after the call itself."""
    match clause:
        case tree.Let(name, value):
            yield from _nested(name, value)
        case tree.Train(options):
            yield from _options("train", options)
        case tree.Place(options):
            yield from _options("place", options)
        case tree.Measure(items):
            for item in items:
                yield from _arguments(f"measure.{item.name}", item, MEASURES.get(item.name))
        case tree.Data(_, source):
            known = data_sources.find(source.name)
            yield from _arguments("data", source, known.signature if known else None)
        case tree.Learn(selectors, rule):
            yield from _arguments(f"{selectors_text(selectors)}.{rule.name}", rule, rule_signature(rule.name))
        case tree.Block():
            yield from _of_block(clause, scope)
        case tree.Def():
            yield from _of_function(clause, scope)
        case _:
            pass


def _options(prefix: str, options: tuple[tree.Option, ...]) -> Placed:
    for option in options:
        yield from _nested(f"{prefix}.{option.name}", option.value)


def _of_block(block: tree.Block, scope: Scope) -> Placed:
    if block.count is not None:
        yield f"{block.name}.count", block.count
    yield from _calls(block.name, block.expr, scope)


def _of_function(function: tree.Def, scope: Scope) -> Placed:
    for parameter in function.parameters:
        if parameter.default is not None:
            yield from _nested(f"{function.name}.{parameter.name}", parameter.default)
    yield from _calls(function.name, function.body, scope)


def search_places(clauses: Iterator[tree.Clause] | tuple[tree.Clause, ...], scope: Scope) -> dict[int, str]:
    """The place of each `search(...)` that has one, by the identity of its call."""
    return {
        id(value): place
        for clause in clauses
        for place, value in placed_values(clause, scope)
        if isinstance(value, tree.Call) and value.name == SEARCH
    }


def selectors_text(selectors: tuple[tree.Selector, ...]) -> str:
    """`hidden1+hidden2`, `layer[1..3]`."""
    return "+".join(_selector_text(selector) for selector in selectors)


def _selector_text(selector: tree.Selector) -> str:
    first, last = selector.first, selector.last
    if isinstance(first, tree.Number):
        return f"{selector.name}[{first.value}{f'..{last.value}' if isinstance(last, tree.Number) else ''}]"
    return selector.name


def call_names(calls: Iterator[tree.Call]) -> Iterator[tuple[str, tree.Call]]:
    """Calls with their names in a block: `linear`, then `linear2`."""
    count: Counter[str] = Counter()
    for call in calls:
        count[call.name] += 1
        yield call.name if count[call.name] == 1 else f"{call.name}{count[call.name]}", call


def stage_signature(name: str, scope: Scope) -> Signature | None:
    """The parameters of an operation or function, tensors apart."""
    if name in scope.functions:
        return of_function(scope.functions[name], piped=True)
    operation = find(name)
    return of_operation(operation) if operation else None


def _calls(prefix: str, expr: tree.Expr, scope: Scope) -> Placed:
    for name, call in call_names(evaluated_calls(expr)):
        if call.name != SEARCH:
            yield from _arguments(f"{prefix}.{name}", call, stage_signature(call.name, scope))


def _arguments(prefix: str, call: tree.Call, signature: Signature | None) -> Placed:
    for argument, parameter in matched(call.arguments, signature):
        name = argument.name or (parameter.name if parameter else "")
        if name:
            yield from _nested(f"{prefix}.{name}", argument.value)


def _nested(place: str, value: tree.Expr) -> Placed:
    yield place, value
    if isinstance(value, tree.Call) and value.name != SEARCH:
        yield from _arguments(place, value, value_call(value.name))
