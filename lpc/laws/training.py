"""Random learning: `learn` and `train` clauses for a network's blocks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from lpc.laws.expressions import call
from lpc.rules import registry
from lpc.rules.rule import Parameter
from lpc.syntax import tree

OPTIMIZERS: Sequence[tuple[str, dict[str, object]]] = (
    ("sgd", {"lr": 0.1}),
    ("adam", {}),
    ("sgd", {"lr": 0.05, "momentum": 0.9}),
    ("sgd", {"lr": 0.05, "momentum": 0.5, "nesterov": True, "weight_decay": 0.01}),
    ("adam", {"lr": 0.01, "beta1": 0.8, "beta2": 0.99, "weight_decay": 0.01}),
    ("adamw", {"lr": 0.01}),
    ("adamw", {"lr": 0.01, "weight_decay": 0.1, "epsilon": 1e-6}),
    ("rmsprop", {"lr": 0.01}),
    ("rmsprop", {"lr": 0.01, "momentum": 0.5, "alpha": 0.9, "weight_decay": 0.01}),
)
SCHEDULES: Sequence[tuple[str, dict[str, object]]] = (
    ("constant", {}),
    ("cosine", {}),
    ("linear", {}),
    ("step", {"every": 1, "factor": 0.5}),
)
FLOATS = (0.1, 0.5, 1.0, 2.0)


def value(drawn: tuple[str, dict[str, object]]) -> tree.Expr:
    """An optimizer or a schedule; without parentheses where it takes no arguments."""
    name, arguments = drawn
    return call(name, arguments) if arguments else tree.Name(name)


# -- rules --------------------------------------------------------------------------------------------------------


@st.composite
def rule_calls(draw: st.DrawFn, rules: Sequence[str]) -> tree.Call:
    """A use of one of some rules; its arguments are drawn from what it says of its parameters."""
    name = draw(st.sampled_from(rules))
    arguments = {p.name: draw(_setting(p)) for p in registry.find(name).parameters() if draw(st.integers(0, 2)) == 2}
    made = call(name, arguments)
    if draw(st.integers(0, 5)) < 5:
        return made
    if draw(st.booleans()):
        extra = tree.Argument("lr", tree.Number(0.02))
    else:
        extra = tree.Argument("optimizer", value(draw(st.sampled_from(OPTIMIZERS))))
    return tree.Call(name, (*made.arguments, extra))


def _setting(parameter: Parameter) -> st.SearchStrategy[object]:
    least, most = parameter.least, parameter.most
    if parameter.kind == "word":
        return st.sampled_from(parameter.words)
    if parameter.kind == "int":
        low = int(least if least is not None else 1)
        return st.integers(low, min(low + 3, int(most if most is not None else low + 3)))
    return st.sampled_from(
        [f for f in FLOATS if (least is None or f >= least) and (most is None or f <= most)] or [least or 0.0]
    )


@dataclass(frozen=True)
class Member:
    """A block as `learn` lines name it: of a chain, its number."""

    name: str
    number: int | None
    length: int


def members(blocks: Sequence[tree.Block]) -> Iterator[Member]:
    for block in blocks:
        if block.count is None:
            yield Member(block.name, None, 1)
        else:
            assert isinstance(block.count, tree.Number)
            yield from (Member(block.name, k, int(block.count.value)) for k in range(1, int(block.count.value) + 1))


@st.composite
def learn_clauses(
    draw: st.DrawFn, blocks: Sequence[tree.Block], rules: Collection[str], labelled: bool
) -> tuple[tree.Learn, ...]:
    """A rule for every block: one for all, or one for the last blocks and up to two that need no error below them.

    labelled: the target is one class label, so that rules which need one are among those drawn.
    """
    classes = {name: registry.find(name) for name in rules}
    known = [name for name, rule in classes.items() if labelled or not rule.needs_label]
    local = [name for name in known if not classes[name].needs_error]
    every = list(members(blocks))
    top = draw(rule_calls(known))
    if not local or len(every) < 2 or draw(st.integers(0, 2)) < 2:
        return (tree.Learn((tree.Selector("all"),), top),)
    cut = draw(st.integers(1, len(every) - 1))
    uses = [draw(rule_calls(local)) for _ in range(draw(st.integers(1, 2)))]
    split = draw(st.integers(0, cut)) if len(uses) == 2 else cut
    given = [(uses[0], every[:split]), (uses[-1], every[split:cut])]
    lines = [tree.Learn(tuple(selectors(chosen)), use) for use, chosen in given if chosen]
    return (*lines, tree.Learn((tree.Selector("rest"),), top))


def selectors(chosen: Sequence[Member]) -> Iterator[tree.Selector]:
    """Some blocks, as lines name them; blocks of one chain follow each other."""
    for name in dict.fromkeys(member.name for member in chosen):
        own = [member for member in chosen if member.name == name]
        first, last = own[0].number, own[-1].number
        if first is None or last is None or len(own) == own[0].length:
            yield tree.Selector(name)
        else:
            yield tree.Selector(name, tree.Number(first), tree.Number(last) if last > first else None)


# -- protocol -----------------------------------------------------------------------------------------------------


@st.composite
def train_clauses(draw: st.DrawFn) -> tree.Train:
    """How to train, in float64; without patience, which is the runtime's."""
    length = "steps" if draw(st.integers(0, 3)) == 3 else "epochs"
    options: dict[str, tree.Expr] = {length: tree.Number(draw(st.integers(1, 4))), "batch": tree.Number(4)}
    options["optimizer"] = value(draw(st.sampled_from(OPTIMIZERS)))
    schedule = draw(st.sampled_from(SCHEDULES))
    if schedule[0] != "constant":
        options["schedule"] = value(schedule)
    if draw(st.integers(0, 7)) == 7:
        options["warmup"] = tree.Number(1)
    if draw(st.integers(0, 4)) == 4:
        options["order"] = tree.Name("sequential")
    options["precision"] = tree.Name("f64")
    if draw(st.integers(0, 3)) == 3:
        options["seed"] = tree.Number(draw(st.integers(0, 3)))
    return tree.Train(tuple(tree.Option(name, value) for name, value in options.items()))
