"""Which blocks read which, in what order they are computed, and circles among them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence

from lpc.diagnostics import Diagnostic, Report, error
from lpc.ir.ops import OPERATIONS
from lpc.passes.arithmetic import OF_TYPES
from lpc.passes.scope import SOUND, Scope
from lpc.passes.signatures import matched, of_operation
from lpc.passes.spines import children
from lpc.syntax import tree


@error("LP108")
class BlockCycle(Diagnostic):
    """Examples flow from the data through every block once, so blocks cannot feed each other in a circle."""

    title = "blocks feed each other in a circle: {path}"
    label = "reads `{reads}`"
    bad = SOUND.replace("image -> flatten", "readout -> flatten")
    good = SOUND
    path: str
    reads: str


def sources(expr: tree.Expr, scope: Scope) -> Iterator[tree.Name | tree.Indexed]:
    """The names of blocks and data that flow into an expression, in reading order.

    Names that only say which edges to use, or whose type is asked for, are no flow; nor are a function's parameters, though a
    block may have such a name.
    """
    waiting: list[tuple[tree.Expr, frozenset[str]]] = [(expr, frozenset())]
    while waiting:
        here, own = waiting.pop()
        match here:
            case tree.Name(name) | tree.Indexed(name):
                if scope.is_tensor(name) and name not in own:
                    yield here
            case tree.Call(name) if name in OF_TYPES:
                pass
            case tree.Call(name, arguments):
                if name in scope.functions:
                    waiting.extend((argument.value, own) for argument in reversed(arguments))
                    waiting.append(_body(scope.functions[name]))
                else:
                    waiting.extend((argument.value, own) for argument in reversed(arguments) if argument.name is None)
            case tree.Pipe(_, right):
                if isinstance(right, tree.Name) and right.name in scope.functions:
                    waiting.append(_body(scope.functions[right.name]))
                waiting.extend((child, own) for child in reversed(children(here)))
            case _:
                waiting.extend((child, own) for child in reversed(children(here)))


def _body(function: tree.Def) -> tuple[tree.Expr, frozenset[str]]:
    """A function's body, and the names that are its own."""
    return function.body, frozenset(parameter.name for parameter in function.parameters)


def written(name: tree.Name | tree.Indexed) -> str:
    """A source as the program writes it: `hidden`, `layer[2]`."""
    if isinstance(name, tree.Indexed) and isinstance(name.first, tree.Number):
        return f"{name.name}[{name.first.value}]"
    return name.name


def asides(expr: tree.Expr, scope: Scope) -> Iterator[str]:
    """Names of blocks whose type an expression asks for, or that it names as an input by argument."""
    waiting = [expr]
    while waiting:
        here = waiting.pop()
        if isinstance(here, tree.Call):
            operation = OPERATIONS.get(here.name)
            signature = of_operation(operation) if operation else None
            for argument, parameter in matched(here.arguments, signature):
                asked = here.name in OF_TYPES or (parameter is not None and parameter.kind == "input")
                if asked and isinstance(argument.value, tree.Name) and argument.value.name in scope.blocks:
                    yield argument.value.name
        waiting.extend(children(here))


def in_order(scope: Scope, report: Report) -> tuple[list[str], frozenset[str]]:
    """Blocks and chains in the order they are computed (ties: order of declaration), and those in circles, left out."""
    reads = {name: list(dict.fromkeys(_blocks_read(block.expr, scope))) for name, block in scope.blocks.items()}
    rank = {name: index for index, name in enumerate(scope.blocks)}
    readers: dict[str, list[str]] = {name: [] for name in reads}
    for name, read in reads.items():
        for other in read:
            readers[other].append(name)
    missing = {name: len(read) for name, read in reads.items()}
    order: list[str] = []
    broken: set[str] = set()
    ready = [rank[name] for name, count in missing.items() if count == 0]
    names = list(scope.blocks)
    while True:
        heapq.heapify(ready)
        while ready:
            name = names[heapq.heappop(ready)]
            if name not in broken:
                order.append(name)
            for reader in readers[name]:
                missing[reader] -= 1
                if missing[reader] == 0 and reader not in broken:
                    heapq.heappush(ready, rank[reader])
        left = [name for name, count in missing.items() if count > 0 and name not in broken]
        if not left:
            return order, frozenset(broken)
        cycle = _report_cycle(left, reads, scope, report)
        broken.update(cycle)
        ready = [rank[name] for name in cycle]


def _blocks_read(expr: tree.Expr, scope: Scope) -> Iterator[str]:
    yield from (name.name for name in sources(expr, scope) if name.name in scope.blocks)
    yield from asides(expr, scope)


def _report_cycle(left: Sequence[str], reads: Mapping[str, Sequence[str]], scope: Scope, report: Report) -> list[str]:
    import networkx as nx

    inside = frozenset(left)
    graph = nx.DiGraph([(other, name) for name in left for other in reads[name] if other in inside])
    cycle = [str(source) for source, _ in nx.find_cycle(graph)]
    start = min(range(len(cycle)), key=lambda at: scope.blocks[cycle[at]].span)
    cycle = cycle[start:] + cycle[:start]
    shown = cycle if len(cycle) <= 8 else [*cycle[:4], "...", *cycle[-3:]]
    path = " -> ".join(f"`{name}`" if name != "..." else name for name in (*shown, cycle[0]))
    first, *others = cycle
    report.add(
        BlockCycle(
            span=scope.blocks[first].name_span,
            path=path,
            reads=cycle[-1],
            related=tuple((scope.blocks[name].name_span, "in the circle") for name in others[:7]),
        )
    )
    return cycle
