"""`assign`: `auto` becomes the legal rules of least modelled cost within the budget, found exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from operator import itemgetter

from lpc.diagnostics import Diagnostic, Report, error
from lpc.ir.network import Block
from lpc.ir.program import Choice, Optimizer, Program, RuleUse
from lpc.passes.contract import Fact, pass_
from lpc.passes.cost import Costs, region_costs
from lpc.passes.learning import with_uses
from lpc.passes.regions import Workshop, enclosed, form, objections, same
from lpc.passes.scope import SOUND
from lpc.rules import registry
from lpc.rules.tracer import Region

AUTO = "auto"
MOST_IN_A_CHAIN = 48
"""Blocks of a chain of blocks up to which every run of every rule is priced."""
MOST_ASSIGNMENTS = 20_000
"""Assignments tried one by one where the blocks form no chain."""


@error("LP330")
class NoLegalRule(Diagnostic):
    """`auto` looks for the cheapest assignment of rules that can train every block. Here there is none: each rule it may choose
    fails for some block.
    """

    title = "no rule that `auto` may choose can train these blocks"
    label = "{reason}"
    help = "let it choose among more rules: `lpc rules` lists them"
    bad = SOUND.replace(
        "train epochs",
        "learn hidden with mono_forward\nlearn readout with auto(among = [forward_forward])\ntrain epochs",
    )
    good = SOUND.replace(
        "train epochs", "learn hidden with mono_forward\nlearn readout with auto(among = [mono_forward])\ntrain epochs"
    )
    reason: str


@error("LP331")
class BudgetTooSmall(Diagnostic):
    """`memory = …` bounds what a step needs: parameters, gradients, optimizer state, what rules add, and the activations that are
    alive at once. No assignment of the rules to choose from stays within it.
    """

    title = "nothing fits into {budget}: the least that would is {least}, {about}"
    label = "too small"
    help = "write memory = {least}, use a smaller batch, or let `auto` choose among more rules"
    bad = SOUND.replace("train epochs", "learn all with auto(memory = 1KiB)\ntrain epochs")
    good = SOUND.replace("train epochs", "learn all with auto(memory = 1GiB)\ntrain epochs")
    budget: str
    least: str
    """To the byte."""
    about: str


@error("LP332")
class TooManyToChoose(Diagnostic):
    """`auto` finds the best assignment exactly, which takes time that grows with the number of blocks: blocks that form one chain
    may be up to 48, others must have at most 20 000 assignments.
    """

    title = "`auto` cannot choose for {count} blocks"
    label = "too many to choose for exactly"
    help = "name a rule for most of them: `lpc rules` lists them"
    bad = SOUND.replace("block readout = hidden", "block more[60] = hidden -> linear(64)\nblock readout = more")
    good = SOUND.replace(
        "block readout = hidden", "block more[60] = hidden -> linear(64)\nblock readout = more"
    ).replace("train epochs", "learn all with mono_forward\ntrain epochs")
    count: int


@error("LP333")
class TwoAims(Diagnostic):
    """Blocks left to `auto` are chosen for together, because what one costs depends on its neighbours. Cost can be made least in
    one sense only: in time, energy or memory.
    """

    title = "`auto` cannot make both {first} and {second} least"
    label = "elsewhere it is {first} that is made least"
    help = "write the same `minimize` at every `auto`, or at one"
    bad = SOUND.replace(
        "train epochs",
        "learn hidden with auto(minimize = memory)\nlearn readout with auto(minimize = energy)\ntrain epochs",
    )
    good = SOUND.replace(
        "train epochs",
        "learn hidden with auto(minimize = energy)\nlearn readout with auto(minimize = energy)\ntrain epochs",
    )
    first: str
    second: str


@dataclass(frozen=True)
class Price:
    """What a choice is ranked by: modelled seconds, energy (up to a factor), bytes that stay and bytes that come and go."""

    seconds: float = 0.0
    energy: float = 0.0
    state: int = 0
    transient: int = 0

    @property
    def memory(self) -> int:
        return self.state + self.transient

    def __add__(self, other: Price) -> Price:
        """Of two regions together: transients of regions do not overlap."""
        return Price(
            self.seconds + other.seconds,
            self.energy + other.energy,
            self.state + other.state,
            max(self.transient, other.transient),
        )

    def rank(self, minimize: str) -> float:
        return {"time": self.seconds, "energy": self.energy, "memory": float(self.memory)}[minimize]


def price_of(costs: Costs) -> Price:
    return Price(costs.step.seconds, costs.step.energy, costs.state_bytes, costs.transient_at_once)


@pass_(needs={Fact.TYPES, Fact.BLOCKS, Fact.PROTOCOL, Fact.RULES}, gives={Fact.ASSIGNED})
def assign(program: Program, report: Report) -> Program:
    """Give every block of `auto` the legal rule of least modelled cost within the budget.

    Before: blocks are typed and have rules by name, `auto` perhaps. After: `auto` is gone; `program.choices` is the table it chose
    from. Errors: LP330 no legal rule, LP331 the budget is too small, LP332 too many blocks to choose for exactly.
    """
    if all(use.rule != AUTO for use in program.uses.values()):
        return program
    assert program.network is not None and program.objective is not None and program.protocol is not None
    chooser = Chooser(program)
    chosen = chooser.choose(report)
    if chosen is None:
        return program
    return replace(with_uses(program, chosen), choices=tuple(chooser.table(chosen)))


class Chooser:
    """The search for the best assignment: runs of blocks are priced once each, then combined."""

    def __init__(self, program: Program) -> None:
        assert program.network is not None and program.objective is not None and program.protocol is not None
        self.program, self.network = program, program.network
        self.shop = Workshop.of(program.network, program.objective)
        self.batch = program.protocol.batch or 1024
        self.blocks = list(program.network.blocks)
        self.candidates = [self._candidates(block) for block in self.blocks]
        self.autos = [use for use in program.uses.values() if use.rule == AUTO]
        self.aims = {
            str(dict(use.arguments).get("minimize", "time")): dict(use.argument_spans)["minimize"]
            for use in self.autos
            if "minimize" in dict(use.argument_spans)
        }
        """What is to be made least, where a program says so."""
        self.minimize = next(iter(self.aims), "time")
        budgets = [
            (b, dict(use.argument_spans).get("memory", use.span))
            for use in self.autos
            if isinstance(b := dict(use.arguments).get("memory"), int)
        ]
        self.budget: int | None
        self.budget, self.budget_span = min(budgets, key=itemgetter(0), default=(None, self.autos[0].span))
        self.prices: dict[tuple[tuple[str, ...], int], Price | None] = {}
        self.reason = ""

    def _candidates(self, block: Block) -> list[RuleUse]:
        use = self.program.uses[block.name]
        if use.rule != AUTO:
            return [use]
        among = dict(use.arguments).get("among")
        names = among if isinstance(among, tuple) else registry.general()
        return [RuleUse(str(name), (), use.optimizer, use.span, (), auto=True) for name in names]

    def choose(self, report: Report) -> dict[str, RuleUse] | None:
        span = self.autos[0].span
        if len(self.aims) > 1:
            (first, _), (second, at) = list(self.aims.items())[:2]
            report.add(TwoAims(span=at, first=first, second=second))
            return None
        chain = self._is_chain()
        count = 1
        for found in self.candidates:
            count = min(count * len(found), MOST_ASSIGNMENTS + 1)
        if len(self.blocks) > MOST_IN_A_CHAIN if chain else count > MOST_ASSIGNMENTS:
            report.add(TooManyToChoose(span=span, count=len(self.autos)))
            return None
        options = self._chain_options() if chain else list(self._all_options())
        if not options:
            report.add(NoLegalRule(span=span, reason=self.reason or "none of them is legal here"))
            return None
        fitting = [o for o in options if self.budget is None or o[0].memory <= self.budget]
        if not fitting:
            budget, least = in_bytes(self.budget or 0), min(price.memory for price, _ in options)
            report.add(BudgetTooSmall(span=self.budget_span, budget=budget, least=f"{least}B", about=in_bytes(least)))
            return None
        _, uses = min(
            fitting, key=lambda option: (option[0].rank(self.minimize), option[0].rank("time"), _names(option[1]))
        )
        return {block.name: use for block, use in zip(self.blocks, uses, strict=True)}

    def _is_chain(self) -> bool:
        """Every block reads data, the block before it, or both."""
        names = {block.name for block in self.blocks}
        for at, block in enumerate(self.blocks):
            read = [name for name in block.inputs if name in names]
            if read != ([self.blocks[at - 1].name] if at else []):
                return False
        return True

    def _chain_options(self) -> list[tuple[Price, tuple[RuleUse, ...]]]:
        """Pareto-best assignments of a chain: by the end of the last run and its rule, from the front."""
        best: list[list[tuple[Price, tuple[RuleUse, ...]]]] = [[(Price(), ())]]
        for end in range(1, len(self.blocks) + 1):
            found: list[tuple[Price, tuple[RuleUse, ...]]] = []
            for use in self.candidates[end - 1]:
                for start in range(end - 1, -1, -1):
                    mine = next((u for u in self.candidates[start] if same(u, use)), None)
                    if mine is None:
                        break
                    price = self._price(start, end, use)
                    if price is None:
                        continue
                    run = tuple(next(u for u in self.candidates[at] if same(u, use)) for at in range(start, end))
                    for before, uses in best[start]:
                        if not uses or not same(uses[-1], use):
                            found.append((before + price, uses + run))
            best.append(_pareto(found, self.minimize))
        return best[-1]

    def _all_options(self) -> Iterator[tuple[Price, tuple[RuleUse, ...]]]:
        """Every assignment, one by one."""
        for uses in product(*self.candidates):
            regions = form(self.shop, {b.name: u for b, u in zip(self.blocks, uses, strict=True)})
            if enclosed(self.shop, regions):
                continue
            prices = [self._region_price(region) for region in regions]
            total = Price()
            for price in prices:
                if price is None:
                    break
                total += price
            else:
                yield total, uses

    def _price(self, start: int, end: int, use: RuleUse) -> Price | None:
        return self._region_price(self.shop.region(use, self.blocks[start:end]), use)

    def _region_price(self, region: Region, use: RuleUse | None = None) -> Price | None:
        """The price of a run under a rule; None where the rule cannot train it."""
        names = tuple(block.name for block in region.run)
        key = (names, hash((region.rule.name, region.rule)))
        if key not in self.prices:
            objection = next(objections(region), None)
            if objection is not None:
                self.reason = f"`{region.rule.name}` cannot train `{objection.block}`: {objection.reason}"
            self.prices[key] = (
                None if objection else price_of(region_costs(region, self._optimizers(names), self.batch))
            )
        return self.prices[key]

    def _optimizers(self, names: Sequence[str]) -> Mapping[str, Optimizer]:
        assert self.program.protocol is not None
        return {name: self.program.uses[name].optimizer or self.program.protocol.optimizer for name in names}

    def table(self, chosen: Mapping[str, RuleUse]) -> Iterator[Choice]:
        """What each candidate of each block would cost with everything else as chosen."""
        for block, candidates in zip(self.blocks, self.candidates, strict=True):
            if not chosen[block.name].auto:
                continue
            for use in candidates:
                trial = {**chosen, block.name: use}
                regions = form(self.shop, trial)
                prices = [] if enclosed(self.shop, regions) else [self._region_price(region) for region in regions]
                total = Price()
                for price in prices:
                    total = total + price if price is not None else total
                legal = bool(prices) and all(price is not None for price in prices)
                yield Choice(
                    block.name,
                    use.rule,
                    same(use, chosen[block.name]),
                    total.seconds if legal else None,
                    total.energy if legal else None,
                    total.memory if legal else None,
                )


def _pareto(
    options: Sequence[tuple[Price, tuple[RuleUse, ...]]], minimize: str
) -> list[tuple[Price, tuple[RuleUse, ...]]]:
    """Options that no other beats in cost, state and transient alike, of those whose last rule is the same."""
    kept: list[tuple[Price, tuple[RuleUse, ...]]] = []
    ordered = sorted(
        options, key=lambda o: (o[0].rank(minimize), o[0].seconds, o[0].state, o[0].transient, _names(o[1]))
    )
    for price, uses in ordered:
        beaten = any(
            same(other[-1], uses[-1])
            and held.rank(minimize) <= price.rank(minimize)
            and held.seconds <= price.seconds
            and held.state <= price.state
            and held.transient <= price.transient
            for held, other in kept
        )
        if not beaten:
            kept.append((price, uses))
    return kept


def _names(uses: Sequence[RuleUse]) -> tuple[str, ...]:
    return tuple(use.rule for use in uses)


def in_bytes(count: int) -> str:
    """A number of bytes as the language writes it, to a tenth of a unit."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{round(count / size, 1):g}{unit}"
    return f"{count}B"
