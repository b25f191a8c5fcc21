"""`lpc rules` and `lpc ops`: everything there is, described."""

from __future__ import annotations

import json

import pytest

from lpc.ir import ops
from lpc.rules import registry
from tests.cli.running import lpc


def test_every_rule_is_listed_and_those_to_come_are_named() -> None:
    out = lpc("rules").out
    assert all(f"\n{name} " in f"\n{out}" for name in [*registry.names(), "auto"])
    assert all(name in out for name in registry.PLANNED)
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize("name", registry.names())
def test_a_rule_is_described_with_parameters_paper_and_laws(name: str) -> None:
    rule = registry.find(name)
    out = lpc("rules", name).out
    words = " ".join(out.split())
    assert out.startswith(f"{name}: {rule.title}\n")
    assert " ".join(rule.paper.split()) in words
    assert all(f"\n  {parameter.name} " in out for parameter in rule.parameters())
    assert all(law.name in out for law in rule.laws)
    assert out.endswith(f"Example: {rule.example}\n")


def test_auto_and_json() -> None:
    assert "minimize" in lpc("rules", "auto").out
    found = json.loads(lpc("rules", "--json").out)
    assert [rule["name"] for rule in found["rules"]] == [*registry.names(), "auto"]
    assert found["planned"] == list(registry.PLANNED)
    one = json.loads(lpc("rules", "mono_forward", "--json").out)
    assert one == next(rule for rule in found["rules"] if rule["name"] == "mono_forward")
    assert one["parameters"][0]["default"] == "last"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rules", "mono_foward"], "there is no rule `mono_foward`; did you mean `mono_forward`?"),
        (["rules", "zzz"], "there is no rule `zzz`; `lpc rules` lists them"),
        (["rules", "local_loss"], "`local_loss` belongs to the language, but lpc 0.1.0 does not have it yet"),
        (["ops", "lniear"], "there is no operation `lniear`; did you mean `linear`?"),
        (["ops", "lniear", "--json"], "there is no operation `lniear`; did you mean `linear`?"),
    ],
)
def test_names_there_are_none_of(arguments: list[str], said: str) -> None:
    done = lpc(*arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"lpc: {said}")


def test_every_operation_is_listed_and_described() -> None:
    listed = lpc("ops").out
    for name, operation in ops.every().items():
        assert f"\n{name}" in f"\n{listed}"
        out = lpc("ops", name).out
        assert all(f"\n  {argument.name} " in out for argument in operation.arguments)
        assert f"Example: block name = {operation.example}" in out
    found = json.loads(lpc("ops", "--json").out)["operations"]
    assert [operation["name"] for operation in found] == list(ops.every())
    assert json.loads(lpc("ops", "conv", "--json").out) in found
