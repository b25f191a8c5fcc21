"""Rules of other packages: found by entry point, and refused in a sentence where they fail."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint

import pytest

from lpc.plugins import PluginError
from lpc.rules import registry
from lpc.rules.rule import Rule


@dataclass(frozen=True)
class Mine(Rule):
    name = "mine"
    general = True


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EntryPoint]]:
    """Entry points as if packages were installed that give them."""
    points: list[EntryPoint] = []
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda *, group: points)
    _forget()
    yield points
    _forget()


def _forget() -> None:
    for cached in vars(registry).values():
        if clear := getattr(cached, "cache_clear", None):
            clear()


def test_a_rule_that_does_not_load_is_named(foreign: list[EntryPoint]) -> None:
    foreign.append(EntryPoint("mine", "no_such_package:Mine", "lpc.rules"))
    assert "mine" in registry.names()
    with pytest.raises(PluginError, match="`mine` of no_such_package:Mine cannot be loaded"):
        registry.find("mine")


def test_a_name_given_twice_names_both(foreign: list[EntryPoint]) -> None:
    foreign.append(EntryPoint("backprop", "other:Backprop", "lpc.rules"))
    with pytest.raises(PluginError, match="`backprop` comes from two packages, lpc and other:Backprop"):
        registry.names()


def test_an_entry_that_is_no_rule_is_refused(foreign: list[EntryPoint]) -> None:
    foreign.append(EntryPoint("mine", "math:pi", "lpc.rules"))
    with pytest.raises(PluginError, match="`math:pi` of math:pi is no rule named `mine`"):
        registry.find("mine")


def test_every_rule_of_the_language_is_known() -> None:
    assert len({*registry.BUILT_IN, *registry.PLANNED}) == 34
    assert registry.known()[: len(registry.BUILT_IN)] == list(registry.BUILT_IN)
    assert {*registry.BUILT_IN, *registry.PLANNED} <= set(registry.known())


def test_a_rule_is_found_under_its_own_name_only(foreign: list[EntryPoint]) -> None:
    foreign += [
        EntryPoint("mine", f"{__name__}:Mine", "lpc.rules"),
        EntryPoint("ours", f"{__name__}:Mine", "lpc.rules"),
    ]
    assert registry.find("mine") is Mine
    with pytest.raises(PluginError, match="is no rule named `ours`"):
        registry.find("ours")


def test_auto_chooses_rules_of_other_packages_by_name_only(foreign: list[EntryPoint]) -> None:
    foreign.append(EntryPoint("mine", f"{__name__}:Mine", "lpc.rules"))
    assert "mine" in registry.names()
    assert set(registry.general()) < set(registry.BUILT_IN)
