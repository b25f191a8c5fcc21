"""The `objective` clause: which block is scored, by which loss, against what."""

from __future__ import annotations

from lpc.diagnostics import Diagnostic, Edit, Report, error, nearest
from lpc.ir.losses import LOSSES
from lpc.ir.network import TARGET
from lpc.ir.program import Objective
from lpc.passes.arguments import place
from lpc.passes.blocks import sources
from lpc.passes.building import Builder
from lpc.passes.folding import unknown_name
from lpc.passes.graph import Graph
from lpc.passes.scope import SOUND
from lpc.passes.signatures import Parameter, Signature
from lpc.passes.values import describe, is_hole
from lpc.syntax import tree


@error("LP202")
class ObjectiveMisfit(Diagnostic):
    """A loss compares the scored block's output with the target, and their types have to suit it."""

    title = "`{loss}` {problem}"
    label = "does not fit"
    notes = ("block `{block}` gives {prediction}", "the target is {target}")
    bad = SOUND.replace("cross_entropy(", "mse(")
    good = SOUND
    loss: str
    problem: str
    block: str
    prediction: str
    target: str


@error("LP430")
class UnknownLoss(Diagnostic):
    """The losses of an objective: `cross_entropy` for class labels, `mse` and `binary_cross_entropy` for numbers."""

    title = "there is no loss named `{name}`"
    label = "not a loss"
    notes = ("losses: {known}",)
    help = "did you mean `{nearest}`?"
    bad = SOUND.replace("cross_entropy", "crossentropy")
    good = SOUND
    name: str
    known: str
    nearest: str = ""


@error("LP431")
class NotABlock(Diagnostic):
    """What an objective scores is a block, named first: it is where the task's error arises."""

    title = "an objective scores a block, found {found}"
    label = "not a block"
    help = "give the expression a block of its own, and name that"
    bad = SOUND.replace("(readout, label)", "(hidden -> linear(10), label)")
    good = SOUND
    found: str


@error("LP432")
class TargetOfBlocks(Diagnostic):
    """A target is what the data say: a label, or an expression of the inputs, as `image -> flatten` for an autoencoder.
    Nothing that is learned may be in it.
    """

    title = "the target depends on block `{block}`"
    label = "learned, so not a target"
    bad = SOUND.replace("cross_entropy(readout, label)", "mse(readout, hidden -> linear(10))")
    good = SOUND
    block: str


@error("LP433")
class LearnedTarget(Diagnostic):
    """The operations of a target are computed and never trained, so none of them may have weights."""

    title = "`{operation}` in the target has weights, which nothing would train"
    label = "learned"
    bad = SOUND.replace("cross_entropy(readout, label)", "mse(readout, image -> flatten -> linear(10))")
    good = SOUND
    operation: str


def use_objective(clause: tree.Objective, graph: Graph, report: Report) -> Objective | None:
    """The objective, with the nodes of its target added to the graph; None after a mistake."""
    name = clause.loss.name
    loss = LOSSES.get(name)
    if loss is None or not loss.objective:
        known = [loss.name for loss in LOSSES.values() if loss.objective]
        near = nearest(name, known)
        edit = Edit(clause.loss.name_span, near) if near else None
        listed = ", ".join(f"`{loss}`" for loss in known)
        report.add(UnknownLoss(span=clause.loss.name_span, name=name, known=listed, nearest=near, edit=edit))
    signature = Signature(name, "loss", (Parameter("prediction", "any"), Parameter("target", "any")))
    placed, in_order = place(clause.loss.arguments, signature, clause.loss.span, report)
    block = _block(placed["prediction"][0].value, graph, report) if "prediction" in placed else None
    target = _target(placed["target"][0].value, graph, report) if "target" in placed else None
    if loss is None or loss.check is None or not in_order or block is None or target is None:
        return None
    output, prediction = graph.values[block].node, graph.values[block].type
    if output is None:
        return None
    wanted = graph.producers[target].type
    if problem := loss.check(prediction, wanted):
        report.add(
            ObjectiveMisfit(
                span=clause.loss.span,
                loss=name,
                problem=problem,
                block=block,
                prediction=str(prediction),
                target=str(wanted),
                related=((graph.producers[output].span, f"gives {prediction}"),),
            )
        )
        return None
    return Objective(name, block, target, {}, clause.span)


def _block(expr: tree.Expr, graph: Graph, report: Report) -> str | None:
    """The name of the block an expression names; None after a mistake."""
    if is_hole(expr):
        return None
    if isinstance(expr, tree.Name | tree.Indexed) and expr.name in graph.members:
        builder = Builder(graph, TARGET)
        builder.tensor(expr, {})
        return next(iter(builder.inputs), None)
    if isinstance(expr, tree.Name) and expr.name not in graph.values:
        if not graph.silent:
            report.add(unknown_name(expr.span, expr.name, "block", tuple(graph.scope.blocks)))
    else:
        report.add(NotABlock(span=expr.span, found=describe(expr)))
    return None


def _target(expr: tree.Expr, graph: Graph, report: Report) -> str | None:
    """The node that gives the target; None after a mistake."""
    blocks = [name for name in sources(expr, graph.scope) if name.name in graph.scope.blocks]
    if blocks:
        report.add(TargetOfBlocks(span=blocks[0].span, block=blocks[0].name))
        return None
    value = Builder(graph, TARGET).tensor(expr, {})
    learned = next((n for n in graph.nodes if n.owner == TARGET and any(w.trained for w in n.weights)), None)
    if learned is not None:
        report.add(LearnedTarget(span=learned.span, operation=learned.kind))
        return None
    return value.node
