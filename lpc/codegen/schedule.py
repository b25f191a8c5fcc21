"""In what order a step runs: when backward calls and optimizers come.

*At once*: as soon as a block's gradients can be computed they are, its optimizer steps, and its activations are free: memory is
flat in depth. *Summed*: one backward call and one optimizer call at the end: fewer calls, which cost time of their own.
Both give the same numbers by the law `at once = summed`: blocks that no gradient joins do not see each other's.

An update may come early only if nothing later in the step reads the parameter (updates take effect at the end of a step).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lpc.codegen.lines import Line, mark
from lpc.codegen.segments import Segment, Spelling, spell
from lpc.codegen.statements import StatementPrinter
from lpc.ir.step import Added, Node, Unit, walk
from lpc.rules.tracer import TracedPhase

Mode = Literal["at once", "summed"]


@dataclass(eq=False)
class Scheduled:
    """A phase as lines, with what else a script needs for it."""

    lines: list[Line]
    named: dict[str, str]
    inputs: tuple[str, ...]
    """Names of the data the step reads."""
    optimizers: dict[str, list[Unit]] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    imports: frozenset[str] = frozenset()
    mode: Mode = "summed"
    returns: str = ""
    reads_step: bool = False


@dataclass(frozen=True)
class Prices:
    """What `explain` says about the two orders."""

    calls: int
    kept_bytes: int
    state_bytes: int

    @property
    def choice(self) -> Mode:
        """Summed, unless what that keeps alive until the end is more than the parameters and their state.

        One more call for each block is never faster, and on two cores 5 to 25 % slower on layers of a thousand units.
        """
        return "summed" if self.calls < 2 or self.kept_bytes <= self.state_bytes else "at once"


def prices(phase: TracedPhase, batch: int) -> Prices:
    """Both orders' prices, read off the step: calls, activations kept until the end, parameters with their state."""
    spelling = spell(phase.nodes)
    kept = state = 0
    for node in walk(phase.nodes):
        if node.unit is None:
            continue
        if node.primitive == "fwd":
            kept += node.unit.kept * node.outputs[0].streams
        elif node.primitive == "update":
            state += 4 * 4 * node.unit.size
    calls = len([s for s in spelling.segments if any(f.unit is not None and f.unit.head is None for f in s.forwards)])
    return Prices(calls, 4 * kept * batch, state)


def schedule(
    phase: TracedPhase,
    *,
    path: Callable[[str], str],
    mode: Mode,
    listed: bool,
    kind: Callable[[str], str],
) -> Scheduled:
    """Print a phase's step. `listed`: losses go into a list, so that repeated blocks can become a loop.

    kind: of the optimizer of a block, by name; blocks of one kind can share an optimizer.
    """
    return _Scheduler(phase, path, mode, listed, kind).run()


class _Scheduler:
    def __init__(
        self, phase: TracedPhase, path: Callable[[str], str], mode: Mode, listed: bool, kind: Callable[[str], str]
    ) -> None:
        self.phase, self.mode, self.listed, self.kind = phase, mode, listed, kind
        self.spelling: Spelling = spell(phase.nodes)
        self.gradients = any(node.primitive == "vjp" for node in walk(phase.nodes))
        self.records = [node for node in phase.nodes if node.primitive == "record"]
        roots = [node.inputs[0] for node in self.records] if not listed else []
        roots += [phase.scores] if phase.scores is not None else []
        self.printer = StatementPrinter(
            phase.nodes, self.spelling, path, roots, gradients=self.gradients, frozen=phase.frozen
        )
        self.updates = {
            node.unit.learner: node.unit for node in phase.nodes if node.primitive == "update" and node.unit is not None
        }
        self.waiting: dict[int, list[Segment]] = {}
        """Segments by the index of the node after which they can run."""
        self.pending: Counter[str] = Counter()
        """Of how many backward calls still to come each unit is part."""
        for segment in self.spelling.segments:
            self.waiting.setdefault(segment.ready, []).append(segment)
            self.pending.update(forward.unit.learner for forward in segment.forwards if forward.unit is not None)
        self.last_read = self._last_reads()
        self.ready: list[Segment] = []
        self.postponed: list[Unit] = []
        self.optimizers: dict[str, list[Unit]] = {}

    def run(self) -> Scheduled:
        if self.listed and self.records:
            self.printer.add("losses = []")
        for node in self.phase.nodes:
            if self.mode == "at once" and self.ready and self._starts_anew(node):
                self._flush(node.index)
            if node.primitive == "record":
                self._record(node)
            self.printer.statement(node)
            for segment in self.waiting.pop(node.index, ()):
                self.ready.append(segment)
                self.pending.subtract(forward.unit.learner for forward in segment.forwards if forward.unit is not None)
        self._flush(None, self._list_of_losses())
        for node in self.phase.nodes:
            if node.primitive == "put":
                self.printer.write(node)
        returns = self._returns()
        if len(self.optimizers) == 1:
            self._rename_only_optimizer()
        inputs = tuple(str(n.attributes["source"]) for n in self.phase.nodes if n.primitive == "input")
        return Scheduled(
            self.printer.lines,
            self.printer.named,
            inputs,
            self.optimizers,
            tuple(str(node.attributes["of"]) for node in self.records),
            frozenset(self.printer.imports),
            self.mode,
            returns,
        )

    def _starts_anew(self, node: Node) -> bool:
        """A block's forward, or the first reading of an activation that a waiting backward call has the graph of."""
        if node.primitive == "fwd" and node.unit is not None and node.unit.head is None:
            return True
        members = {forward.index for segment in self.ready for forward in segment.forwards}
        absorbed = node.index in self.spelling.absorbed or node.primitive in ("update", "vjp", "record")
        return not absorbed and any(value.node.index in members for value in node.inputs)

    # -- losses -----------------------------------------------------------------------------------------------------

    def _record(self, node: Node) -> None:
        loss = node.inputs[0]
        key = f"{loss.key[0]}.{loss.key[1]}"
        if self.listed:
            attached = self.mode == "summed"
            text = self.printer.read(loss, attached=attached)
            self.printer.add(f"losses.append({text})", node, block=node.block)
        elif len(self.records) > 1:
            self.printer.named[key] = f"{node.block}_loss"

    def _list_of_losses(self) -> str | None:
        """The name of the list of losses, where the summed order starts from exactly those."""
        if not self.listed or self.mode == "at once" or len(self.records) < 2:
            return None
        logged = {node.inputs[0].key for node in self.records}
        starts = {root.value.key for segment in self.ready for root in segment.roots}
        return "losses" if logged == starts else None

    def _returns(self) -> str:
        """The `return` line: every loss of the step, detached, and the class scores or None."""
        scores = self.printer.read(self.phase.scores) if self.phase.scores is not None else "None"
        if not self.records:
            losses = "torch.zeros(0)"
        elif self.listed:
            losses = "torch.stack(losses)" + (".detach()" if self.mode == "summed" else "")
        elif len(self.records) == 1:
            losses = f"{self.printer.read(self.records[0].inputs[0])}.reshape(1)"
        else:
            texts = [self.printer.read(node.inputs[0], attached=True) for node in self.records]
            losses = f"torch.stack([{', '.join(texts)}]).detach()"
        line = f"return {losses}, {scores}"
        self.printer.add(line)
        return line

    # -- backward calls and optimizers ------------------------------------------------------------------------------

    def _flush(self, at: int | None, listed: str | None = None) -> None:
        """Backward call for what is ready, then the optimizers of the units that nothing later reads."""
        if not self.ready and not (at is None and self.postponed):
            return
        units: list[Unit] = []
        if self.ready:
            reached = {f.unit.name: f.unit for segment in self.ready for f in segment.forwards if f.unit is not None}
            learning = [n for unit in reached.values() if unit.learner in self.updates for n, _ in unit.parameters]
            frozen = any(unit.parameters and unit.learner not in self.updates for unit in reached.values())
            line = self.printer.backward(self.ready, listed, learning if frozen else ())
            line.block = self.ready[-1].forwards[-1].block if len(self._blocks(self.ready)) == 1 else ""
            line.comment = _reach(self.ready, self.spelling)
            units = [
                self.updates[f.unit.learner]
                for s in self.ready
                for f in s.forwards
                if f.unit and f.unit.learner in self.updates
            ]
        distinct = list({unit.learner: unit for unit in [*self.postponed, *units]}.values())
        self.ready = []
        self.postponed = [unit for unit in distinct if at is not None and self._still_read(unit, at)]
        later = {unit.learner for unit in self.postponed}
        stepping = [unit for unit in distinct if unit.learner not in later]
        by_kind: dict[str, list[Unit]] = {}
        for unit in stepping:
            by_kind.setdefault(self.kind(unit.block), []).append(unit)
        for together in by_kind.values():
            self._step(together)

    def _step(self, units: Sequence[Unit]) -> None:
        """One optimizer's step."""
        key = _key(units)
        while key in self.optimizers:
            key += "_too"
        self.optimizers[key] = list(units)
        block = units[0].block if len({unit.block for unit in units}) == 1 else ""
        self.printer.add(f"update({mark('o', key)})", block=block)
        self.printer.imports.add("update")

    def _last_reads(self) -> dict[str, int]:
        """The index of the last node that reads each unit's parameters: by evaluating it, pulling through it, or as a number."""
        last: dict[str, int] = {}
        owners = {name: unit.learner for unit in self.updates.values() for name, _ in unit.parameters}
        for node in walk(self.phase.nodes):
            source = node.attributes.get("source")
            name = source.name if isinstance(source, Added) else source
            explicit = node.primitive == "vjp" and node.index not in self.spelling.absorbed
            if node.unit is not None and (node.primitive == "fwd" or explicit):
                last[node.unit.learner] = max(last.get(node.unit.learner, -1), node.index)
            elif node.primitive == "get" and isinstance(name, str) and name in owners:
                last[owners[name]] = max(last.get(owners[name], -1), node.index)
        return last

    def _still_read(self, unit: Unit, at: int) -> bool:
        """Whether a node from `at` on reads a unit's parameters, or a backward call still to come has the graph of it."""
        return self.last_read.get(unit.learner, -1) >= at or self.pending[unit.learner] > 0

    def _blocks(self, segments: Sequence[Segment]) -> set[str]:
        return {forward.block for segment in segments for forward in segment.forwards}

    def _rename_only_optimizer(self) -> None:
        """A single optimizer is simply the network's."""
        (key,) = self.optimizers
        if key != "network":
            self.optimizers = {"network": self.optimizers[key]}
            for line in self.printer.lines:
                line.text = line.text.replace(mark("o", key), mark("o", "network"))


def _key(units: Sequence[Unit]) -> str:
    blocks = list(dict.fromkeys(unit.block for unit in units))
    return blocks[0] if len(blocks) == 1 else f"{blocks[0]}_to_{blocks[-1]}"


def _reach(segments: Sequence[Segment], spelling: Spelling) -> str:
    """How far the gradients of a backward call reach, in words."""
    spans = [list(dict.fromkeys(forward.block for forward in segment.forwards)) for segment in segments]
    owners = {tuple(sorted(span)) for span in spans}
    if all(len(span) == 1 for span in owners):
        names = list(dict.fromkeys(span[0] for span in spans))
        return f"gradients stay inside {names[0]}" if len(names) == 1 else "each gradient stays inside its own block"
    if len(spans) == 1:
        return f"gradients go from {spans[0][-1]} down to {spans[0][0]}"
    return ""
