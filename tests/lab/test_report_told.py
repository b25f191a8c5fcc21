"""What a report says beside its figures: how well joules were counted, by what, which rule learned, where, and in which order."""

from __future__ import annotations

import csv
import io
import json
import math
import random
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure as Canvas

from lpc.ir.grid import COUNTRIES, INTENSITIES, country_of, source_of
from lpc.lab import energy_grids, grids, plots, series, texts
from lpc.lab.bench_reading import bench_findings
from lpc.lab.comparison import Figure
from lpc.lab.emissions import emissions_text
from lpc.lab.energy import Domain, Spent
from lpc.lab.findings import Findings
from lpc.lab.instruments import BELOW, gathered
from lpc.lab.metrics import BY_NAME
from lpc.lab.run_reading import runs_findings
from lpc.lab.statistics import summarise
from lpc.runtime.ledger import energy_deviation
from tests.lab.made_bench import doctored, made_plan, make_bench
from tests.lab.pages import Seen, html

FED = "the whole socket, loader workers and other processes included; read under /tmp/fed, not /sys/class/powercap"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bench(tmp_path_factory.mktemp("bench") / "made", made_plan(("backprop", "base"), seeds=(1, 2)))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A bench to be changed."""
    return make_bench(tmp_path / "made", made_plan(("backprop", "base"), seeds=(1, 2)))


def spoilt(folder: Path, change: Callable[[dict[str, Any]], None]) -> Findings:
    """The bench's findings, its runs changed."""
    for result in folder.rglob("result.json"):
        found = json.loads(result.read_text(encoding="utf-8"))
        change(found)
        result.write_text(json.dumps(found), encoding="utf-8")
    return bench_findings(folder)


def processor(found: dict[str, Any]) -> None:
    """Joules by a tree of counters that somebody feeds, in phases of which one is shorter than the counter's period."""
    error = {"joules": 1.3, "systematic": 1.2}
    rows = {"setup": (0.0, 0.002), "train": (40.25, 2.0), "validate": (4.03, 0.2)}
    phases = {name: {"joules": j, "window_s": s, "uncertainty": error} for name, (j, s) in rows.items()}
    found["energy"]["domains"] = [
        {
            **found["energy"]["domains"][0],
            "domain": "cpu",
            "device": "package-0",
            "source": "rapl",
            "scope": "package",
            "joules": 44.28,
            "resolution_s": 0.005,
            "samples": 31,
            "uncertainty": error,
            "phases": phases,
            "note": FED,
        },
        {"domain": "dram", "source": "none", "joules": None, "phases": {}, "note": "no RAPL zone in /tmp/fed"},
    ]
    found["energy"]["phases"] |= {name: {"seconds": s, "joules": j} for name, (j, s) in rows.items()}


def test_joules_stand_with_their_uncertainty_resolution_and_readings(own: Path) -> None:
    findings = spoilt(own, processor)
    grid = energy_grids.instruments_grid(findings.of("matched"))
    assert grid is not None
    assert grid.head == (
        *("variant", "of", "instrument", "resolution", "readings"),
        *("setup", "train", "validate", "in all"),
    )
    shown = ("rapl", "5 ms", "31", BELOW, "40.2 ± 1.3 J", "4.03 ± 1.30 J", "44.3 ± 1.3 J")
    assert grid.rows == tuple((label, "cpu (package-0)", *shown) for label in ("backprop", "base"))
    page = Seen(html(findings)).text
    for text in (page, texts.markdown(findings, []), texts.latex(findings).replace(r"$\pm$", "±")):
        assert "40.2 ± 1.3 J" in text
        assert "5 ms" in text
    told = json.loads(texts.json_text(findings, []))["protocols"]["matched"]["joules_by_instrument"]["base"][0]
    assert (told["resolution_s"], told["samples"], told["phases"]["setup"]["below"]) == (0.005, 31, True)


def test_a_phase_shorter_than_the_meters_resolution_is_no_0_joules(own: Path) -> None:
    findings = spoilt(own, processor)
    page = Seen(html(findings)).text
    assert re.search(r"(?<![\d.])0 J", page) is None
    assert f"setup {BELOW}" in page, "in the words of the plot"
    assert f"| {BELOW} |" in texts.markdown(findings, [])


def test_a_tree_that_is_not_the_systems_is_told_wherever_joules_are(own: Path) -> None:
    findings = spoilt(own, processor)
    text = "read under /tmp/fed, not /sys/class/powercap"
    assert f"cpu (package-0): {text} (4 of 4 runs)." in Seen(html(findings)).text
    assert "Not in it: dram, no RAPL zone in /tmp/fed." in Seen(html(findings)).text
    assert f"cpu (package-0): {text}" in texts.markdown(findings, [])
    row = next(csv.DictReader(io.StringIO(emissions_text(findings))))
    assert row["lpc_sources"] == f"cpu: rapl ({FED})"
    one = runs_findings(own / "runs" / "matched" / "base" / "1")
    for made in (Seen(html(one)).text, texts.markdown(one, []), texts.latex(one), texts.csv_text(one)):
        assert text in made
    for row in csv.DictReader(io.StringIO(texts.csv_text(findings))):
        assert (text in row["instruments"]) == (row["metric"] in ("joules", "joules_per_pass", "watts"))


def test_a_phase_is_below_the_resolution_by_its_length_or_because_nothing_moved() -> None:
    counted = {"short": Spent(0.1, 0.1, 0.002), "still": Spent(0.0, 0.1, 0.02), "long": Spent(0.1, 0.1, 0.02)}
    domain = Domain("cpu", "", "rapl", 1.0, 0.1, 0.005, 3, counted)
    assert [domain.below(phase) for phase in (*counted, "absent")] == [True, True, False, False]


@pytest.mark.parametrize(("window_s", "told"), [(0.01, 0.0), (0.02, 0.0), (0.04, 0.99), (0.2, 1.0)])
def test_joules_of_short_windows_are_left_out_whatever_they_read(window_s: float, told: float) -> None:
    """50 W, six windows of `window_s`, a counter that ticks every 50 ms: what is told has the true mean."""
    draw, u, watts = random.Random(0), 0.05, 50.0
    kept = []
    for _ in range(4000):
        read, at = 0.0, draw.uniform(0, u)
        for _ in range(6):
            read += watts * u * ((at + window_s) // u - at // u)
            at += window_s + draw.uniform(0, 3 * u)
        row = {"windows": 6, "microjoules": 1e6 * read, "seconds": 6 * window_s}
        error = energy_deviation(row, row, u, 0.0)
        spent = Spent(read, error["joules"], 6 * window_s, error["random"])
        if not Domain("cpu", "", "rapl", read, None, u, 12, {"train": spent}).below("train"):
            kept.append(read)
    assert len(kept) >= told * 4000 if told else not kept
    assert not kept or abs(math.fsum(kept) / len(kept) / (watts * 6 * window_s) - 1) < 0.02


def test_a_note_is_told_once_by_its_largest_amount() -> None:
    reading = [[f"reading the meters took 0.{n}% of the time"] for n in (5, 7, 6)]
    assert gathered([*reading, []]) == ["reading the meters took 0.7% of the time (the largest of 3 of 4 runs)"]
    assert gathered([["same"], ["same", "own"]]) == ["same (2 of 2 runs)", "own (1 of 2 runs)"]
    assert gathered([["lost a window (2 times)"]]) == ["lost a window (2 times)"]
    assert len(gathered([["read under /tmp/1"], ["read under /tmp/2"]])) == 2, "a number in a name is no amount"


def test_emissions_name_the_country_and_the_processor(own: Path) -> None:
    def of_a_processor(found: dict[str, Any], name: str) -> None:
        processor(found)
        found["carbon"] |= {"intensity_source": source_of("NL")}
        found["environment"] |= {"device": "cpu", "device_name": name, "platform": "Linux-6.1-x86_64-with-glibc2.36"}

    for name, model in (("AMD EPYC 9554", "AMD EPYC 9554"), ("x86_64", "")):
        findings = spoilt(own, lambda found, name=name: of_a_processor(found, name))  # type: ignore[misc]
        row = next(csv.DictReader(io.StringIO(emissions_text(findings))))
        assert (row["country_iso_code"], row["country_name"]) == ("NLD", "Netherlands")
        assert row["cpu_model"] == model, "an architecture is no model"


def test_every_country_of_the_table_has_a_code_and_a_name() -> None:
    assert COUNTRIES.keys() == INTENSITIES.keys()
    assert len({code for code, _ in COUNTRIES.values()}) == len(COUNTRIES)
    assert all(re.fullmatch("[A-Z]{3}", code) for code, _ in COUNTRIES.values())
    assert country_of(source_of("DE")) == ("DEU", "Germany")
    assert country_of("the program") is None


def test_what_is_not_known_of_the_environment_is_said_in_one_way(bench: Path) -> None:
    findings = bench_findings(bench)
    assert findings.environment["sgx"] is None
    assert "- sgx: not known" in texts.markdown(findings, [])
    assert "sgx not known" in Seen(html(findings)).text
    assert "sgx not known" in texts.latex(findings)
    assert "None" not in texts.markdown(findings, []) + texts.latex(findings) + texts.csv_text(findings)


def test_every_variant_says_its_rule(bench: Path) -> None:
    findings = bench_findings(bench)
    assert [entry.named for entry in findings.entries] == ["backprop", "base (mono_forward)"]
    mixed = replace(findings.entries[0], rules={"a": "mono_forward", "b": "mono_forward", "readout": "backprop"})
    assert mixed.named == "backprop (mono_forward + backprop)"
    assert [row[1] for row in grids.figures_grid(findings, "matched").rows] == ["backprop", "mono_forward"]
    against = grids.against_grid(findings, "matched")
    assert against is not None and against.rows[0][0] == "base (mono_forward)"
    for text in (Seen(html(findings)).text, texts.markdown(findings, []), texts.latex(findings)):
        assert re.search(r"base \(mono\\?_forward\)", text)
    rules = {row["variant"]: row["rule"] for row in csv.DictReader(io.StringIO(texts.csv_text(findings)))}
    assert rules == {"backprop": "backprop", "base": "mono_forward"}


def test_the_words_of_a_plot_write_accuracy_as_its_table_does(bench: Path) -> None:
    findings = bench_findings(bench)
    words = re.findall(r"<desc[^>]*>([^<]*)</desc>", html(findings))
    curve = next(one for one in words if one.startswith("Accuracy on validation by data pass"))
    assert re.search(r"base from \d+\.\d\d % after 1 pass to \d+\.\d\d % after 3 passes", curve)


def wide(findings: Findings) -> Findings:
    """Two runs so far apart that Student's interval reaches below nothing, and above all."""
    spread = {"accuracy": [0.7, 0.999], "joules": [1.0, 90.0], "time_s": [0.1, 9.0], "loss": [0.1, 2.0]}
    figures = {name: Figure({1: own[0], 2: own[1]}, summarise(own)) for name, own in spread.items()}
    return replace(
        findings,
        entries=tuple(replace(entry, figures={**entry.figures, **figures}) for entry in findings.entries),
    )


def test_no_interval_in_a_csv_holds_what_cannot_be(bench: Path) -> None:
    findings = wide(bench_findings(bench))
    joules = findings.entries[0].figures["joules"].summary
    assert joules is not None and joules.interval is not None
    assert joules.interval[0] < 0, "Student's own stays"
    assert BY_NAME["joules"].possible(joules) == (0.0, joules.interval[1])
    for row in csv.DictReader(io.StringIO(texts.csv_text(findings))):
        if row["low"]:
            assert float(row["low"]) >= 0
            assert row["metric"] != "accuracy" or float(row["high"]) <= 1


@pytest.mark.parametrize(("gain", "cost"), [("accuracy", "joules"), ("loss", "time_s")])
def test_no_plot_reaches_to_what_cannot_be(bench: Path, monkeypatch: pytest.MonkeyPatch, gain: str, cost: str) -> None:
    findings, seen = wide(bench_findings(bench)), []

    def drawn(draw: Callable[[Any], None], names: object, height: float = 0) -> str:
        axes = Canvas().subplots()
        draw(axes)
        seen.extend([axes.dataLim, axes.viewLim])
        return ""

    monkeypatch.setattr(plots, "_svg", drawn)
    plots.tradeoff(findings.of("matched"), gain, cost, (), plots.styles(findings.labels))
    found = series.curves(findings.of("matched"), [("train/loss", "loss in training")])
    assert found is not None
    low = {
        seed: tuple((at, value * 0.02**at) for at, value in points) for seed, points in found.curves[0].seeds.items()
    }
    curve = replace(found.curves[0], seeds=low, mean=low[1])
    plots.learning_curves(replace(found, curves=(curve,)), plots.styles(findings.labels))
    assert len(seen) == 4
    for box in seen:
        assert box.x0 >= 0
        assert box.y0 >= 0
    assert gain != "accuracy" or max(box.y1 for box in seen[:2]) <= 1


def test_controls_left_out_have_a_place_of_their_own_and_names_in_them_are_code(own: Path) -> None:
    doctored(own, lambda found: found.update(controls_left_out=["backprop: `backprop` is it"], strangers=["runs/x"]))
    text = html(bench_findings(own))
    before, _, after = text.partition("<h3>Controls left out</h3>")
    assert "runs/x is none of the runs asked for" in before
    assert "<li>backprop: <code>backprop</code> is it.</li>" in after
    shown = re.sub(r"<pre.*?</pre>|<style>.*?</style>", "", text, flags=re.DOTALL)
    assert "`" not in shown
    assert "## Controls left out" in texts.markdown(bench_findings(own), [])
    assert texts.latex_escaped("a `b_c` d") == r"a \texttt{b\_c} d"


def test_one_run_of_each_has_no_intervals_and_that_is_why(tmp_path: Path) -> None:
    findings = bench_findings(make_bench(tmp_path / "one", made_plan(("backprop", "base"), seeds=(1,))))
    text = Seen(html(findings)).text
    assert "One run of each: no intervals; n: runs that count" in text
    assert "ratios, or differences of accuracy, without intervals: one run of each is one pair." in text
    assert "(none)" not in text


def test_the_order_of_the_runs_is_on_the_page(bench: Path) -> None:
    table = json.loads((bench / "bench.json").read_text(encoding="utf-8"))
    text = html(bench_findings(bench))
    listed = text.partition("Planned order of the runs, first to last")[2].partition("</ol>")[0]
    assert re.findall(r"<li>([^,]*), begun 20", listed) == table["order"]


def test_csv_and_latex_say_where_and_with_what_warnings(bench: Path) -> None:
    findings = bench_findings(bench)
    for row in csv.DictReader(io.StringIO(texts.csv_text(findings))):
        assert (row["torch"], row["threads"], row["sgx"]) == ("2.13.0", "2", "")
        assert "2 seeds: intervals are wide" in row["warnings"]
    text = texts.latex(findings)
    assert "\n% torch: 2.13.0\n" in text
    assert "Environment: torch 2.13.0; device cuda; device name A100" in text


def test_a_page_is_read_without_a_mouse(own: Path) -> None:
    doctored(own, lambda found: found.update(strangers=["runs/x"], controls_left_out=["a: b"]))
    findings = spoilt(own, processor)
    for page in (html(findings), html(runs_findings(own / "runs" / "matched" / "base"))):
        seen = Seen(page)
        assert {tag for tag, _ in seen.elements} & {"button", "input", "select", "textarea", "iframe", "video"} == set()
        for tag, given in seen.elements:
            assert "title" not in given and not any(name.startswith("on") for name in given), "seen on hovering alone"
            if tag == "a":
                assert given.get("href", "").startswith("#")
            scrolls = tag == "pre" or given.get("class") == "scroll"
            assert scrolls == ("tabindex" in given), (
                "what scrolls is reached by the keyboard, and nothing else stops it"
            )
            if scrolls:
                assert (given["tabindex"], given["role"]) == ("0", "region")
                assert given["aria-label"]
        css = page.partition("<style>")[2].partition("</style>")[0]
        assert ":hover" not in css
        assert ":focus-visible" in css
        assert [rule.split("{")[0].split()[-1] for rule in css.split("}") if "overflow-x: auto" in rule] == [
            ".scroll",
            "pre",
        ]
        tags = [tag for tag, _ in seen.elements]
        assert {"header", "nav", "main", "h1"} <= set(tags)
        assert [given["lang"] for tag, given in seen.elements if tag == "html"] == ["en"]
        levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels)), "none is left out"
        first = next(given for tag, given in seen.elements if tag == "a")
        assert (first["class"], first["href"]) == ("skip", "#main")
        assert tags.count("details") == tags.count("summary")


def test_page_and_markdown_say_what_each_figure_is(bench: Path) -> None:
    findings = bench_findings(bench)
    page, text = Seen(html(findings)).text, texts.markdown(findings, [])
    shown = dict(grids.meanings(findings))
    assert {"accuracy", "time", "FLOPs"} <= shown.keys()
    for title, says in shown.items():
        assert says, title
        assert f"{says[0].upper()}{says[1:]}." in page
        assert texts.markdown_escaped(says) in text
    assert "no start, loading, validation, checkpoint or test" in shown["time"]
    assert "modelled" in shown["FLOPs"]
    assert "a first pair" in page, "and what was thrown away"
