"""`lpc explain`: programs block by block, dumps, graphs, passes, and the stories of codes."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from lpc.cli.stories import catalogue
from lpc.passes.pipeline import PIPELINE
from tests.cli.running import BROKEN, ROOT, SOUND, lpc

EXAMPLES = sorted((ROOT / "examples").glob("*.lp"))
RESIDUAL = SOUND.replace(
    "block readout   = hidden -> linear(10)",
    "block side = image -> flatten -> linear(16)\nblock readout = concat(hidden, side, hidden[1]) -> linear(10)",
)


def test_block_by_block(here: Path) -> None:
    done = lpc("explain", "sound.lp")
    assert done.status == 0
    lines = done.out.splitlines()
    assert lines[0] == "sound (sound.lp)"
    head = next(line for line in lines if line.startswith("block "))
    assert head.split() == [
        "block",
        "line",
        "gives",
        "parameters",
        "learns",
        "by",
        "it",
        "adds",
        "flop",
        "moved",
        "state",
        "activations",
    ]
    first = lines[lines.index(head) + 1]
    assert first.startswith("hidden[1]     5  f32[16]       1 040  mono_forward      160 ")
    assert "mono_forward, named on line 10; gradients stop at the edge of each block" in " ".join(done.out.split())
    assert done.last == "`lpc compile sound.lp` writes the script, `lpc run` trains it"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_explained(path: Path, here: Path) -> None:
    done = lpc("explain", path)
    assert done.status == 0
    found = json.loads(lpc("explain", path, "--json").out)
    assert found["version"] == 1
    assert sum(block["parameters"] for block in found["blocks"]) == found["parameters"] > 0
    assert [name for stage in found["stages"] for name in stage] == [block["name"] for block in found["blocks"]]
    assert {name for region in found["regions"] for name in region["blocks"]} == {
        block["name"] for block in found["blocks"]
    }


def test_equal_blocks_of_a_chain_share_a_line(here: Path) -> None:
    out = lpc("explain", ROOT / "examples" / "deep.lp").out
    assert re.search(r"^layer\[2\.\.\d+\] each ", out, re.MULTILINE)
    assert len(re.findall(r"^layer\[", out, re.MULTILINE)) < 5


def test_stages_and_choices(here: Path) -> None:
    assert re.search(r"^stage  blocks ", lpc("explain", ROOT / "examples" / "deep.lp").out, re.MULTILINE)
    out = lpc("explain", ROOT / "examples" / "chosen.lp").out
    assert re.search(r"^`auto` chose for +from +time +energy +memory$", out, re.MULTILINE)
    assert "chosen by `auto` on line" in out
    assert re.search(r" 1\.000 .* chosen$", out, re.MULTILINE)


def test_variant_and_values_from_outside(here: Path) -> None:
    out = lpc("explain", "--variant", "backprop", "sound.lp", "--set", "train.batch=32").out
    assert out.startswith("sound (sound.lp, variant backprop)\n")
    assert "batch = 32" in out
    assert "trained as one: no gradient goes below hidden_1" in " ".join(out.split())


def test_errors_and_warnings_of_the_program(here: Path) -> None:
    Path("broken.lp").write_text(BROKEN, encoding="utf-8")
    done = lpc("explain", "broken.lp")
    assert (done.status, done.out) == (1, "")
    assert "error[LP117]" in done.err
    assert json.loads(lpc("explain", "broken.lp", "--json").out)["files"][0]["diagnostics"][0]["code"] == "LP117"
    assert lpc("explain", "broken.lp", "--format", "github").out.startswith("::error ")
    Path("odd.lp").write_text(SOUND.replace("mono_forward", "mono_forward(lr = 50)"), encoding="utf-8")
    assert lpc("explain", "odd.lp").err.startswith("warning[LP920]")
    assert json.loads(lpc("explain", "odd.lp", "--json").out)["diagnostics"][0]["code"] == "LP920"


@pytest.mark.parametrize("after", [step.name for step in PIPELINE])
def test_the_dump_behind_a_pass_compiles_to_the_same_script(after: str, here: Path) -> None:
    dump = lpc("explain", "sound.lp", "--after", after)
    assert (dump.status, dump.err) == (0, "")

    def script(name: str, text: str) -> str:
        Path(name).write_text(text, encoding="utf-8")
        out = lpc("compile", name, "-o", "-").out
        out = re.sub(r'^SOURCE = """\\\n.*?^"""$', "", out, flags=re.MULTILINE | re.DOTALL)
        return re.sub(r"sound\.lp:\d+|source_sha256=.*|# body sha256: .*", "", out)

    assert script("sound.lp", dump.out) == script("sound.lp", SOUND)
    assert lpc("compile", "-", "-o", "-", stdin=dump.out).status == 0


def test_a_pass_there_is_none_of(here: Path) -> None:
    done = lpc("explain", "sound.lp", "--after", "learnin")
    assert (done.status, done.err) == (2, "lpc: there is no pass `learnin`; did you mean `learning`?\n")


def test_passes_and_times(here: Path) -> None:
    out = lpc("explain", "--passes").out
    assert [f"{at}. {step.name}: " in out for at, step in enumerate(PIPELINE, start=1)] == [True] * len(PIPELINE)
    assert out.count("needs ") >= len(PIPELINE)
    times = lpc("explain", "sound.lp", "--time").out
    assert [line.split()[0] for line in times.splitlines()[1:]] == [
        "parse",
        *(step.name for step in PIPELINE),
        "print",
        "in",
    ]
    Path("broken.lp").write_text(BROKEN, encoding="utf-8")
    assert lpc("explain", "broken.lp", "--time").status == 1


def test_one_answer_at_a_time(here: Path) -> None:
    assert lpc("explain", "sound.lp", "--time", "--json").status == 2
    assert lpc("explain").err.startswith("lpc explain: name a program, or a code such as LP014")


def test_graphs_as_text(here: Path) -> None:
    Path("residual.lp").write_text(RESIDUAL, encoding="utf-8")
    assert lpc("explain", "residual.lp", "--graph", "mermaid").out == (
        "flowchart TD\n"
        '    b_image(["image<br/>f32[1, 8, 8]"])\n'
        '    b_hidden_1["hidden[1]<br/>f32[16]<br/>mono_forward"]\n'
        '    b_hidden_2["hidden[2]<br/>f32[16]<br/>mono_forward"]\n'
        '    b_side["side<br/>f32[16]<br/>mono_forward"]\n'
        '    b_readout["readout<br/>f32[10]<br/>mono_forward"]\n'
        "    b_image --> b_hidden_1\n"
        "    b_hidden_1 --> b_hidden_2\n"
        "    b_image --> b_side\n"
        "    b_hidden_2 --> b_readout\n"
        "    b_side --> b_readout\n"
        "    b_hidden_1 --> b_readout\n"
    )
    dot = lpc("explain", "residual.lp", "--graph", "dot").out
    assert dot.startswith('digraph "sound" {\n')
    assert '    "hidden_2" [label="hidden[2]\\nf32[16]\\nmono_forward"];\n' in dot
    assert '    "hidden_1" -> "readout";\n' in dot
    assert dot.count("{") == dot.count("}")
    staged = lpc("explain", ROOT / "examples" / "deep.lp", "--graph", "mermaid").out
    assert '    subgraph stage2["stage 2"]\n' in staged
    assert 'subgraph "cluster_2" {' in lpc("explain", ROOT / "examples" / "deep.lp", "--graph", "dot").out


SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("text", [RESIDUAL, SOUND.replace("hidden[2]", "hidden[40]")], ids=["residual", "chain"])
def test_the_picture_has_every_block_apart_from_the_others(text: str, here: Path) -> None:
    Path("p.lp").write_text(text, encoding="utf-8")
    done = lpc("explain", "p.lp", "--graph", "svg")
    assert done.out == lpc("explain", "p.lp", "--graph", "svg").out
    picture = ET.fromstring(done.out)  # noqa: S314 - our own text
    width, height = float(picture.attrib["width"]), float(picture.attrib["height"])
    boxes = [
        [float(rect.attrib[name]) for name in ("x", "y", "width", "height")]
        for rect in picture.findall(f"{SVG}rect")
        if "x" in rect.attrib
    ]
    found = json.loads(lpc("explain", "p.lp", "--json").out)
    assert len(boxes) == len(found["blocks"]) + 1
    assert len(picture.findall(f"{SVG}path")) == sum(len(block["inputs"]) for block in found["blocks"])
    for at, (x, y, w, h) in enumerate(boxes):
        assert 0 <= x < x + w <= width
        assert 0 <= y < y + h <= height
        assert all(x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y for x2, y2, w2, h2 in boxes[:at])
    for path in picture.findall(f"{SVG}path"):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", path.attrib["d"])]
        heights = [numbers[1], *numbers[7::6]]
        assert heights == sorted(heights), "arrows lead down"


def test_every_code_has_a_story() -> None:
    for code, kind in catalogue().items():
        done = lpc("explain", code.lower())
        assert done.status == 0
        assert done.out.startswith(f"{code}: ")
        assert f"({kind.severity})\n" in done.out
        if kind.bad:
            assert f"[{code}]: " in done.out, f"{code}: its bad program does not give it"
            assert "Mended:" in done.out


def test_a_code_there_is_none_of() -> None:
    assert lpc("explain", "LP0144").err.startswith("lpc: there is no code LP0144; did you mean LP014")


def test_a_code_that_is_retired() -> None:
    done = lpc("explain", "lp906")
    assert done.status == 0
    assert done.out == "LP906: retired\n\nIt warned that claims were not tested; `lpc verify` tests them.\n"
