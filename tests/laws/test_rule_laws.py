"""Every law that a rule states in its own file, tried on random networks."""

from __future__ import annotations

import pytest

from lpc.laws.trying import try_law
from lpc.rules import registry
from lpc.rules.law import KINDS, Law

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
