"""Turns: which step functions a program has, in which order they run, and how each is scheduled.

A phase of a program is one turn under `order = simultaneous`. Under `order = sequential` every block that learns alone (every
run, where an error is shared) has a turn of its own: the same step, cut down to that block's updates. Where none learns, the
phase is one turn in either order, so that training has a phase. Rests on the laws
`a turn = the step with other updates left out` and `blocks see what they may`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lpc.codegen.prefix import Prefix, cut
from lpc.codegen.schedule import Mode, prices
from lpc.ir.program import Program
from lpc.ir.step import live
from lpc.passes import data_sources
from lpc.passes.cost import example_flops
from lpc.rules.rule import TRAIN
from lpc.rules.tracer import Region, Traced, TracedPhase

PHASE_DOCS = {
    "statistics": "One step of the pass in which frozen blocks gather batch-norm statistics.",
    "blocks": "One step of training the blocks, before their predictors.",
    "train": "One step on one batch: the loss of each block that has one, and the class scores or None.",
    "fit": "One step of the pass that gathers what the closed form needs.",
}


@dataclass(frozen=True)
class Turn:
    """One step function and the phase of training it runs in."""

    name: str
    phase: TracedPhase
    """The whole step."""
    mode: Mode
    doc: tuple[str, ...]
    flops: int
    """Of the step as its function has it, an example."""
    part_flops: int
    """Of the frozen prefix, where that is computed once: an example."""
    printed: TracedPhase
    """The step as its function has it: without the frozen prefix, where that is computed once."""
    prefix: Prefix | None = None
    judged: str = ""
    """The block whose own loss judges a turn under `order = sequential`."""

    @property
    def function(self) -> str:
        return f"{self.name}_step"

    @property
    def optimizers(self) -> str:
        return "make_optimizers" if self.name == "train" else f"make_{self.name}_optimizers"

    @property
    def prefix_function(self) -> str:
        return f"{self.name}_prefix"

    @property
    def score_function(self) -> str:
        return f"{self.name}_score"

    @property
    def mode_function(self) -> str:
        return f"{self.name}_mode"

    @property
    def finish(self) -> str:
        return f"finish_{self.name}"

    @property
    def finish_doc(self) -> tuple[str, ...]:
        return ("The closed-form solution, once every example was seen.",)


def turns(program: Program, mode: Mode | None = None) -> list[Turn]:
    """Every turn of a program, in order. `mode`: how all are scheduled, instead of by price."""
    assert program.protocol is not None
    traced: Traced = program.plan
    made: list[Turn] = []
    for phase in traced.phases:
        learners = _learners(program.regions, phase)
        if program.protocol.order == "sequential" and phase.phase.passes is None and learners:
            for owner, members in learners:
                part = _slice(phase, members)
                last = program.objective is not None and program.objective.block in members
                recorded = [str(node.attributes["of"]) for node in part.nodes if node.primitive == "record"]
                judged = "" if last else (recorded or [""])[-1]
                made.append(_turn(program, part, f"{phase.phase.name}_{owner}", mode, judged))
        else:
            made.append(_turn(program, phase, phase.phase.name, mode))
    return made


def _turn(program: Program, phase: TracedPhase, name: str, mode: Mode | None, judged: str = "") -> Turn:
    assert program.protocol is not None
    batch = program.protocol.batch or 1024
    learning = {node.block for node in phase.nodes if node.primitive in ("update", "record")}
    own = [region for region in program.regions if learning & {block.name for block in region.run}]
    titles = dict.fromkeys(f"{region.rule.title}: {lower(region.rule.summary)}" for region in own or program.regions)
    doc = (PHASE_DOCS[phase.phase.name], *titles) if phase.phase == TRAIN else (PHASE_DOCS[phase.phase.name],)
    found = cut(phase, _examples(program)) if _worth_keeping(program) else None
    printed, prefix = found if found is not None else (phase, None)
    chosen = mode or prices(printed, batch).choice
    flops = example_flops(printed)
    return Turn(name, phase, chosen, doc, flops, example_flops(phase) - flops, printed, prefix, judged)


def _worth_keeping(program: Program) -> bool:
    """Whether a frozen prefix is the same at every pass, there are several, and the step needs no expression of all the data."""
    assert program.protocol is not None and program.data is not None and program.network is not None
    plain = not program.data.arguments.get("augment") and not program.network.target_nodes
    return plain and (program.protocol.epochs is None or program.protocol.epochs > 1)


def _examples(program: Program) -> int | None:
    """The size of the training part, where the data source says it."""
    assert program.data is not None
    source = data_sources.find(program.data.source)
    written = program.data.arguments.get("examples")
    return written if isinstance(written, int) else source.examples if source is not None else None


def lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _learners(regions: Sequence[Region], phase: TracedPhase) -> list[tuple[str, set[str]]]:
    """Who takes a turn: single blocks of local rules, whole runs of others; those with updates in this phase."""
    updated = {node.block for node in phase.nodes if node.primitive == "update"}
    found: list[tuple[str, set[str]]] = []
    for region in regions:
        names = [block.name for block in region.run if block.name in updated]
        if region.rule.learns_alone():
            found += [(name, {name}) for name in names]
        elif names:
            found.append((names[0] if len(names) == 1 else f"{names[0]}_to_{names[-1]}", set(names)))
    return found


def _slice(phase: TracedPhase, members: set[str]) -> TracedPhase:
    """The phase with the updates and losses of some blocks alone, and nothing that only others need."""
    kept = [n for n in phase.nodes if n.primitive not in ("update", "record") or n.block in members]
    frozen = {
        n.unit.block for n in phase.nodes if n.primitive == "fwd" and n.unit is not None and n.unit.head is None
    } - members
    scores = phase.scores if phase.scores is not None and phase.scores.node.block in members else None
    nodes = live(kept, [scores] if scores is not None else [], frozen)
    read = [n.unit.block for n in nodes if n.primitive == "fwd" and n.unit is not None and n.unit.block in frozen]
    return TracedPhase(phase.phase, tuple(nodes), scores, phase.finish, tuple(dict.fromkeys([*phase.frozen, *read])))
