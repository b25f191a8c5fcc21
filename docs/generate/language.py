"""Generated parts of the language reference, from the tables that the compiler reads."""

from __future__ import annotations

from collections.abc import Mapping

from docs.generate.markdown import fenced, sentence, table
from docs.generate.signatures import parameters, row
from lpc.ir.losses import LOSSES
from lpc.passes.data_source import DataSource
from lpc.passes.data_sources import SOURCES
from lpc.passes.signatures import Signature
from lpc.passes.tables import ESTIMATES, MEASURES, OPTIMIZERS, PLACE, SCHEDULES, TRAIN
from lpc.syntax.words import KEYWORDS, SELECTOR_WORDS, UNITS, VARIANT_KEYWORDS


def parts() -> dict[str, str]:
    return {
        "words": words(),
        "units": units(),
        "sources": "\n\n".join(source(one) for one in SOURCES.values()),
        "losses": losses(),
        "train": parameters(TRAIN),
        "optimizers": callables(OPTIMIZERS, "optimizer"),
        "schedules": callables(SCHEDULES, "schedule"),
        "measures": callables(MEASURES, "measure"),
        "estimates": callables(ESTIMATES, "estimate"),
        "place": parameters(PLACE),
    }


def words() -> str:
    def listed(names: tuple[str, ...]) -> str:
        return ", ".join(f"`{name}`" for name in names)

    return "\n".join(
        [
            f"- Reserved: {listed(KEYWORDS)}. Each begins a clause.",
            f"- Of no block and no variant: {listed(SELECTOR_WORDS)}.",
            f"- In a variant: {listed(VARIANT_KEYWORDS)}.",
        ]
    )


def units() -> str:
    kinds: dict[str, list[str]] = {}
    for unit, (kind, _) in UNITS.items():
        kinds.setdefault(kind, []).append(f"`{unit}`")
    return table(["of", "units"], [[kind, " ".join(names)] for kind, names in kinds.items()])


def source(one: DataSource) -> str:
    """One data source: what it holds, what it takes, an example."""
    facts = [sentence(one.summary)]
    if not one.available:
        return f"### `{one.name}`\n\n{facts[0]} Not in this version ([LP501](errors/LP501.md))."
    if one.examples:
        facts.append(f"The training part has {one.examples:,} examples.".replace(",", " "))
    if one.types is None:
        facts.append("The types of its names are written.")
    if one.examples and "test" not in one.parts:
        facts.append("There is no test part unless `test =` takes one.")
    return f"### `{one.name}`\n\n{' '.join(facts)}\n\n{fenced(one.example, 'lp')}\n\n{parameters(one.signature)}"


def losses() -> str:
    return table(["loss", "is"], [[f"`{loss.name}`", loss.summary] for loss in LOSSES.values() if loss.objective])


def callables(signatures: Mapping[str, Signature], what: str) -> str:
    """Things that can be called, each with its parameters, in one table."""
    rows = []
    for name, signature in signatures.items():
        own = [row(one) for one in signature.parameters] or [["", "", "", ""]]
        rows += [[f"`{name}`" if at == 0 else "", *cells] for at, cells in enumerate(own)]
    return table([what, "parameter", "takes", "default", "meaning"], rows)
