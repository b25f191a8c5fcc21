"""Whether a mutant behaves otherwise: what probes become, as text, and where texts differ, as numbers.

What a rule means is its traced steps; what a pass means is the scripts. Texts that differ in names, in the order of lines or in
speed compute the same numbers and leave no graph behind: such a mutant is the same program.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from benchmarks.mutants import probes
from benchmarks.mutants.seen import CHANGED, FAILS, SAME, Seen, Verdict
from lpc.ir.program import Program
from lpc.ir.step import Added, Node
from lpc.laws.leaks import Leak
from lpc.rules.tracer import Traced

MODES = ("at once", "summed")
ROUNDING = 1e-7
"""What is smaller, relative to a tensor's largest entry, may be another order of additions."""
TRIES = 12
"""Of how many probes one must compute something; a mutant that fails on more is taken to fail wherever it is used."""
ROWS = (5, 5, 3)
SEED = 1

Runs = Mapping[str, Any]


def first_line(problem: BaseException) -> str:
    said = next(iter(str(problem.__cause__ or problem).splitlines()), "")
    return f"{type(problem.__cause__ or problem).__name__}: {said}"[:160]


def tried(work: Callable[[], str]) -> Seen:
    try:
        return Seen(work())
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception as problem:
        return Seen(first_line(problem), failed=True)


# -- steps --------------------------------------------------------------------------------------------------------


def of_steps(texts: Mapping[str, str]) -> dict[str, Seen]:
    """What probes become: their steps, or the codes of their refusal."""
    return {name: tried(lambda text=text: _steps(probes.compiled(text))) for name, text in texts.items()}  # type: ignore[misc]


def _steps(made: Program | str) -> str:
    if isinstance(made, str):
        return f"refused: {made}"
    traced: Traced = made.plan
    lines = [f"adds {a.name} {a.shape} {a.law} {a.trained} {a.dtype}" for a in traced.added]
    for phase in traced.phases:
        scores = phase.scores.key if phase.scores is not None else ()
        lines += [f"phase {phase.phase}", *_nodes(phase.nodes), f"scores {scores}", f"frozen {phase.frozen}", "finish"]
        lines += _nodes(phase.finish)
    return "\n".join([*lines, "prediction", *_nodes(traced.prediction_nodes), str(traced.prediction.key)])


def _nodes(nodes: Sequence[Node]) -> Iterator[str]:
    for node in nodes:
        inputs = [value.key for value in node.inputs]
        unit = "" if node.unit is None else f"{node.unit.name} {node.unit.parameters} {node.unit.learner}"
        given = {name: _shown(value) for name, value in sorted(node.attributes.items())}
        yield f"{node.index} {node.primitive} {inputs} {node.outputs} {given} {node.block} {unit}"
        if node.body is not None:
            yield from _nodes(node.body.nodes)
            yield f"next {[value.key for value in node.body.results]}"


def _shown(attribute: object) -> object:
    if isinstance(attribute, Added):
        return attribute.name
    return {k: _shown(v) for k, v in attribute.items()} if isinstance(attribute, Mapping) else attribute


def step_numbers(text: str) -> Runs:
    """What the interpreter and both scripts make of a probe, or the codes of its refusal."""
    from lpc.laws.validation import exactly, reference_run

    made = probes.compiled(text)
    if isinstance(made, str):
        return {"refused": f"refused: {made}"}
    with exactly(SEED):
        found = _told(reference_run(made, _batches(made), _devices(made)))
    return {**found, **script_numbers(made)}


# -- scripts ------------------------------------------------------------------------------------------------------


def of_scripts(programs: Mapping[str, Program]) -> dict[str, Seen]:
    """What programs with their steps become: their scripts, without comments."""
    from lpc.codegen.script import print_script

    def text(program: Program) -> str:
        return "\n".join(_code(print_script(program, mode).text) for mode in MODES)  # type: ignore[arg-type]

    return {name: tried(lambda program=program: text(program)) for name, program in programs.items()}  # type: ignore[misc]


def _code(text: str) -> str:
    return re.sub(r"^\s*#.*\n|  #.*$", "", text, flags=re.MULTILINE)


def script_numbers(program: Program) -> Runs:
    """What both scripts of a program make of it."""
    from lpc.codegen.script import print_script
    from lpc.laws.validation import exactly, script_run

    found: dict[str, Any] = {}
    for mode in MODES:
        text = print_script(program, mode).text  # type: ignore[arg-type]
        with exactly(SEED):
            made = script_run(program, text, _batches(program), SEED, _devices(program))
        found.update({f"{mode}, {name}": value for name, value in _told(made).items()})
    return found


# -- numbers ------------------------------------------------------------------------------------------------------


def _batches(program: Program) -> Sequence[Mapping[str, torch.Tensor]]:
    from lpc.laws.strategies import batches

    return batches(program, ROWS, SEED)


def _devices(program: Program) -> Any:
    from lpc.laws.stand_ins import stand_ins

    return stand_ins(program)


def _told(moments: Sequence[Any]) -> Runs:
    """What a run held, by moment and name, as plain arrays."""
    return {
        f"{moment.phase} {moment.step} {name}": tensor.detach().double().numpy()
        for moment in moments
        for name, tensor in moment.tensors.items()
    }


def differ(made: Runs, expected: Runs) -> str:
    """The first name under which two runs hold different things; empty where there is none."""
    for name in dict.fromkeys([*expected, *made]):
        one, other = made.get(name), expected.get(name)
        if one is None or other is None or isinstance(one, str) or isinstance(other, str):
            if one is None or other is None or one != other:
                return name
        elif one.shape != other.shape or _apart(one, other):
            return name
    return ""


def _apart(one: Any, other: Any) -> bool:
    difference, size = abs(one - other), abs(other)
    return bool(difference.size and not difference.max() <= ROUNDING * max(size.max(), 1e-6))


def judged(
    made: Mapping[str, Seen], expected: Mapping[str, Seen], numbers: Callable[[str], Runs], known: Mapping[str, Runs]
) -> Verdict:
    """Same, changed, or fails wherever it is not the same.

    numbers: runs the probe of that name; known: what each one gives where nothing is changed.
    """
    apart = [name for name, seen in made.items() if seen != expected[name]]
    failures = [Verdict(FAILS, name, made[name].text) for name in apart if made[name].failed]
    for name in (name for name in apart if not made[name].failed):
        try:
            where = differ(numbers(name), known.get(name, {"refused": expected[name].text}))
        except MemoryError:
            raise
        except Leak as problem:
            return Verdict(CHANGED, name, first_line(problem))
        except Exception as problem:
            failures.append(Verdict(FAILS, name, first_line(problem)))
            if len(failures) > TRIES:
                break
            continue
        if where:
            return Verdict(CHANGED, name, f"{where} differs")
    return failures[0] if failures else Verdict(SAME)
