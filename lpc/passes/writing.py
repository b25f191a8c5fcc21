"""Clauses written out one by one: values folded, functions in place, defaults added."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from lpc.diagnostics import Diagnostic, Report, error
from lpc.passes import data_sources
from lpc.passes.completion import complete, literal
from lpc.passes.folding import LIMIT, Folder, Spent, TooLarge
from lpc.passes.functions import DEEPEST, Deep, TooDeep, Writer
from lpc.passes.rule_names import rule_signature
from lpc.passes.scope import SOUND, Scope
from lpc.passes.selectors import Chains
from lpc.passes.signatures import Parameter, Signature, matched
from lpc.passes.tables import MEASURES, PLACE, TRAIN, value_call
from lpc.passes.values import describe, hole, is_hole
from lpc.source import Span
from lpc.syntax import tree
from lpc.syntax.walk import walk

LONGEST = 100_000
"""Blocks of one chain, and of a whole program."""
ORDER = (
    tree.Network,
    tree.Data,
    tree.Def,
    tree.Block,
    tree.Objective,
    tree.Learn,
    tree.Place,
    tree.Train,
    tree.Measure,
)
"""The order of clauses in a program written out."""
COUNT = Parameter("count", "int", least=1, most=LONGEST)
SIZE = Parameter("size", "int", least=1)
INDEX = Parameter("index", "int", least=1)
STAGE = Parameter("stage", "int", least=1)


@error("LP134")
class ChainLength(Diagnostic):
    """`block NAME[N]` is N blocks, so N is a whole number from 1 to 100 000; all blocks of a program together are no more."""

    title = "{bounds}, found {found}"
    label = "not a length"
    bad = SOUND.replace("block hidden =", "block hidden[100000000] =")
    good = SOUND.replace("block hidden =", "block hidden[10] =")
    bounds: str
    found: str


def measure_chains(scope: Scope, folder: Folder, report: Report) -> tuple[Chains, Mapping[str, tree.Expr]]:
    """The lengths of chains, and their counts folded. A length that is wrong counts as unknown."""
    counts: dict[str, tree.Expr] = {}
    lengths: dict[str, int | None] = {}
    unknown: set[str] = set()
    total = 0
    for name, block in scope.blocks.items():
        lengths[name] = None
        if block.count is None:
            continue
        folder.spent = 0
        count = folder.value(block.count, parameter=COUNT)
        length = count.value if isinstance(count, tree.Number) and isinstance(count.value, int) else 0
        total += length if 1 <= length <= LONGEST else 0
        if not 1 <= length <= LONGEST or total > LONGEST:
            first_over = 1 <= length <= LONGEST and total - length <= LONGEST
            if first_over or not (is_hole(count) or 1 <= length <= LONGEST):
                bounds = "a chain has from 1 to 100 000 blocks"
                found = describe(count)
                if 1 <= length <= LONGEST:
                    bounds, found = "the chains of a program have 100 000 blocks at most", f"{total} up to this one"
                report.add(ChainLength(span=block.count.span, bounds=bounds, found=found))
            count, length = hole(block.count.span), 1
            unknown.add(name)
        counts[name], lengths[name] = count, length
    spans = {name: block.name_span for name, block in scope.blocks.items()}
    return Chains(lengths, spans, frozenset(unknown)), counts


S = TypeVar("S", tree.Learn, tree.Place)
R = TypeVar("R")


def _reached(clauses: Sequence[tree.Clause], functions: Sequence[tree.Def]) -> list[tree.Def]:
    """The functions that clauses use, in order: not those whose use was handed to a function that ignores it."""
    if not functions:
        return []
    known = {function.name: function for function in functions}
    reached: set[str] = set()
    waiting: list[tree.Node] = list(clauses)
    while waiting:
        for node in walk(waiting.pop()):
            if isinstance(node, tree.Name | tree.Call) and node.name in known.keys() - reached:
                reached.add(node.name)
                waiting.append(known[node.name])
    return [function for function in functions if function.name in reached]


class ClauseWriter:
    """Writes the clauses of one program out."""

    def __init__(self, writer: Writer, counts: Mapping[str, tree.Expr]) -> None:
        self.writer = writer
        self.folder = writer.folder
        self.report = writer.report
        self.counts = counts

    def clauses(self, clauses: Sequence[tree.Clause]) -> tuple[tree.Clause, ...]:
        """All clauses that a plain program has, in its order, with the functions that stay."""
        written = [made for clause in clauses if (made := self._clause(clause)) is not None]
        written.extend(self._checked_function(function) for function in _reached(written, self.writer.functions))
        return tuple(sorted(written, key=lambda clause: ORDER.index(type(clause))))

    def selected(self, lines: Sequence[S]) -> list[S]:
        """Lines with the numbers of their selectors folded."""
        return [replace(line, selectors=tuple(map(self._selector, line.selectors))) for line in lines]

    def _selector(self, selector: tree.Selector) -> tree.Selector:
        if selector.first is None:
            return selector
        first = self.folder.value(selector.first, parameter=INDEX)
        last = None if selector.last is None else self.folder.value(selector.last, parameter=INDEX)
        return replace(selector, first=first, last=last)

    def _clause(self, clause: tree.Clause) -> tree.Clause | None:
        match clause:
            case tree.Network():
                return clause
            case tree.Data():
                return self._guarded(clause.span, "the data clause", lambda: self._data(clause), clause)
            case tree.Block(name):
                expr = self._guarded(clause.name_span, f"block `{name}`", lambda: self._tensor(clause.expr), None)
                return replace(clause, count=self.counts.get(name), expr=expr or hole(clause.expr.span))
            case tree.Objective():
                return self._guarded(clause.span, "the objective", lambda: self._objective(clause), clause)
            case tree.Learn():
                return self._guarded(clause.span, "the `learn` line", lambda: self._learn(clause), clause)
            case tree.Place() if clause.selectors:
                stage = self.folder.value(clause.stage, parameter=STAGE) if clause.stage is not None else None
                return replace(clause, stage=stage)
            case tree.Place(options):
                return replace(clause, options=self._options(options, PLACE, clause.span))
            case tree.Train(options):
                return replace(clause, options=self._options(options, TRAIN, clause.span))
            case tree.Measure(items):
                return replace(clause, items=tuple(self._call(item, MEASURES.get(item.name)) for item in items))
            case _:
                return None

    def _guarded(self, span: Span, what: str, write: Callable[[], R], otherwise: R) -> R:
        """Write something out, within bounds."""
        self.folder.spent = 0
        try:
            return write()
        except Spent:
            self.report.add(TooLarge(span=span, what=what, limit=f"{LIMIT:,}".replace(",", " ")))
        except Deep:
            self.report.add(TooDeep(span=span, what=what, limit=DEEPEST))
        return otherwise

    def _tensor(self, expr: tree.Expr) -> tree.Expr:
        made = self.writer.tensor(expr)
        if self.writer.depths.of(made) > DEEPEST:
            raise Deep
        return made

    def _checked_function(self, function: tree.Def) -> tree.Def:
        if self.writer.depths.of(function.body) > DEEPEST:
            what = f"function `{function.name}`"
            self.report.add(TooDeep(span=function.name_span, what=what, limit=DEEPEST))
        return function

    def _data(self, clause: tree.Data) -> tree.Data:
        known = data_sources.find(clause.source.name)
        bindings = tuple(
            binding if binding.type is None else replace(binding, type=self._type(binding.type))
            for binding in clause.bindings
        )
        return replace(clause, bindings=bindings, source=self._call(clause.source, known.signature if known else None))

    def _type(self, written: tree.TypeExpr) -> tree.TypeExpr:
        return replace(written, sizes=tuple(self.folder.value(size, parameter=SIZE) for size in written.sizes))

    def _objective(self, clause: tree.Objective) -> tree.Objective:
        arguments = tuple(
            replace(a, value=self._tensor(a.value) if self.writer.is_tensor(a.value) else self.folder.value(a.value))
            for a in clause.loss.arguments
        )
        return replace(clause, loss=replace(clause.loss, arguments=arguments))

    def _learn(self, clause: tree.Learn) -> tree.Learn:
        return replace(clause, rule=self._call(clause.rule, rule_signature(clause.rule.name)))

    def _call(self, call: tree.Call, signature: Signature | None) -> tree.Call:
        """A call that is no tensor, with its arguments folded and its defaults."""
        folded = self.folder.arguments(call.arguments, signature)
        if signature is None:
            return replace(call, arguments=folded)
        finished = tuple(
            replace(argument, value=_finished(argument.value, parameter))
            for argument, parameter in matched(folded, signature)
        )
        return replace(call, arguments=complete(finished, signature, call.span))

    def _options(self, options: Sequence[tree.Option], signature: Signature, span: Span) -> tuple[tree.Option, ...]:
        made = []
        for option in options:
            parameter = signature.parameter(option.name)
            value = self.folder.value(option.value, parameter=parameter)
            made.append(replace(option, value=_finished(value, parameter)))
        written = {option.name for option in options}
        for parameter in signature.parameters:
            if parameter.name not in written and parameter.default is not None:
                value = _finished(literal(parameter.default, span), parameter)
                made.append(tree.Option(parameter.name, value, name_span=span, span=span))
        return tuple(made)


def _finished(value: tree.Expr, parameter: Parameter | None) -> tree.Expr:
    """An optimizer or schedule with its own defaults; any other value as it is."""
    if parameter is None or parameter.kind != "call" or not isinstance(value, tree.Name | tree.Call):
        return value
    known = value_call(value.name)
    if known is None:
        return value
    arguments = complete(value.arguments if isinstance(value, tree.Call) else (), known, value.span)
    return tree.Call(value.name, arguments, name_span=value.span, span=value.span) if arguments else value
