"""Numbers for JSON, which has none for what is not finite."""

from __future__ import annotations

import math


def finite(value: float) -> float | None:
    """The number; None, which JSON writes as null, where it is infinite or no number: Python would print `Infinity`."""
    return value if math.isfinite(value) else None
