"""Generated parts of the page on how lpc is built: one rule as it is written, and the step it is traced to."""

from __future__ import annotations

import inspect
import textwrap

import lpc
from docs.generate.markdown import fenced, table
from lpc.ir.step import show
from lpc.passes.pipeline import PIPELINE
from lpc.rules import registry

SHOWN = "mono_forward"
ONE_HIDDEN = """network one
data image, label = digits(validation = 20%)
block hidden = image -> flatten -> linear(256) -> relu
block readout = hidden -> linear(10)
objective cross_entropy(readout, label)
learn all with {rule}
train epochs = 1, batch = 64
"""


def parts() -> dict[str, str]:
    return {"rule_source": rule_source(), "rule_traced": rule_traced(), "passes": passes()}


def rule_source() -> str:
    """The step of a rule, as its file has it."""
    return fenced(textwrap.dedent(inspect.getsource(registry.find(SHOWN).step)), "python shown")


def rule_traced() -> str:
    """The same rule's step of a small network, as recorded."""
    program = lpc.load(ONE_HIDDEN.format(rule=SHOWN))
    return fenced(show(program.plan.phases[0].nodes), "text")


def passes() -> str:
    rows = []
    for step in PIPELINE:
        first = " ".join(step.summary.partition("\n\n")[0].split())
        facts = [", ".join(sorted(fact.name for fact in found)) for found in (step.needs, step.gives)]
        rows.append([f"`{step.name}`", first, *facts])
    return table(["pass", "does", "needs", "gives"], rows)
