"""What a program measures, as fields of its task."""

from __future__ import annotations

import json
from collections.abc import Iterator

from lpc.ir.program import Measurements


def measure_fields(measured: Measurements) -> Iterator[tuple[str, str, str]]:
    """Of each field its name, its text, and the runtime part that the text names."""
    meter = "open_meter" if measured.energy else "Stopwatch"
    yield "meter", meter, meter
    if measured.memory:
        yield "memory", "peak_memory", "peak_memory"
    if (model := measured.estimate) is not None:
        text = f"lambda *run: with_estimate(*run, pj_per_flop={model.pj_per_flop!r}, idle_w={model.idle_w!r})"
        yield "estimate", text, "with_estimate"
    if (found := measured.carbon) is not None:
        text = f"lambda joules: carbon(joules, {found.intensity!r}, {found.pue!r}, {json.dumps(found.source)})"
        yield "carbon", text, "carbon"
