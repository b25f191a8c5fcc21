"""A run: neighbouring blocks under one instance of a rule, as a rule sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from lpc.ir.network import Block, Network, Node
from lpc.ir.op import Law
from lpc.ir.ops import operation_of
from lpc.ir.program import Objective
from lpc.ir.step import Added, Unit
from lpc.ir.types import Label, Tensor, Type
from lpc.rules.units import Parts, parts_of


@dataclass(frozen=True, eq=False)
class RunBlock:
    """One block of a run."""

    block: Block
    unit: Unit
    is_output: bool
    """Scored by the objective."""
    reads_data: bool
    """All its inputs are data."""

    @property
    def name(self) -> str:
        return self.block.name

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.block.inputs

    @property
    def width(self) -> int:
        """Elements of its output, an example."""
        return prod(self.unit.output)

    def __str__(self) -> str:
        return str(self.block)


@dataclass(frozen=True, eq=False)
class Run:
    """A run of blocks in topological order, under one rule."""

    rule: str
    blocks: tuple[RunBlock, ...]
    network: Network
    objective: Objective

    def __iter__(self) -> Iterator[RunBlock]:
        return iter(self.blocks)

    def __len__(self) -> int:
        return len(self.blocks)

    def __reversed__(self) -> Iterator[RunBlock]:
        return reversed(self.blocks)

    @property
    def output(self) -> RunBlock | None:
        """The block the objective scores, when it belongs to this run."""
        return next((block for block in self.blocks if block.is_output), None)

    @property
    def hidden(self) -> tuple[RunBlock, ...]:
        return tuple(block for block in self.blocks if not block.is_output)

    @property
    def target(self) -> Type:
        return self.network.type_of(self.objective.target)

    @property
    def outputs(self) -> int:
        """How many numbers the target needs at each position: the classes of a label, the size of a tensor."""
        target = self.target
        return target.classes if isinstance(target, Label) else target.size if isinstance(target, Tensor) else 0

    @property
    def positions(self) -> tuple[int, ...]:
        """The positions of an example that carry a label each; empty when an example has one label."""
        return self.target.shape if isinstance(self.target, Label) else ()

    def parts(self, block: RunBlock) -> Parts:
        """A block cut at its activation."""
        return parts_of(self.network, block.block)

    def features(self, block: RunBlock) -> int:
        """How many numbers a head on this block reads: its flat output, or one position's where labels have positions."""
        shape = block.unit.output
        return (
            prod(shape[len(self.positions) :])
            if self.positions and shape[: len(self.positions)] == self.positions
            else prod(shape)
        )

    def added(
        self,
        block: RunBlock,
        name: str,
        shape: tuple[int, ...],
        law: Law,
        summary: str,
        *,
        trained: bool,
        f64: bool = False,
    ) -> Added:
        """A tensor this run's rule adds to a block, under its state name."""
        return Added(
            f"{block.name}.{self.rule}.{name}", block.name, shape, law, trained, summary, "f64" if f64 else "f32"
        )

    def head(self, block: RunBlock, added: Added) -> Unit:
        """The unit that multiplies a block's features by a weight the rule added: scores, one a class."""
        outputs, features = added.shape
        rows = prod(self.positions) if self.positions and features * prod(self.positions) == block.width else 1
        shape = (*self.positions, outputs) if self.positions else (outputs,)
        cost = 2 * outputs * features * rows
        return Unit(
            added.name,
            block.name,
            (block.unit.output,),
            shape,
            ((added.name, added.size),),
            cost,
            cost,
            0,
            cost,
            head=added,
        )

    def linear_readout(self, block: RunBlock) -> Node | None:
        """The linear operation of a block that is shape operations and one linear, reading one block; else None."""
        linear: Node | None = None
        for node in self.network.nodes_of(block.block):
            if node.kind == "linear" and linear is None:
                linear = node
            elif not operation_of(node.kind).shape_only or linear is not None:
                return None
        return linear if len(block.inputs) == 1 else None

    def linear_nodes(self, block: RunBlock) -> list[Node]:
        """The operations of a block whose input gradient goes through a weight."""
        return [node for node in self.network.nodes_of(block.block) if operation_of(node.kind).via_call is not None]
