"""`check_rule`: a rule of a test's own passes, or fails with what a user needs to see; rules on offer come and go."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import lpc.laws
from lpc.laws import Broken, check_rule
from lpc.passes.rule_names import rule_signature
from lpc.rules import registry
from lpc.rules.backprop import Backprop
from lpc.rules.registry import offered
from tests.laws.broken_rules import Projected, SeesAll, Unfinished, Uphill
from tests.laws.translation import compiled

ROOT = Path(__file__).resolve().parents[2]


def test_a_sound_rule_that_is_registered_nowhere() -> None:
    found = check_rule(Projected, examples=3)
    assert all(tried.verdict in ("holds", "not applicable") for tried in found)
    assert sum(tried.verdict == "holds" for tried in found) >= 10
    assert "projected" not in registry.names()


def test_the_message_of_a_broken_law() -> None:
    """The law, its statement, the tensor and by how much it differs at which step, and the smallest program."""
    with pytest.raises(Broken) as caught:
        check_rule(SeesAll, examples=5)
    lines = str(caught.value).splitlines()
    assert lines[0] == "sees_all breaks `blocks see what they may`"
    assert lines[2].startswith("Where a rule says that it is local,")
    assert lines[4].startswith("with other parameters in readout: `a.linear.") and lines[4].endswith(
        " in train, step 1"
    )
    assert lines[6] == "network drawn"
    blocks = [line for line in lines if line.startswith("block ")]
    assert len(blocks) == 2
    assert "learn all with sees_all" in lines
    assert len(lines) < 25


def test_a_rule_that_stands_in_for_a_built_in_one() -> None:
    """Its own laws are tried too, against the class that is on offer."""
    with pytest.raises(Broken) as caught:
        check_rule(Uphill, examples=2)
    assert str(caught.value).startswith("backprop breaks `backprop = autograd`")
    assert registry.find("backprop") is Backprop


def test_a_rule_that_fails_is_shown_as_a_program() -> None:
    with pytest.raises(Broken, match="nobody has written this") as caught:
        check_rule(Unfinished, examples=3)
    assert "learn all with unfinished" in str(caught.value)


def test_offers_end() -> None:
    text = (
        (ROOT / "examples" / "digits.lp")
        .read_text()
        .replace("learn all with mono_forward", "learn all with projected(scale = 2.0)")
    )
    with offered(Projected, Uphill):
        assert registry.names()[-1] == "projected"
        assert registry.find("backprop") is Uphill
        assert {p.name for p in rule_signature("projected").parameters} >= {"scale", "lr"}  # type: ignore[union-attr]
        assert not compiled(text)[1].errors
    assert rule_signature("projected") is None
    assert [d.code for d in compiled(text)[1].errors] == ["LP300"]
    assert registry.find("backprop") is Backprop


@pytest.mark.parametrize("before", ["", "import lpc.laws.strategies, lpc.laws.checking"])
def test_public_names(before: str) -> None:
    """They are what they are called, whatever was imported before, and cost nothing until they are asked for."""
    shown = "print([type(getattr(lpc.laws, n)).__name__ for n in lpc.laws.__all__])"
    code = f"import sys, lpc.laws\nassert 'torch' not in sys.modules and 'hypothesis' not in sys.modules\n{before}\n{shown}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "'module'" not in done.stdout
    assert {*lpc.laws.__all__} <= {*dir(lpc.laws)}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = lpc.laws.nothing
    assert import_module("lpc.laws").check_rule is check_rule
