"""Controls: variants that a comparison of a rule wants beside it, added to a program's text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lpc.diagnostics import Report
from lpc.lab.arms import Contender, controls, work
from lpc.passes.check import Overrides, check_source
from lpc.passes.variants import BASE
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.parse import parse

CLASH = "control_"
"""Before the name of a control that a variant of the program has already."""
IN_TURN = "in_turn"
IN_TURN_TELLS = "the same rules, block after block: what order costs"


@dataclass(frozen=True)
class Added:
    """Controls that were added, and of each that was not, why."""

    contenders: tuple[Contender, ...]
    left_out: tuple[str, ...]


def add_controls(source: Source, present: Sequence[Contender], settings: Overrides) -> Added:
    """The controls of one program that its variants do not hold already."""
    wanted = [(c.name, f"learn all with {c.use}", c.tells) for c in controls()]
    wanted.append((IN_TURN, "train order = sequential", IN_TURN_TELLS))
    taken = {clause.name for clause in parse(source, Report()).clauses if isinstance(clause, tree.Variant)}
    taken.add(BASE)
    texts = {contender.text: contender.label for contender in present}
    lines: list[str] = []
    named: list[tuple[str, str]] = []
    made: list[Contender] = []
    left_out: list[str] = []
    for name, line, tells in wanted:
        free = name if name not in taken else f"{CLASH}{name}"
        lines.append(f"variant {free} {{ {line} }}\n")
        named.append((free, tells))
    extended = Source(source.name, source.text + ("" if source.text.endswith("\n") else "\n") + "".join(lines))
    prefix = present[0].label.rpartition(":")[0]
    for name, tells in named:
        checked = check_source(extended, variant=name, overrides=settings)
        if checked.errors:
            left_out.append(f"{name}: {checked.errors[0].title_text}")
            continue
        found = Contender(f"{prefix}:{name}" if prefix else name, extended, name, checked.program, tells)
        if found.text in texts:
            left_out.append(f"{name.removeprefix(CLASH)}: `{texts[found.text]}` is it")
        elif name.endswith(IN_TURN) and work(found.program).units < 2:
            left_out.append(f"{name}: its blocks learn together in any case")
        else:
            texts[found.text] = found.label
            made.append(found)
    return Added(tuple(made), tuple(left_out))
