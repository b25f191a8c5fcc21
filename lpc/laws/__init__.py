"""Laws: equalities that learning rules and programs obey, random networks and programs to try them on, and what checks a rule.

In a test of a rule of your own, registered or not:

    from lpc.laws import check_rule

    def test_my_rule() -> None:
        check_rule(MyRule)

A law of that rule stands in its file, needs no torch, and is among what `check_rule` tries:

    from lpc.laws import Trial, law

    @law("small steps = backprop", kind="asymptotic", source="Section 3")
    def small_steps(trial: Trial) -> None:
        \"\"\"As `epsilon` goes to 0, updates become those of backprop, by the square of epsilon.\"\"\"
        trial.tends(lambda epsilon: trial.learn(f"my_rule(epsilon = {epsilon!r})"), trial.learn("backprop"), order=2)

A property of any other kind, on random programs:

    from hypothesis import given, strategies as st
    from lpc.laws import data_for, legal, programs

    @given(programs(rules=["my_rule"]), st.data())
    def test_my_property(file, data):
        program = legal(file)
        batches = data.draw(data_for(program))

Needs what `pip install "lpc[laws]"` brings; names are loaded when they are first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lpc.laws.agreement import Broken as Broken
    from lpc.laws.checking import check_rule as check_rule
    from lpc.laws.drawn_networks import networks as networks
    from lpc.laws.general import GENERAL as GENERAL
    from lpc.laws.general import check_program as check_program
    from lpc.laws.general import subjects as subjects
    from lpc.laws.strategies import data_for as data_for
    from lpc.laws.strategies import legal as legal
    from lpc.laws.strategies import programs as programs
    from lpc.laws.subject import Subject as Subject
    from lpc.laws.trying import Tried as Tried
    from lpc.rules.law import Inapplicable as Inapplicable
    from lpc.rules.law import Law as Law
    from lpc.rules.law import Networks as Networks
    from lpc.rules.law import Trial as Trial
    from lpc.rules.law import law as law
    from lpc.rules.registry import offered as offered

_HOMES = {
    "Broken": "lpc.laws.agreement",
    "GENERAL": "lpc.laws.general",
    "Inapplicable": "lpc.rules.law",
    "Law": "lpc.rules.law",
    "Networks": "lpc.rules.law",
    "Subject": "lpc.laws.subject",
    "Trial": "lpc.rules.law",
    "Tried": "lpc.laws.trying",
    "check_program": "lpc.laws.general",
    "check_rule": "lpc.laws.checking",
    "data_for": "lpc.laws.strategies",
    "law": "lpc.rules.law",
    "legal": "lpc.laws.strategies",
    "networks": "lpc.laws.drawn_networks",
    "offered": "lpc.rules.registry",
    "programs": "lpc.laws.strategies",
    "subjects": "lpc.laws.general",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
