"""Values of a program written out: lets replaced by what they stand for, arithmetic done, searches given a stand-in.

What is left holds numbers, quantities, strings, lists, words, names of data and blocks, calls of those, and what only
types can tell (`classes(label)`), with arithmetic on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lpc.diagnostics import Diagnostic, Edit, Report, error, nearest
from lpc.ir.program import Search
from lpc.passes import searches
from lpc.passes.arithmetic import OF_TYPES, combine, negated
from lpc.passes.scope import SOUND, Scope
from lpc.passes.signatures import Parameter, Signature, matched
from lpc.passes.spines import names_in, operands, unsigned, walk
from lpc.passes.tables import value_call
from lpc.passes.values import hole, is_hole, relocated
from lpc.source import Span
from lpc.syntax import tree

Environment = Mapping[str, tree.Expr]
"""What the parameters of a function stand for, folded."""
NOTHING: Environment = {}


@error("LP101")
class UnknownName(Diagnostic):
    """A name stands for what a `let`, `data`, `block` or parameter of a `def` of that name declares. Order does not matter:
    a name may be declared below its use.
    """

    title = "there is no {what} named `{name}`"
    label = "not declared"
    help = "did you mean `{nearest}`?"
    bad = SOUND.replace("hidden -> linear", "hiden -> linear")
    good = SOUND
    what: str
    name: str
    nearest: str = ""


@error("LP120")
class LetCycle(Diagnostic):
    """The value of a `let` may use other lets, but not, over however many steps, itself."""

    title = "`{name}` is defined by itself: {path}"
    label = "its value needs `{name}`"
    bad = "network example\nlet a = b + 1\nlet b = a + 1\n" + SOUND.partition("\n")[2].replace("64", "a")
    good = "network example\nlet a = 63\nlet b = a + 1\n" + SOUND.partition("\n")[2].replace("64", "b")
    name: str
    path: str


@error("LP131")
class TooLarge(Diagnostic):
    """Functions are written out where they are used. Functions that use each other twice, a few dozen deep, would make more
    operations than any machine holds, so there is a bound on what one clause may grow to.
    """

    title = "{what} grows beyond {limit} expressions when its functions are written out"
    label = "too large"
    bad = (
        "network example\ndef f0(x) = x -> relu -> relu\n"
        + "".join(f"def f{k}(x) = x -> f{k - 1} -> f{k - 1}\n" for k in range(1, 20))
        + SOUND.partition("\n")[2].replace("-> relu", "-> f19")
    )
    good = "network example\ndef twice(x) = x -> relu -> relu\n" + SOUND.partition("\n")[2].replace(
        "-> relu", "-> twice"
    )
    what: str
    limit: str


class Spent(Exception):
    """An expression grew beyond `LIMIT` when written out."""


LIMIT = 200_000
"""Expressions that one clause may grow to when its functions and lets are written out."""


def unknown_name(span: Span, name: str, what: str, known: Sequence[str], *, hinting: bool = True) -> UnknownName:
    """The error for a name that nothing declares, with the nearest that something does. `hinting`: look for that one."""
    near = nearest(name, known) if hinting else ""
    return UnknownName(span=span, name=name, what=what, nearest=near, edit=Edit(span, near) if near else None)


class Folder:
    """Folds values of one program. `places` gives the place of each search, by the identity of its call."""

    def __init__(self, scope: Scope, places: Mapping[int, str], report: Report) -> None:
        self.scope = scope
        self.places = places
        self.report = report
        self.searches: dict[int, Search | None] = {}
        self.spent = 0
        self._stand_ins: dict[int, tree.Expr] = {}
        self._lets: dict[str, tree.Expr] = {}
        self._sizes: dict[str, int] = {}
        for name in self._lets_in_order():
            self.spent = 0
            try:
                self._lets[name] = self.value(scope.lets[name].value)
            except Spent:
                report.add(
                    TooLarge(span=scope.lets[name].name_span, what=f"`{name}`", limit=f"{LIMIT:,}".replace(",", " "))
                )
                self._lets[name] = hole(scope.lets[name].name_span)
            self._sizes[name] = sum(1 for _ in walk(self._lets[name]))

    def spend(self, count: int = 1) -> None:
        self.spent += count
        if self.spent > LIMIT:
            raise Spent

    def let(self, name: str, span: Span) -> tree.Expr:
        """The value of a let, as it stands at a place."""
        self.spend(self._sizes[name])
        value = self._lets[name]
        return relocated(value, span)

    def value(self, expr: tree.Expr, env: Environment = NOTHING, parameter: Parameter | None = None) -> tree.Expr:
        """The expression folded. `parameter` says which names are words there and which must be declared."""
        self.spend()
        match expr:
            case tree.Name(name):
                return self._name(expr, name, env, parameter)
            case tree.Binary():
                first, operators = operands(expr)
                made = self._operand(first, env)
                for binary in operators:
                    operand = self._operand(binary.right, env)
                    made = combine(binary.operator, made, operand, binary.span, self.report)
                return made
            case tree.Negative():
                operand, signs = unsigned(expr)
                made = self._operand(operand, env)
                for sign in reversed(signs):
                    made = negated(made, sign.span, self.report)
                return made
            case tree.ListExpr(items):
                return tree.ListExpr(tuple(self.value(item, env, parameter) for item in items), span=expr.span)
            case tree.Call(name) if name == searches.SEARCH:
                return self._search(expr, env)
            case tree.Call(name) if name in OF_TYPES:
                return self._with(expr, tuple(self._measured(argument, env) for argument in expr.arguments))
            case tree.Call():
                return self._with(expr, self.arguments(expr.arguments, value_call(expr.name), env))
            case _:
                return expr

    def arguments(
        self, arguments: Sequence[tree.Argument], signature: Signature | None, env: Environment = NOTHING
    ) -> tuple[tree.Argument, ...]:
        """Arguments with their values folded, each as the parameter that it fills wants."""
        return tuple(
            _argument(argument, self.value(argument.value, env, parameter))
            for argument, parameter in matched(arguments, signature)
        )

    def _with(self, call: tree.Call, arguments: tuple[tree.Argument, ...]) -> tree.Call:
        return tree.Call(call.name, arguments, name_span=call.name_span, span=call.span)

    def _measured(self, argument: tree.Argument, env: Environment) -> tree.Argument:
        """The argument of `classes` or `size`: a name of a tensor, or a parameter that stands for one."""
        value = argument.value
        bound = env.get(value.name) if isinstance(value, tree.Name) else None
        return _argument(argument, bound) if bound is not None else argument

    def _operand(self, expr: tree.Expr, env: Environment) -> tree.Expr:
        """An operand of arithmetic: a bare name there must be declared."""
        if isinstance(expr, tree.Name) and not is_hole(expr) and expr.name not in env and expr.name not in self.scope:
            self.report.add(unknown_name(expr.span, expr.name, "`let`", (*self.scope.lets, *env)))
            return hole(expr.span)
        return self.value(expr, env)

    def _name(self, expr: tree.Name, name: str, env: Environment, parameter: Parameter | None) -> tree.Expr:
        if parameter is not None and name in parameter.all_words:
            return expr
        if name in env:
            return env[name]
        if name in self.scope.lets:
            return self.let(name, expr.span)
        if parameter is None or parameter.takes_names or name in self.scope:
            return expr
        self.report.add(unknown_name(expr.span, name, "`let`", (*self.scope.lets, *env, *parameter.all_words)))
        return hole(expr.span)

    def _search(self, call: tree.Call, env: Environment) -> tree.Expr:
        key = id(call)
        if key not in self._stand_ins:
            if key not in self.places:
                self.report.add(searches.MisplacedSearch(span=call.span))
                self._stand_ins[key] = hole(call.span)
            else:
                items = [self.value(argument.value, env) for argument in call.arguments]
                made, record = searches.resolve(call, items, self.places[key], self.report)
                self._stand_ins[key], self.searches[key] = made, record
        return self._stand_ins[key]

    def _lets_in_order(self) -> Iterator[str]:
        """Every let after the lets its value names; those in a cycle are reported and become holes."""
        lets = self.scope.lets
        state: dict[str, int] = {}  # 1: on the way down, 2: done
        for start in lets:
            stack = [start]
            while stack:
                name = stack[-1]
                if state.get(name) is None:
                    state[name] = 1
                    needs = [n for n in dict.fromkeys(names_in(lets[name].value)) if n in lets]
                    if name in needs or any(state.get(n) == 1 for n in needs):
                        on_the_way = [n for n in stack if state.get(n) == 1]
                        self._report_cycle(name, on_the_way, next(n for n in needs if state.get(n) == 1))
                    stack.extend(n for n in reversed(needs) if state.get(n) is None)
                else:
                    stack.pop()
                    if state[name] == 1:
                        state[name] = 2
                        if name not in self._lets:
                            yield name

    def _report_cycle(self, name: str, stack: Sequence[str], again: str) -> None:
        let = self.scope.lets[name]
        path = [*stack[stack.index(again) :], again]
        shown = " -> ".join(f"`{n}`" for n in path[-8:])
        self.report.add(LetCycle(span=let.name_span, name=again, path=shown))
        self._lets[name] = hole(let.name_span)
        self._sizes[name] = 1


def _argument(argument: tree.Argument, value: tree.Expr) -> tree.Argument:
    return tree.Argument(argument.name, value, name_span=argument.name_span, span=argument.span)
