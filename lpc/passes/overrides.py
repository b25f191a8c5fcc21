"""`--set PLACE=VALUE`: values of a program changed from outside, before anything else is done with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from lpc.diagnostics import Diagnostic, Report, error, nearest
from lpc.passes import data_sources
from lpc.passes.places import call_names, placed_values, selectors_text, stage_signature
from lpc.passes.rule_names import rule_signature
from lpc.passes.scope import Scope
from lpc.passes.signatures import Signature, matched
from lpc.passes.spines import evaluated_calls, map_calls
from lpc.passes.tables import EITHER, MEASURES, PLACE, TRAIN, value_call
from lpc.source import Source, Span
from lpc.syntax import tree
from lpc.syntax.parse import parse

_POINT = re.compile(r"\.(?![^\[]*\])")
"""A point between two parts of a place, not one of `layer[1..3]`."""
C = TypeVar("C", tree.Let, tree.Measure, tree.Data, tree.Block, tree.Def)


@error("LP141")
class UnknownPlace(Diagnostic):
    """`--set` reaches every let by its name, and other values by their place: `train.batch`, `data.validation`,
    `hidden.linear.outputs`, `place.stages`, and a rule's arguments by block, chain or `all`: `hidden.RULE.lr`.
    (No example: it comes from the command line.)
    """

    title = "`--set {place}`: the program has no such value"
    label = "of this program"
    help = "did you mean `{nearest}`?"
    place: str
    nearest: str = ""


@error("LP142")
class BadOverride(Diagnostic):
    """`--set NAME=VALUE` takes one value as it would be written in the program: `--set width=64`, `--set train.batch=all`.
    (No example: it comes from the command line.)
    """

    title = "`--set {place}={value}`: that is not a value"
    label = "of this program"
    help = "write the value as the program would: a number, a word, a quantity, a string in quotes"
    place: str
    value: str


@dataclass(frozen=True)
class LearnOverride:
    """A change of a rule's argument, made after it is known which block learns by which rule."""

    place: str
    selectors: str
    rule: str
    path: tuple[str, ...]
    value: tree.Expr


@dataclass
class Overrides:
    """Applies `--set`s to clauses one by one; those of rules wait in `learning`."""

    clauses: list[tree.Clause]
    scope: Scope
    report: Report
    span: Span
    """Where to point when a place does not exist: the program's name."""
    lines: Sequence[tree.Learn] = ()
    """The `learn` lines, whose places are proposed where one does not exist."""
    learning: list[LearnOverride] = field(default_factory=list)

    def apply(self, overrides: Iterable[tuple[str, str]]) -> None:
        for place, text in overrides:
            value = read_value(text)
            if value is None:
                self.report.add(BadOverride(span=self.span, place=place, value=text))
            elif not self._apply(place, tuple(_POINT.split(place)), value):
                self.unknown(place)

    def unknown(self, place: str) -> None:
        known = {found for clause in self.clauses for found, _ in placed_values(clause, self.scope)}
        known |= {f"train.{name}" for name in TRAIN.names} | {f"place.{name}" for name in PLACE.names}
        for line in self.lines:
            signature = rule_signature(line.rule.name)
            selectors = ("all", selectors_text(line.selectors), *(selector.name for selector in line.selectors))
            parameters = signature.names if signature else ()
            known |= {f"{selector}.{line.rule.name}.{name}" for selector in selectors for name in parameters}
        self.report.add(UnknownPlace(span=self.span, place=place, nearest=nearest(place, known)))

    def _apply(self, place: str, parts: tuple[str, ...], value: tree.Expr) -> bool:
        """Make one change; False when there is no such place."""
        head, *path = parts
        if not path:
            return self._change(
                tree.Let, lambda c: replace(c, value=at(value, c.value.span)) if c.name == head else None
            )
        if head == "train":
            return self._option(tree.Train, TRAIN, path, value)
        if head == "place":
            return self._option(tree.Place, PLACE, path, value)
        if head == "measure" and len(path) > 1:
            return self._change(tree.Measure, lambda c: _in_measure(c, path, value))
        if head == "data":
            return self._change(tree.Data, lambda c: _in_data(c, path, value))
        if head in self.scope.blocks and self._change(tree.Block, lambda c: self._in_block(c, head, path, value)):
            return True
        if head in self.scope.functions:
            return self._change(tree.Def, lambda c: self._in_function(c, head, path, value))
        if len(path) > 1 and rule_signature(path[0]) is not None:
            self.learning.append(LearnOverride(place, head, path[0], tuple(path[1:]), value))
            return True
        return False

    def _change(self, kind: type[C], change: Callable[[C], tree.Clause | None]) -> bool:
        for index, clause in enumerate(self.clauses):
            if isinstance(clause, kind) and (made := change(clause)) is not None:
                self.clauses[index] = made
                return True
        return False

    def _option(
        self, kind: type[tree.Train] | type[tree.Place], signature: Signature, path: Sequence[str], value: tree.Expr
    ) -> bool:
        parameter = signature.parameter(path[0])
        if parameter is None:
            return False
        for index, clause in enumerate(self.clauses):
            if isinstance(clause, tree.Train | tree.Place) and isinstance(clause, kind):
                for number, option in enumerate(clause.options):
                    if option.name == path[0]:
                        changed = _nested(option.value, path[1:], value)
                        if changed is None:
                            return False
                        options = (
                            *clause.options[:number],
                            replace(option, value=changed),
                            *clause.options[number + 1 :],
                        )
                        self.clauses[index] = replace(clause, options=options)
                        return True
        start: tree.Expr = tree.Name(str(parameter.default), span=self.span)
        added = _nested(start, path[1:], value) if path[1:] else at(value, self.span)
        if added is None:
            return False
        options = (tree.Option(path[0], added, name_span=self.span, span=self.span),)
        for index, clause in enumerate(self.clauses):
            if isinstance(clause, tree.Train | tree.Place) and isinstance(clause, kind):
                kept = tuple(o for o in clause.options if not {o.name, path[0]} <= EITHER)
                self.clauses[index] = replace(clause, options=(*kept, *options))
                return True
        self.clauses.append(kind(options, span=self.span))
        return True

    def _in_block(self, clause: tree.Block, name: str, path: Sequence[str], value: tree.Expr) -> tree.Clause | None:
        if clause.name != name:
            return None
        if list(path) == ["count"] and clause.count is not None:
            return replace(clause, count=at(value, clause.count.span))
        changed = self._in_calls(clause.expr, path, value)
        return None if changed is None else replace(clause, expr=changed)

    def _in_function(self, clause: tree.Def, name: str, path: Sequence[str], value: tree.Expr) -> tree.Clause | None:
        if clause.name != name:
            return None
        for number, parameter in enumerate(clause.parameters):
            if parameter.default is not None and parameter.name == path[0]:
                changed = _nested(parameter.default, path[1:], value)
                if changed is None:
                    return None
                listed = list(clause.parameters)
                listed[number] = replace(parameter, default=changed)
                return replace(clause, parameters=tuple(listed))
        changed = self._in_calls(clause.body, path, value)
        return None if changed is None else replace(clause, body=changed)

    def _in_calls(self, expr: tree.Expr, path: Sequence[str], value: tree.Expr) -> tree.Expr | None:
        """The expression with one argument of one call changed; None when there is no such call or argument."""
        if len(path) < 2:
            return None
        wanted = dict(call_names(evaluated_calls(expr))).get(path[0])
        if wanted is None:
            return None
        made = set_argument(wanted, stage_signature(wanted.name, self.scope), path[1:], value)
        if made is None:
            return None
        names = call_names(evaluated_calls(expr))
        return map_calls(expr, lambda call: made if next(names)[0] == path[0] else call)


def read_value(text: str) -> tree.Expr | None:
    """The expression a text says; None when it is none, or more than one."""
    report = Report()
    file = parse(Source("--set", f"network n\nlet value = {text}\n"), report)
    if report.errors or len(file.clauses) != 2 or not isinstance(file.clauses[1], tree.Let):
        return None
    return file.clauses[1].value


def read_selectors(text: str) -> tuple[tree.Selector, ...]:
    """The selectors of `hidden1+layer[1..3]`; none when the text is not of that form."""
    report = Report()
    file = parse(Source("--set", f"network n\nlearn {text.replace('+', ', ')} with rule\n"), report)
    if report.errors or len(file.clauses) != 2 or not isinstance(file.clauses[1], tree.Learn):
        return ()
    return file.clauses[1].selectors


def at(expr: tree.Expr, span: Span) -> tree.Expr:
    """An expression from outside the program, as if all of it stood at one place in it."""
    moved = map_calls(expr, lambda call: replace(call, name_span=span, span=span))
    match moved:
        case tree.ListExpr(items):
            return tree.ListExpr(tuple(at(item, span) for item in items), span=span)
        case tree.Call(name, arguments):
            placed = tuple(replace(a, value=at(a.value, span), name_span=span, span=span) for a in arguments)
            return tree.Call(name, placed, name_span=span, span=span)
        case tree.Binary(operator, left, right):
            return tree.Binary(operator, at(left, span), at(right, span), span=span)
        case tree.Negative(operand):
            return tree.Negative(at(operand, span), span=span)
        case tree.Pipe(left, right):
            return tree.Pipe(at(left, span), at(right, span), span=span)
        case _:
            return replace(moved, span=span)


def set_argument(
    call: tree.Call, signature: Signature | None, path: Sequence[str], value: tree.Expr
) -> tree.Call | None:
    """The call with one argument changed or added; None when it has no such argument."""
    if signature is None:
        return None
    for number, (argument, parameter) in enumerate(matched(call.arguments, signature)):
        if parameter is not None and parameter.name == path[0]:
            changed = _nested(argument.value, path[1:], value)
            if changed is None:
                return None
            arguments = (*call.arguments[:number], replace(argument, value=changed), *call.arguments[number + 1 :])
            return replace(call, arguments=arguments)
    if signature.parameter(path[0]) is None or len(path) > 1:
        return None
    added = tree.Argument(path[0], at(value, call.span), name_span=call.span, span=call.span)
    return replace(call, arguments=(*call.arguments, added))


def apply_to_rule(call: tree.Call, override: LearnOverride) -> tree.Call | None:
    """A rule with one argument changed; None when the rule has no such argument."""
    return set_argument(call, rule_signature(call.name), override.path, override.value)


def matches(override: LearnOverride, clause: tree.Learn) -> bool:
    """Whether an override names exactly the selectors and rule of a `learn` line."""
    return override.selectors == selectors_text(clause.selectors) and override.rule == clause.rule.name


def _nested(old: tree.Expr, path: Sequence[str], value: tree.Expr) -> tree.Expr | None:
    if not path:
        return at(value, old.span)
    call = tree.Call(old.name, (), name_span=old.span, span=old.span) if isinstance(old, tree.Name) else old
    return set_argument(call, value_call(call.name), path, value) if isinstance(call, tree.Call) else None


def _in_measure(clause: tree.Measure, path: Sequence[str], value: tree.Expr) -> tree.Clause | None:
    for number, item in enumerate(clause.items):
        if item.name == path[0]:
            made = set_argument(item, MEASURES.get(item.name), path[1:], value)
            return (
                None
                if made is None
                else replace(clause, items=(*clause.items[:number], made, *clause.items[number + 1 :]))
            )
    return None


def _in_data(clause: tree.Data, path: Sequence[str], value: tree.Expr) -> tree.Clause | None:
    source = data_sources.find(clause.source.name)
    made = set_argument(clause.source, source.signature if source else None, path, value)
    return None if made is None else replace(clause, source=made)
