"""What docs/script.md promises of scripts: options, and results that fit the published schema and hold nothing it does not know."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from jsonschema import Draft202012Validator

import lpc
from docs.generate.result import inside, resolved
from lpc.runtime.carbon import carbon
from lpc.runtime.meter import open_meter
from lpc.runtime.options import read_options
from tests.docs.blocks import ROOT
from tests.runtime.fake_meters import FakeBoard, fake_machine

PAGE = (ROOT / "docs" / "script.md").read_text(encoding="utf-8")
SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "result.schema.json").read_text(encoding="utf-8"))
RESULT = Draft202012Validator(SCHEMA)

DIGITS = """network digits
data image, label = digits(validation = 20%, standardise = true)
block hidden = image -> flatten -> linear(16) -> relu
block readout = hidden -> linear(10)
objective cross_entropy(readout, label)
learn all with {rule}
train {train}, batch = 32
measure energy, memory, carbon(intensity = 385)
"""
PROGRAMS = {
    "plain": DIGITS.format(rule="mono_forward", train="epochs = 1"),
    "in_turn": DIGITS.format(rule="mono_forward", train="epochs = 2, order = sequential, patience = 1"),
    "solved": DIGITS.format(rule="cascaded_forward(predictor = least_squares)", train="epochs = 1"),
    "by_steps": DIGITS.format(rule="forward_forward", train="steps = 3"),
    "estimated": DIGITS.format(rule="mono_forward", train="epochs = 1").replace(
        "energy, memory, carbon(intensity = 385)",
        "energy(estimate = flops(pj_per_flop = 1.2, idle = 55W)), carbon(country = NL)",
    ),
    "table": """network table
data features: f32[2], price: f32[1] = csv("table.csv", validation = 20%, test = 20%)
block estimate = features -> linear(1)
objective mse(estimate, price)
learn all with backprop
train epochs = 1, batch = all
""",
    "words": """network words
data tokens, next = text("words.txt", context = 4)
block embed = tokens -> embedding(8)
block head = embed -> linear(classes(next))
objective cross_entropy(head, next)
learn all with backprop
train epochs = 1, batch = 8
""",
}
FILES = {
    "table.csv": "a,b,price\n" + "".join(f"{i},{i % 3},{2 * i}\n" for i in range(20)),
    "words.txt": "to be or not to be\n" * 9,
}
RUN = """import importlib, sys
for name in sys.argv[1:]:
    script = importlib.import_module(name)
    script.main(script.TASK, ["--data", ".", "--limit", "64", "--quiet", "--out", "runs/" + name])
script.main(script.TASK, ["--data", ".", "--epochs", "0", "--quiet", "--out", "runs/untrained"])
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What scripts of different kinds left, by name."""
    folder = tmp_path_factory.mktemp("runs")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    for name, program in PROGRAMS.items():
        (folder / f"by_{name}.py").write_text(lpc.compile(program, f"{name}.lp").text, encoding="utf-8")
    command = [sys.executable, "-c", RUN, *(f"by_{name}" for name in PROGRAMS)]
    subprocess.run(command, cwd=folder, check=True, timeout=60)
    found = sorted(folder.glob("runs/*/result.json"))
    return {path.parent.name.removeprefix("by_"): json.loads(path.read_text()) for path in found}


def misfits(value: Any, schema: Mapping[str, Any] = SCHEMA) -> list[str]:
    found = Draft202012Validator({**schema, "$defs": SCHEMA["$defs"]}).iter_errors(value)
    return [f"{error.json_path}: {error.message}" for error in found]


def unknown(value: Any, node: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Keys that the schema does not describe."""
    node = inside(SCHEMA, resolved(SCHEMA, node))
    if isinstance(value, list):
        for one in value:
            yield from unknown(one, node, f"{path}[]")
    elif isinstance(value, dict):
        for key, inner in value.items():
            more = node.get("additionalProperties")
            named = any(re.search(name, key) for name in node.get("patternProperties", {}))
            if key in node.get("properties", {}):
                yield from unknown(inner, node["properties"][key], f"{path}.{key}")
            elif isinstance(more, Mapping):
                yield from unknown(inner, more, f"{path}.{key}")
            elif not named and path != ".energy.conditions":
                yield f"{path}.{key}"


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_results_fit_the_schema(results: dict[str, Any]) -> None:
    assert results.keys() == {*PROGRAMS, "untrained"}
    assert {name: found for name, result in results.items() if (found := misfits(result))} == {}


def test_an_estimate_is_beside_what_is_measured_and_in_no_sum(results: dict[str, Any]) -> None:
    energy = results["estimated"]["energy"]
    *measured, model = energy["domains"]
    assert model["source"] == "estimate:flops"
    known = [found["joules"] for found in measured if found["joules"] is not None]
    assert energy["totals"]["measured_joules"] == (pytest.approx(sum(known)) if known else None)
    seconds, flops = energy["totals"]["window_s"], results["estimated"]["flops"]["total"]
    assert energy["totals"]["estimated_joules"] == pytest.approx(55.0 * seconds + 1.2e-12 * flops)
    assert results["plain"]["energy"]["totals"]["estimated_joules"] is None


def test_results_hold_nothing_else(results: dict[str, Any]) -> None:
    assert {name: found for name, result in results.items() if (found := list(unknown(result, SCHEMA)))} == {}


def test_a_result_that_does_not_fit_is_refused(results: dict[str, Any]) -> None:
    found = results["plain"]
    assert misfits({key: value for key, value in found.items() if key != "time"})
    assert misfits({**found, "schema_version": 2})
    assert list(unknown({**found, "more": 1}, SCHEMA)) == [".more"]
    wrong = copy.deepcopy(found)
    wrong["validation"]["accuracy"] = 97.0
    assert misfits(wrong)


def test_what_a_meter_measures_fits_the_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = fake_machine(tmp_path, monkeypatch)
    machine.install(FakeBoard("GPU-a"))
    machine.powercap.add("intel-rapl:0", "package-0", watts=80.0)
    meter = open_meter(torch.device("cuda", 0), 5.0, machine.powercap.root)
    meter.enter("train")
    machine.time.sleep(20.0)
    meter.close()
    energy, schema = meter.result(), {"$ref": "#/$defs/energy"}
    assert misfits(energy, schema) == [] and list(unknown(energy, schema, ".energy")) == []
    assert energy["totals"]["measured_joules"] > 0 and energy["domains"][0]["net_joules"] is not None
    grams = carbon(energy["totals"]["measured_joules"], 385.0, 1.2)
    assert misfits(grams, {"$ref": "#/$defs/carbon"}) == [] and list(unknown(grams, {"$ref": "#/$defs/carbon"})) == []


def test_options_are_those_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_options("digits-base", 1, ["--help"])
    options = set(re.findall(r"--[a-z]+", capsys.readouterr().out.partition("options:")[2])) - {"--help"}
    table = PAGE.partition("## Options")[2].partition("## ")[0]
    assert set(re.findall(r"^\| `(--[a-z]+)", table, re.MULTILINE)) == options
