"""`lower`: rules become steps."""

from __future__ import annotations

from dataclasses import replace

from lpc.diagnostics import Report
from lpc.ir.program import Program
from lpc.passes.contract import Fact, pass_
from lpc.rules.tracer import trace


@pass_(needs={Fact.LEGAL}, gives={Fact.STEPS})
def lower(program: Program, _report: Report) -> Program:
    """Trace every rule over its regions.

    Before: regions are formed and legal. After: `program.plan` holds the step of every phase, what happens when a phase ends,
    and the prediction, dead code gone. Errors: none.
    """
    assert program.network is not None and program.objective is not None
    return replace(program, plan=trace(program.network, program.objective, program.regions))
