"""One target after another: what is made once is made in a nursery, a process of its own, and each mutant in a child of that.

A nursery imports what does not depend on the mutated module; the children import the rest, with the module changed.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.mutants import seen
from benchmarks.mutants.forks import Changed, Outcome, alone, forked
from benchmarks.mutants.targets import Mutant, Target

FAILS, SAME, KILLED, SURVIVES = "fails at once", "equivalent", "killed", "survives"
ENDLESS = {"time": "it does not end", "memory": "it takes all memory", "recursion": "it calls itself without end"}
UNDER: Mapping[str, Sequence[str]] = {
    "rule": ("lpc.laws.checking",),
    "lpc.ir.step": ("lpc.syntax.parse",),
    "pass": ("lpc.passes.pipeline", "lpc.interpret.interpreter"),
}
"""What a nursery imports, by the mutated module or its kind; none of it may import that module."""


@dataclass(frozen=True)
class Result:
    """What became of one mutant."""

    target: str
    key: str
    file: str
    line: int
    operator: str
    was: str
    becomes: str
    verdict: str
    by: str = ""
    """The law that kills it, or what ended it."""
    shown: str = ""
    probe: str = ""
    """The probe that shows that it behaves otherwise."""
    seconds: float = 0.0
    """Of the processor."""

    def line_of_json(self, digest: str) -> str:
        return json.dumps({"digest": digest, **asdict(self)}, ensure_ascii=False)


@dataclass(frozen=True)
class Known:
    """What the probes of a target become where nothing is changed."""

    texts: Mapping[str, Any]
    numbers: Mapping[str, Any]


def try_target(target: Target, mutants: Sequence[Mutant], jobs: int, took: Callable[[Result], None]) -> None:
    """Try some mutants of a target, in a process of its own. took: is given each result as it ends, in that process."""
    outcome = alone(partial(_nursery, target, mutants, jobs, took), limits=False)
    if outcome.value is not True:
        raise RuntimeError(f"the nursery of {target.name} failed: {outcome.value or outcome.ended}")


def _nursery(target: Target, mutants: Sequence[Mutant], jobs: int, took: Callable[[Result], None]) -> object:
    for module in UNDER.get(target.module, UNDER[target.kind]):
        importlib.import_module(module)
    work = _Work(target)
    known = alone(work.known)
    if not isinstance(known.value, Known):
        return f"{known.ended} {known.value}"
    tasks = [partial(work.one, mutant, known.value) for mutant in mutants]
    for number, outcome in forked(tasks, jobs):
        took(_result(mutants[number], outcome))
    return True


class _Work:
    """What is done in children."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.programs: dict[str, Any] = {}
        """The probes of a pass that only printing goes through, compiled."""
        if target.module.startswith("lpc.codegen"):
            from benchmarks.mutants import probes

            self.programs = dict(probes.legal(probes.of_passes()))

    def probe(self) -> tuple[Mapping[str, Any], Callable[[str], Any]]:
        """What the probes become, and how each one's numbers are had."""
        from benchmarks.mutants import behaviour, probes

        if self.programs:
            return behaviour.of_scripts(self.programs), lambda name: behaviour.script_numbers(self.programs[name])
        texts = probes.of_rule(self.target.name) if self.target.kind == "rule" else probes.of_passes()
        return behaviour.of_steps(texts), lambda name: behaviour.step_numbers(texts[name])

    def known(self) -> object:
        try:
            made, numbers = self.probe()
            legal = [name for name, one in made.items() if not one.failed and not one.text.startswith("refused")]
            return Known(made, {name: numbers(name) for name in legal}) if legal else next(iter(made.values())).text
        except Exception as problem:
            return repr(problem)

    def one(self, mutant: Mutant, known: Known) -> tuple[str, str, str, str]:
        """The verdict, what gave it, what it shows, and the probe."""
        sys.meta_path.insert(0, Changed(mutant.module, self.target.path, mutant.text))
        try:
            from benchmarks.mutants import behaviour, killing

            made, numbers = self.probe()
        except MemoryError:
            raise
        except Exception as problem:
            return FAILS, "", repr(problem)[:160], ""
        found = behaviour.judged(made, known.texts, numbers, known.numbers)
        if found.verdict != seen.CHANGED:
            return {seen.SAME: SAME, seen.FAILS: FAILS}[found.verdict], "", found.shown, found.probe
        if self.target.kind == "rule":
            killed = killing.of_rule(self.target.name)
        else:
            killed = killing.of_pass(found.probe.partition(",")[0].partition("(")[0].partition(" ")[0])
        if killed is None:
            return SURVIVES, "", found.shown, found.probe
        return KILLED, killed.law, killed.shown, found.probe


def _result(mutant: Mutant, outcome: Outcome) -> Result:
    if outcome.ended == "error":
        raise RuntimeError(f"{mutant.file}:{mutant.line}: {outcome.value}")
    verdict, by, shown, probe = outcome.value or (
        KILLED,
        ENDLESS.get(outcome.ended, f"it ends by {outcome.ended}"),
        "",
        "",
    )
    return Result(
        mutant.target, mutant.key, mutant.file, mutant.line, mutant.operator, mutant.was, mutant.becomes, verdict, by,
        shown, probe, round(outcome.seconds, 2),
    )  # fmt: skip


# -- what is there already ----------------------------------------------------------------------------------------


def kept(file: Path, digest: str) -> Iterator[Result]:
    """Results of an earlier run with the same code."""
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            found = json.loads(line)
            if found.pop("digest") == digest:
                yield Result(**found)


def try_all(
    targets: Sequence[tuple[Target, Sequence[Mutant]]], file: Path, digest: str, jobs: int, say: Callable[[str], None]
) -> list[Result]:
    """Try what was not tried yet; results go to a file as they are found, so that a run that was stopped goes on."""
    done = {result.key: result for result in kept(file, digest)}
    for target, mutants in targets:
        left = [mutant for mutant in mutants if mutant.key not in done]
        began = time.perf_counter()
        if left:

            def took(result: Result) -> None:
                with file.open("a", encoding="utf-8") as out:
                    out.write(result.line_of_json(digest) + "\n")

            try_target(target, left, jobs, took)
        done = {result.key: result for result in kept(file, digest)}
        found = [done[mutant.key] for mutant in mutants]
        say(_progress(target, found, len(left), time.perf_counter() - began))
    return [done[mutant.key] for _, mutants in targets for mutant in mutants]


def _progress(target: Target, found: Sequence[Result], fresh: int, wall: float) -> str:
    counts = {verdict: sum(r.verdict == verdict for r in found) for verdict in (FAILS, SAME, KILLED, SURVIVES)}
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    return f"{target.name}: {said}; {fresh} tried in {wall:.0f} s"
