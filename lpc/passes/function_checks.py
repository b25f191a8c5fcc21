"""What can be wrong with a function by itself: it uses itself, has no tensor, hides an operation, ignores a parameter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lpc.diagnostics import Diagnostic, Report, error, warning
from lpc.ir.ops import OPERATIONS
from lpc.passes.arithmetic import OF_TYPES
from lpc.passes.scope import SOUND, Scope
from lpc.passes.searches import SEARCH
from lpc.passes.spines import evaluated_calls, leftmost, walk
from lpc.passes.tables import value_call
from lpc.syntax import tree


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


@error("LP136")
class DefaultOfTensors(Diagnostic):
    """What a parameter stands for by default is a number, a word, a list or a name. What a function computes stands in its
    body, where everybody looks for it.
    """

    title = "the default of `{name}` computes a tensor"
    label = "belongs into the body"
    help = "write it in the body of `{function}`, in place of `{name}`"
    bad = "network example\ndef bend(x, y = image -> relu) = add(x, y)\n" + SOUND.partition("\n")[2].replace(
        "flatten -> linear(64) -> relu", "tanh -> bend -> flatten"
    )
    good = "network example\ndef bend(x) = add(x, image -> relu)\n" + SOUND.partition("\n")[2].replace(
        "flatten -> linear(64) -> relu", "tanh -> bend -> flatten"
    )
    name: str
    function: str


@dataclass(frozen=True)
class Uses:
    """How often a body computes with each name, and the name it begins with."""

    count: Counter[str]
    first: str


def uses_of(function: tree.Def) -> Uses:
    count: Counter[str] = Counter()
    for expr in walk(function.body):
        if isinstance(expr, tree.Name):
            count[expr.name] += 1
        elif isinstance(expr, tree.Call) and expr.name in OF_TYPES:
            # `size(x)` needs a name, so what `x` stands for must keep one.
            count.update(a.value.name for a in expr.arguments if isinstance(a.value, tree.Name))
    begin = leftmost(function.body)
    return Uses(count, begin.name if isinstance(begin, tree.Name) else "")


def check_functions(scope: Scope, report: Report) -> frozenset[str]:
    """Report functions that cannot be used or are likely not meant; gives the names of those that cannot be used."""
    broken = {name for name, function in scope.functions.items() if not function.parameters}
    for name, function in scope.functions.items():
        if name in broken:
            report.add(NoTensor(span=function.name_span, name=name))
            continue
        if name in OPERATIONS:
            report.add(HiddenOperation(span=function.name_span, name=name))
        count = uses_of(function).count
        defaults = [p.default for p in function.parameters if p.default is not None]
        named = {node.name for expr in defaults for node in walk(expr) if isinstance(node, tree.Name)}
        for parameter in function.parameters:
            if parameter.default is not None and _computes(parameter.default):
                report.add(DefaultOfTensors(span=parameter.span, name=parameter.name, function=name))
                broken.add(name)
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


def _computes(expr: tree.Expr) -> bool:
    """Whether an expression puts a tensor through an operation."""
    for node in walk(expr):
        if isinstance(node, tree.Pipe):
            return True
        if isinstance(node, tree.Call) and node.name not in (*OF_TYPES, SEARCH) and value_call(node.name) is None:
            return True
    return False
