"""The mutation score: changes are what they say, and a mutant gets the verdict that it must."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.mutants import operators, table, targets
from benchmarks.mutants.forks import alone
from benchmarks.mutants.trying import KILLED, SAME, SURVIVES, Result
from benchmarks.mutations import enough

SOURCE = '''\
def step(s, run, rows):
    """Words + words."""
    h = s.fwd(run.hidden[0], frozen=True)
    g = s.part(h)
    for block in reversed(run):
        s.update(block, h - g / rows)
    return 0.5 * h if rows > 1 and h is not g else f"{g}.detach() + 1"
'''


def changed(source: str) -> set[tuple[str, str]]:
    """The operator of each change, and the line as it becomes."""
    tree = ast.parse(source)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    found = operators.changes(source.encode(), functions)
    return {(c.operator, c.applied(source.encode()).decode().splitlines()[c.line - 1].strip()) for c in found}


def test_changes_are_of_the_kinds_that_people_make() -> None:
    made = changed(SOURCE)
    assert {
        ("flag", "h = s.fwd(run.hidden[0], frozen=False)"),
        ("argument dropped", "h = s.fwd(run.hidden[0])"),
        ("off by one", "h = s.fwd(run.hidden[1], frozen=True)"),
        ("other blocks", "h = s.fwd(run.blocks[0], frozen=True)"),
        ("other value", "g = s.part(g)"),
        ("order dropped", "for block in list(run):"),
        ("loop without its first", "for block in list(reversed(run))[1:]:"),
        ("loop without its last", "for block in list(reversed(run))[:-1]:"),
        ("statement dropped", "pass"),
        ("- to +", "s.update(block, h + g / rows)"),
        ("/ to *", "s.update(block, h - g * rows)"),
        ("term or factor dropped", "s.update(block, h - g)"),
        ("term or factor dropped", "s.update(block, h)"),
    } <= made
    last = 'return 0.5 * h if rows > 1 and h is not g else f"{g}.detach() + 1"'
    assert {
        ("wrong constant", last.replace("0.5", "1.0")),
        ("condition negated", last.replace("rows > 1 and h is not g", "not (rows > 1 and h is not g)")),
        ("and to or", last.replace("and", "or")),
        ("condition dropped", last.replace("rows > 1 and h is not g", "(h is not g)")),
        ("> to >=", last.replace(">", ">=")),
        ("is not to is", last.replace("is not", "is")),
        ("spelling", last.replace(".detach()", "")),
        ("spelling", last.replace("+ 1", "- 1")),
    } <= made
    assert all("Words + words." not in line for _, line in made)


def test_only_what_makes_a_step_is_changed() -> None:
    """Laws, departures, notes and refusals of a rule's file are left alone."""
    rule = next(target for target in targets.rules() if target.name == "mono_forward")
    text = rule.path.read_text(encoding="utf-8").splitlines()
    class_line = next(at for at, line in enumerate(text, start=1) if line.startswith("class "))
    lines = {mutant.line for mutant in rule.mutants()}
    assert min(lines) > class_line
    words = next(at for at, line in enumerate(text, start=1) if "def departures" in line)
    assert not lines & {words, words + 1, words + 2}


def test_a_sample_is_drawn_by_its_seed() -> None:
    rule = targets.rules()[0]
    some = {mutant.key for mutant in rule.sample(3, seed=0)}
    assert some == {mutant.key for mutant in rule.sample(3, seed=0)}
    assert some <= {mutant.key for mutant in rule.sample(6, seed=0)}
    assert len(rule.sample(0, seed=0)) == len(rule.mutants()) > 6


def test_what_a_child_raises_is_no_verdict() -> None:
    found = alone(lambda: 1 / 0)
    assert found.ended == "error"
    assert "ZeroDivisionError" in found.value
    assert alone(lambda: "said").value == "said"


def result(verdict: str, by: str = "") -> Result:
    return Result("live", verdict, "lpc/ir/step.py", 7, "flag", "True", "False", verdict, by)


@pytest.mark.parametrize(
    ("killed", "survivors", "passes"), [(194, 6, True), (193, 7, False), (150, 0, False), (300, 9, True)]
)
def test_the_score_asks_for_many_mutants_and_few_survivors(killed: int, survivors: int, passes: bool) -> None:
    assert enough([result(KILLED)] * killed + [result(SURVIVES)] * survivors + [result(SAME)] * 50) is passes


def test_survivors_are_listed_with_their_place() -> None:
    said = table.report([targets.passes()[0]], [result(KILLED, "a law"), result(SURVIVES)])
    assert "| `live` | 2 | 0 | 0 | 2 | 1 | 50.0 % |" in said
    assert "| a law | 1 |" in said
    assert "- `lpc/ir/step.py:7`, flag: `True` becomes `False`" in said


@pytest.mark.parametrize(
    ("chosen", "becomes", "verdict", "by"),
    [
        (("--rules", "mono_forward"), 's.map("subtract", total, scores', KILLED, "goodness scores are summed"),
        (("--rules", "mono_forward"), 's.map("add", scores, total', SAME, ""),
        (("--passes", "statements"), 'return f"{name}" if recorded', KILLED, "script = interpreter"),
    ],
)
def test_a_mutant_gets_its_verdict(
    tmp_path: Path, chosen: tuple[str, str], becomes: str, verdict: str, by: str
) -> None:
    command = [sys.executable, "-m", "benchmarks.mutations", "--out", str(tmp_path), *chosen, "--limit", "0"]
    ran = subprocess.run([*command, "--becomes", becomes], capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran.stderr  # one mutant is too few for a score
    (found,) = map(json.loads, (tmp_path / "results.jsonl").read_text(encoding="utf-8").splitlines())
    assert found["verdict"] == verdict, found
    assert found["by"] == by
