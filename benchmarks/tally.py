"""What was counted while random programs were judged, chunk by chunk, and the sum of it as Markdown."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

COUNTERS = ("ended", "codes", "broken_codes", "occurred")


@dataclass
class Tally:
    """Counts of one chunk, or of all."""

    drawn: int = 0
    legal: int = 0
    """Of those drawn: without an error in base and variants."""
    broken_legal: int = 0
    compiled: int = 0
    """Programs: a base, and each variant, of drawn and of broken texts."""
    compared: int = 0
    alone: int = 0
    seconds: float = 0.0
    """Of the processor, the processes of single scripts included."""
    ended: Counter[str] = field(default_factory=Counter)
    """How runs in the chunk's process ended: "" for well, else the line that said why training failed."""
    codes: Counter[str] = field(default_factory=Counter)
    broken_codes: Counter[str] = field(default_factory=Counter)
    occurred: Counter[str] = field(default_factory=Counter)
    """`kind/name`, in how many legal programs."""
    texts: list[str] = field(default_factory=list)
    """A digest of every text, for how many there are."""
    mib: list[float] = field(default_factory=list)
    """The most memory of each chunk."""
    failures: list[dict[str, str]] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def saw(self, *texts: str) -> None:
        self.texts += (hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16] for text in texts)


def written(tally: Tally) -> str:
    return json.dumps(vars(tally))


def read(text: str) -> Tally:
    found: dict[str, Any] = json.loads(text)
    return Tally(**found | {name: Counter(found[name]) for name in COUNTERS})


def summary(total: Tally) -> str:
    """Everything as Markdown: counts, what occurred, which diagnostics were given."""
    from benchmarks.occurrences import codes_table, table

    lines = [f"- {count} runs: {line}" for line, count in total.ended.most_common() if line]
    occurred = Counter({(kind, name): n for key, n in total.occurred.items() for kind, _, name in [key.partition("/")]})
    return "\n\n".join([counts(total), "\n".join(lines), table(occurred), codes_table(total.codes, total.broken_codes)])


def counts(total: Tally) -> str:
    each = max(total.drawn, 1)
    rows = {
        "programs drawn": f"{total.drawn}, legal {total.legal} ({total.legal / each:.0%})",
        "broken versions of them": f"{total.drawn}, legal still {total.broken_legal} ({total.broken_legal / each:.0%})",
        "different texts": f"{len(set(total.texts))}",
        "compiled, variants and broken texts among them": f"{total.compiled}",
        "scripts compared with the interpreter, both orders of a step": f"{total.compared}",
        "scripts run to `result.json`": f"{total.ended['']}; {total.alone} also as a process",
        "runs that ended in one line": f"{total.ended.total() - total.ended['']}",
        "processor": f"{total.seconds / 60:.1f} minutes, {total.seconds / each:.3f} s a program",
        "memory": f"at most {max(total.mib, default=0):.0f} MiB a chunk",
        "**tracebacks, disagreements, crashes**": f"**{len(total.failures)}**",
    }
    return "\n".join(["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows.items())])
