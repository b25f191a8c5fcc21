"""What functions compute, against an evaluator of twenty lines that knows nothing of writing them out."""

from __future__ import annotations

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from lpc.diagnostics import Report
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.parse import parse
from tests.passes.checking import sound
from tests.passes.programs import functions


class Evaluator:
    """Evaluates by value: an argument once, before the body. A tensor is (node, width), anything else a number."""

    def __init__(self, file: tree.File) -> None:
        self.functions = {clause.name: clause for clause in file.clauses if isinstance(clause, tree.Def)}
        self.graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()

    def node(self, kind: str, inputs: list[tuple[int, int]], width: int, outputs: int | None = None) -> tuple[int, int]:
        made = len(self.graph)
        self.graph.add_node(made, kind=kind, outputs=outputs)
        for port, (source, _) in enumerate(inputs):
            self.graph.add_edge(source, made, key=port, port=port)
        return made, width

    def value(self, expr: tree.Expr, env: dict[str, object]) -> object:
        match expr:
            case tree.Number(value):
                return value
            case tree.Name(name):
                return env[name]
            case tree.Pipe(left, right):
                call = right if isinstance(right, tree.Call) else tree.Call(right.name, ())  # type: ignore[union-attr]
                return self.call(call, [self.value(left, env)], env)
            case tree.Binary("+"):
                parts: list[tree.Expr] = []
                while isinstance(expr, tree.Binary):
                    parts.insert(0, expr.right)
                    expr = expr.left
                found = [self.value(part, env) for part in (expr, *parts)]
                return self.node("add", found, found[0][1])  # type: ignore[arg-type, index]
            case tree.Call("size", (argument,)):
                return self.value(argument.value, env)[1]  # type: ignore[index]
            case tree.Call():
                return self.call(expr, [], env)
        raise TypeError(expr)

    def call(self, call: tree.Call, given: list[object], env: dict[str, object]) -> object:
        positional = given + [self.value(a.value, env) for a in call.arguments if a.name is None]
        named = {a.name: self.value(a.value, env) for a in call.arguments if a.name is not None}
        if call.name in self.functions:
            inner: dict[str, object] = {}
            for parameter, value in zip(self.functions[call.name].parameters, positional, strict=False):
                inner[parameter.name] = value
            inner |= {name: value for name, value in named.items() if name}
            for parameter in self.functions[call.name].parameters:
                if parameter.name not in inner and parameter.default is not None:
                    inner[parameter.name] = self.value(parameter.default, inner)
            return self.value(self.functions[call.name].body, inner)
        tensors = [value for value in positional if isinstance(value, tuple)]
        numbers = [value for value in positional if not isinstance(value, tuple)]
        width = int(numbers[0]) if call.name == "linear" else tensors[0][1]  # type: ignore[call-overload]
        return self.node(call.name, tensors, width, width if call.name == "linear" else None)


@st.composite
def uses(draw: st.DrawFn) -> str:
    defined, calls = draw(functions())
    stages = draw(st.lists(st.sampled_from([*calls, "join", "tanh", "linear(5)", "linear(7)"]), min_size=1, max_size=4))
    return f"""network example
{defined}
data image, label = digits()
block flat = image -> flatten
block hidden = flat -> {" -> ".join(stages)}
block readout = hidden -> linear(10)
objective cross_entropy(readout, label)
train epochs = 1, batch = 64
"""


@given(uses())
@settings(max_examples=300)
def test_functions_compute_what_calling_by_value_computes(text: str) -> None:
    file = parse(Source("example.lp", text), Report())
    evaluator = Evaluator(file)
    flat = evaluator.node("flat", [], 64)
    block = next(clause for clause in file.clauses if isinstance(clause, tree.Block) and clause.name == "hidden")
    output = evaluator.value(block.expr, {"flat": flat})
    evaluator.graph.nodes[output[0]]["output"] = True  # type: ignore[index]
    # What a body never uses is computed by value, and left out of a network.
    needed = nx.ancestors(evaluator.graph, output[0]) | {output[0], flat[0]}  # type: ignore[index]
    expected = evaluator.graph.subgraph(needed)

    network = sound(text).network
    assert network is not None
    found: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    found.add_node("flat.flatten", kind="flat", outputs=None)
    for node in network.nodes_of(network.block("hidden")):
        found.add_node(node.name, kind=node.kind, outputs=node.arguments.get("outputs"))
        for port, name in enumerate(node.inputs):
            found.add_edge(name, node.name, key=port, port=port)
    found.nodes[network.block("hidden").output]["output"] = True
    same_node = nx.algorithms.isomorphism.categorical_node_match(["kind", "outputs", "output"], [None, None, False])
    same_edge = nx.algorithms.isomorphism.categorical_multiedge_match("port", None)
    assert nx.is_isomorphic(found, expected, node_match=same_node, edge_match=same_edge)  # type: ignore[misc]
