"""The network: a NetworkX multigraph of operations, grouped into blocks.

A node is one operation, an edge one tensor, its key the input port. Every node but data belongs to one block, or to the
objective's target. Passes use the methods here and never touch attribute dictionaries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from lpc.ir.op import Value, Weight
from lpc.ir.types import Tensor, Type
from lpc.source import NOWHERE, Span

if TYPE_CHECKING:
    import networkx as nx

TARGET = "objective"
"""The owner of the nodes that compute an objective's target from data."""


@dataclass(frozen=True)
class Node:
    """One operation of the graph, or one name of the data (`kind == "data"`).

    `name` is qualified (`hidden1.linear`, `hidden1.linear2` for the second of a kind) and is the prefix of its weights' state
    names; data nodes carry their own name. `inputs` are node names in port order.
    """

    name: str
    owner: str
    kind: str
    inputs: tuple[str, ...]
    arguments: Mapping[str, Value]
    type: Type
    weights: tuple[Weight, ...] = ()
    span: Span = NOWHERE
    via: str = ""
    """The pass that made it, where the user did not."""

    @property
    def attribute(self) -> str:
        """Its name inside its block: `linear2` of `hidden1.linear2`."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True)
class Block:
    """A unit of learning. `inputs` are names of blocks or data in order of first use; `nodes` are in evaluation order."""

    name: str
    inputs: tuple[str, ...]
    nodes: tuple[str, ...]
    output: str
    type: Type
    span: Span
    chain: tuple[str, int] | None = None
    """`("layer", 3)` for the third block of `layer[N]`."""

    def __str__(self) -> str:
        return f"{self.chain[0]}[{self.chain[1]}]" if self.chain else self.name


@dataclass(frozen=True, eq=False)
class Network:
    """Nodes by name, each after those it reads, and blocks in topological order (ties: order of declaration)."""

    nodes: Mapping[str, Node]
    blocks: tuple[Block, ...]
    data: tuple[str, ...]
    chains: Mapping[str, int] = field(default_factory=dict)
    """Length of each chain, by its name."""

    @staticmethod
    def build(nodes: Iterable[Node], blocks: Iterable[Block], chains: Mapping[str, int]) -> Network:
        made = {node.name: node for node in nodes}
        data = tuple(node.name for node in made.values() if node.kind == "data")
        return Network(made, tuple(blocks), data, dict(chains))

    @cached_property
    def graph(self) -> nx.MultiDiGraph[str]:
        """The frozen multigraph. Made when it is first asked for: most programs are checked without it, and NetworkX takes
        longer to load than they take to check.
        """
        import networkx as nx

        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        for node in self.nodes.values():
            graph.add_node(node.name, node=node)
        for node in self.nodes.values():
            for port, name in enumerate(node.inputs):
                graph.add_edge(name, node.name, key=port)
        nx.freeze(graph)
        return graph

    def node(self, name: str) -> Node:
        return self.nodes[name]

    @cached_property
    def _by_name(self) -> dict[str, Block]:
        return {block.name: block for block in self.blocks}

    def block(self, name: str) -> Block:
        return self._by_name[name]

    def has_block(self, name: str) -> bool:
        return name in self._by_name

    def nodes_of(self, block: Block) -> list[Node]:
        return [self.node(name) for name in block.nodes]

    @cached_property
    def target_nodes(self) -> list[Node]:
        """Nodes of the objective's target expression, in evaluation order."""
        return [node for node in self.nodes.values() if node.owner == TARGET]

    @cached_property
    def _consumers(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for block in self.blocks:
            for name in block.inputs:
                found.setdefault(name, []).append(block.name)
        return found

    def consumers(self, name: str) -> list[str]:
        """The blocks that read a block or data name, in topological order."""
        return self._consumers.get(name, [])

    def type_of(self, name: str) -> Type:
        """The type of a block's output or of a data name."""
        return self._by_name[name].type if name in self._by_name else self.node(name).type

    def tokens(self, name: str) -> int | None:
        """How many different whole numbers a data name may hold: what its type says, or what its embeddings have room for."""
        type_ = self.node(name).type
        if not isinstance(type_, Tensor) or type_.dtype != "i64" or type_.classes is not None:
            return getattr(type_, "classes", None)
        readers = (node for node in self.nodes.values() if node.kind == "embedding" and name in node.inputs)
        return min((node.weights[0].shape[0] for node in readers), default=2)

    def weights(self, block: Block) -> list[tuple[str, Weight]]:
        """State names and weights of a block, buffers included, in state-dict order."""
        return [(f"{node.name}.{w.name}", w) for node in self.nodes_of(block) for w in node.weights]
