"""Laws of the compiler: scripts do what the interpreter does, however a step is scheduled, rolled or placed, and every time."""

from __future__ import annotations

from dataclasses import replace

from lpc.codegen.script import print_script
from lpc.diagnostics import Report
from lpc.ir.program import Program
from lpc.laws.agreement import Broken
from lpc.laws.subject import GeneralLaw, Programs, Subject, checks, scripts
from lpc.passes.legal import legal
from lpc.passes.lower import lower
from lpc.rules import general
from lpc.syntax import tree


@checks(general.COMPILES)
def compiles(subject: Subject) -> None:
    for mode, text in subject.scripts.items():
        compile(text, f"script ({mode})", "exec")
        subject.compared += 1


@checks(general.TRANSLATION)
def translation(subject: Subject) -> None:
    for mode, text in subject.scripts.items():
        subject.agree(subject.trained(text), subject.expected, lambda: subject.moved, f"{mode}, script and interpreter")


@checks(general.AGAIN)
def again(subject: Subject) -> None:
    made = scripts(subject.recompiled())
    for mode, text in subject.scripts.items():
        subject.compared += 1
        if made[mode] != text:
            raise Broken(f"compiled twice, the script differs: {_first_line(text, made[mode])}")
    text = next(iter(subject.scripts.values()))
    subject.identical(subject.run(text), subject.trained(text), "the script, run twice")
    subject.identical(subject.interpreted(), subject.expected, "the interpreter, run twice")


def _first_line(one: str, other: str) -> str:
    pairs = zip([*one.splitlines(), ""], [*other.splitlines(), ""], strict=False)
    return next((f"`{a.strip()}`, then `{b.strip()}`" for a, b in pairs if a != b), "one is longer")


@checks(general.STAGES)
def stages(subject: Subject) -> None:
    subject.needs(len(subject.network.blocks) > 1, "there is one block")

    def placed(file: tree.File) -> tree.File:
        kept = [clause for clause in file.clauses if not isinstance(clause, tree.Place)]
        return tree.File((*kept, tree.Place(options=(tree.Option("stages", tree.Number(2)),))))

    program = subject.recompiled(placed)
    assert len(program.stages) == 2
    made = subject.run(print_script(program).text)
    subject.agree(made, subject.expected, lambda: subject.moved, "in two stages and in one")


@checks(general.SCHEDULES)
def schedules(subject: Subject) -> None:
    at_once, summed = subject.scripts.values()
    subject.needs(at_once != summed, "both schedules are the same script")
    one, other = subject.trained(at_once), subject.trained(summed)
    subject.agree(one, other, lambda: [subject.expected, *subject.moved], "at once and summed")


@checks(general.ROLLED, Programs(chains=True, most=10))
def rolled(subject: Subject) -> None:
    looped = {mode: text for mode, text in subject.scripts.items() if "for k in" in text}
    subject.needs(looped, "no chain is printed as a loop")
    plain = scripts(one_by_one(subject.program))
    for mode, text in looped.items():
        subject.identical(subject.trained(text), subject.run(plain[mode]), f"{mode}, rolled and written out")


def one_by_one(program: Program) -> Program:
    """The same program, whose blocks are no longer known to be a chain's."""
    network = program.network
    assert network is not None
    blocks = tuple(replace(block, chain=None) for block in network.blocks)
    written = {clause.name: clause for clause in program.file.clauses if isinstance(clause, tree.Block)}
    single = [replace(written[b.chain[0] if b.chain else b.name], name=b.name, count=None) for b in network.blocks]
    file = tree.File((*single, *(clause for clause in program.file.clauses if not isinstance(clause, tree.Block))))
    made = replace(program, network=replace(network, blocks=blocks, chains={}), file=file)
    for step in (legal, lower):
        made = step(made, Report())
    return made


LAWS: tuple[GeneralLaw, ...] = (compiles, translation, again, stages, schedules, rolled)
