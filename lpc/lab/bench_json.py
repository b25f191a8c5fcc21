"""`bench.json`: a bench's table as data, for `lpc report` and for others. docs/bench.md lists its keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lpc.lab.comparison import Against, Figure, Row, Table
from lpc.lab.metrics import METRICS, Metric
from lpc.lab.reviewer import Warned
from lpc.lab.statistics import CONFIDENCE

FILE = "bench.json"
SCHEMA = 1


def bench_json(table: Table, warned: Sequence[Warned]) -> dict[str, Any]:
    plan = table.plan
    return {
        "schema_version": SCHEMA,
        **{key: value for key, value in plan.identity().items() if key in ("lpc", "baseline", "order_seed", "options")},
        "name": plan.name,
        "protocols": [plan.protocol_json(protocol) for protocol in plan.protocols],
        "seeds": list(plan.seeds),
        "order": [run.folder.as_posix() for run in plan.runs()],
        "jobs": plan.jobs,
        "confidence": CONFIDENCE,
        "margins": dict(table.margins),
        "environment": dict(table.environment),
        "metrics": {m.name: {"unit": m.unit, "compared_as": m.kind, "more_is": m.more_is} for m in METRICS},
        "variants": [row_json(row) for row in table.rows],
        "pareto": [dict(vars(front)) | {"members": list(front.members)} for front in table.fronts],
        "refused": [dict(vars(refused)) for refused in table.refused],
        "strangers": list(table.strangers),
        "controls_left_out": list(plan.left_out),
        "warnings": [dict(vars(one)) for one in warned],
    }


def row_json(row: Row) -> dict[str, Any]:
    arm = row.arm
    return {
        "variant": arm.variant,
        "label": arm.label,
        "protocol": arm.protocol,
        "program": arm.program_name,
        "file": arm.file,
        "control": arm.control or None,
        "rules": dict(arm.rules),
        "settings": dict(arm.settings),
        "units": arm.units,
        "length": arm.length,
        "source_sha256": arm.source_sha256,
        "script_sha256": arm.script_sha256,
        "differs": list(arm.differs),
        "trains": list(arm.trains),
        "scored_on": next((result.scored_on for result in row.results.values()), None),
        "runs": {str(seed): f"runs/{arm.key}/{seed}" for seed in row.results},
        "metrics": {metric.name: figure_json(row.figures[metric.name]) for metric in METRICS},
        "against": {metric.name: against_json(metric, row.against[metric.name]) for metric in METRICS if row.against}
        or None,
    }


def figure_json(figure: Figure) -> dict[str, Any]:
    summary = figure.summary
    return {
        "mean": summary and summary.mean,
        "interval": summary and summary.interval and list(summary.interval),
        "n": summary.n if summary else 0,
        "values": {str(seed): value for seed, value in figure.values.items()},
        "why": figure.why or None,
    }


def against_json(metric: Metric, against: Against) -> dict[str, Any]:
    found = against.found
    return {
        "kind": metric.kind,
        "estimate": found and found.estimate,
        "interval": found and found.interval and list(found.interval),
        "n": found.n if found else 0,
        "p": found and found.p,
        "adjusted_p": against.adjusted_p,
        "method": found and found.method,
        "verdict": against.verdict,
        "why": against.why or None,
    }
