"""Rules of other packages: found by entry point, and refused in a sentence where they fail."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint

import pytest

from lpc.rules import registry


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EntryPoint]]:
    """Entry points as if packages were installed that give them."""
    points: list[EntryPoint] = []
    monkeypatch.setattr(registry, "entry_points", lambda *, group: points)
    _forget()
    yield points
    _forget()


def _forget() -> None:
    for cached in (registry._foreign, registry.find):
        cached.cache_clear()


def test_a_rule_that_does_not_load_is_named(foreign: list[EntryPoint]) -> None:
    foreign.append(EntryPoint("mine", "no_such_package:Mine", "lpc.rules"))
    assert "mine" in registry.names()
    with pytest.raises(registry.RegistryError, match="`mine` of no_such_package:Mine cannot be loaded"):
        registry.find("mine")


def test_a_name_given_twice_names_both(foreign: list[EntryPoint]) -> None:
    foreign.append(EntryPoint("backprop", "other:Backprop", "lpc.rules"))
    with pytest.raises(registry.RegistryError, match="given by both lpc and other:Backprop"):
        registry.names()


def test_an_entry_that_is_no_rule_is_refused(foreign: list[EntryPoint]) -> None:
    foreign.append(EntryPoint("mine", "math:pi", "lpc.rules"))
    with pytest.raises(registry.RegistryError, match="`mine` is no rule"):
        registry.find("mine")


def test_every_rule_of_the_language_is_known() -> None:
    assert len(registry.known()) == 32
    assert len(set(registry.known())) == 32
