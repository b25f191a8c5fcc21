"""Random settings: the data source's arguments, and what `train`, `measure` and `place` can say besides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from hypothesis import strategies as st

from lpc.ir.grid import INTENSITIES
from lpc.laws.expressions import seldom, setting
from lpc.laws.training import members, selectors, value
from lpc.passes.tables import ESTIMATES, OPTIMIZERS
from lpc.syntax import tree

EXAMPLES = 20
"""Of every source that makes or reads a file of its own."""
IMAGE_AXES = 3


def blocks_of(file: tree.File) -> list[tree.Block]:
    return [clause for clause in file.clauses if isinstance(clause, tree.Block)]


def data_of(file: tree.File) -> tree.Data:
    return next(clause for clause in file.clauses if isinstance(clause, tree.Data))


def option(clause: tree.Train, name: str) -> tree.Expr | None:
    return next((option.value for option in clause.options if option.name == name), None)


# -- data ---------------------------------------------------------------------------------------------------------


@st.composite
def sources(draw: st.DrawFn, file: tree.File) -> tree.File:
    """The same data from another source, and with parts taken out, standardised, changed at random."""
    data = data_of(file)
    name = data.source.name
    typed = all(binding.type is not None for binding in data.bindings)
    if name == "synthetic" and typed:
        name = draw(st.sampled_from(["synthetic", "synthetic", "npz", *(["csv"] if _is_table(data) else [])]))
    given: list[tree.Argument] = list(data.source.arguments if name == data.source.name else ())
    if name in ("npz", "csv") and not given:
        given.append(tree.Argument(None, tree.String(f"examples.{name}")))
    if name == "csv":
        given += _targets(draw, data.bindings[-1])
    given += [tree.Argument(key, written) for key, written in _parts(draw, name, data).items()]
    made = replace(data, source=tree.Call(name, tuple(given)))
    return tree.File(tuple(made if clause is data else clause for clause in file.clauses))


def written_sizes(binding: tree.Binding) -> tuple[int, ...]:
    """The sizes of a type as they are written; none where none is."""
    sizes = binding.type.sizes if binding.type is not None else ()
    return tuple(int(size.value) for size in sizes if isinstance(size, tree.Number))


def _is_table(data: tree.Data) -> bool:
    """Whether a csv file can hold the data: one column for each name in the middle, and no tokens."""
    kinds = [binding.type.kind for binding in data.bindings if binding.type is not None]
    return "i64" not in kinds and all(prod(written_sizes(binding)) == 1 for binding in data.bindings[1:-1])


def columns(binding: tree.Binding) -> list[str]:
    """The columns of a target of several numbers, by names of our own."""
    count = 1 if binding.type is None or binding.type.kind == "class" else prod(written_sizes(binding))
    return [binding.name] if count == 1 else [f"{binding.name} {number}" for number in range(1, count + 1)]


def _targets(draw: st.DrawFn, binding: tree.Binding) -> list[tree.Argument]:
    names = columns(binding)
    if len(names) == 1:
        return [tree.Argument("target", tree.String(names[0]))] if seldom(draw) else []
    return [tree.Argument("target", tree.ListExpr(tuple(map(tree.String, names))))]


def _parts(draw: st.DrawFn, name: str, data: tree.Data) -> dict[str, tree.Expr]:
    found: dict[str, tree.Expr] = {}
    share: list[tree.Expr] = [tree.Number(4), tree.Quantity(20, "%"), tree.Quantity(12.5, "%")]
    if draw(st.booleans()):
        found["validation"] = draw(st.sampled_from(share))
    if seldom(draw) and name not in ("mnist", "fashion_mnist", "cifar10"):
        found["test"] = draw(st.sampled_from(share))
    if seldom(draw) and name not in ("text", "synthetic"):
        found["standardise"] = tree.Name(draw(st.sampled_from(["true", "false"])))
    first = data.bindings[0]
    image = len(written_sizes(first)) == IMAGE_AXES if first.type is not None else True
    if image and seldom(draw) and name not in ("csv", "text", "synthetic"):
        flip, crop = tree.Name("flip"), tree.Name("crop")
        ways: list[tree.Expr] = [flip, crop, tree.ListExpr((flip, crop)), tree.ListExpr((crop,))]
        found["augment"] = draw(st.sampled_from(ways))
    return found


# -- train --------------------------------------------------------------------------------------------------------

SHARES, SMALL = (0.0, 0.5, 0.9), (1e-8, 1e-6)
DRAWN: dict[str, Sequence[object]] = {
    "lr": (0.1, 0.01), "momentum": SHARES, "beta1": SHARES, "beta2": SHARES, "alpha": SHARES, "epsilon": SMALL,
    "weight_decay": (0.0, 0.01), "nesterov": (False, True),
}  # fmt: skip


@st.composite
def optimizers(draw: st.DrawFn) -> tree.Expr:
    """An optimizer with any of its arguments; the rate of `sgd` by place or by name."""
    name = draw(st.sampled_from(list(OPTIMIZERS)))
    wanted = [p for p in OPTIMIZERS[name].parameters if p.required or seldom(draw)]
    given: dict[str, object] = {p.name: draw(st.sampled_from(DRAWN[p.name])) for p in wanted}
    if given.get("nesterov") and not given.get("momentum"):
        given["momentum"] = 0.9
    made = value((name, given))
    if isinstance(made, tree.Call) and made.arguments[0].name == "lr" and seldom(draw):
        return tree.Call(name, (tree.Argument(None, made.arguments[0].value), *made.arguments[1:]))
    return made


@st.composite
def protocols(draw: st.DrawFn, file: tree.File) -> tree.File:
    """`train` in any precision, with patience where there is a validation part, in one line or two."""
    train = next(clause for clause in file.clauses if isinstance(clause, tree.Train))
    options = {option.name: option.value for option in train.options}
    precision = draw(st.sampled_from(["f64", "f64", "f32", "bf16", ""]))
    options["precision"] = tree.Name(precision)
    if not precision:
        del options["precision"]
    if seldom(draw):
        options["optimizer"] = draw(optimizers())
    if seldom(draw):
        options["batch"] = tree.Name("all")
    if seldom(draw):
        options.setdefault("schedule", tree.Name("constant"))
    if any(argument.name == "validation" for argument in data_of(file).source.arguments) and seldom(draw):
        options["patience"] = tree.Number(draw(st.integers(1, 3)))
    made = tuple(tree.Option(name, written) for name, written in options.items())
    cut = draw(st.integers(1, len(made) - 1)) if seldom(draw) else len(made)
    lines = tuple(tree.Train(part) for part in (made[:cut], made[cut:]) if part)
    return tree.File((*(clause for clause in file.clauses if clause is not train), *lines))


# -- measure, place -----------------------------------------------------------------------------------------------


@st.composite
def measures(draw: st.DrawFn) -> tree.Measure:
    """What is measured, and estimated beside it; carbon only with energy."""
    items = [name for name in ("energy", "memory", "flops") if draw(st.booleans())] or ["memory"]
    made = [_energy(draw) if name == "energy" else tree.Call(name, ()) for name in items]
    if "energy" in items and draw(st.booleans()):
        of = tree.Argument("intensity", tree.Number(385))
        if draw(st.booleans()):
            of = tree.Argument("country", tree.Name(draw(st.sampled_from(list(INTENSITIES)))))
        pue = [tree.Argument("pue", tree.Number(1.2))] if draw(st.booleans()) else []
        made.append(tree.Call("carbon", (of, *pue)))
    return tree.Measure(tuple(made))


def _energy(draw: st.DrawFn) -> tree.Call:
    if not seldom(draw):
        return tree.Call("energy", ())
    model = draw(st.sampled_from(list(ESTIMATES)))
    power: dict[str, tree.Expr] = {"watts": tree.Quantity(draw(st.sampled_from([20, 0.5])), "W")}
    given = [tree.Argument(p.name, power.get(p.kind, tree.Number(1.5))) for p in ESTIMATES[model].parameters]
    return tree.Call("energy", (tree.Argument("estimate", tree.Call(model, tuple(given))),))


@st.composite
def placements(draw: st.DrawFn, file: tree.File) -> list[tree.Place]:
    """A cut into stages, and some of the blocks pinned where it puts them."""
    every = list(members(blocks_of(file)))
    stages = draw(st.integers(1, min(3, len(every))))
    options = [tree.Option("stages", tree.Number(stages))]
    if stages > 1 and draw(st.booleans()):
        options.append(tree.Option("balance", tree.Name(draw(st.sampled_from(["time", "flops", "memory"])))))
    cuts = sorted(draw(st.permutations(range(1, len(every))))[: stages - 1])
    lines = [tree.Place(options=tuple(options))]
    for stage, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(every)], strict=True), start=1):
        if draw(st.integers(0, 2)) == 2:
            pinned = every[start : draw(st.integers(start + 1, end))]
            lines.append(tree.Place(selectors=tuple(selectors(pinned)), stage=setting(stage)))
    return lines
