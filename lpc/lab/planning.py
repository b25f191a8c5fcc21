"""From programs and what was asked for to a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lpc.diagnostics import nearest
from lpc.ir.program import Program
from lpc.lab.arms import Arm, Contender, Settings, arm, contenders, pick_baseline, work
from lpc.lab.controls import add_controls
from lpc.lab.plan import Options, Plan
from lpc.lab.protocols import PATIENCE, Length, Match, Protocol, costing, shared_out
from lpc.lab.results import Result
from lpc.source import Source


class Unfit(Exception):
    """What was asked for does not fit the programs, in one line."""


@dataclass(frozen=True)
class Request:
    """What was asked for; None: as the programs say."""

    seeds: int | tuple[int, ...] = 6
    protocols: tuple[str, ...] = ("matched",)
    match: Match = "passes"
    patience: int | None = None
    baseline: str | None = None
    variants: tuple[str, ...] = ()
    controls: bool = False
    settings: Settings = ()
    order_seed: int = 1
    options: Options = field(default_factory=Options)
    jobs: int = 1


@dataclass(frozen=True)
class Planned:
    """A plan, and what it was made of: arms whose length hangs on the warm-up are made anew after it."""

    plan: Plan
    contenders: tuple[Contender, ...]
    baseline: Contender
    settings: Settings

    @property
    def hangs_on_warm_up(self) -> bool:
        return any(protocol.match in ("time", "energy") for protocol in self.plan.protocols)

    def matched_to(self, warm_ups: Mapping[str, Result]) -> Plan:
        """The plan with arms as long as take the baseline's time or energy in the warm-up. Raises Unfit.

        warm_ups: results by label.
        """
        protocol = next(protocol for protocol in self.plan.protocols if protocol.name == "matched")
        spent = {label: _spent(result, protocol.match) for label, result in warm_ups.items()}
        arms = {one.label: one for one in self.plan.of("matched")}
        made = []
        for contender in self.contenders:
            used, known = work(contender.program), arms[contender.label]
            if known.length is None or contender.label == self.baseline.label:
                made.append(known)
                continue
            each = spent[contender.label] / warm_ups[contender.label].data_passes
            length = costing(
                spent[self.baseline.label], each * used.units, each * used.fixed_passes, protocol.budget.kind
            )
            made.append(arm(contender, self.baseline, protocol, length, self.settings))
        return self.plan.with_arms([*made, *(one for one in self.plan.arms if one.protocol != "matched")])


def _spent(result: Result, match: Match) -> float:
    found = result.train_s if match == "time" else result.energy.joules
    if found is None:
        raise Unfit(f"--match energy: the warm-up of {result.variant} was not measured ({result.energy.why})")
    if found <= 0 or result.data_passes == 0:
        raise Unfit(f"--match {match}: the warm-up of {result.variant} took nothing that can be measured")
    return found


def make_plan(programs: Sequence[tuple[Source, Mapping[str, Program]]], request: Request) -> Planned:
    """The plan of a bench of checked programs. Raises Unfit, and ProgramError where a protocol does not fit a program."""
    found = contenders(programs)
    baseline = _named(found, request.baseline) if request.baseline else pick_baseline(found)
    if request.variants:
        chosen = [_named(found, name) for name in request.variants]
        found = [one for one in found if one in chosen or one == baseline]
    left_out: tuple[str, ...] = ()
    if request.controls:
        first = [one for one in found if one.source is programs[0][0]] or found
        added = add_controls(programs[0][0], first, request.settings)
        found, left_out = [*found, *added.contenders], added.left_out
    if request.match != "passes" and "matched" not in request.protocols:
        raise Unfit(f"--match {request.match} is of the protocol matched: --protocol matched")
    protocols = tuple(_protocol(name, baseline.program, request) for name in dict.fromkeys(request.protocols))
    arms = [
        arm(one, baseline, protocol, _length(one, baseline, protocol), request.settings)
        for protocol in protocols
        for one in found
    ]
    name = (
        baseline.program.name
        if len(programs) == 1
        else "-".join(source.name.removesuffix(".lp") for source, _ in programs)
    )
    plan = Plan(
        name=name,
        arms=_distinct(arms),
        baseline=baseline.label,
        protocols=protocols,
        seeds=_seeds(request.seeds, baseline.program),
        order_seed=request.order_seed,
        options=request.options,
        jobs=request.jobs,
        left_out=left_out,
    )
    return Planned(plan, tuple(found), baseline, request.settings)


def _named(found: Sequence[Contender], name: str) -> Contender:
    labels = [contender.label for contender in found]
    if name not in labels:
        near = nearest(name, labels)
        raise Unfit(
            f"there is no variant `{name}`; "
            + (f"did you mean `{near}`?" if near else f"there are {', '.join(labels)}")
        )
    return found[labels.index(name)]


def _distinct(arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """Raises Unfit where two programs would share a folder."""
    keys = [one.key for one in arms]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise Unfit(f"two programs would both be called {twice}: rename a file")
    return tuple(arms)


def _seeds(asked: int | tuple[int, ...], program: Program) -> tuple[int, ...]:
    assert program.protocol is not None
    return tuple(program.protocol.seed + at for at in range(asked)) if isinstance(asked, int) else asked


def _protocol(name: str, program: Program, request: Request) -> Protocol:
    """A protocol, with the baseline's length as its budget."""
    own = program.protocol
    assert own is not None
    budget = Length("epochs", own.epochs) if own.epochs is not None else Length("steps", own.steps or 1)
    if name == "converged":
        return Protocol("converged", budget, patience=request.patience or own.patience or PATIENCE)
    return Protocol("matched", budget, request.match)


def _length(contender: Contender, baseline: Contender, protocol: Protocol) -> Length:
    """How long each training unit of a contender is trained, as far as that is known before anything is measured."""
    used, other = work(contender.program), work(baseline.program)
    if protocol.name == "converged" or used.units == 0:
        return protocol.budget
    if protocol.match == "flops":
        kind, own = protocol.budget.kind, shared_out(protocol.budget, other.units, other.fixed_passes)
        if contender.label == baseline.label:
            return own
        return costing(own.count * other.flops + other.fixed_flops, used.flops, used.fixed_flops, kind)
    return shared_out(protocol.budget, used.units, used.fixed_passes)
