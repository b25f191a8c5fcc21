"""What is seen of a mutant on the probes. Loads nothing of lpc, so that a nursery can be told it."""

from __future__ import annotations

from dataclasses import dataclass

SAME, CHANGED, FAILS = "same", "changed", "fails"


@dataclass(frozen=True)
class Seen:
    """What became of one probe: its text, or what failed; and how to get its numbers."""

    text: str
    failed: bool = False


@dataclass(frozen=True)
class Verdict:
    """What a mutant does to the probes, and the first of them that shows it."""

    verdict: str
    probe: str = ""
    shown: str = ""
