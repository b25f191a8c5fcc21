"""`lower`: rules become steps."""

from __future__ import annotations

from dataclasses import replace

from lpc.diagnostics import Report
from lpc.ir.program import Program
from lpc.passes.contract import Fact, pass_
from lpc.passes.effects import warn_of_idle
from lpc.rules.tracer import trace


@pass_(needs={Fact.LEGAL}, gives={Fact.STEPS})
def lower(program: Program, report: Report) -> Program:
    """Trace every rule over its regions.

    Before: regions are formed and legal. After: `program.plan` holds the step of every phase, what happens when a phase ends,
    and the prediction, dead code gone. Warnings: LP914 an argument of a rule that changes nothing.
    """
    assert program.network is not None and program.objective is not None
    made = replace(program, plan=trace(program.network, program.objective, program.regions))
    warn_of_idle(made, report)
    return made
