"""The laws of every program: on random programs of every rule, and each of them on something that breaks it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor

from lpc.codegen import order, roll, schedule, statements
from lpc.interpret import interpreter, losses
from lpc.interpret.optimizers import apply
from lpc.ir import step
from lpc.ir.program import Program
from lpc.laws import general
from lpc.laws.general import GENERAL, check_program, subjects, try_general, try_subject
from lpc.laws.stand_ins import stand_ins
from lpc.laws.subject import Subject
from lpc.laws.trying import Tried
from lpc.rules import registry, units
from lpc.rules.general import GENERAL_LAWS
from lpc.rules.registry import offered
from lpc.rules.tracer import TracedPhase
from tests.laws.broken_rules import SeesAll, Undrawn, Unfinished
from tests.laws.translation import batches_of, sound

EXAMPLES = 6
RARE = {
    "at once = summed": 3,
    "a turn = the step with other updates left out": 3,
    "frozen blocks give the same in every pass": 3,
    "blocks see what they may": 3,
    "black boxes are not differentiated": 1,
}
"""On how many of thirty mixed programs a law is applicable at least, where that is not ten."""


def told(found: Tried) -> str:
    return f"{found.name}: {found.broken}"


# -- they hold ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", registry.BUILT_IN)
def test_all_of_them_on_programs_of_one_rule(rule: str) -> None:
    for tried in try_general(GENERAL, [rule], EXAMPLES):
        assert tried.broken is None, told(tried)


def test_all_of_them_on_mixed_programs_where_each_is_applicable_often_enough() -> None:
    for tried in try_general(GENERAL, examples=30, seed=1):
        assert tried.broken is None, told(tried)
        least = RARE.get(tried.name, 10 if tried.name != ROLLED else 3)
        assert tried.examples >= least, f"{tried.name} is hardly ever applicable: {tried.reasons.most_common(3)}"


ROLLED = "a rolled chain = the chain written out"


def test_scripts_of_many_mixed_programs_do_what_the_interpreter_does() -> None:
    (tried,) = try_general([general.find("script = interpreter")], examples=100, seed=2)
    assert tried.broken is None, told(tried)
    assert tried.examples == 100


def test_every_law_that_is_stated_is_checked() -> None:
    assert [law.stated for law in GENERAL] == list(GENERAL_LAWS)
    assert len({law.name for law in GENERAL}) == len(GENERAL)
    assert all(law.stated.statement.endswith(".") and law.stated.conditions and law.stated.source for law in GENERAL)


CITING = (
    "lpc.codegen.kept",
    "lpc.codegen.order",
    "lpc.codegen.prefix",
    "lpc.codegen.roll",
    "lpc.codegen.schedule",
    "lpc.codegen.segments",
)


@pytest.mark.parametrize("text", [*(import_module(name).__doc__ for name in CITING), step.live.__doc__])
def test_what_rests_on_a_law_cites_one_that_there_is(text: str) -> None:
    sentence = re.search(r"\blaws? (`[^`]+`(?: and `[^`]+`)?)", " ".join(text.split()))
    assert sentence is not None, "it cites no law"
    cited = re.findall(r"`([^`]+)`", sentence[1])
    assert {*cited} <= {law.name for law in GENERAL_LAWS}


# -- and can be broken --------------------------------------------------------------------------------------------

TEXT = """network tried
data image: f32[6], label: class[3] = synthetic(examples = 20)
{blocks}
objective cross_entropy(readout, label)
{learn}
train epochs = 2, batch = 5, optimizer = sgd(lr = 0.1), precision = f64
"""
NORMED = """block a = image -> linear(5) -> linear(4) -> tanh
block b = a -> linear(4) -> batch_norm -> tanh
block c = (a + b) -> linear(4) -> tanh
block readout = c -> linear(3)"""
CHAIN = "block layer[4] = image -> linear(6) -> tanh\nblock readout = layer -> linear(3)"
BOXED = """block a = image -> linear(4) -> tanh
block box = a -> opaque("lab:Box", out = [4])
block readout = box -> linear(3)"""


def program_of(learn: str, blocks: str = NORMED) -> Program:
    return sound(TEXT.format(learn=learn, blocks=blocks))


def verdict(law: str, program: Program, **options: Any) -> Tried:
    devices = options.pop("devices", stand_ins(program))
    return try_subject(general.find(law), Subject(program, batches_of(program), 1, devices))


Patch = pytest.MonkeyPatch


def attach_everything(patch: Patch) -> None:
    """The printer detaches nothing."""
    original = statements.StatementPrinter.read

    def attached(self: statements.StatementPrinter, value: Any, **how: bool) -> str:
        return original(self, value, **{**how, "attached": True})

    patch.setattr(statements.StatementPrinter, "read", attached)


def decay_whatever_the_rate(patch: Patch) -> None:
    def decaying(optimizer: Any, held: Any, state: dict[str, Tensor], name: str, *rest: Any) -> None:
        apply(optimizer, held, state, name, *rest)
        state[name] = 0.9 * state[name]

    patch.setattr(interpreter, "apply", decaying)


def weigh_rows_by_place(patch: Patch) -> None:
    original = losses.gradient
    patch.setattr(losses, "gradient", lambda *given: (g := original(*given)) * torch.arange(len(g)).reshape(-1, 1))


def forget_the_batch_size(patch: Patch) -> None:
    original = losses.gradient
    patch.setattr(losses, "gradient", lambda *given: (g := original(*given)) * len(g))


def learn_faster_on_several_stages(patch: Patch) -> None:
    module = import_module("lpc.passes.partition")
    original = module.with_stages

    def faster(program: Program) -> Program:
        assert program.protocol is not None
        optimizer = program.protocol.optimizer
        changed = replace(optimizer, arguments={**optimizer.arguments, "lr": 0.2})
        made: Program = original(program)
        return replace(made, protocol=replace(program.protocol, optimizer=changed)) if len(made.stages) > 1 else made

    patch.setattr(module, "with_stages", faster)


def update_too_early(patch: Patch) -> None:
    patch.setattr(schedule._Scheduler, "_still_read", lambda _self, _unit, _at: False)


def roll_one_block_too_few(patch: Patch) -> None:
    original = roll._rolled

    def shorter(*given: Any) -> Any:
        lines = original(*given)
        if lines:
            lines[0].text = re.sub(r"range\((\d+),", lambda m: f"range({int(m[1]) + 1},", lines[0].text)
        return lines

    patch.setattr(roll, "_rolled", shorter)


def make_no_update_in_turns(patch: Patch) -> None:
    original = order._slice
    patch.setattr(order, "_slice", lambda phase, members: original(phase, members | {"b"}))


def train_what_is_frozen(patch: Patch) -> None:
    original = interpreter.Interpreter.step

    def awake(self: interpreter.Interpreter, phase: TracedPhase, *rest: Any) -> dict[str, float]:
        return original(self, replace(phase, frozen=()), *rest)

    patch.setattr(interpreter.Interpreter, "step", awake)


def keep_what_nobody_reads(patch: Patch) -> None:
    original = step._acts
    patch.setattr(step, "_acts", lambda node, frozen: node.primitive == "sample" or original(node, frozen))


def move_statistics_at_every_forward(patch: Patch) -> None:
    original = interpreter._Machine._operations

    def moving(self: Any, unit: Any, inputs: Any, training: bool, *, moves: bool) -> dict[str, Tensor]:
        return original(self, unit, inputs, training, moves=True)

    patch.setattr(interpreter._Machine, "_operations", moving)


def forget_what_pulling_inside_costs(patch: Patch) -> None:
    original = units._unit
    patch.setattr(units, "_unit", lambda *given: replace(original(*given), inner_pull_flops=0))


MIXED = "learn a, b with mono_forward\nlearn rest with direct_feedback_alignment"
TURNS = "a turn = the step with other updates left out"
BREAKING: Mapping[str, tuple[str, tuple[str, str], Callable[[Patch], None]]] = {
    "everything attached": ("script = interpreter", (MIXED, NORMED), attach_everything),
    "decay without rate": ("rate 0 changes nothing", (MIXED, NORMED), decay_whatever_the_rate),
    "rows weighed by place": ("the order of a batch does not matter", (MIXED, NORMED), weigh_rows_by_place),
    "faster on two stages": ("stages change nothing", (MIXED, NORMED), learn_faster_on_several_stages),
    "updates too early": (
        "at once = summed", ("learn a, b with forward_forward\nlearn rest with backprop", NORMED.replace("-> batch_norm ", "")),
        update_too_early,
    ),
    "one block too few": (ROLLED, ("learn all with mono_forward", CHAIN), roll_one_block_too_few),
    "another block in every turn": (TURNS, ("learn all with mono_forward", NORMED), make_no_update_in_turns),
    "frozen blocks awake": ("frozen blocks give the same in every pass", ("learn all with mono_forward", NORMED), train_what_is_frozen),
    "dead code kept": ("a value nobody reads changes nothing", (MIXED, NORMED), keep_what_nobody_reads),
    "statistics twice": ("a value nobody reads changes nothing", (MIXED, NORMED), move_statistics_at_every_forward),
    "gradients into the block below": ("gradients stay where the step says", ("learn all with mono_forward", NORMED), attach_everything),
    "gradients into a black box": ("black boxes are not differentiated", ("learn all with cascaded_forward", BOXED), attach_everything),
    "no mean over the batch": ("a block descends the loss it logs", (MIXED, NORMED), forget_the_batch_size),
    "a cost forgotten": ("costs are what is counted", ("learn all with backprop", NORMED), forget_what_pulling_inside_costs),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKING)
def test_a_compiler_that_is_wrong_breaks_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    law, (learn, blocks), change = BREAKING[name]
    before = verdict(law, program_of(learn, blocks))
    assert before.verdict == "holds", (before.broken, before.reasons)
    change(monkeypatch)
    assert verdict(law, program_of(learn, blocks)).verdict == "broken"


def test_a_rule_that_says_it_is_local_and_is_not() -> None:
    with offered(SeesAll):
        found = verdict("blocks see what they may", program_of("learn all with sees_all"))
    assert found.broken is not None
    assert "with other parameters in" in found.broken.shown
    assert verdict("blocks see what they may", program_of("learn all with mono_forward")).verdict == "holds"


def test_settings_may_end_locality(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks that the output error trains are not local, though those that stay random are."""
    learn = "learn all with cascaded_forward(blocks = dfa)"
    assert verdict("blocks see what they may", program_of(learn)).verdict == "not applicable"
    monkeypatch.setattr(registry.find("cascaded_forward"), "learns_alone", lambda _self: True)
    assert verdict("blocks see what they may", program_of(learn)).verdict == "broken"


def test_draws_without_a_name() -> None:
    with offered(Undrawn):
        found = verdict("the same again", program_of("learn all with undrawn"))
    assert found.broken is not None
    assert "compiled twice, the script differs" in found.broken.shown

    def noisy() -> Callable[[Tensor], Tensor]:
        return lambda x: x + torch.rand_like(x)

    program = program_of("learn all with cascaded_forward", BOXED)
    assert verdict("the same again", program).verdict == "holds"
    found = verdict("the same again", program, devices={"lab:Box": noisy})
    assert found.broken is not None
    assert "run twice" in found.broken.shown


def test_a_rule_that_cannot_be_traced() -> None:
    with offered(Unfinished):
        tried, *others = try_general(GENERAL, ["unfinished"], examples=5)
    assert tried.name == "what is accepted compiles"
    assert tried.broken is not None
    assert "the pass `lower` fails: ValueError: nobody has written this" in tried.broken.shown
    assert "unfinished" in tried.broken.text
    assert all(other.broken is None for other in others)


def test_one_program_of_a_user() -> None:
    program = program_of(MIXED)
    found = {tried.name: tried for tried in check_program(program, seeds=[1, 2])}
    assert list(found) == [law.name for law in GENERAL]
    assert all(tried.broken is None for tried in found.values())
    assert found["script = interpreter"].examples == 2
    assert found[ROLLED].verdict == "not applicable"
    assert [subject.seed for subject in subjects(program, [5])] == [5]
