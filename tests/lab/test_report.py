"""Reports of benches that nobody trained: what they say, that nothing in them is code, and what is left alone."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from lpc.lab import series, texts
from lpc.lab.bench_reading import bench_findings, newest_bench
from lpc.lab.emissions import COLUMNS, emissions_text
from lpc.lab.listings import differences, listings
from lpc.lab.results import Unreadable
from lpc.lab.run_reading import runs_findings
from tests.lab.made_bench import doctored, made_plan, make_bench, whole
from tests.lab.made_runs import CONVERGED, MATCHED
from tests.lab.pages import Seen, html

HOSTILE = "</title></style></svg></pre>\"'><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bench(tmp_path_factory.mktemp("bench") / "made")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A bench to be spoilt."""
    return make_bench(tmp_path / "made", made_plan(("backprop", "base")))


def test_a_page_has_the_table_its_verdicts_and_every_section(bench: Path) -> None:
    seen = Seen(html(bench_findings(bench)))
    for words in (
        "matched: 3 data passes each, shared out among training units",
        "slow (direct_feedback_alignment) against backprop (matched):",
        "more (worse)",
        "no difference shown",
        "3 seeds: intervals are wide",
        "Accuracy on validation by data pass, matched",
        "Accuracy against energy of training, matched",
        "Accuracy against time of training, matched",
        "Joules by phase, matched",
        "Joules by block, matched",
        "apportioned-flops",
        "All networks of a variant have one depth",
        "- learn layer, readout with backprop",
        "+ learn layer, readout with mono_forward(predict = last)",
        "layer_1 to readout by mono_forward.",
        "device name A100",
    ):
        assert words in seen.text, words


def test_a_page_needs_nothing_from_outside_and_no_script(bench: Path) -> None:
    text = html(bench_findings(bench))
    seen = Seen(text)
    assert "script" not in {tag for tag, _ in seen.elements}
    links = [v for _, own in seen.elements for k, v in own.items() if k in ("src", "href", "xlink:href", "action")]
    assert links
    assert [link for link in links if not link.startswith("#")] == []
    assert "@import" not in text
    assert set(re.findall(r"https?://[^\"' <]+", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }


def test_every_picture_has_words_and_ids_occur_once(bench: Path) -> None:
    seen = Seen(html(bench_findings(bench)))
    ids = [own["id"] for _, own in seen.elements if "id" in own]
    assert len(ids) == len(set(ids))
    drawn = [own for tag, own in seen.elements if tag == "svg"]
    assert len(drawn) == 6 + 3
    for own in drawn:
        assert own["role"] == "img"
        assert set(own["aria-labelledby"].split()) <= set(ids)
    inside = [v for _, own in seen.elements for k, v in own.items() if k in ("href", "xlink:href")]
    assert {link.removeprefix("#") for link in inside} <= set(ids)


def test_a_page_is_the_same_every_time(bench: Path) -> None:
    assert html(bench_findings(bench)) == html(bench_findings(bench))


def test_names_out_of_a_folder_are_never_code(own: Path) -> None:
    def spoil(found: dict[str, Any]) -> None:
        found["name"] = found["baseline"] = HOSTILE
        found["protocols"][0]["name"] = f"matched {HOSTILE}"
        found["protocols"][0]["says"] = HOSTILE
        for variant in found["variants"]:
            variant["protocol"] = f"matched {HOSTILE}"
            variant["label"] = HOSTILE if variant["label"] == "backprop" else f"_{HOSTILE}\x01$x_{{1}}"
            variant["file"] = variant["control"] = HOSTILE
        found["environment"][HOSTILE] = HOSTILE
        found["warnings"] = [{"about": HOSTILE, "text": HOSTILE}]
        found["strangers"] = [HOSTILE]
        found["refused"] = [{"arm": HOSTILE, "seed": 1, "folder": HOSTILE, "kind": HOSTILE, "why": HOSTILE}]

    doctored(own, spoil)
    for result in own.rglob("result.json"):
        found = json.loads(result.read_text(encoding="utf-8"))
        found["energy"]["blocks"] = {"method": HOSTILE, "joules": {HOSTILE: 1.0}}
        found["energy"]["notes"] = [HOSTILE]
        result.write_text(json.dumps(found), encoding="utf-8")
    findings = bench_findings(own)
    assert all(entry.runs for entry in findings.entries)
    seen = Seen(html(findings))
    assert {"script", "img"} & {tag for tag, _ in seen.elements} == set()
    assert [k for _, attributes in seen.elements for k in attributes if k.startswith("on")] == []
    assert seen.text.count("<script>alert(1)</script>") > 10
    for line in texts.markdown(findings, listings(findings.entries)).splitlines():
        assert "<script>" not in line
    assert "<script>" not in texts.latex(findings)


def test_a_program_that_does_not_compile_is_shown_as_text(own: Path) -> None:
    text = f"# {HOSTILE}\nnetwork made\n"
    from lpc.source import Source

    for result in own.rglob("result.json"):
        found = json.loads(result.read_text(encoding="utf-8"))
        found |= {"source": text, "source_sha256": Source("", text).sha256}
        result.write_text(json.dumps(found), encoding="utf-8")
    doctored(own, lambda found: [v.update(source_sha256=Source("", text).sha256) for v in found["variants"]])
    seen = Seen(html(bench_findings(own)))
    assert "Not drawn: this lpc does not compile it" in seen.text
    assert "script" not in {tag for tag, _ in seen.elements}


def test_what_is_foreign_or_half_written_is_named_and_not_drawn(own: Path) -> None:
    places = {name: own / "runs" / "matched" / name for name in ("base/1", "base/2", "base/3", "backprop/1")}
    (places["base/1"] / "result.json").write_text("{", encoding="utf-8")
    other = whole("base", 2)
    other["time"]["train_s"] += 1
    (places["base/2"] / "result.json").write_text(json.dumps(other), encoding="utf-8")
    swapped = {**whole("base", 3), "source": "network other\n"}
    (places["base/3"] / "result.json").write_text(json.dumps(swapped), encoding="utf-8")
    doctored(own, lambda found: found["variants"][0]["runs"].update({"1": "../../elsewhere"}))
    findings = bench_findings(own)
    said = "\n".join(findings.aside)
    assert "runs/matched/base/1: result.json is not whole" in said
    assert "runs/matched/base/2: it is not the run that the table counts, by its time" in said
    assert "runs/matched/base/3: its program's text is not the one that its hash is of" in said
    assert "../../elsewhere: it is not below this folder" in said
    assert {entry.label: list(entry.runs) for entry in findings.entries} == {"backprop": [2, 3], "base": []}
    assert "result.json is not whole" in Seen(html(findings)).text


@pytest.mark.parametrize(
    "spoil",
    [
        lambda found: found.update(schema_version=99),
        lambda found: found.pop("variants"),
        lambda found: found["variants"][0].pop("metrics"),
        lambda found: found["variants"][0]["metrics"]["time_s"].update(mean="long"),
        lambda found: found["variants"][0]["metrics"]["time_s"].update(mean=float("nan")),
        lambda found: found["variants"][1]["against"]["time_s"].update(verdict="better, trust me"),
        lambda found: found["variants"][1]["against"]["time_s"].update(interval=[1]),
        lambda found: found.update(margins={"time_s": "wide"}),
    ],
)
def test_a_table_that_is_not_as_it_must_be_is_refused(own: Path, spoil: Any) -> None:
    doctored(own, spoil)
    with pytest.raises(Unreadable, match=r"bench\.json"):
        bench_findings(own)


def test_depths_and_protocols_are_kept_apart(tmp_path: Path) -> None:
    labels = [f"deep{depth}:{variant}" for depth in (2, 4) for variant in ("backprop", "base")]
    folder = make_bench(tmp_path / "deep", made_plan(labels, seeds=(1, 2), protocols=(MATCHED, CONVERGED)))
    findings = bench_findings(folder)
    metric, found = series.memory_by_depth(findings.of("matched"))
    assert metric == "peak_allocated_bytes"
    assert {own.label: own.points for own in found} == {
        "backprop": ((3, 2 * 2.0**21), (5, 4 * 2.0**21)),
        "base": ((3, 2.0**21), (5, 2.0**21)),
    }
    seen = Seen(html(findings))
    assert "Peak memory by number of blocks, converged" in seen.text
    assert seen.text.count("not converged") >= 2


def test_means_go_as_far_as_all_runs_go(bench: Path) -> None:
    findings = bench_findings(bench)
    (entry, *_) = findings.entries
    first = next(iter(entry.runs))
    shorter = {
        seed: run if seed != first else type(run)(**{**vars(run), "log": run.log[:1]})
        for seed, run in entry.runs.items()
    }
    found = series.curves([type(entry)(**{**vars(entry), "runs": shorter})])
    assert found is not None
    assert [at for at, _ in found.curves[0].mean] == [1]
    assert found.key == "validation/accuracy"


def test_joules_of_phases_sum_to_what_was_measured(bench: Path) -> None:
    entries = bench_findings(bench).of("matched")
    for own, entry in zip(series.by_phase(entries), entries, strict=True):
        whole_runs = [run.whole["energy"]["totals"]["measured_joules"] for run in entry.runs.values()]
        assert sum(own.joules.values()) == pytest.approx(sum(whole_runs) / len(whole_runs))
        summary = entry.figures["joules"].summary
        assert summary is not None
        assert own.joules["train"] == pytest.approx(summary.mean)


def test_without_a_meter_nothing_is_drawn_and_the_reason_is_given(tmp_path: Path) -> None:
    findings = bench_findings(make_bench(tmp_path / "plain", made_plan(("backprop", "base")), measured=False))
    seen = Seen(html(findings))
    assert "No energy by phase or block: it was not measured." in seen.text
    assert "No energy: the program does not measure energy ." in seen.text
    assert "<code>measure energy</code>" in html(findings)
    assert "Accuracy against time of training" in seen.text
    assert "Accuracy against energy" not in seen.text


def test_one_run_and_a_folder_of_runs(bench: Path) -> None:
    place = bench / "runs" / "matched" / "base"
    one, three = runs_findings(place / "2"), runs_findings(place)
    assert [list(entry.runs) for entry in (one.entries[0], three.entries[0])] == [[2], [1, 2, 3]]
    assert any("one seed" in warned.text for warned in one.warnings)
    text = Seen(html(one)).text
    assert "made base, seed 2" in text
    assert "compared with nothing" in text
    assert "against" not in texts.markdown(three, []).partition("## ")[0].replace("Accuracy against", "")


def test_runs_of_several_programs_are_not_mixed(bench: Path, tmp_path: Path) -> None:
    for seed, label in ((1, "base"), (2, "base"), (3, "slow")):
        place = tmp_path / "mixed" / str(seed)
        place.mkdir(parents=True)
        (place / "result.json").write_text(json.dumps(whole(label, seed)), encoding="utf-8")
    found = runs_findings(tmp_path / "mixed")
    assert list(found.entries[0].runs) == [1, 2]
    assert found.aside == ("3: it is not of the program, variant and settings of the others",)


def test_programs_that_differ_in_their_length_alone_are_listed_once(tmp_path: Path) -> None:
    plan = made_plan(("backprop", "base"), seeds=(1,), protocols=(MATCHED, CONVERGED))
    listed = listings(bench_findings(make_bench(tmp_path / "both", plan)).entries)
    assert [(one.label, one.protocols) for one in listed] == [
        ("backprop", ("matched", "converged")),
        ("base", ("matched", "converged")),
    ]
    assert differences(listed[0], listed[0]) == []
    assert [kind for kind, _ in differences(listed[1], listed[0])].count("+") == 1


def test_csv_has_a_row_for_each_variant_and_metric(bench: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(texts.csv_text(bench_findings(bench)))))
    assert len(rows) == 3 * 11
    (time,) = (row for row in rows if (row["variant"], row["metric"]) == ("slow", "time_s"))
    table = json.loads((bench / "bench.json").read_text(encoding="utf-8"))
    against = next(one for one in table["variants"] if one["label"] == "slow")["against"]["time_s"]
    assert float(time["estimate"]) == against["estimate"]
    assert [float(time["estimate_low"]), float(time["estimate_high"])] == against["interval"]
    assert time["verdict"] == "more"


def test_csv_keeps_texts_texts(own: Path) -> None:
    doctored(own, lambda found: found["variants"][0].update(label="=HYPERLINK(1)", program="+1"))
    row = next(csv.DictReader(io.StringIO(texts.csv_text(bench_findings(own)))))
    assert (row["variant"], row["program"]) == ("'=HYPERLINK(1)", "'+1")


def test_json_holds_the_table_as_it_was_read(bench: Path) -> None:
    findings = bench_findings(bench)
    found = json.loads(texts.json_text(findings, listings(findings.entries)))
    assert found["bench"] == json.loads((bench / "bench.json").read_text(encoding="utf-8"))
    matched = found["protocols"]["matched"]
    assert set(matched["joules_by_block"]["base"]) == {"layer_1", "layer_2", "readout"}
    assert len(matched["curves"]["variants"]["base"]["1"]) == 3


def test_latex_and_markdown_escape(bench: Path) -> None:
    assert texts.latex_escaped("a_b & 5 % ×1.2 \\x") == r"a\_b \& 5 \% $\times$1.2 \textbackslash{}x"
    assert texts.markdown_escaped("a|b\n*c* <d>") == r"a\|b \*c\* \<d\>"
    text = texts.latex(bench_findings(bench))
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") > 3
    assert re.search(r"(?<!\\)%", text.partition("booktabs}")[2]) is None


def test_emissions_have_codecarbons_columns_and_nothing_made_up(bench: Path) -> None:
    findings = bench_findings(bench)
    rows = list(csv.DictReader(io.StringIO(emissions_text(findings))))
    assert len(COLUMNS) == 38 + 1
    assert len(rows) == 9
    row = next(row for row in rows if row["run_id"] == "runs/matched/base/2")
    run = next(entry for entry in findings.entries if entry.label == "base").runs[2]
    joules = run.whole["energy"]["totals"]["measured_joules"]
    assert float(row["energy_consumed"]) == pytest.approx(joules / 3.6e6)
    assert float(row["gpu_energy"]) == float(row["energy_consumed"])
    assert float(row["emissions"]) == pytest.approx(joules / 3.6e6 * 0.4)
    assert float(row["emissions_rate"]) == pytest.approx(float(row["emissions"]) / float(row["duration"]))
    assert row["lpc_sources"] == "gpu: nvml-counter"
    for unknown in (
        "cpu_energy",
        "ram_power",
        "water_consumed",
        "country_name",
        "longitude",
        "codecarbon_version",
        "wue",
    ):
        assert row[unknown] == ""


def test_emissions_of_what_was_not_measured_are_empty_never_nothing(tmp_path: Path) -> None:
    folder = make_bench(tmp_path / "plain", made_plan(("backprop", "base")), measured=False)
    for row in csv.DictReader(io.StringIO(emissions_text(bench_findings(folder)))):
        assert {row[name] for name in ("emissions", "energy_consumed", "gpu_energy", "gpu_power", "tracking_mode")} == {
            ""
        }
        assert row["lpc_sources"] == "none"


def test_the_newest_bench(tmp_path: Path) -> None:
    import os

    assert newest_bench(tmp_path) is None
    for at, name in enumerate(("b", "c", "a")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "bench.json").write_text("{}", encoding="utf-8")
        os.utime(tmp_path / name / "bench.json", (1000 + at, 1000 + at))
    (tmp_path / "unfinished").mkdir()
    assert newest_bench(tmp_path) == tmp_path / "a"
