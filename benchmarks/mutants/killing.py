"""What laws and validation say of a mutant: the first that it breaks, on random programs drawn by a fixed seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.mutants.behaviour import first_line

if TYPE_CHECKING:
    from lpc.laws.subject import GeneralLaw
    from lpc.laws.trying import Tried

SEED = 0
OWN = 20
"""Networks that each law of a rule is tried on."""
GENERAL = 8
"""Programs of a rule that the laws of every program are tried on."""
VALIDATED = 60
"""Programs of which scripts are held against the interpreter: of a mutated rule; of the one whose probe differs, then of all."""
COMPILES = "what is accepted compiles"
OF_STEPS = (
    "COMPILES", "TRANSLATION", "STILL", "ROWS", "FROZEN", "DEAD", "LOCALITY", "BOXES", "DESCENT",
)  # fmt: skip
"""Laws of every program that say something of a rule's step; the others compare what is made of one step with the same."""


@dataclass(frozen=True)
class Killed:
    """The law that a mutant breaks, and what shows it."""

    law: str
    shown: str


def of_rule(name: str) -> Killed | None:
    """By a mutated rule's own laws, then by those of every program."""
    from lpc.laws.general import GENERAL as LAWS
    from lpc.laws.general import try_general
    from lpc.laws.trying import try_law
    from lpc.rules import general, registry

    of_steps = [getattr(general, word) for word in OF_STEPS]

    def all_laws() -> Iterator[Tried]:
        for law in registry.find(name).laws:
            yield try_law(law, OWN, SEED, shrink=False)
        yield from try_general([law for law in LAWS if law.stated in of_steps], [name], GENERAL, SEED, shrink=False)
        yield from try_general(_validation(LAWS), [name], VALIDATED, SEED, shrink=False)

    return _first_broken(all_laws())


def of_pass(rule: str) -> Killed | None:
    """By validation on programs of the rule whose probe differs and of all rules, by that rule's own laws, then by those of every
    program.
    """
    from lpc.laws.general import GENERAL as LAWS
    from lpc.laws.general import try_general
    from lpc.laws.trying import try_law
    from lpc.rules import registry

    validation = _validation(LAWS)

    def all_laws() -> Iterator[Tried]:
        yield from try_general(validation, [rule], VALIDATED, SEED, shrink=False)
        for law in registry.find(rule).laws:
            yield try_law(law, OWN, SEED, shrink=False)
        yield from try_general(validation, None, VALIDATED, SEED, shrink=False)
        yield from try_general(LAWS, [rule], 2 * GENERAL, SEED, shrink=False)
        yield from try_general(LAWS, None, 2 * GENERAL, SEED, shrink=False)

    return _first_broken(all_laws())


def _validation(laws: Sequence[GeneralLaw]) -> list[GeneralLaw]:
    from lpc.rules import general

    return [law for law in laws if law.stated in (general.COMPILES, general.TRANSLATION)]


def _first_broken(tried: Iterable[Tried]) -> Killed | None:
    """Whatever fails on the way, other than a law, is a program that was accepted and does not compile."""
    try:
        for one in tried:
            if one.broken is not None:
                return Killed(one.name, one.broken.shown)
    except MemoryError:
        raise
    except Exception as problem:
        return Killed(COMPILES, first_line(problem))
    return None
