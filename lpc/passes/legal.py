"""`legal`: regions are formed, and every rule can train what it was given."""

from __future__ import annotations

from dataclasses import replace

from lpc.diagnostics import Diagnostic, Report, error, warning
from lpc.ir.program import Program
from lpc.passes.contract import Fact, pass_
from lpc.passes.regions import Workshop, enclosed, form, objections, topological
from lpc.passes.scope import SOUND
from lpc.rules import registry


def _learn(line: str) -> str:
    return SOUND.replace("train epochs", f"{line}\ntrain epochs")


@error("LP320")
class CannotTrain(Diagnostic):
    """Every rule needs something of the blocks it trains: an error that reaches them, a class label, a derivative, room for a
    label in the input. Where a need is not met, the rule cannot train the block, and lpc says what would make it legal.
    """

    title = "`{rule}` cannot train `{block}`"
    label = "{reason}"
    help = "{remedy}"
    bad = _learn("learn hidden with backprop\nlearn readout with mono_forward")
    good = _learn("learn hidden with mono_forward\nlearn readout with backprop")
    rule: str
    block: str
    reason: str
    remedy: str


@error("LP321")
class RunEnclosesOther(Diagnostic):
    """Neighbouring blocks under one rule are trained together, as one run. A run cannot wait for a block of another rule that
    itself waits for the run.
    """

    title = "blocks of `{rule}` and `{other}` wait for each other"
    label = "this run reads `{inside}`, which reads the run"
    help = "learn the blocks between with `{rule}` too, or end the run before them"
    bad = (
        _learn("learn all with backprop")
        .replace(
            "block readout = hidden",
            "block side = hidden -> linear(64)\nblock readout = (hidden + side)",
        )
        .replace("learn all with backprop", "learn hidden, readout with backprop\nlearn side with mono_forward")
    )
    good = _learn("learn all with backprop").replace(
        "block readout = hidden",
        "block side = hidden -> linear(64)\nblock readout = (hidden + side)",
    )
    rule: str
    other: str
    inside: str


@warning("LP920")
class UnusualRate(Diagnostic):
    """Learning rates differ between rules by orders of magnitude. A rate more than ten times outside the range that a rule is
    known to work with usually means that another rule's rate was kept.
    """

    title = "a learning rate of {rate} is unusual for `{rule}`"
    label = "`{rule}` is known to work with {usual}"
    bad = _learn("learn all with mono_forward(lr = 5.0)")
    good = _learn("learn all with mono_forward(lr = 1e-3)")
    rule: str
    rate: str
    usual: str


@pass_(needs={Fact.TYPES, Fact.BLOCKS, Fact.PROTOCOL, Fact.RULES, Fact.ASSIGNED}, gives={Fact.LEGAL})
def legal(program: Program, report: Report) -> Program:
    """Form regions and check that their rules can train them.

    Before: every block has a rule. After: blocks belong to regions in topological order, and every rule can train its regions.
    Errors: LP320 a need is not met, LP321 a run encloses blocks of another rule. Warnings: LP920 an unusual learning rate.
    """
    assert program.network is not None and program.objective is not None
    shop = Workshop.of(program.network, program.objective)
    regions = form(shop, program.uses)
    for one, other in enclosed(shop, regions):
        use = program.uses[one.run.blocks[0].name]
        inside = other.run.blocks[0].name
        report.add(RunEnclosesOther(span=use.span, rule=one.rule.name, other=other.rule.name, inside=inside))
    if report.errors:
        return program
    for region in regions:
        for problem in objections(region):
            use = program.uses[problem.block]
            block = program.network.block(problem.block)
            related = ((block.span, f"`{block}` is declared here"),)
            report.add(
                CannotTrain(
                    span=use.span,
                    rule=use.rule,
                    block=str(block),
                    reason=problem.reason,
                    remedy=problem.remedy,
                    related=related,
                )
            )
    _warn_of_rates(program, report)
    return replace(program, regions=tuple(topological(shop, regions)))


def _warn_of_rates(program: Program, report: Report) -> None:
    assert program.protocol is not None
    lines = {(use.rule, use.span): use for use in program.uses.values()}
    for use in lines.values():
        optimizer = use.optimizer or program.protocol.optimizer
        usual = registry.find(use.rule).usual_rate
        if usual is None or optimizer.kind not in ("adam", "adamw") or usual[0] / 10 <= optimizer.lr <= usual[1] * 10:
            continue
        span = dict(use.argument_spans).get("lr", use.span) if use.optimizer else program.protocol.span
        text = f"adam rates from {usual[0]:g} to {usual[1]:g}"
        report.add(UnusualRate(span=span, rule=use.rule, rate=f"{optimizer.lr:g}", usual=text))
