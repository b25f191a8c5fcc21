"""`emissions.csv`, as CodeCarbon 3 writes it: its columns, in its order and units, for tools that read such files.

Only what was measured, over the whole run. A cell is empty where nothing is known, never 0. A last column of lpc's own,
`lpc_sources`, tells the instruments and what is to be known of their figures.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lpc.ir.grid import country_of
from lpc.lab.energy import number
from lpc.lab.findings import Entry, Findings, Run
from lpc.lab.instruments import sources
from lpc.lab.results import Environment
from lpc.lab.series import part
from lpc.lab.texts import csv_of

COLUMNS = (
    *("timestamp", "project_name", "run_id", "experiment_id", "duration", "emissions", "emissions_rate"),
    *("cpu_power", "gpu_power", "ram_power", "cpu_energy", "gpu_energy", "ram_energy", "energy_consumed"),
    *("water_consumed", "country_name", "country_iso_code", "region", "cloud_provider", "cloud_region"),
    *("os", "python_version", "codecarbon_version", "cpu_count", "cpu_model", "gpu_count", "gpu_model"),
    *("longitude", "latitude", "ram_total_size", "tracking_mode", "cpu_utilization_percent"),
    *("gpu_utilization_percent", "ram_utilization_percent", "ram_used_gb", "on_cloud", "pue", "wue", "lpc_sources"),
)
KWH = 3.6e6
"""Joules of a kilowatt hour."""
PARTS = {"cpu": "cpu", "gpu": "gpu", "dram": "ram"}
"""Our domains, and what CodeCarbon calls them."""


def emissions_text(findings: Findings) -> str:
    """A row a run."""
    rows = [_row(findings, entry, run) for entry in findings.entries for run in entry.runs.values()]
    return csv_of(COLUMNS, rows)


def _row(findings: Findings, entry: Entry, run: Run) -> dict[str, object]:
    energy, carbon = part(run.whole, "energy"), part(run.whole, "carbon")
    grams, seconds = number(carbon.get("grams")), run.result.total_s
    measured = list(_measured(energy))
    devices = [str(own["device"]) for own in measured if own["domain"] == "gpu" and own.get("device")]
    joules = number(part(energy, "totals").get("measured_joules"))
    code, country = country_of(str(carbon.get("intensity_source"))) or (None, None)
    row: dict[str, object] = {
        "timestamp": run.started.partition("+")[0] or None,
        "project_name": entry.program,
        "run_id": run.folder,
        "experiment_id": findings.title,
        "duration": seconds,
        "emissions": None if grams is None else grams / 1000,
        "emissions_rate": None if grams is None or seconds <= 0 else grams / 1000 / seconds,
        "energy_consumed": None if joules is None else joules / KWH,
        "country_name": country,
        "country_iso_code": code,
        "os": run.result.environment.platform,
        "python_version": run.result.environment.python,
        "cpu_model": _processor(run.result.environment),
        "gpu_count": len(devices) or None,
        "gpu_model": ", ".join(devices) or None,
        "tracking_mode": "machine" if measured else None,
        "pue": number(carbon.get("pue")),
        "lpc_sources": sources(run.result.energy),
    }
    for domain, name in PARTS.items():
        own = [one for one in measured if one["domain"] == domain]
        if own:
            total = math.fsum(float(one["joules"]) for one in own)
            row[f"{name}_energy"] = total / KWH
            window = max(float(one.get("window_s") or 0.0) for one in own)
            row[f"{name}_power"] = total / window if window > 0 else None
    return row


def _processor(environment: Environment) -> str | None:
    """The processor's model; None where a run names its board, or an architecture alone (which `platform` ends with)."""
    named = environment.device_name
    architecture = named in re.split(r"[-_ ]with[-_ ]|-", environment.platform)
    return named if environment.device == "cpu" and not architecture else None


def _measured(energy: Mapping[str, object]) -> Iterator[Mapping[str, Any]]:
    """Domains with an instrument and a figure of the whole run: no estimate."""
    domains = energy.get("domains")
    for one in domains if isinstance(domains, list) else []:
        if not isinstance(one, dict) or str(one.get("source")).startswith(("estimate", "none")):
            continue
        if one.get("domain") in PARTS and number(one.get("joules")) is not None:
            yield one
