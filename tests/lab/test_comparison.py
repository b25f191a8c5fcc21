"""The table of a bench: what is refused, what is claimed, and what a reviewer would raise."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from lpc.lab.bench import Bench
from lpc.lab.bench_json import bench_json
from lpc.lab.bench_text import bench_text
from lpc.lab.comparison import Table, tabulate
from lpc.lab.conditions import Conditions
from lpc.lab.metrics import METRICS
from lpc.lab.plan import Options, Plan
from lpc.lab.reviewer import warnings
from lpc.lab.statistics import Comparison
from lpc.runtime.ledger import energy_deviation
from tests.lab.made_runs import CONVERGED, MATCHED, Launcher, arm, domain, noise, plan, usual

Make = Callable[[str, int], Mapping[str, Any]]
ROOT = Path(__file__).parents[2]


def made_table(folder: Path, plan: Plan, make: Make = usual, **margins: float) -> Table:
    Bench(plan, folder, Launcher(make), look_now=Conditions).conduct(plan.runs())
    return tabulate(folder, plan, margins)


def changed(seed_changed: int, label_changed: str, **changes: Any) -> Make:
    """Usual results, one of them with other contents."""

    def make(label: str, seed: int) -> Mapping[str, Any]:
        found: dict[str, Any] = dict(usual(label, seed))
        if (label, seed) == (label_changed, seed_changed):
            for place, value in changes.items():
                found[place] = {**found[place], **value} if isinstance(value, dict) else value
        return found

    return make


def said(table: Table) -> list[str]:
    return [f"{one.about}: {one.text}" if one.about else one.text for one in warnings(table)]


def of(table: Table, label: str, metric: str) -> Comparison:
    found = next(row for row in table.rows if row.arm.label == label).against[metric].found
    assert found is not None
    return found


def test_a_slow_variant_is_slower_and_no_less_accurate(tmp_path: Path) -> None:
    table = made_table(tmp_path, plan("base", "slow", seeds=range(1, 7)))
    time = of(table, "slow", "time_s")
    assert time.interval is not None
    assert time.interval[0] < 1.25 < time.interval[1]
    assert time.interval[1] - time.interval[0] < 0.1
    row = table.of("matched")[1]
    assert row.against["time_s"].verdict == row.against["joules"].verdict == "more"
    assert row.against["accuracy"].verdict == "no difference shown"
    assert row.against["flops"].verdict == row.against["data_passes"].verdict == "the same"
    assert table.fronts[0].cost == "joules"
    text = bench_text(table, warnings(table))
    assert "more (worse)" in text
    assert "Pareto front by the means, accuracy against joules: " in text


def test_equivalence_needs_a_margin_that_was_stated(tmp_path: Path) -> None:
    table = made_table(tmp_path, plan("base", "same", seeds=range(1, 7)))
    assert table.of("matched")[1].against["time_s"].verdict == "no difference shown"
    with_margin = made_table(tmp_path, plan("base", "same", seeds=range(1, 7)), time_s=0.02)
    assert with_margin.of("matched")[1].against["time_s"].verdict == "equivalent"
    assert "equivalent: time within 2 %" in bench_text(with_margin, [])


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"environment": {"threads": 4}}, "threads 4, where others have 2"),
        ({"environment": {"device_name": "H100"}}, "device_name H100, where others have A100"),
        ({"environment": {"torch": "2.14.0"}}, "torch 2.14.0, where others have 2.13.0"),
        ({"energy": {"conditions": {"gpu_driver": "600"}}}, "gpu_driver 600, where others have 595"),
        ({"source_sha256": "f" * 64}, "left alone: result.json is of another program (its hash differs)"),
    ],
)
def test_what_cannot_be_compared_is_refused_into_the_table(changes: dict[str, Any], why: str, tmp_path: Path) -> None:
    table = made_table(tmp_path, plan("base", "slow"), changed(2, "slow", **changes))
    assert [(one.arm, one.seed, one.why) for one in table.refused] == [("matched/slow", 2, why)]
    assert of(table, "slow", "time_s").n == 2
    line = next(line for line in bench_text(table, []).splitlines() if "seed 2" in line)
    assert why in line


def test_an_environment_that_changed_midway_keeps_the_larger_part(tmp_path: Path) -> None:
    def make(label: str, seed: int) -> Mapping[str, Any]:
        found: dict[str, Any] = dict(usual(label, seed))
        return found if seed < 3 else {**found, "environment": {**found["environment"], "torch": "9.9"}}

    table = made_table(tmp_path, plan("base", "slow", seeds=(1, 2, 3, 4, 5)), make)
    assert table.environment["torch"] == "9.9"
    assert {one.seed for one in table.refused} == {1, 2}


def test_energy_of_other_instruments_is_not_compared(tmp_path: Path) -> None:
    def make(label: str, seed: int) -> Mapping[str, Any]:
        found: dict[str, Any] = dict(usual(label, seed))
        seconds = found["time"]["train_s"]
        one = domain(100.0, seconds, domain="cpu", source="rapl") if label == "slow" else domain(100.0, seconds)
        return {**found, "energy": {**found["energy"], "domains": [one]}}

    row = made_table(tmp_path, plan("base", "slow"), make).of("matched")[1]
    assert row.against["joules"].found is None
    assert row.against["joules"].why == "they were measured by different instruments"
    assert row.against["time_s"].found is not None


def test_without_a_meter_figures_are_null_with_the_reason(tmp_path: Path) -> None:
    def make(label: str, seed: int) -> Mapping[str, Any]:
        found: dict[str, Any] = dict(usual(label, seed))
        return {**found, "energy": {**found["energy"], "domains": [domain(None, 2.0)]}}

    table = made_table(tmp_path, plan("base", "slow"), make)
    found = bench_json(table, [])["variants"][0]["metrics"]["joules"]
    assert found == {"mean": None, "interval": None, "n": 0, "values": {}, "why": "no GPU to measure"}
    assert table.fronts[0].cost == "time_s"
    text = bench_text(table, [])
    assert "accuracy against seconds (time in the place of energy, which was not measured at all)" in text
    assert "no energy: no GPU to measure" in text


def test_where_the_target_is_no_class_losses_are_compared(tmp_path: Path) -> None:
    def make(label: str, seed: int) -> Mapping[str, Any]:
        loss = {"base": 1.0, "slow": 2.0}[label] * (1 + 0.01 * noise(label, seed))
        return {**usual(label, seed), "validation": {"loss": loss, "accuracy": None}}

    table = made_table(tmp_path, plan("base", "slow"), make)
    assert table.of("matched")[1].against["loss"].verdict == "more"
    assert table.of("matched")[1].against["accuracy"].why == "the target is no class"
    assert (table.fronts[0].gain, table.fronts[0].members) == ("loss", ("base",))
    assert "loss on validation" in bench_text(table, [])


def test_bench_json_has_mean_interval_and_n_of_every_variant_and_metric(tmp_path: Path) -> None:
    found = bench_json(made_table(tmp_path, plan("base", "slow", protocols=(MATCHED, CONVERGED))), [])
    assert [(row["label"], row["protocol"]) for row in found["variants"]] == [
        ("base", "matched"),
        ("slow", "matched"),
        ("base", "converged"),
        ("slow", "converged"),
    ]
    for row in found["variants"]:
        assert set(row["metrics"]) == {metric.name for metric in METRICS} == set(found["metrics"])
        time = row["metrics"]["time_s"]
        assert time["n"] == 3 and time["interval"][0] < time["mean"] < time["interval"][1]
        assert set(time["values"]) == {"1", "2", "3"}
        assert (row["against"] is None) == (row["label"] == "base")
    assert "each training unit stops after 5 epochs without better validation" in found["protocols"][1]["says"]


def closed(node: Any) -> Any:
    """A schema in which what it does not name is wrong."""
    if isinstance(node, list):
        return [closed(one) for one in node]
    if not isinstance(node, dict):
        return node
    made = {key: closed(value) for key, value in node.items()}
    return {**made, "additionalProperties": False} if isinstance(made.get("properties"), dict) else made


def test_bench_json_fits_its_schema_and_holds_nothing_else(tmp_path: Path) -> None:
    schema = json.loads((ROOT / "docs" / "bench.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    table = made_table(tmp_path, plan("base", "slow", seeds=(1, 2, 3), protocols=(MATCHED, CONVERGED)))
    found = json.loads(json.dumps(bench_json(table, warnings(table))))
    valid = Draft202012Validator(closed(schema))
    assert [f"{error.json_path}: {error.message}" for error in valid.iter_errors(found)] == []
    assert not valid.is_valid({**found, "more": 1})
    assert not valid.is_valid({**found, "schema_version": 2})
    assert found["warnings"] and found["pareto"]


def test_holm_counts_the_comparisons(tmp_path: Path) -> None:
    two = made_table(tmp_path / "two", plan("base", "slow"))
    many = made_table(tmp_path / "many", plan("base", "slow", "a", "b", "c", "d"))
    p = of(two, "slow", "time_s").p
    assert p is not None
    alone, among = (next(r for r in t.rows if r.arm.label == "slow").against["time_s"].adjusted_p for t in (two, many))
    assert alone == pytest.approx(p)
    assert among == pytest.approx(5 * p)


def test_a_reviewer_asks_for_seeds(tmp_path: Path) -> None:
    one = made_table(tmp_path, plan("base", "slow", seeds=(1,)))
    assert "one seed: there are no intervals, and nothing can be claimed" in said(one)
    assert one.of("matched")[1].against["time_s"].verdict == "not known"
    assert any(text.startswith("3 seeds: ") for text in said(made_table(tmp_path, plan("base", "slow"))))
    assert not any("seeds: " in text for text in said(made_table(tmp_path, plan("base", "slow", seeds=range(1, 7)))))


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (2, "slow: 2 of 6 pairs count (matched): intervals are wide, and a sign-flip test cannot come below 0.5"),
        (1, "slow: 1 of 6 pairs count (matched): there are no intervals, and nothing can be claimed"),
        (0, "slow: 0 of 6 pairs count (matched): nothing is compared"),
    ],
)
def test_a_reviewer_counts_the_pairs_that_are_left(left: int, text: str, tmp_path: Path) -> None:
    def make(label: str, seed: int) -> Mapping[str, Any]:
        found: dict[str, Any] = dict(usual(label, seed))
        threads = 4 if label == "slow" and seed > left else 2
        return {**found, "environment": {**found["environment"], "threads": threads}}

    assert text in said(made_table(tmp_path, plan("base", "slow", "same", seeds=range(1, 7)), make))


@pytest.mark.parametrize("changed", [Conditions(governor="powersave"), Conditions(turbo="off")])
def test_another_governor_or_turbo_is_refused_and_one_that_changes_is_warned_of(
    changed: Conditions, tmp_path: Path
) -> None:
    """Looked at before and after each of six runs: the fourth is governed otherwise from before its beginning."""
    usually = Conditions(governor="performance", turbo="on")
    other = replace(usually, **{name: value for name, value in vars(changed).items() if value is not None})
    name = "governor" if changed.governor else "turbo"
    looked: list[int] = []

    def look_now(meanwhile: int) -> Conditions:
        looked.append(0)
        return other if len(looked) in (3 * 3 + 1, 3 * 3 + 2, meanwhile) else usually

    made = plan("base", "slow")
    Bench(made, tmp_path / "a", Launcher(usual), look_now=lambda: look_now(3 * 3 + 3)).conduct(made.runs())
    found = tabulate(tmp_path / "a", made, {})
    was, now = getattr(usually, name), getattr(other, name)
    assert [one.why for one in found.refused] == [f"{name} {now}, where others have {was}"]
    assert not any("changed during" in text for text in said(found))

    looked.clear()
    Bench(made, tmp_path / "b", Launcher(usual), look_now=lambda: look_now(6)).conduct(made.runs())
    assert f"the machine's {name} changed during 1 of 5 runs" in said(tabulate(tmp_path / "b", made, {}))


def test_what_is_made_of_joules_errs_as_the_joules_do(tmp_path: Path) -> None:
    """Six passes in every run, whose joules are within a thousandth of each other: the instrument is what errs."""

    def make(label: str, seed: int) -> Mapping[str, Any]:
        found: dict[str, Any] = dict(usual(label, seed))
        joules = 100.0 * (1 + 0.001 * noise(label, seed))
        own = {"time": {"train_s": 8.0, "total_s": 9.0}}
        phased = {"train": {"seconds": 8.0, "joules": 0.9 * joules}}
        return {**found, **own, "energy": {**found["energy"], "domains": [domain(joules, 8.0)], "phases": phased}}

    figures = made_table(tmp_path, plan("base", "slow"), make).rows[0].figures
    halves = {}
    for name in ("joules", "joules_per_pass", "watts"):
        summary = figures[name].summary
        assert summary is not None and summary.interval is not None
        halves[name] = (summary.interval[1] - summary.mean) / summary.mean
    assert halves["joules"] > 1.96 * 0.0199
    assert halves["joules_per_pass"] == pytest.approx(halves["joules"])
    assert halves["watts"] == pytest.approx(halves["joules"])


def test_a_figure_that_some_do_not_know_says_who_and_why(tmp_path: Path) -> None:
    def make(label: str, seed: int) -> Mapping[str, Any]:
        found: dict[str, Any] = dict(usual(label, seed))
        blind = label == "slow" or (label == "same" and seed == 2)
        domains = [domain(None, 8.0)] if blind else found["energy"]["domains"]
        return {**found, "energy": {**found["energy"], "domains": domains}}

    table = made_table(tmp_path, plan("base", "slow", "same"), make)
    text = bench_text(table, [])
    assert "no energy of slow, same (1 of 3 runs): no GPU to measure" in text
    assert "time in the place of energy, which was not measured of all variants" in text


def test_a_reviewer_sees_drift(tmp_path: Path) -> None:
    """Power and time that rise along the bench; and none where they do not."""
    made = plan("base", "same", seeds=range(1, 9))
    order = {(run.arm.label, run.seed): at for at, run in enumerate(made.runs())}

    def drifting(label: str, seed: int) -> Mapping[str, Any]:
        found: dict[str, Any] = dict(usual(label, seed))
        seconds = 8.0 * (1 + 0.08 * order[label, seed] / 15) * (1 + 0.005 * noise(label, seed))
        return {**found, "time": {"train_s": seconds, "total_s": seconds}}

    assert any(text.startswith("times rose by ") for text in said(made_table(tmp_path / "drift", made, drifting)))
    steady: Make = lambda label, seed: {  # noqa: E731
        **usual(label, seed),
        "time": {"train_s": 8 * (1 + 0.005 * noise(label, seed)), "total_s": 9.0},
    }
    assert not any("drifted" in text for text in said(made_table(tmp_path / "steady", made, steady)))


def test_drift_is_along_the_runs_as_they_were_made(tmp_path: Path) -> None:
    """Planned in one order, made in the other: times that fell along the plan rose along the day."""
    made = plan("base", "same", seeds=range(1, 9))
    order = {(run.arm.label, run.seed): at for at, run in enumerate(made.runs())}

    def falling(label: str, seed: int) -> Mapping[str, Any]:
        seconds = 8.0 * (1 - 0.08 * order[label, seed] / 15) * (1 + 0.005 * noise(label, seed))
        return {**usual(label, seed), "time": {"train_s": seconds, "total_s": seconds}}

    made_table(tmp_path, made, falling)
    for run in made.runs():
        path = tmp_path / run.folder / "run.json"
        started = f"2026-01-01T00:{59 - order[run.arm.label, run.seed]:02}:00+00:00"
        path.write_text(json.dumps({**json.loads(path.read_text()), "started": started}), encoding="utf-8")
    assert any(text.startswith("times rose by ") for text in said(tabulate(tmp_path, made, {})))


def test_a_reviewer_sees_windows_that_are_too_short(tmp_path: Path) -> None:
    """Forty passes of a quarter of a second each: every one begins and ends between two ticks."""

    def short(label: str, seed: int) -> Mapping[str, Any]:
        found: dict[str, Any] = dict(usual(label, seed))
        row = {"windows": 40, "microjoules": 2e9, "seconds": 10.0}
        phases = {"train": {"joules": 2000.0, "window_s": 10.0, "uncertainty": energy_deviation(row, row, 0.1, 0.02)}}
        own = {"time": {"train_s": 10.0, "total_s": 11.0}}
        phased = {"train": {"seconds": 10.0, "joules": 2000.0}}
        one = domain(2000.0, 10.0, phases=phases)
        return {**found, **own, "energy": {**found["energy"], "domains": [one], "phases": phased}}

    assert (
        "base: 10 s of training are short for a meter that moves every 0.1 s: joules err by 2.6%, "
        "and 6.7 times as many passes would bring that to 1%"
    ) in said(made_table(tmp_path, plan("base", "slow"), short))


def test_a_reviewer_reads_the_meter(tmp_path: Path) -> None:
    def hot(label: str, seed: int) -> Mapping[str, Any]:
        found: dict[str, Any] = dict(usual(label, seed))
        one = domain(50.0, 8.0, throttled_share=0.25 * (seed == 2), power_gap=0.3, exclusive=False, scope="board")
        return {**found, "time": {"train_s": 8.0, "total_s": 9.0}, "energy": {**found["energy"], "domains": [one]}}

    text = said(made_table(tmp_path, plan("base", "slow"), hot))
    assert "base: the board was slowed down for heat or power during 1 of 3 runs" in text
    assert "base: the energy counter and the power sampled beside it are 30% apart" in text
    assert "base: another process was seen on the device: its energy is in the figure" in text


def test_a_reviewer_reads_the_protocol(tmp_path: Path) -> None:
    capped = made_table(tmp_path / "capped", plan("base", "slow", protocols=(CONVERGED,)))
    assert "base: 3 of 3 runs came to the cap of epochs: not converged" in said(capped)

    arms = (
        arm("base", far=("a learning rate of 5 is unusual (LP920: ...)",)),
        arm(
            "slow", differs=("`block hidden = x -> linear(8)`, where the baseline has `block hidden = x -> linear(9)`",)
        ),
        arm("still", floor=True, trains=("batch 32, the baseline's 64",)),
    )
    made = Plan("made", arms, "base", (MATCHED,), (1, 2), options=Options(limit=100))

    def make(label: str, seed: int) -> Mapping[str, Any]:
        found: dict[str, Any] = dict(usual(label, seed))
        share = {"base": 0.9, "still": 0.8, "slow": 0.75}[label]
        return {
            **found,
            "validation": {"loss": 0.1, "accuracy": share},
            "data": {**found["data"], "source": "synthetic"},
        }

    text = said(made_table(tmp_path / "arms", made, make))
    assert "base: far from its paper's conditions: a learning rate of 5 is unusual (LP920: ...)" in text
    assert any(line.startswith("slow: differs in more than `learn` and `train`: `block hidden") for line in text)
    assert "still: trains otherwise: batch 32, the baseline's 64" in text
    assert "slow: no more accurate than `still`, whose hidden blocks learn nothing (matched)" in text
    assert "the data are made up: accuracies mean nothing" in text
    assert "--limit: at most 100 examples of each part" in text


def test_a_processor_is_always_shared_and_nobody_is_warned_of_that(tmp_path: Path) -> None:
    def shared(label: str, seed: int) -> Mapping[str, Any]:
        found: dict[str, Any] = dict(usual(label, seed))
        one = domain(50.0, 8.0, exclusive=False, scope="package")
        return {**found, "time": {"train_s": 8.0, "total_s": 9.0}, "energy": {**found["energy"], "domains": [one]}}

    assert not [text for text in said(made_table(tmp_path, plan("base", "slow"), shared)) if "another process" in text]


def test_a_mean_of_fewer_runs_says_of_how_many(tmp_path: Path) -> None:
    def stopped(label: str, seed: int) -> Mapping[str, Any]:
        found: dict[str, Any] = dict(usual(label, seed))
        measured = domain(50.0 + seed, 8.0) if seed != 2 else domain(None, 8.0)
        energy = {**found["energy"], "domains": [measured]}
        return {**found, "time": {"train_s": 8.0, "total_s": 9.0}, "energy": energy}

    table = made_table(tmp_path, plan("base", "slow"), stopped)
    assert "(n = 2)" in bench_text(table, [])
    assert "(n = " not in bench_text(made_table(tmp_path / "whole", plan("base", "slow")), [])


def test_what_the_meters_say_is_a_warning_once_with_its_largest_amount(tmp_path: Path) -> None:
    def fed(label: str, seed: int) -> dict[str, Any]:
        found = usual(label, seed)
        note = "read under /tmp/fed, not /sys/class/powercap"
        domains = [{**found["energy"]["domains"][0], "domain": "cpu", "source": "rapl", "note": note}]
        notes = [f"reading the meters took 0.{seed + 4}% of the time"] if label == "slow" else []
        return {**found, "energy": {**found["energy"], "domains": domains, "notes": notes}}

    found = made_table(tmp_path, plan("base", "slow"), fed)
    said = [one.text for one in warnings(found) if one.text.startswith("energy, ")]
    assert said == [
        "energy, cpu: read under /tmp/fed, not /sys/class/powercap (6 of 6 runs)",
        "energy, reading the meters took 0.7% of the time (the largest of 3 of 6 runs)",
    ]
    assert all(f"warning: {text}" in bench_text(found, warnings(found)) for text in said)


def test_one_seed_is_said_to_be_why_there_are_no_intervals(tmp_path: Path) -> None:
    text = bench_text(made_table(tmp_path, plan("base", "slow", seeds=(1,)), usual), [])
    assert "one run of each: no intervals; accuracy on validation" in text
    assert "ratios and differences, without intervals: one run of each is one pair" in text
    assert "(none)" not in text
