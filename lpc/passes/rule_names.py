"""Learning rules as things a program can call: their signatures, read off the registry, and `auto`'s."""

from __future__ import annotations

from functools import cache

from lpc.passes.signatures import Parameter, Signature
from lpc.passes.tables import OPTIMIZERS
from lpc.rules import registry
from lpc.rules.rule import Rule

AUTO = "auto"

COMMON = (
    Parameter("lr", "float", None, above=0, summary="learning rate of this rule's blocks"),
    Parameter("optimizer", "call", None, tuple(OPTIMIZERS), summary="optimizer of this rule's blocks"),
)
"""What every rule takes besides its own parameters: both win over the `train` clause."""

_AUTO = Signature(
    AUTO,
    "rule",
    (
        Parameter(
            "minimize", "word", "time", ("time", "energy", "memory"), summary="the modelled cost that is made least"
        ),
        Parameter("among", "names", None, summary="the rules to choose from; left out, those that suit most networks"),
        Parameter("memory", "bytes", None, least=1, summary="what training may take in all, as `2GiB`"),
        *COMMON,
    ),
)


def rule_signature(name: str) -> Signature | None:
    """The parameters of a rule; None when this version has none of that name."""
    if name == AUTO:
        return _AUTO
    try:
        return _signature_of(registry.find(name))  # type: ignore[arg-type] # mypy takes a class for its instances
    except KeyError:
        return None


@cache
def _signature_of(rule: type[Rule]) -> Signature:
    own = tuple(
        Parameter(p.name, p.kind, p.default, p.words, least=p.least, most=p.most, summary=p.summary)
        for p in rule.parameters()
    )
    return Signature(rule.name, "rule", (*own, *COMMON))
