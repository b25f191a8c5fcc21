"""What a report is about: the table of a bench, or of runs without one, with the runs behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lpc.lab.comparison import Against, Figure, Front, Refused
from lpc.lab.results import Result
from lpc.lab.reviewer import Warned


@dataclass(frozen=True)
class Run:
    """A run that counts. `folder`: under the report's own, with `/`."""

    seed: int
    folder: str
    result: Result
    whole: Mapping[str, Any] = field(repr=False)
    """The whole result.json."""
    log: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    """The lines of log.jsonl; empty where there is none that can be read."""
    started: str = ""
    """When, as run.json has it; empty where nobody noted it."""


@dataclass(frozen=True)
class Entry:
    """A variant under a protocol. `against`: empty for the baseline, and where there is none."""

    label: str
    protocol: str
    program: str
    variant: str
    file: str
    rules: Mapping[str, str]
    settings: Mapping[str, str]
    runs: Mapping[int, Run]
    figures: Mapping[str, Figure]
    against: Mapping[str, Against] = field(default_factory=dict)
    control: str = ""
    scored_on: str = ""

    @property
    def learns(self) -> str:
        """Its rules, each once, in the order of the blocks."""
        return " + ".join(dict.fromkeys(self.rules.values()))

    @property
    def named(self) -> str:
        """What it is called and how it learns, once where that is one word."""
        return self.label if self.learns in ("", self.label) else f"{self.label} ({self.learns})"

    @property
    def depth(self) -> int:
        """Blocks of the network."""
        return len(self.rules)


@dataclass(frozen=True)
class Findings:
    """`protocols` in words, by name; `made`: how, as names and values; `table`: bench.json as it was read, None where there is none."""

    title: str
    protocols: Mapping[str, str]
    entries: tuple[Entry, ...]
    environment: Mapping[str, Any]
    baseline: str = ""
    fronts: tuple[Front, ...] = ()
    made: Mapping[str, str] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    """The runs' folders, in the order in which they were to run."""
    margins: Mapping[str, float] = field(default_factory=dict)
    refused: tuple[Refused, ...] = ()
    strangers: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    """What was found and left alone when the report was made, each with the reason."""
    controls_left_out: tuple[str, ...] = ()
    warnings: tuple[Warned, ...] = ()
    table: Mapping[str, Any] | None = field(default=None, repr=False)

    def of(self, protocol: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.protocol == protocol]

    @property
    def circumstances(self) -> list[tuple[str, str]]:
        """The environment as names and values to be read."""
        return [
            (name.replace("_", " "), "not known" if value is None else str(value))
            for name, value in self.environment.items()
        ]

    @property
    def labels(self) -> list[str]:
        """Of the variants, the baseline first."""
        return list(dict.fromkeys(entry.label for entry in self.entries))
