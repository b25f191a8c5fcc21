"""How each gradient is spelled: which forwards autograd records, and which backward calls there are.

A step says `vjp`; torch has several ways to compute one. A *segment* is a set of forwards whose gradients one backward call
computes. Its roots are losses, or values with a given cotangent; its edges are cotangents that go straight from one forward to
the one below. Everything else that reads a recorded value reads it detached. A vjp that only hands a number to somebody (inside
a loop, say) is *explicit*: one `torch.autograd.grad`; one that does both is spelled both ways.

Rests on the laws `at once = summed` and `gradients stay where the step says`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lpc.ir.step import SILENT, Node, Value, walk

Key = tuple[int, int]


@dataclass(frozen=True)
class Root:
    """Where a backward call starts: a loss (no cotangent), or a value and its cotangent."""

    value: Value
    cotangent: Value | None = None


@dataclass(eq=False)
class Segment:
    """The forwards of one backward call, its roots, and the index of the node after which it can run."""

    forwards: list[Node] = field(default_factory=list)
    roots: list[Root] = field(default_factory=list)
    ready: int = 0


@dataclass(eq=False)
class Spelling:
    """What `spell` found out about one step."""

    segments: list[Segment] = field(default_factory=list)
    attached: set[tuple[int, int]] = field(default_factory=set)
    """(forward, input position) through which the graph of the block below is kept."""
    attached_losses: set[int] = field(default_factory=set)
    """Losses that are roots: their first argument keeps its graph."""
    recorded: set[int] = field(default_factory=set)
    """Forwards that autograd records."""
    absorbed: set[int] = field(default_factory=set)
    """Nodes that a backward call stands for: they print nothing of their own."""
    taken_by_autograd: set[int] = field(default_factory=set)
    """Gradients of losses, wanted as numbers, of losses that are computed anyway: autograd takes those from the value."""
    leaves: dict[int, list[int]] = field(default_factory=dict)
    """Forwards whose inputs (by position) an explicit vjp asks gradients of."""
    learning: set[int] = field(default_factory=set)
    """Forwards of segments."""
    pulls: dict[int, int] = field(default_factory=dict)
    """How many explicit vjps each forward has; a graph walked more than once must be retained."""


def spell(nodes: Sequence[Node]) -> Spelling:
    """Choose the spelling of every vjp of a step (dead code already gone)."""
    return _Speller(nodes).run()


class _Speller:
    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes
        self.made = Spelling()
        self.uses: dict[Key, list[tuple[Node, int]]] = {}
        self.inside: set[int] = set()
        for node in walk(nodes):
            for position, value in enumerate(node.inputs):
                self.uses.setdefault(value.key, []).append((node, position))
            if node.body is not None:
                self.inside.update(inner.index for inner in walk(node.body.nodes))
                for value in node.body.results:
                    self.uses.setdefault(value.key, []).append((node, -1))
        self.accumulating: dict[int, Node] = {}
        self.segment_of: dict[int, Segment] = {}

    def run(self) -> Spelling:
        for node in reversed(
            list(walk(self.nodes))
        ):  # where a cotangent goes is known before what it comes from is placed
            if node.primitive == "vjp":
                self._place(node)
        for node in self.nodes:
            if node.primitive == "vjp" and self.accumulating.get(node.inputs[0].node.index) is node:
                self._join(node)
        self._collect()
        self._take_from_values()
        return self.made

    def _take_from_values(self) -> None:
        logged = {node.inputs[0].node.index for node in self.nodes if node.primitive == "record"}
        for node in self.nodes:
            if node.primitive != "grad" or node.index in self.made.absorbed:
                continue
            loss = node.inputs[0].node
            gradients = [n for n, _ in self.uses[node.inputs[0].key] if n.primitive == "grad"]
            if loss.index in logged and len(gradients) == 1 and loss.inputs[0].node.index in self.made.recorded:
                self.made.taken_by_autograd.add(node.index)
                self.made.attached_losses.add(loss.index)

    def _place(self, vjp: Node) -> None:
        """Accumulating (its gradients go to the optimizer through a backward call), or explicit."""
        forward = vjp.inputs[0].node
        self.made.recorded.add(forward.index)
        trained = bool(self.uses.get((vjp.index, 0)))
        if trained and (vjp.index in self.inside or forward.index in self.accumulating):
            raise NotImplementedError("two sets of gradients from one forward, or gradients inside a loop")
        used = [p for p in range(1, len(vjp.outputs)) if self.uses.get((vjp.index, p))]
        flows = all(self._only_flows(Value(vjp, p, SILENT), forward, p - 1) for p in used)
        # Without gradients: a block that does not learn here, on the way of a cotangent to one that does.
        if trained or (flows and vjp.index not in self.inside and forward.index not in self.accumulating):
            self.accumulating[forward.index] = vjp
        if flows and self.accumulating.get(forward.index) is vjp:
            self.made.absorbed.add(vjp.index)
        elif used:
            positions = self.made.leaves.setdefault(forward.index, [])
            positions[:] = sorted({*positions, *(p - 1 for p in used)})
            self.made.pulls[forward.index] = self.made.pulls.get(forward.index, 0) + 1

    def _only_flows(self, cotangent: Value, forward: Node, position: int) -> bool:
        """Whether an input cotangent is used for nothing but the vjp of the forward that made that input."""
        below = forward.inputs[position].node
        if below.primitive != "fwd" or not self.uses.get(cotangent.key):
            return False
        return self._ends_at(cotangent, below)

    def _ends_at(self, value: Value, below: Node) -> bool:
        """Every use is the cotangent of a vjp of `below` that a backward call stands for, or a sum that is."""
        for node, position in self.uses.get(value.key, ()):
            if (
                node.primitive == "vjp"
                and position == 1
                and node.inputs[0].node is below
                and node.index in self.made.absorbed
            ):
                continue
            summed = node.primitive == "map" and node.attributes["function"] == "add" and node.index not in self.inside
            if summed and self._ends_at(Value(node, 0, SILENT), below):
                continue
            return False
        return True

    def _join(self, vjp: Node) -> None:
        """Attach the terms of an accumulating vjp's cotangent: edges and losses; what is left is given as a number."""
        forward = vjp.inputs[0].node
        segment = self._segment(forward)
        given: list[Value] = []
        for term in self._terms(vjp.inputs[1], forward):
            source = term.node
            if source.primitive == "vjp" and source.index in self.made.absorbed:
                consumer = source.inputs[0].node
                self.made.attached.add((consumer.index, term.port - 1))
                segment = self._merge(segment, self._segment(consumer))
            elif (
                source.primitive == "grad"
                and self._ends_at(term, forward)
                and source.inputs[0].node.inputs[0].node is forward
            ):
                loss = source.inputs[0]
                self.made.attached_losses.add(loss.node.index)
                self.made.absorbed.add(source.index)
                segment.roots.append(Root(loss))
            else:
                given.append(term)
        if given:
            whole = vjp.inputs[1] if len(given) == len(self._terms(vjp.inputs[1], forward)) else None
            for cotangent in [whole] if whole is not None else given:
                segment.roots.append(Root(vjp.inputs[0], cotangent))
        segment.ready = max(segment.ready, vjp.index)

    def _terms(self, cotangent: Value, forward: Node) -> list[Value]:
        """The summands of a cotangent whose sum is needed for nothing else; a sum of numbers alone stays whole."""
        node = cotangent.node
        is_sum = node.primitive == "map" and node.attributes["function"] == "add" and self._ends_at(cotangent, forward)
        if not is_sum:
            return [cotangent]
        terms = [term for value in node.inputs for term in self._terms(value, forward)]
        if not any(t.node.index in self.made.absorbed or t.node.primitive == "grad" for t in terms):
            return [cotangent]
        self.made.absorbed.add(node.index)
        return terms

    def _segment(self, forward: Node) -> Segment:
        if forward.index not in self.segment_of:
            self.segment_of[forward.index] = Segment([forward])
        return self.segment_of[forward.index]

    def _merge(self, a: Segment, b: Segment) -> Segment:
        if a is b:
            return a
        b.forwards += a.forwards
        b.roots += a.roots
        b.ready = max(a.ready, b.ready)
        for forward in a.forwards:
            self.segment_of[forward.index] = b
        return b

    def _collect(self) -> None:
        distinct = {id(segment): segment for _, segment in sorted(self.segment_of.items(), key=lambda item: item[0])}
        for segment in distinct.values():
            segment.forwards.sort(key=lambda node: node.index)
            segment.roots.sort(key=lambda root: (root.value.key, root.cotangent is not None))
        self.made.segments = list(distinct.values())
        self.made.learning = set(self.segment_of)
