"""A trial: one network with its data and initial values, on which laws are tried by the reference interpreter."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch

from lpc.diagnostics import Report
from lpc.interpret import losses
from lpc.interpret.operations import evaluate
from lpc.ir.network import TARGET, Network
from lpc.ir.program import Objective, Program
from lpc.ir.step import Node
from lpc.ir.types import Label
from lpc.laws import agreement
from lpc.laws.agreement import Broken, Run, run_of
from lpc.laws.convergence import Family, tendency
from lpc.laws.joined import joined_clauses, joined_names
from lpc.laws.slopes import SLOPE, slope
from lpc.laws.validation import Devices, Moment, exactly, interpreter_of, reference_run
from lpc.passes.pipeline import run
from lpc.passes.selectors import as_written, chains_of
from lpc.rules.law import Array, Arrays, Batch, Inapplicable
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.format import format_file
from lpc.syntax.parse import parse

ENTRIES = 300
"""How many numbers are drawn to see between what they lie: that none is in the outer tenth is chance once in 10**13."""
FALSE_ALARM = 1e-9
"""How often a law about frequencies may fail where it holds, on one network: of hundreds of networks, less than 1e-6."""
OWN_MISTAKES = ("LP0", "LP1", "LP2", "LP300", "LP301", "LP302", "LP31")
"""How codes begin that can only mean that a law's own `learn` lines are wrong: then it must not pass for not applicable."""


@dataclass
class NetworkTrial:
    """`lpc.rules.law.Trial`, of the `network`, `data`, `def`, `block` and `objective` clauses of a program.

    batches: arrays by data name, a batch a step; `unseen` is one more that is only predicted on.
    """

    clauses: tuple[tree.Clause, ...]
    batches: Sequence[Batch]
    unseen: Batch
    seed: int = 1
    devices: Devices = field(default_factory=dict)
    """What stands for black boxes."""
    worst: float = 0.0
    """The largest difference found among things that should be equal, as a part of their movement or size."""
    compared: int = 0
    """How many comparisons were made."""
    _programs: dict[str, Program] = field(default_factory=dict)
    _uses: dict[str, None] = field(default_factory=dict)
    """The clauses by which it learned, in the order in which it first did."""

    @property
    def text(self) -> str:
        """The program: as it learned first, and a variant for each other way in which it learned."""
        first, *others = self._uses or [""]
        variants = [f"variant use_{at} {{\n{use}\n}}" for at, use in enumerate(others, start=2)]
        report = Report()
        learning = parse(Source("trial.lp", "\n".join(["network trial", first, *variants, ""])), report)
        return format_file(tree.File((*self.clauses, *learning.clauses[1:])))

    # -- what the network is ----------------------------------------------------------------------------------------

    @cached_property
    def _bound(self) -> Program:
        """The network without a rule."""
        return compiled(self.clauses, "", until="bind")

    @property
    def network(self) -> Network:
        assert self._bound.network is not None
        return self._bound.network

    @property
    def objective(self) -> Objective:
        assert self._bound.objective is not None
        return self._bound.objective

    @property
    def blocks(self) -> Sequence[str]:
        return [block.name for block in self.network.blocks]

    @property
    def output(self) -> str:
        return self.objective.block

    @property
    def hidden(self) -> Sequence[str]:
        return [name for name in self.blocks if name != self.output]

    @property
    def is_chain(self) -> bool:
        below = self.network.data
        for block in self.network.blocks:
            if len(block.inputs) != 1 or block.inputs[0] not in below:
                return False
            below = (block.name,)
        return True

    @property
    def target(self) -> str:
        name = self.objective.target
        return name if name in self.network.data and not self.network.consumers(name) else ""

    @property
    def classes(self) -> int:
        type_ = self.network.type_of(self.objective.target)
        return type_.classes if isinstance(type_, Label) else 0

    @property
    def loss(self) -> str:
        return self.objective.loss

    def inputs(self, block: str) -> Sequence[str]:
        return self.network.block(block).inputs

    def operations(self, block: str) -> Sequence[str]:
        return [node.kind for node in self.network.nodes_of(self.network.block(block))]

    def weights(self, block: str) -> Sequence[str]:
        return [name for name, weight in self.network.weights(self.network.block(block)) if weight.trained]

    def outputs(self, block: str, learned: Any, batch: Batch) -> Array:
        made = self._evaluated(learned.after, batch, until=block)
        return made[self.network.block(block).output].detach().numpy()

    def pull(self, block: str, learned: Any, batch: Batch, cotangent: Array) -> tuple[Arrays, Arrays]:
        own, inputs = self.network.block(block), {}
        for name in own.inputs:
            inputs[name] = batch[name] if name in batch else self.outputs(name, learned, batch)
        leaves = {name: torch.tensor(inputs[name]) for name in own.inputs}
        floating = {name: leaf.requires_grad_() for name, leaf in leaves.items() if leaf.is_floating_point()}
        state = {n: torch.tensor(learned.after[n], requires_grad=True) for n in self.weights(block)}
        made = self._evaluated({**learned.after, **state}, {**batch, **leaves}, until=block)[own.output]
        wanted = {**state, **floating}
        if not made.requires_grad:
            pulled = [torch.zeros_like(value) for value in wanted.values()]
        else:
            given = torch.as_tensor(cotangent).reshape(made.shape)
            pulled = list(
                torch.autograd.grad(made, list(wanted.values()), given, allow_unused=True, materialize_grads=True)
            )
        found = {name: gradient.numpy() for name, gradient in zip(wanted, pulled, strict=True)}
        return {name: found[name] for name in state}, {name: found[name] for name in floating}

    def _evaluated(self, state: Mapping[str, Any], batch: Mapping[str, Any], until: str) -> dict[str, torch.Tensor]:
        """What operations give up to a block, in inference mode, by their names; other blocks that the batch holds are given."""
        given = {name: torch.as_tensor(value) for name, value in batch.items() if name != until}
        made = {self.network.block(n).output if self.network.has_block(n) else n: v for n, v in given.items()}
        for block in self.network.blocks:
            if block.output not in made:
                for node in self.network.nodes_of(block):
                    inputs = [
                        made[self.network.block(n).output if self.network.has_block(n) else n] for n in node.inputs
                    ]
                    weights = {
                        weight.name: torch.as_tensor(state[f"{node.name}.{weight.name}"]) for weight in node.weights
                    }
                    box = self.devices.get(str(node.arguments.get("name")))
                    device = box() if box is not None else None
                    made[node.name] = evaluate(
                        node.kind, node.arguments, inputs, weights, training=False, device=device
                    )
            if block.name == until:
                break
        return made

    def loss_of(self, scores: Array, batch: Batch, loss: str = "") -> float:
        return float(losses.value(*self._scored(scores, batch, loss)))

    def error_of(self, scores: Array, batch: Batch, loss: str = "") -> Array:
        node, (flat, target) = self._scored(scores, batch, loss)
        return losses.gradient(node, [flat, target], 0).numpy().reshape(scores.shape)

    def _scored(self, scores: Array, batch: Batch, loss: str) -> tuple[Node, list[torch.Tensor]]:
        """A loss as a step has it, and what it is of: scores in rows, a row a label, or in the shape of the target."""
        made = {name: torch.as_tensor(value) for name, value in batch.items()}
        for operation in self.network.target_nodes:
            if operation.owner == TARGET:
                given = [made[name] for name in operation.inputs]
                made[operation.name] = evaluate(operation.kind, operation.arguments, given, {}, training=False)
        target, values = made[self.objective.target], torch.as_tensor(scores)
        if self.classes:
            target, values = target.flatten(), values.reshape(-1, self.classes)
        node = Node(0, "loss", (), (), {"loss": loss or self.objective.loss}, "")
        return node, [values.reshape(target.shape) if not self.classes else values, target]

    def one_hot(self, labels: Array) -> Array:
        return np.eye(self.classes)[np.asarray(labels)]

    def needs(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise Inapplicable(otherwise)

    # -- learning ---------------------------------------------------------------------------------------------------

    def learn(
        self,
        use: str,
        *,
        start: Arrays | None = None,
        batches: Sequence[Batch] | None = None,
        steps: int | None = None,
        rate: float = 0.1,
        joined: bool = False,
        others: Mapping[str, str] | None = None,
    ) -> Run:
        given = (self.batches if batches is None else batches)[:steps]
        clauses = joined_clauses(self.clauses, self.network) if joined else self.clauses
        program = self._program(clauses, use, rate, others)
        names = joined_names(self.network, program.network) if joined and program.network else {}
        back = {name: other for other, name in names.items()}
        values = {back.get(name, name): value for name, value in (start or {}).items()}
        return self._run(program, given, values).renamed(names)

    def _program(
        self, clauses: tuple[tree.Clause, ...], use: str, rate: float, others: Mapping[str, str] | None = None
    ) -> Program:
        chains = chains_of(tree.File(clauses))
        lines = [f"learn {as_written(block, chains)} with {other}" for block, other in (others or {}).items()]
        lines.append(f"learn {'rest' if lines else 'all'} with {use}")
        text = "\n".join(lines) + f"\ntrain steps = {len(self.batches)}, batch = 4, optimizer = sgd(lr = {rate!r})"
        if clauses is self.clauses:
            self._uses[text] = None
        key = f"{text}, {len(clauses)} clauses"
        if key not in self._programs:
            self._programs[key] = compiled(clauses, text, until="lower", sound=OWN_MISTAKES)
        return self._programs[key]

    def _run(self, program: Program, batches: Sequence[Batch], start: Arrays, jitter: float = 0.0) -> Run:
        given = [tensors(batch) for batch in batches]
        values = {name: torch.tensor(value) for name, value in start.items()}
        with exactly(self.seed):
            moments = reference_run(program, given, self.devices, jitter, values)
            moments = [m for m in moments if m.phase != "prediction"]
            moments += predictions(program, moments[-1].tensors, [tensors(self.unseen)], self.devices)
        return run_of(moments, lambda size: self._run(program, batches, start, size))

    # -- what must hold ---------------------------------------------------------------------------------------------

    def same(self, made: Any, expected: Any, blocks: Collection[str] | None = None) -> None:
        self._needs_weights()
        names = None
        if blocks is not None:
            names = [name for name in expected.before if name.partition(".")[0] in blocks]
            self.needs(bool(names), f"{' and '.join(blocks) or 'no block'} has nothing to learn")
        found = agreement.compare(made, expected, names)
        self.compared += 1
        if found.worst is not None:
            self.worst = max(self.worst, found.worst.relative)
        if found.first is not None:
            raise Broken(str(found.first))

    def equal(self, what: str, made: Array, expected: Array, within: float = 1e-10) -> None:
        difference = agreement.largest(np.asarray(made) - np.asarray(expected))
        size = agreement.largest(np.asarray(expected))
        self.compared += 1
        if difference > agreement.FLOOR:
            self.worst = max(self.worst, difference / size if size else difference)
        if difference > within * size + agreement.FLOOR:
            raise Broken(f"{what} differs by {difference:.2g}, where entries are up to {size:.2g}")

    def tends(self, family: Callable[[float], Any], limit: Any, order: float) -> None:
        self._needs_weights()
        found = tendency(Family(family, limit))
        self.compared += 1
        self.worst = max(self.worst, found.last)
        if not found.reaches(order):
            raise Broken(f"{found}: less than order {order:g}")

    def _needs_weights(self) -> None:
        self.needs(any(self.weights(block) for block in self.blocks), "the network has nothing to learn")

    def descends(self, use: str, losses: Mapping[str, str | Mapping[str, float]]) -> None:
        once = self.learn(use, steps=1, rate=1.0)
        for block, sums in losses.items():
            of = {sums: 1.0} if isinstance(sums, str) else sums
            self.compared += 1
            buffers = {n for n, w in self.network.weights(self.network.block(block)) if not w.trained}
            names = [n for n in once.before if n.partition(".")[0] == block and n not in buffers]
            own = [n for n in names if n in self.weights(block) or agreement.largest(once.moves[n])]

            def loss(start: Arrays, of: Mapping[str, float] = of) -> float:
                found = self.learn(use, start=start, steps=1, rate=1.0).losses[0]
                return sum(weight * found[name] for name, weight in of.items())

            found = slope(loss, once, own)
            self.worst = max(self.worst, found.relative)
            if found.relative > SLOPE:
                told = " and ".join(f"`{name}`" for name in of)
                raise Broken(f"`{block}` does not descend the loss of {told}: {found}")

    def drawn(self, use: str, bounds: Mapping[str, float]) -> None:
        program = self._program(self.clauses, use, 0.1)
        for name, bound in bounds.items():
            self.compared += 1
            found: list[Array] = []
            while sum(part.size for part in found) < ENTRIES:
                with exactly(self.seed + len(found)):
                    found.append(interpreter_of(program).state[name].numpy())
            most = max(agreement.largest(part) for part in found)
            if not 0.9 * bound <= most <= bound * (1 + 1e-12):
                raise Broken(f"`{name}` is drawn up to {most:.3g}, where {bound:.3g} is stated")

    def uniform(self, what: str, counts: Sequence[int], outcomes: int) -> None:
        self.compared += 1
        if len(counts) > outcomes:
            raise Broken(f"{what} are of {len(counts)} kinds, where {outcomes} were expected")
        chance = tail([*counts, *[0] * (outcomes - len(counts))])
        if chance < FALSE_ALARM:
            raise Broken(
                f"{what} come {', '.join(map(str, counts))} times: that is chance once in {1 / max(chance, 1e-300):.0g}"
            )


def compiled(clauses: Sequence[tree.Clause], text: str, until: str, sound: tuple[str, ...] = ()) -> Program:
    """A program of some clauses and some lines of text, through the passes. Raises Inapplicable where lpc refuses it.

    sound: how codes begin that must not occur: the text is wrong then, whatever the clauses are. Raises AssertionError.
    """
    report = Report()
    lines = parse(Source("trial.lp", f"network trial\n{text}\n"), report)
    assert not report.errors, text
    file = tree.File((*clauses, *lines.clauses[1:]))
    source = Source("trial.lp", format_file(file))
    program = run(Program(source, parse(source, report)), report, until)
    wanted = [d for d in report.errors if until != "bind" or d.code < "LP3"]
    if wanted:
        told = f"{wanted[0].title_text}: {wanted[0].label_text}"
        assert not wanted[0].code.startswith(sound), f"lpc refuses what the law has learn: {told}"
        raise Inapplicable(told)
    return program


def predictions(
    program: Program,
    state: Mapping[str, torch.Tensor],
    batches: Sequence[Mapping[str, torch.Tensor]],
    devices: Devices,
) -> list[Moment]:
    """What a network predicts in some state, as moments."""
    reference = interpreter_of(program, devices)
    reference.state |= {name: value for name, value in state.items() if name in reference.state}
    return [Moment("prediction", at, {"scores": reference.predict(batch)}) for at, batch in enumerate(batches)]


def tensors(batch: Batch) -> dict[str, torch.Tensor]:
    return {name: torch.as_tensor(np.ascontiguousarray(value)) for name, value in batch.items()}


def tail(counts: Sequence[int]) -> float:
    """The chance that equally likely outcomes are as uneven as some counts: the chi-square tail."""
    expected = sum(counts) / len(counts)
    statistic = sum((count - expected) ** 2 for count in counts) / expected
    freedom = torch.tensor((len(counts) - 1) / 2, dtype=torch.float64)
    return float(torch.special.gammaincc(freedom, torch.tensor(statistic / 2, dtype=torch.float64)))
