"""`auto` against brute force: every assignment of rules formed, traced and priced as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby, product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lpc.diagnostics import Report
from lpc.ir.program import Program, RuleUse
from lpc.passes.assign import Chooser, Price, price_of
from lpc.passes.cost import costs_of
from lpc.passes.regions import Workshop, enclosed, form, objections, topological
from lpc.rules import registry
from lpc.rules.tracer import Region, trace
from tests.passes.running import passed, program_of

HEAD = "network drawn\ndata x: f32[20], y: class[5] = synthetic(examples = 50)\n"
OBJECTIVE = "objective cross_entropy(readout, y)\n"
Prices = dict[tuple[str, ...], Price]


def every_price(text: str, among: Sequence[str]) -> Prices:
    """What each legal assignment of rules to the blocks left to `auto` costs: nothing is shared between assignments."""
    program = program_of(text, until="learning")
    assert program.network is not None and program.objective is not None and program.protocol is not None
    shop = Workshop.of(program.network, program.objective)
    optimizers = {block.name: program.protocol.optimizer for block in program.network.blocks}
    candidates = [[RuleUse(rule) for rule in among] if use.rule == "auto" else [use] for use in program.uses.values()]
    found: Prices = {}
    for uses in product(*candidates):
        regions = form(shop, dict(zip(program.uses, uses, strict=True)))
        if enclosed(shop, regions) or any(True for region in regions for _ in objections(region)):
            continue
        regions = topological(shop, regions)
        traced = trace(program.network, program.objective, regions)
        costs = costs_of(regions, traced.phases, traced.added, optimizers, program.protocol.batch or 1024)
        found[tuple(use.rule for use in uses)] = price_of(costs)
    return found


@dataclass(frozen=True)
class Auto:
    """A program that leaves blocks to `auto`."""

    blocks: str
    learn: str
    among: Sequence[str]
    minimize: str
    batch: int

    def text(self, budget: int | None) -> str:
        memory = "" if budget is None else f", memory = {budget}B"
        auto = f"learn rest with auto(minimize = {self.minimize}, among = [{', '.join(self.among)}]{memory})\n"
        return f"{HEAD}{self.blocks}{OBJECTIVE}{self.learn}{auto}train epochs = 1, batch = {self.batch}\n"

    def prices(self) -> Prices:
        return every_price(self.text(None), self.among)


def check(auto: Auto, prices: Prices, budget: int | None) -> None:
    """What is chosen is legal, within the budget, and nothing within it is cheaper; the table says what all this costs."""
    program, errors = passed(auto.text(budget))
    fitting = [price for price in prices.values() if budget is None or price.memory <= budget]
    if not prices:
        assert [error.code for error in errors] == ["LP330"]
    elif not fitting:
        assert [error.code for error in errors] == ["LP331"]
        least = min(price.memory for price in prices.values())
        assert f"memory = {least}B" in errors[0].help_text
        assert passed(auto.text(least))[1] == []
        assert [error.code for error in passed(auto.text(least - 1))[1]] == ["LP331"]
    else:
        assert errors == []
        rules = tuple(use.rule for use in program.uses.values())
        least_rank = min(price.rank(auto.minimize) for price in fitting)
        assert prices[rules] in fitting
        assert prices[rules].rank(auto.minimize) == pytest.approx(least_rank, rel=1e-12)
        assert price_of(program.costs).memory == prices[rules].memory
        check_table(program, rules, prices)


def check_table(program: Program, rules: tuple[str, ...], prices: Prices) -> None:
    """Every line of the table is the price of the assignment it stands for, or says that there is none."""
    names = list(program.uses)
    for line in program.choices:
        at = names.index(line.block)
        assert line.chosen == (line.rule == rules[at])
        price = prices.get((*rules[:at], line.rule, *rules[at + 1 :]))
        if price is None:
            assert line.seconds is line.energy is line.memory is None
        else:
            assert (line.seconds, line.energy) == pytest.approx((price.seconds, price.energy), rel=1e-12)
            assert line.memory == price.memory


@st.composite
def networks(draw: st.DrawFn, most: int) -> str:
    """Blocks up to a readout that reads the last of them: a chain, or each reading one or two of those before."""
    lines, names, chain = [], ["x"], draw(st.booleans())
    for number in range(draw(st.integers(1, most - 1))):
        width, norm = draw(st.integers(5, 60)), draw(st.sampled_from(["", "", " -> batch_norm"]))
        source = names[-1] if chain else draw(st.sampled_from(names))
        other = source if chain else draw(st.sampled_from(names))
        read = source if other == source else f"concat({source}, {other})"
        lines.append(f"block b{number} = {read} -> linear({width}){norm} -> relu\n")
        names.append(f"b{number}")
    return "".join(lines) + f"block readout = {names[-1]} -> linear(5)\n"


@settings(max_examples=60)
@given(st.data())
def test_on_small_networks(data: st.DataObject) -> None:
    draw = data.draw
    blocks = draw(networks(4))
    names = [line.split()[1] for line in blocks.splitlines()]
    among = draw(st.lists(st.sampled_from(list(registry.BUILT_IN)), min_size=1, max_size=4, unique=True))
    learn = ""
    if draw(st.integers(0, 2)) == 0:
        pinned = draw(st.sampled_from([*registry.BUILT_IN, "mono_forward(predict = sum)"]))
        learn = f"learn {draw(st.sampled_from(names))} with {pinned}\n"
    assume(not learn or len(names) > 1)
    minimize, batch = draw(st.sampled_from(["time", "energy", "memory"])), draw(st.sampled_from([1, 16, 500]))
    auto = Auto(blocks, learn, among, minimize, batch)
    prices = auto.prices()
    memories = sorted({price.memory for price in prices.values()})
    bounds = [None, *memories, *(memory - 1 for memory in memories)]
    check(auto, prices, draw(st.sampled_from(bounds)))


CHAIN = "".join(
    f"block b{n} = {'x' if n == 0 else f'b{n - 1}'} -> linear({width}) -> relu\n"
    for n, width in enumerate((50, 10, 200, 40, 8))
)
GRAPH = (
    "block b0 = x -> linear(60) -> relu\nblock b1 = x -> linear(30) -> relu\nblock b2 = concat(b0, b1) -> linear(80) -> relu\n"
    "block b3 = b1 -> linear(20) -> relu\nblock b4 = concat(b2, b3) -> linear(10) -> relu\n"
)


@pytest.mark.parametrize(
    ("blocks", "minimize", "budgets"), [(CHAIN, "time", 30), (CHAIN, "energy", 30), (GRAPH, "time", 3)]
)
def test_six_blocks_and_four_rules_at_many_budgets(blocks: str, minimize: str, budgets: int) -> None:
    four = ["backprop", "mono_forward", "forward_forward", "cascaded_forward"]
    auto = Auto(f"{blocks}block readout = b4 -> linear(5)\n", "", four, minimize, 300)
    prices = auto.prices()
    assert len(prices) > 20
    memories = sorted({price.memory for price in prices.values()})
    for budget in (None, *memories[:: max(1, len(memories) // budgets)], memories[0] - 1):
        check(auto, prices, budget)


class Priced(Chooser):
    """A chooser whose prices are made up: real rules rarely trade seconds, state and transients against each other."""

    def __init__(self, program: Program, made_up: Callable[[tuple[str, ...], str], Price | None]) -> None:
        super().__init__(program)
        self.made_up = made_up

    def _region_price(self, region: Region, use: RuleUse | None = None) -> Price | None:
        return self.made_up(tuple(block.name for block in region.run), region.rule.name)


@settings(max_examples=60)
@given(st.data())
def test_a_chain_at_any_prices(data: st.DataObject) -> None:
    count, among = data.draw(st.integers(1, 4)), ["backprop", "mono_forward", "cascaded_forward"]
    lines = [f"block b{n} = {'x' if n == 0 else f'b{n - 1}'} -> linear(5)\n" for n in range(count)]
    minimize = data.draw(st.sampled_from(["time", "energy", "memory"]))
    auto = Auto("".join(lines) + f"block readout = b{count - 1} -> linear(5)\n", "", among, minimize, 10)
    program = program_of(auto.text(None), until="learning")
    blocks, random = list(program.uses), data.draw(st.randoms(use_true_random=False))

    @cache
    def made_up(run: tuple[str, ...], rule: str) -> Price | None:
        seconds, energy, state, transient = (random.randint(0, 5) for _ in range(4))
        return None if random.random() < 0.1 else Price(float(seconds), float(energy), state, transient)

    prices: Prices = {}
    for rules in product(among, repeat=len(blocks)):
        at, parts = 0, list[Price | None]()
        for rule, same in groupby(rules):
            length = len(list(same))
            parts.append(made_up(tuple(blocks[at : at + length]), rule))
            at += length
        if all(part is not None for part in parts):
            prices[rules] = sum((part for part in parts if part is not None), Price())
    for budget in (None, 0, *sorted({price.memory for price in prices.values()})):
        chooser = Priced(program, made_up)
        chooser.budget = budget
        chosen = chooser.choose(Report())
        fitting = [price for price in prices.values() if budget is None or price.memory <= budget]
        assert (chosen is None) == (not fitting)
        if chosen is not None:  # of equals the fastest
            price = prices[tuple(use.rule for use in chosen.values())]
            assert (price.rank(minimize), price.seconds) == min((p.rank(minimize), p.seconds) for p in fitting)
            assert budget is None or price.memory <= budget
