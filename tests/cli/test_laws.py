"""`lpc laws`: every law there is, described."""

from __future__ import annotations

import json

import pytest

from lpc.laws.agreement import FLOOR, WITHIN
from lpc.rules import registry
from lpc.rules.general import GENERAL_LAWS
from tests.cli.running import lpc


def test_every_law_is_listed() -> None:
    out = lpc("laws").out
    words = " ".join(out.split())
    for law in (*GENERAL_LAWS, *(law for rule in registry.names() for law in registry.find(rule).laws)):
        rest = f"kind: {law.kind}; holds for: {law.conditions}; source: {law.source}"
        assert " ".join(f"{law.name} {law.statement} {rest}".split()) in words
    assert max(map(len, out.splitlines())) <= 120


@pytest.mark.parametrize("rule", registry.BUILT_IN)
def test_the_laws_of_a_rule_are_described(rule: str) -> None:
    words = " ".join(lpc("laws", rule).out.split())
    for law in registry.find(rule).laws:
        for text in (law.name, law.statement, law.kind, f"holds for: {law.conditions}", f"source: {law.source}"):
            assert " ".join(text.split()) in words


def test_a_law_is_found_by_its_name() -> None:
    out = lpc("laws", "transposed feedback = backprop").out
    assert out.startswith("transposed feedback = backprop\n")
    assert "of: feedback_alignment" in out
    assert "of: every program" in lpc("laws", "general").out


def test_what_exact_means_states_the_bound() -> None:
    words = " ".join(lpc("laws", "backprop = autograd").out.split())
    assert f"to {WITHIN:g} of the largest movement plus {FLOOR:g}, or to what moving" in words


def test_json_holds_the_same() -> None:
    laws = json.loads(lpc("laws", "--json").out)["laws"]
    assert len(laws) == len(GENERAL_LAWS) + sum(len(registry.find(rule).laws) for rule in registry.names())
    assert set(laws[0]) == {"rule", "name", "statement", "kind", "conditions", "source"}
    assert [law["rule"] for law in json.loads(lpc("laws", "backprop", "--json").out)["laws"]] == ["backprop"] * len(
        registry.find("backprop").laws
    )


def test_a_wrong_name_is_mended() -> None:
    done = lpc("laws", "mono_foward")
    assert done.status == 2
    assert "did you mean `mono_forward`?" in done.err
