"""The same diagnostics for machines."""

from __future__ import annotations

import json
from pathlib import Path

from lpc.diagnostics import Report
from lpc.report_formats import FORMATS, Findings, as_json, github, human, sarif
from lpc.source import Source
from lpc.syntax.parse import parse

TEXT = "network a\nblock 日 = x\nlearn all wiht f\ntrain a = 1, a = 2\nlet s = 'it%,:s'\n"


def findings() -> list[Findings]:
    report = Report()
    source = Source("a.lp", TEXT)
    parse(source, report)
    return [Findings(source, report.sorted(), "programs/a.lp"), Findings(Source("b.lp", "network b"), ())]


def test_json_tells_everything() -> None:
    first, second = json.loads(as_json(findings()))["files"]
    assert (first["file"], second["file"], second["diagnostics"]) == ("programs/a.lp", "b.lp", [])
    assert second["summary"] == "no errors in b.lp"
    by_code = {d["code"]: d for d in first["diagnostics"]}
    assert list(by_code) == ["LP018", "LP010", "LP032", "LP017"]
    word = by_code["LP010"]
    assert word["severity"] == "error"
    assert word["span"] == {"start": 32, "end": 36, "line": 3, "column": 11, "end_line": 3, "end_column": 15}
    assert word["edit"] == {"span": word["span"], "text": "with"}
    assert TEXT[word["span"]["start"] : word["span"]["end"]] == "wiht"
    (related,) = by_code["LP032"]["related"]
    assert (related["span"]["line"], related["label"]) == (4, "the first time")


def test_github_annotations_are_one_line_each_and_escaped() -> None:
    lines = github(findings()).splitlines()
    assert len(lines) == 4
    assert lines[1].startswith(
        "::error file=programs/a.lp,line=3,col=11,endLine=3,endColumn=15,title=LP010%3A expected"
    )
    assert "`%2C`" in lines[1].split("::")[1]
    assert lines[3].endswith('write `"it%25,:s"`')
    assert all(line.count("::") == 2 for line in lines)


def test_sarif_has_a_rule_for_each_result_and_the_fix() -> None:
    log = json.loads(sarif(findings()))
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["LP010", "LP017", "LP018", "LP032"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        location = result["locations"][0]["physicalLocation"]
        assert location["artifactLocation"]["uri"] == "programs/a.lp"
    fix = run["results"][1]["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert fix["deletedRegion"] == {"startLine": 3, "startColumn": 11, "endLine": 3, "endColumn": 15}
    assert fix["insertedContent"] == {"text": "with"}
    assert run["results"][2]["relatedLocations"][0]["message"] == {"text": "the first time"}
    assert run["columnKind"] == "unicodeCodePoints"


def test_human_is_what_the_terminal_shows() -> None:
    out = human(findings())
    assert out.startswith("error[LP018]: `日` is no part of the language\n")
    assert out.endswith("4 errors in programs/a.lp; `lpc explain LP018` says more\n")


def test_every_format_copes_with_bytes_that_are_no_text() -> None:
    report = Report()
    source = Source("a.lp", "network \udce9")
    parse(source, report)
    for made in FORMATS.values():
        assert made([Findings(source, report.diagnostics)]).encode("utf-8")


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    for name, made in FORMATS.items():
        assert made(findings()) == made(findings()), name
        assert str(tmp_path) not in made(findings())
