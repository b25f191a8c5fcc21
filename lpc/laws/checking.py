"""Checking a rule: its own laws, and those of every program, on random networks and programs of that rule.

from lpc.laws import check_rule

def test_my_rule():
check_rule(MyRule)
"""

from __future__ import annotations

from collections.abc import Iterator

from lpc.laws.agreement import Broken
from lpc.laws.general import GENERAL, try_general
from lpc.laws.trying import Tried, try_law
from lpc.rules import registry
from lpc.rules.rule import Rule


def check_rule(rule: type[Rule], examples: int = 20, seed: int = 0, *, raises: bool = True) -> list[Tried]:
    """Try the general laws, then the rule's own, each on so many random programs of the rule; the same ones for one seed.

    The rule need not be registered; under the name of one that is, it stands in that one's place. Raises Broken at the first
    law that does not hold, with the smallest program found, and where no program was legal; without `raises` the verdicts of
    all laws are returned.
    """
    __tracebackhide__ = True  # pytest shows the line of the test
    found: list[Tried] = []
    with registry.offered(rule):
        for tried in _all(rule, examples, seed):
            found.append(tried)
            if raises and tried.broken is not None:
                raise Broken(shown(rule, tried))
    if raises and not any(tried.examples for tried in found):
        reasons = [reason for tried in found for reason, _ in tried.reasons.most_common(1)]
        raise Broken(f"{rule.name}: no law could be tried; {reasons[0] if reasons else 'no program was drawn'}")
    return found


def _all(rule: type[Rule], examples: int, seed: int) -> Iterator[Tried]:
    yield from try_general(GENERAL, [rule.name], examples, seed)
    for law in rule.laws:
        yield try_law(law, examples, seed)


def shown(rule: type[Rule], tried: Tried) -> str:
    """What a test says of a broken law: the law, its statement, what differs, and the program in which it does."""
    assert tried.broken is not None
    return f"{rule.name} breaks `{tried.name}`\n\n{tried.statement}\n\n{tried.broken}"
