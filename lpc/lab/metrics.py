"""What is compared of runs: each figure with its unit, how two of it are compared, and why it may be missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lpc.lab.results import Result
from lpc.lab.statistics import Interval, Kind, Summary

ALLOCATED_ON_CPU = "the allocator's peak is known on a GPU only"


@dataclass(frozen=True)
class Metric:
    """One figure of a run. Accuracies differ by so much, all others by such a factor."""

    name: str
    title: str
    unit: str
    of: Callable[[Result], float | None]
    missing: Callable[[Result], str]
    """Why `of` gives None."""
    kind: Kind = "ratio"
    more_is: str = "worse"
    """`better` or `worse`; empty: neither."""
    exact: bool = False
    """The same for every run of a variant but for its length: nothing is measured."""
    measured: bool = False
    """It depends on what else the machine does."""
    says: str = ""
    """What it is, for who has only the table."""

    def possible(self, summary: Summary) -> Interval | None:
        """The interval of a mean without what no run can be: below 0, or an accuracy above 1. Student's t knows of neither."""
        if summary.interval is None or summary.mean < 0:
            return summary.interval
        low, high = summary.interval
        return max(low, 0.0), min(high, 1.0) if self.name == "accuracy" else high


def _per_pass(value: float | None, result: Result) -> float | None:
    return None if value is None or not result.data_passes else value / result.data_passes


def _watts(result: Result) -> float | None:
    return None if result.energy.joules is None or not result.train_s else result.energy.joules / result.train_s


def _energy_missing(result: Result) -> str:
    return result.energy.why


def _unmeasured_memory(result: Result) -> str:
    on_cpu = result.environment.device == "cpu" and result.peak_process is not None
    return ALLOCATED_ON_CPU if on_cpu else "the program does not `measure memory`"


METRICS: tuple[Metric, ...] = (
    Metric(
        "accuracy", "accuracy", "1", lambda r: r.accuracy, lambda _: "the target is no class", "difference", "better",
        says="the share of examples whose class was right, on the part of the data that the table names",
    ),
    Metric(
        "loss", "loss", "1", lambda r: r.loss, lambda _: "not scored",
        says="the mean loss of the objective, on the part of the data that the table names",
    ),
    Metric(
        "data_passes", "passes", "1", lambda r: float(r.data_passes), lambda _: "", more_is="", exact=True,
        says="how often the training part was gone through, all training units together",
    ),
    Metric(
        "time_s", "time", "s", lambda r: r.train_s, lambda _: "", measured=True,
        says="of training steps alone: no start, loading, validation, checkpoint or test",
    ),
    Metric(
        "s_per_pass", "s/pass", "s", lambda r: _per_pass(r.train_s, r), lambda _: "no pass was made", measured=True,
        says="time by passes",
    ),
    Metric(
        "joules", "energy", "J", lambda r: r.energy.joules, _energy_missing, measured=True,
        says="of training steps alone, as the instruments named under Energy counted it, idle power included; never an estimate",
    ),
    Metric(
        "joules_per_pass", "J/pass", "J", lambda r: _per_pass(r.energy.joules, r), _energy_missing, measured=True,
        says="energy by passes",
    ),
    Metric("watts", "power", "W", _watts, _energy_missing, more_is="", measured=True, says="energy by time"),
    Metric(
        "peak_allocated_bytes", "allocated", "B", lambda r: r.peak_allocated, _unmeasured_memory,
        says="the largest memory that tensors held on the GPU, by its allocator",
    ),
    Metric(
        "peak_process_bytes", "process", "B", lambda r: r.peak_process, _unmeasured_memory,
        says="the largest memory of the process, with torch itself (about 250 MiB) and the data",
    ),
    Metric(
        "flops", "FLOPs", "1", lambda r: r.flops, lambda _: "a phase has no modelled figure", exact=True,
        says="arithmetic of the run's training, modelled from the shapes of its operations, not counted",
    ),
)  # fmt: skip
BY_NAME = {metric.name: metric for metric in METRICS}
ENERGY = frozenset({"joules", "joules_per_pass", "watts"})
