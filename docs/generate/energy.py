"""The intensities of countries' electricity, for docs/energy.md."""

from __future__ import annotations

from lpc.ir.grid import INTENSITIES, SOURCE, YEAR


def intensities() -> str:
    figures = ", ".join(f"`{code}` {grams}" for code, grams in INTENSITIES.items())
    return (
        f"Grams of CO₂ equivalent a kilowatt-hour in {YEAR} ({SOURCE}, CC BY 4.0: emissions over the whole life cycle, of what is\n"
        f"generated in the country; rounded; taken from co2.js 0.19, whose file is of 3 August 2025): {figures}.\n\n"
        "A yearly mean hides hours and regions that differ tenfold: who knows better writes `intensity`."
    )
