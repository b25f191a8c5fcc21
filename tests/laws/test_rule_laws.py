"""Every law that a rule states in its own file, tried on random networks."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from lpc.laws import programs
from lpc.laws.reduction import reduced
from lpc.laws.trying import Tried, try_law, try_on
from lpc.laws.verification import trial_of
from lpc.passes.check import Checked, check_source
from lpc.rules import registry
from lpc.rules.law import KINDS, Law, Trial, law
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.format import format_file

EXAMPLES = 15
LAWS = [(name, law) for name in registry.BUILT_IN for law in registry.find(name).laws]


@pytest.mark.parametrize(("rule", "law"), LAWS, ids=[f"{rule}: {law.name}" for rule, law in LAWS])
def test_law(rule: str, law: Law) -> None:
    tried = try_law(law, EXAMPLES)
    assert tried.broken is None, f"{rule}, {law.name}: {tried.broken}"
    assert tried.examples >= EXAMPLES // 2, f"hardly ever applicable: {tried.reasons.most_common(3)}"
    assert tried.comparisons >= tried.examples


@pytest.mark.parametrize("rule", registry.BUILT_IN)
def test_a_rule_has_laws_of_its_own(rule: str) -> None:
    laws = registry.find(rule).laws
    assert len(laws) >= 2
    assert len({law.name for law in laws}) == len(laws)
    assert all(law.statement.endswith(".") and law.source and law.conditions for law in laws)


def test_there_are_laws_of_every_kind() -> None:
    assert {law.kind for _, law in LAWS} == set(KINDS)


@pytest.mark.parametrize("rule", registry.BUILT_IN)
def test_laws_hold_or_say_nothing_of_any_program(rule: str) -> None:
    """As `lpc verify` tries them: on programs of all operations, not on those that a law is drawn for."""
    tried = {one.name: Tried(one.name, one.kind) for one in registry.find(rule).laws}

    @given(programs(rules=[rule], awkward=False))
    @settings(
        max_examples=20, phases=[Phase.generate], database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @seed(0)
    def attempt(file: tree.File) -> None:
        checked = check_source(Source("drawn.lp", format_file(file)))
        if not checked.errors:
            for one in registry.find(rule).laws:
                try_on(one, [trial_of(reduced(checked.program), 0)], tried[one.name])
                assert tried[one.name].broken is None, f"{one.name}: {tried[one.name].broken}"

    attempt()
    assert sum(found.examples for found in tried.values()) >= 12


def bare(rule: str, hidden: str = "linear(4) -> tanh", readout: str = "linear(3)") -> Checked:
    return check_source(
        Source(
            "bare.lp",
            f"""network bare
data x: f32[3], y: class[3] = synthetic
block a = x -> {hidden}
block readout = a -> {readout}
objective cross_entropy(readout, y)
learn all with {rule}
train steps = 3, batch = 4, optimizer = sgd(lr = 0.1)
""",
        )
    )


@pytest.mark.parametrize(
    ("hidden", "readout"),
    [
        ("linear(4) -> dropout(0.5)", "linear(3)"),
        ("linear(4) -> batch_norm -> relu", "linear(3)"),
        ("linear(4) -> batch_norm", "dropout(0.5) -> linear(3)"),
        ("tanh", "identity"),
    ],
)
@pytest.mark.parametrize("rule", registry.BUILT_IN)
def test_no_sound_program_breaks_a_law(rule: str, hidden: str, readout: str) -> None:
    """What laws forgot to ask for: that nothing is drawn by a block's name, that units are just rows, that there are weights."""
    checked = bare(rule, hidden, readout)
    if checked.errors:
        assert {error.code for error in checked.errors} == {"LP320"}, "some rules train neither"
        return
    for one in registry.find(rule).laws:
        found = try_on(one, [trial_of(reduced(checked.program), seed) for seed in range(3)])
        assert found.broken is None, f"{one.name}: {found.broken}"


@law("of nothing", kind="exact", source="a test")
def of_nothing(trial: Trial) -> None:
    """It compares nothing."""
    trial.learn("backprop", steps=1)


@law("two uses", kind="exact", source="a test")
def two_uses(trial: Trial) -> None:
    """It is false, of two ways to learn."""
    trial.same(trial.learn("feedback_alignment"), trial.learn("backprop"))


def test_a_law_that_compares_nothing_is_not_applicable() -> None:
    found = try_on(of_nothing, [trial_of(bare("backprop").program, 0)])
    assert (found.verdict, list(found.reasons)) == ("not applicable", ["there is nothing to compare"])


def test_a_counterexample_has_all_that_learned() -> None:
    """The first use as it learns, the others as variants: what differs from what can be read."""
    found = try_on(two_uses, [trial_of(bare("backprop").program, 0)])
    assert found.broken is not None
    program = check_source(Source("broken.lp", found.broken.text))
    assert not program.errors
    assert list(program.programs) == ["base", "use_2"]
    assert "learn all with feedback_alignment\n" in found.broken.text.partition("variant use_2")[0]
    assert "learn all with backprop" in found.broken.text.partition("variant use_2")[2]
