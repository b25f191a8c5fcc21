"""Functions of a program written out where they are used.

A function's tensor is evaluated once, however often its body names it. So the body takes its place in the text only where
that cannot change what is computed: when the argument is a name, or when the body begins with its parameter and names it
nowhere else (and the whole does not grow too deep). Otherwise the function stays, with nothing but such tensors for
parameters: `def mlp(x) = x + (x -> ...)`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lpc.diagnostics import Diagnostic, Report, error, warning
from lpc.ir.op import Operation
from lpc.ir.ops import OPERATIONS, find
from lpc.passes.arguments import place
from lpc.passes.arithmetic import OF_TYPES
from lpc.passes.completion import complete
from lpc.passes.depth import Depths
from lpc.passes.folding import NOTHING, Environment, Folder
from lpc.passes.scope import SOUND, Scope
from lpc.passes.searches import SEARCH
from lpc.passes.signatures import Signature, of_function, of_operation
from lpc.passes.spines import as_call, evaluated_calls, leftmost, operands, stages, walk
from lpc.passes.values import hole
from lpc.source import Span
from lpc.syntax import tree
from lpc.syntax.scan import MAX_DEPTH

DEEPEST = MAX_DEPTH
"""How deep an expression written out may be, so that the parser takes it again."""
MARGIN = 20
"""Where a function's body would come this near to it, the function stays."""


@error("LP130")
class Recursion(Diagnostic):
    """Functions are written out at compile time, so a function cannot use itself, over however many steps. Repeat with a
    chain: `block layer[8] = ...`.
    """

    title = "function `{name}` uses itself: {path}"
    label = "leads back to `{name}`"
    bad = "network example\ndef deeper(x) = x -> linear(64) -> deeper\n" + SOUND.partition("\n")[2].replace(
        "-> relu", "-> deeper"
    )
    good = "network example\ndef deeper(x) = x -> linear(64) -> relu\n" + SOUND.partition("\n")[2].replace(
        "-> relu", "-> deeper"
    )
    name: str
    path: str


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


@error("LP133")
class NoTensor(Diagnostic):
    """A function takes one tensor, its first parameter, and any number of further parameters."""

    title = "function `{name}` has no parameters"
    label = "a function takes a tensor first"
    help = "write `def {name}(x) = x -> ...`, or `let {name} = ...` for a constant"
    bad = "network example\ndef bend() = relu\n" + SOUND.partition("\n")[2].replace("-> relu", "-> bend")
    good = "network example\ndef twice(x) = x -> relu -> relu\n" + SOUND.partition("\n")[2].replace(
        "-> relu", "-> twice"
    )
    name: str


@warning("LP901")
class HiddenOperation(Diagnostic):
    """A function of a program goes before an operation of the same name, which the program then cannot reach."""

    title = "function `{name}` hides the operation of that name"
    label = "`{name}` means this function everywhere in the program"
    bad = "network example\ndef gelu(x) = x -> relu\n" + SOUND.partition("\n")[2].replace("-> relu", "-> gelu")
    good = "network example\ndef bend(x) = x -> relu\n" + SOUND.partition("\n")[2].replace("-> relu", "-> bend")
    name: str


@warning("LP902")
class UnusedParameter(Diagnostic):
    """A parameter that the body never names has no effect on what is computed."""

    title = "parameter `{name}` of `{function}` has no effect"
    label = "the body never names it"
    bad = "network example\ndef bend(x, by) = x -> relu\n" + SOUND.partition("\n")[2].replace("-> relu", "-> bend(1)")
    good = "network example\ndef bend(x) = x -> relu\n" + SOUND.partition("\n")[2].replace("-> relu", "-> bend")
    name: str
    function: str


class Deep(Exception):
    """An expression nests beyond `DEEPEST` when written out."""


@dataclass
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
        self._uses = {name: _uses(function) for name, function in self.scope.functions.items()}
        self._values = {*self.scope.lets, *self.scope.data, *self.scope.blocks}
        self._local: frozenset[str] = frozenset()
        # A function that stays may keep its own name, and no other's.
        self.depths = Depths()
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
        bound = self._bind(function, piped, call, env)
        if bound is None:
            return hole(call.span)
        shared = [name for name, value in bound.items() if self._must_share(call.name, name, value)]
        if not shared:
            written = self.tensor(function.body, bound)
            shared = [name for name, value in bound.items() if self._is_larger(value)]
            if not shared or self.depths.of(written) <= DEEPEST - MARGIN:
                return written
        return self._keep(function, bound, shared, call)

    def _bind(
        self, function: tree.Def, piped: tree.Expr | None, call: tree.Call, env: Environment
    ) -> dict[str, tree.Expr] | None:
        """What each parameter stands for in one use of a function; None after a mistake."""
        signature = of_function(function, piped=piped is not None)
        placed, in_order = place(call.arguments, signature, call.span, self.report)
        if not in_order:
            return None
        bound = {} if piped is None else {function.parameters[0].name: piped}
        for parameter in signature.parameters:
            if parameter.name in placed:
                value = placed[parameter.name][0].value
                made = self.tensor(value, env) if self.is_tensor(value, env) else self.folder.value(value, env)
            else:
                default = next(p.default for p in function.parameters if p.name == parameter.name)
                assert default is not None
                made = (
                    self.tensor(default, bound) if self.is_tensor(default, bound) else self.folder.value(default, bound)
                )
            bound[parameter.name] = made
        return bound

    def _must_share(self, function: str, parameter: str, value: tree.Expr) -> bool:
        """Whether writing a value in place of a parameter could compute it twice, or elsewhere than first."""
        if not self._is_larger(value):
            return False
        uses = self._uses[function]
        return uses.count[parameter] > 1 or (uses.count[parameter] == 1 and uses.first != parameter)

    def _is_larger(self, value: tree.Expr) -> bool:
        """Whether a value is an expression of tensors that is more than a name."""
        return not isinstance(value, tree.Name | tree.Indexed) and self.is_tensor(value)

    def _keep(
        self, function: tree.Def, bound: Mapping[str, tree.Expr], shared: Sequence[str], call: tree.Call
    ) -> tree.Expr:
        """A use of a function that stays. Uses that differ in nothing but their tensors share one."""
        others = tuple((name, _fingerprint(value)) for name, value in bound.items() if name not in shared)
        key = (function.name, tuple(shared), others)
        if key not in self.kept:
            self.kept[key] = kept = _Kept(self._free_function_name(function.name))
            self._write_kept(kept, function, bound, shared, call.span)
        else:
            kept = self.kept[key]
            self.folder.spend(kept.cost)
        first, *rest = (bound[name] for name in shared)
        stage: tree.Expr = tree.Name(kept.name, span=call.span)
        if rest:
            arguments = tuple(tree.Argument(None, value, span=value.span) for value in rest)
            stage = tree.Call(kept.name, arguments, name_span=call.name_span, span=call.span)
        return tree.Pipe(first, stage, span=call.span)

    def _write_kept(
        self, kept: _Kept, function: tree.Def, bound: Mapping[str, tree.Expr], shared: Sequence[str], span: Span
    ) -> None:
        names: dict[str, str] = {}
        for name in shared:
            names[name] = _fresh(name, {*self._values, *names.values(), *(n for n in shared if n != name)})
        before, outside = self.folder.spent, self._local
        self._local = outside | set(names.values())
        body = self.tensor(function.body, dict(bound) | {old: tree.Name(new, span=span) for old, new in names.items()})
        self._local = outside
        kept.cost = self.folder.spent - before
        parameters = tuple(tree.Parameter(name, span=function.span) for name in names.values())
        kept.clause = tree.Def(kept.name, parameters, body, name_span=function.name_span, span=function.span)

    def _free_function_name(self, name: str) -> str:
        return _fresh(name, {kept.name for kept in self.kept.values()} | (self._reserved - {name}))


@dataclass(frozen=True)
class _Uses:
    """How often a body computes with each name, and the name it begins with."""

    count: Counter[str]
    first: str


def _uses(function: tree.Def) -> _Uses:
    count: Counter[str] = Counter()
    for expr in walk(function.body):
        if isinstance(expr, tree.Name):
            count[expr.name] += 1
        elif isinstance(expr, tree.Call) and expr.name in OF_TYPES:
            # `size(x)` needs a name, so what `x` stands for must keep one.
            count.update(a.value.name for a in expr.arguments if isinstance(a.value, tree.Name))
    begin = leftmost(function.body)
    return _Uses(count, begin.name if isinstance(begin, tree.Name) else "")


def _fresh(name: str, taken: Collection[str]) -> str:
    made, number = name, 2
    while made in taken:
        made, number = f"{name}{number}", number + 1
    return made


def _fingerprint(expr: tree.Expr) -> tuple[object, ...]:
    """What two written-out expressions have in common exactly when they say the same."""
    found: list[object] = []
    for node in walk(expr):
        match node:
            case tree.Number(value):
                found.append((type(value), value))
            case tree.Quantity(value, unit):
                found.append((value, unit))
            case tree.String(value):
                found.append((str, value))
            case tree.Name(name):
                found.append(("name", name))
            case tree.Call(name, arguments):
                found.append(("call", name, tuple(argument.name for argument in arguments)))
            case tree.Pipe(_, right):
                found.append(("pipe", right.name if isinstance(right, tree.Name) else ""))
            case tree.Binary(operator):
                found.append(operator)
            case tree.ListExpr(items):
                found.append(("list", len(items)))
            case tree.Indexed(name, _, last):
                found.append(("indexed", name, last is None))
            case tree.Negative():
                found.append("negative")
    return tuple(found)


def split_inputs(
    arguments: Sequence[tree.Argument], most: int | None, piped: bool, is_tensor: Callable[[tree.Expr], bool]
) -> tuple[Sequence[tree.Argument], Sequence[tree.Argument]]:
    """The tensor inputs among an operation's arguments, which come first and without names, and the other arguments.

    `most`: how many inputs the operation takes, None for any number.
    """
    count = 0
    room = len(arguments) if most is None else most - (1 if piped else 0)
    for argument in arguments:
        if count >= room or argument.name is not None or not is_tensor(argument.value):
            break
        count += 1
    return arguments[:count], arguments[count:]


def check_functions(scope: Scope, report: Report) -> frozenset[str]:
    """Report functions that cannot be used or are likely not meant; gives the names of those that cannot be used."""
    broken = {name for name, function in scope.functions.items() if not function.parameters}
    for name, function in scope.functions.items():
        if name in broken:
            report.add(NoTensor(span=function.name_span, name=name))
            continue
        if name in OPERATIONS:
            report.add(HiddenOperation(span=function.name_span, name=name))
        count = _uses(function).count
        defaults = [p.default for p in function.parameters if p.default is not None]
        named = {node.name for expr in defaults for node in walk(expr) if isinstance(node, tree.Name)}
        for parameter in function.parameters:
            if not count[parameter.name] and parameter.name not in named:
                report.add(UnusedParameter(span=parameter.span, name=parameter.name, function=name))
    for cycle in _cycles(scope):
        shown = cycle if len(cycle) <= 8 else [*cycle[:4], "...", *cycle[-3:]]
        path = " -> ".join(f"`{name}`" if name != "..." else name for name in (*shown, cycle[0]))
        report.add(Recursion(span=scope.functions[cycle[0]].name_span, name=cycle[0], path=path))
        broken.update(cycle)
    return frozenset(broken)


def _cycles(scope: Scope) -> Iterator[Sequence[str]]:
    """Functions that use each other in a circle, each circle once."""
    graph = {
        name: [n for n in dict.fromkeys(_called(f)) if n in scope.functions] for name, f in scope.functions.items()
    }
    done: set[str] = set()
    for start in graph:
        path: dict[str, Iterator[str]] = {}
        waiting = [] if start in done else [start]
        while waiting:
            name = waiting[-1]
            uses = path.setdefault(name, iter(graph[name]))
            following = next(uses, None)
            if following is None:
                done.add(name)
                del path[name]
                waiting.pop()
            elif following in path:
                yield waiting[waiting.index(following) :]
            elif following not in done:
                waiting.append(following)


def _called(function: tree.Def) -> Iterator[str]:
    return (call.name for call in evaluated_calls(function.body))
