"""Grams of CO2 equivalent, from joules that were measured and an intensity that somebody gave."""

from __future__ import annotations

from typing import Any


def carbon(
    joules: float | None, intensity_g_per_kwh: float, pue: float | None = None, source: str = "the program"
) -> dict[str, Any] | None:
    """The `carbon` of result.json; None without measured energy. `source`: who says what the intensity is.

    `pue`, the data centre's power usage effectiveness, is applied only where given. Making the hardware is left out.
    """
    if joules is None:
        return None
    facility_joules = joules * (1.0 if pue is None else pue)
    return {
        "grams": facility_joules / 3.6e6 * intensity_g_per_kwh,
        "intensity_g_per_kwh": intensity_g_per_kwh,
        "intensity_source": source,
        "pue": pue,
        "it_joules": joules,
        "facility_joules": None if pue is None else facility_joules,
        "note": "operation of the measured parts only: hardware's making, cooling without a PUE, water are left out",
    }
