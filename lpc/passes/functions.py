"""Functions of a program written out where they are used.

A function's tensor is evaluated once, however often its body names it. So the body takes its place in the text only where
that cannot change what is computed: when the argument is a name, or when the body begins with its parameter and names it
nowhere else (and the whole does not grow too deep). Otherwise the function stays, with nothing but such tensors for
parameters: `def mlp(x) = x + (x -> ...)`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from lpc.diagnostics import Diagnostic, Report, error
from lpc.ir.op import Operation
from lpc.ir.ops import OPERATIONS, find
from lpc.passes.arguments import place, split_inputs
from lpc.passes.arithmetic import OF_TYPES
from lpc.passes.completion import complete
from lpc.passes.depth import Depths
from lpc.passes.folding import NOTHING, Environment, Folder, Spent
from lpc.passes.function_checks import check_functions, uses_of
from lpc.passes.scope import SOUND, Scope
from lpc.passes.searches import SEARCH
from lpc.passes.signatures import Signature, of_function, of_operation
from lpc.passes.spines import as_call, names_in, operands, renamed, stages
from lpc.passes.values import hole
from lpc.source import Span
from lpc.syntax import tree
from lpc.syntax.scan import MAX_DEPTH

DEEPEST = MAX_DEPTH
"""How deep an expression written out may be, so that the parser takes it again."""
MARGIN = 20
"""Where a function's body would come this near to it, the function stays."""


@error("LP132")
class TooDeep(Diagnostic):
    """Expressions may stand inside each other two hundred deep, functions written out."""

    title = "{what} nests deeper than {limit} when its functions are written out"
    label = "too deep"
    bad = (
        "network example\ndef f0(x) = x\n"
        + "".join(f"def f{k}(x) = x + (x -> f{k - 1})\n" for k in range(1, 220))
        + SOUND.partition("\n")[2].replace("-> relu", "-> f219")
    )
    good = "network example\ndef twice(x) = x + (x -> relu)\n" + SOUND.partition("\n")[2].replace("-> relu", "-> twice")
    what: str
    limit: int


class Deep(Exception):
    """An expression nests beyond `DEEPEST` when written out."""


Defaults = Sequence[tuple[str, tree.Expr]]


@dataclass(frozen=True)
class _Use:
    """One use of a function: what its parameters stand for, and those left out with their defaults."""

    function: tree.Def
    bound: Environment
    left_out: Defaults


@dataclass(frozen=True)
class _Kept:
    """A function that stays: its clause (None while its body is being written), and how many expressions it stands for."""

    name: str
    clause: tree.Def | None = None
    cost: int = 0


@dataclass
class Writer:
    """Writes expressions out: functions in place, values folded, defaults of operations added."""

    folder: Folder
    report: Report
    kept: dict[object, _Kept] = field(default_factory=dict)
    _depth: int = 0

    def __post_init__(self) -> None:
        self.scope: Scope = self.folder.scope
        self.broken = check_functions(self.scope, self.report)
        self._uses = {name: uses_of(function) for name, function in self.scope.functions.items()}
        self._values = {*self.scope.lets, *self.scope.data, *self.scope.blocks}
        self._local: frozenset[str] = frozenset()
        """The parameters of the function that stays whose body is being written."""
        self.depths = Depths()
        # A function that stays may keep its own name, and no other's.
        self._reserved = {*OPERATIONS, *self.scope.functions}
        self._signatures: dict[str, tuple[Operation, Signature] | None] = {}

    @property
    def functions(self) -> tuple[tree.Def, ...]:
        """The functions that stay, in order of first use."""
        return tuple(kept.clause for kept in self.kept.values() if kept.clause is not None)

    def tensor(self, expr: tree.Expr, env: Environment = NOTHING) -> tree.Expr:
        """An expression of tensors written out."""
        self.folder.spend()
        if self._depth > DEEPEST:
            raise Deep
        self._depth += 1
        try:
            return self._tensor(expr, env)
        finally:
            self._depth -= 1

    def _tensor(self, expr: tree.Expr, env: Environment) -> tree.Expr:
        match expr:
            case tree.Name(name) if name in env:
                return env[name]
            case tree.Pipe():
                head, pipes = stages(expr)
                made = self.tensor(head, env)
                for pipe in pipes:
                    made = self._stage(made, as_call(pipe.right), pipe.span, env)
                return made
            case tree.Binary():
                first, operators = operands(expr)
                made = self.tensor(first, env)
                for binary in operators:
                    made = tree.Binary(binary.operator, made, self.tensor(binary.right, env), span=binary.span)
                return made
            case tree.Call(name) if name not in OF_TYPES and name != SEARCH:
                return self._stage(None, expr, expr.span, env)
            case tree.Negative(operand) if self.is_tensor(operand, env):  # bind says what to write instead
                return tree.Negative(self.tensor(operand, env), span=expr.span)
            case tree.Indexed(name, first, last):
                end = None if last is None else self.folder.value(last, env)
                return tree.Indexed(name, self.folder.value(first, env), end, span=expr.span)
            case _:
                return self.folder.value(expr, env)

    def is_tensor(self, expr: tree.Expr, env: Environment = NOTHING) -> bool:
        """Whether an expression is one of tensors, by its form and its names."""
        while True:
            match expr:
                case tree.Name(name):
                    bound = env.get(name)
                    if bound is not None:
                        return self.is_tensor(bound)
                    return self.scope.is_tensor(name) or name in self._local
                case tree.Pipe() | tree.Indexed():
                    return True
                case tree.Binary(_, left, right):
                    if not isinstance(right, tree.Binary) and self.is_tensor(right, env):
                        return True
                    expr = left
                case tree.Call(name):
                    return name not in OF_TYPES and name != SEARCH
                case _:
                    return False

    def _stage(self, piped: tree.Expr | None, call: tree.Call, span: Span, env: Environment) -> tree.Expr:
        """A call with what is piped into it, written out."""
        if call.name in self.broken:
            return hole(span)
        if call.name in self.scope.functions:
            return self._use(piped, call, env)
        made = self._operation(piped, call, env)
        if piped is None:
            return made
        stage = made if made.arguments else tree.Name(call.name, span=call.span)
        return tree.Pipe(piped, stage, span=span)

    def _operation(self, piped: tree.Expr | None, call: tree.Call, env: Environment) -> tree.Call:
        known = self._signature(call.name)
        most = known[0].inputs[1] if known else None
        given, rest = split_inputs(call.arguments, most, piped is not None, lambda expr: self.is_tensor(expr, env))
        inputs = tuple(tree.Argument(None, self.tensor(argument.value, env), span=argument.span) for argument in given)
        if known is None:  # bind reports it
            arguments = self.folder.arguments(rest, None, env)
        else:
            arguments = complete(self.folder.arguments(rest, known[1], env), known[1], call.span)
        self.folder.spend(len(arguments))
        return tree.Call(call.name, (*inputs, *arguments), name_span=call.name_span, span=call.span)

    def _signature(self, name: str) -> tuple[Operation, Signature] | None:
        if name not in self._signatures:
            operation = find(name)
            self._signatures[name] = (operation, of_operation(operation)) if operation else None
        return self._signatures[name]

    def _use(self, piped: tree.Expr | None, call: tree.Call, env: Environment) -> tree.Expr:
        function = self.scope.functions[call.name]
        use = self._bind(function, piped, call, env)
        if use is None:
            return hole(call.span)
        shared = [name for name, value in use.bound.items() if self._must_share(use, name, value)]
        if not shared:
            written = self.tensor(function.body, self._with_defaults(use.bound, use.left_out))
            shared = [name for name, value in use.bound.items() if self._is_larger(value)]
            if not shared or self.depths.of(written) <= DEEPEST - MARGIN:
                return written
        return self._keep(use, shared, call)

    def _bind(self, function: tree.Def, piped: tree.Expr | None, call: tree.Call, env: Environment) -> _Use | None:
        """What each parameter stands for in one use of a function; None after a mistake."""
        signature = of_function(function, piped=piped is not None)
        placed, in_order = place(call.arguments, signature, call.span, self.report)
        if not in_order:
            return None
        bound = {} if piped is None else {function.parameters[0].name: piped}
        for name, arguments in placed.items():
            value = arguments[0].value
            bound[name] = self.tensor(value, env) if self.is_tensor(value, env) else self.folder.value(value, env)
        left_out = tuple(
            (p.name, p.default) for p in function.parameters if p.name not in bound and p.default is not None
        )
        return _Use(function, bound, left_out)

    def _with_defaults(self, bound: Environment, left_out: Defaults) -> Environment:
        """Parameters with their defaults, which may name those before them."""
        made = dict(bound)
        for name, default in left_out:
            made[name] = self.folder.value(default, made)
        return made

    def _must_share(self, use: _Use, parameter: str, value: tree.Expr) -> bool:
        """Whether writing a value in place of a parameter could compute it twice, or elsewhere than first."""
        if not self._is_larger(value):
            return False
        if any(parameter in names_in(default) for _, default in use.left_out):
            return True
        uses = self._uses[use.function.name]
        return uses.count[parameter] > 1 or (uses.count[parameter] == 1 and uses.first != parameter)

    def _is_larger(self, value: tree.Expr) -> bool:
        """Whether a value is an expression of tensors that is more than a name."""
        return not isinstance(value, tree.Name | tree.Indexed) and self.is_tensor(value)

    def _keep(self, use: _Use, shared: Sequence[str], call: tree.Call) -> tree.Expr:
        """A use of a function that stays. Uses that differ in nothing but their tensors share one function.

        Its parameters are the shared ones and, since nothing else is in reach there, the tensors of the function in whose
        body it is used that its other arguments name.
        """
        settled = {name: value for name, value in use.bound.items() if name not in shared}
        around = [
            n for n in dict.fromkeys(n for value in settled.values() for n in names_in(value)) if n in self._local
        ]
        names: dict[str, str] = {}
        for name in shared:
            names[name] = _fresh(name, {*self._values, *shared, *names.values()} - {name})
        outer: dict[str, str] = {}
        for name in around:
            outer[name] = _fresh(name, {*self._values, *names.values(), *outer.values()})
        settled = {name: renamed(value, outer) for name, value in settled.items()}
        from lpc.syntax.format import print_expr  # few programs come here

        parameters = (*names.values(), *outer.values())
        key = (use.function.name, tuple(shared), parameters, *((n, print_expr(v)) for n, v in settled.items()))
        if key in self.kept:
            self.folder.spend(self.kept[key].cost)
        else:
            inner = settled | {old: tree.Name(new, span=call.span) for old, new in names.items()}
            self._write_kept(key, use, inner, parameters)
        kept = self.kept[key]
        handed = [use.bound[name] for name in shared] + [tree.Name(name, span=call.span) for name in around]
        first, *rest = handed
        stage: tree.Expr = tree.Name(kept.name, span=call.span)
        if rest:
            arguments = tuple(tree.Argument(None, value, span=value.span) for value in rest)
            stage = tree.Call(kept.name, arguments, name_span=call.name_span, span=call.span)
        return tree.Pipe(first, stage, span=call.span)

    def _write_kept(self, key: object, use: _Use, inner: Environment, parameters: Sequence[str]) -> None:
        """Write the body of a function that stays. What grows without end leaves nothing behind."""
        name, span = self._free_function_name(use.function.name), use.function.span
        before, outside = self.folder.spent, self._local
        self.kept[key] = _Kept(name)
        self._local = frozenset(parameters)
        try:
            body = self.tensor(use.function.body, self._with_defaults(inner, use.left_out))
        except (Deep, Spent):
            del self.kept[key]
            raise
        finally:
            self._local = outside
        listed = tuple(tree.Parameter(parameter, span=span) for parameter in parameters)
        clause = tree.Def(name, listed, body, name_span=use.function.name_span, span=span)
        self.kept[key] = _Kept(name, clause, self.folder.spent - before)

    def _free_function_name(self, name: str) -> str:
        return _fresh(name, {kept.name for kept in self.kept.values()} | (self._reserved - {name}))


def _fresh(name: str, taken: Collection[str]) -> str:
    made, number = name, 2
    while made in taken:
        made, number = f"{name}{number}", number + 1
    return made
