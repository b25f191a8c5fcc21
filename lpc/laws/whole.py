"""Programs with everything the language has: what `programs` draws, and around it all that a program can say besides.

    @given(whole_programs())
    def test_any_program(file): ...

Most are legal. They shrink to what `programs` shrinks to: everything added falls away first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import strategies as st

from lpc.laws.drawn_networks import FOREIGN, USUAL
from lpc.laws.expressions import call, seldom
from lpc.laws.settings import blocks_of, measures, optimizers, placements, protocols, sources
from lpc.laws.strategies import programs
from lpc.laws.training import learn_clauses, members, rule_calls, selectors
from lpc.laws.wordings import functions, lets, searches, sums
from lpc.rules import registry
from lpc.syntax import tree

Change = Callable[[tree.File], st.SearchStrategy[tree.File]]
RULES = tuple(registry.BUILT_IN)
GENERAL = tuple(name for name in RULES if registry.find(name).general)
"""Those of other packages are left out: what is drawn does not depend on what is installed."""
BOXED = FOREIGN | {"linear", "conv", "relu", "flatten"}
"""Operations around black boxes: few, so that these are among them."""
VARIANTS = ("other", "small", "base_", "class")


@st.composite
def whole_programs(draw: st.DrawFn, blocks: int = 4) -> tree.File:
    """Programs over the whole language, with up to `blocks` blocks below the output block."""
    if seldom(draw, 40):
        return draw(graphs())
    boxes = seldom(draw, 10)
    rules = [name for name in RULES if not registry.find(name).needs_error] if boxes else RULES
    file = draw(programs(rules, BOXED if boxes else USUAL, blocks, published=True))
    file = draw(protocols(draw(sources(file))))
    for change, one_in in CHANGES:
        if seldom(draw, one_in):
            file = draw(change(file))
    return file


@st.composite
def automatic(draw: st.DrawFn, file: tree.File) -> tree.File:
    """`auto` for all blocks or for some: written, or because no line names them."""
    lines = [clause for clause in file.clauses if isinstance(clause, tree.Learn)]
    others = tuple(clause for clause in file.clauses if not isinstance(clause, tree.Learn))
    kept = lines[:-1] if draw(st.booleans()) else []
    if draw(st.booleans()):
        return tree.File((*others, *kept))
    selector = tree.Selector("rest" if kept else "all")
    return tree.File((*others, *kept, tree.Learn((selector,), draw(_auto()))))


@st.composite
def _auto(draw: st.DrawFn) -> tree.Call:
    given: dict[str, object] = {}
    if draw(st.booleans()):
        given["minimize"] = draw(st.sampled_from(["time", "energy", "memory"]))
    made = call("auto", given).arguments
    if draw(st.booleans()):
        among = draw(st.lists(st.sampled_from(RULES), min_size=1, max_size=3, unique=True))
        made += (tree.Argument("among", tree.ListExpr(tuple(map(tree.Name, among)))),)
    if seldom(draw):
        made += (tree.Argument("memory", tree.Quantity(draw(st.sampled_from([1, 500])), "MiB")),)
    if seldom(draw):
        made += (tree.Argument("optimizer", draw(optimizers())),)
    return tree.Call("auto", made)


@st.composite
def measured(draw: st.DrawFn, file: tree.File) -> tree.File:
    return tree.File((*file.clauses, draw(measures())))


@st.composite
def placed(draw: st.DrawFn, file: tree.File) -> tree.File:
    return tree.File((*file.clauses, *draw(placements(file))))


@st.composite
def varied(draw: st.DrawFn, file: tree.File) -> tree.File:
    """One variant or two."""
    names = draw(st.lists(st.sampled_from(VARIANTS), min_size=1, max_size=2, unique=True))
    return tree.File((*file.clauses, *(draw(_variant(name, file)) for name in names)))


@st.composite
def _variant(draw: st.DrawFn, name: str, file: tree.File) -> tree.Variant:
    clauses: list[tree.Clause] = []
    objective = next(clause for clause in file.clauses if isinstance(clause, tree.Objective))
    labelled = objective.loss.name == "cross_entropy"
    every = list(members(blocks_of(file)))
    match draw(st.sampled_from(["all", "blocks", "one", "none"])):
        case "all":
            clauses += draw(learn_clauses(blocks_of(file), RULES, labelled))
        case "blocks":
            start = draw(st.integers(0, len(every) - 1))
            clauses.append(tree.Learn(tuple(selectors(every[start:])), draw(rule_calls(RULES))))
        case "one":
            chosen = draw(st.sampled_from(every))
            clauses.append(tree.Learn(tuple(selectors([chosen])), draw(rule_calls(GENERAL))))
        case _:
            pass
    if draw(st.booleans()):
        options: dict[str, tree.Expr] = {
            "epochs": tree.Number(2),
            "steps": tree.Number(3),
            "batch": tree.Number(5),
            "optimizer": draw(optimizers()),
            "order": tree.Name(draw(st.sampled_from(["sequential", "simultaneous"]))),
        }
        chosen_options = draw(st.lists(st.sampled_from(list(options)[1:]), min_size=1, max_size=3, unique=True))
        clauses.append(tree.Train(tuple(tree.Option(key, options[key]) for key in chosen_options)))
    if seldom(draw):
        clauses.append(draw(measures()))
    if seldom(draw):
        clauses += draw(placements(file))
    return tree.Variant(name, tuple(clauses))


@st.composite
def claimed(draw: st.DrawFn, file: tree.File) -> tree.File:
    """A claim about a variant, where there is one, with any of its parts."""
    names = [clause.name for clause in file.clauses if isinstance(clause, tree.Variant)]
    if not names:
        return file
    left, right = draw(st.permutations([*names, "base"]))[:2]
    made = tree.Claim(left, draw(st.sampled_from(["=", "!="])), right)
    if draw(st.booleans()):
        made = replace(made, within=tree.Number(1e-6), after=tree.Number(3))
    if seldom(draw):
        made = replace(made, up_to="scale")
    known = [clause.name for clause in file.clauses if isinstance(clause, tree.Let)]
    if known:
        made = replace(
            made, ranges=(tree.Range(known[0], tree.Number(1), tree.Number(4)),), limit=(known[-1], tree.Number(0))
        )
    return tree.File((*file.clauses, made))


@st.composite
def reordered(draw: st.DrawFn, file: tree.File) -> tree.File:
    """The clauses in another order, which means nothing."""
    return tree.File(tuple(draw(st.permutations(file.clauses))))


@st.composite
def graphs(draw: st.DrawFn) -> tree.File:
    """A graph's nodes through graph convolutions. No data source of this version gives edges, so that none is legal."""
    source = tree.Call(*draw(st.sampled_from([("planetoid", (tree.Argument(None, tree.String("cora")),)), NPZ])))
    types = [tree.TypeExpr("f32", (tree.Number(3),)), tree.TypeExpr("edges"), tree.TypeExpr("class", (tree.Number(2),))]
    names = ("nodes", "graph", "label")
    typed = source.name == "npz"
    bindings = tuple(tree.Binding(n, t if typed else None) for n, t in zip(names, types, strict=True))
    edges = tree.Argument("edges", tree.Name("graph"))
    widths = [*draw(st.lists(st.integers(1, 3), max_size=2)), 2]
    made: list[tree.Clause] = [tree.Network("drawn"), tree.Data(bindings, source)]
    before = "nodes"
    for number, width in enumerate(widths):
        stage = tree.Call("gcn", (tree.Argument(None, tree.Number(width)), edges))
        made.append(tree.Block(f"b{number}", None, tree.Pipe(tree.Name(before), stage)))
        before = f"b{number}"
    scored = tree.Call(
        "cross_entropy", (tree.Argument(None, tree.Name(before)), tree.Argument(None, tree.Name("label")))
    )
    train = tree.Train((tree.Option("epochs", tree.Number(1)), tree.Option("batch", tree.Name("all"))))
    learn = tree.Learn((tree.Selector("all"),), draw(rule_calls(RULES)))
    return tree.File((*made, tree.Objective(scored), learn, train))


NPZ = ("npz", (tree.Argument(None, tree.String("examples.npz")),))
CHANGES: tuple[tuple[Change, int], ...] = (
    (automatic, 6),
    (measured, 3),
    (placed, 4),
    (varied, 4),
    (functions, 4),
    (searches, 6),
    (lets, 3),
    (sums, 6),
    (claimed, 3),
    (reordered, 8),
)
"""What a program can say besides, and in one of how many it does."""
