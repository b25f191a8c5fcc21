"""`lpc diff` and `lpc where`: scripts read back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lpc.cli.scripts import read_script
from lpc.cli.where import Origin, origin
from tests.cli.running import ROOT, SOUND, lpc


def test_no_difference(here: Path) -> None:
    lpc("compile", "sound.lp", "-o", "train.py", "--variant", "backprop", "--set", "train.batch=32")
    done = lpc("diff", "sound.lp", "train.py")
    assert (done.status, done.out) == (0, "")
    assert done.err == "train.py is what lpc writes for sound.lp --variant backprop --set train.batch=32\n"


def test_edits(here: Path) -> None:
    lpc("compile", "sound.lp", "-o", "train.py")
    text = Path("train.py").read_text(encoding="utf-8")
    Path("train.py").write_text(text.replace("import torch\n", "import torch  # mine\n", 1), encoding="utf-8")
    done = lpc("diff", "train.py", "sound.lp")
    assert done.status == 2  # the program comes first
    done = lpc("diff", "sound.lp", "train.py")
    assert done.status == 1
    assert done.out.startswith("--- lpc compile sound.lp\n+++ train.py\n@@ ")
    assert "-import torch\n+import torch  # mine\n" in done.out
    assert done.err == "train.py: 1 line added, 1 removed\n"
    assert "\x1b[32m+import torch  # mine\x1b[0m" in lpc("diff", "sound.lp", "train.py", "--color", "always").out


def test_another_text_than_it_was_compiled_from(here: Path) -> None:
    lpc("compile", "sound.lp", "-o", "train.py")
    Path("sound.lp").write_text(SOUND.replace("linear(16)", "linear(17)"), encoding="utf-8")
    done = lpc("diff", "sound.lp", "train.py")
    assert done.status == 1
    assert done.err.endswith("; sound.lp is not the text it was compiled from\n")


def test_errors_of_the_program_come_first(here: Path) -> None:
    lpc("compile", "sound.lp", "-o", "train.py")
    Path("sound.lp").write_text(SOUND.replace("relu", "rleu"), encoding="utf-8")
    done = lpc("diff", "sound.lp", "train.py")
    assert (done.status, done.out) == (1, "")
    assert "error[LP117]" in done.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "lpc: cannot read x.py: no such file or directory\n"),
        ("def f(:\n", "lpc: x.py is no script: it is not Python (line 1)\n"),
        ("x = 1\n", "lpc: x.py is no script of lpc's: it has no TASK\n"),
        ("(" * 10_000, "lpc: x.py is no script: it is not Python"),
    ],
)
def test_files_that_are_no_scripts(text: str | None, said: str, here: Path) -> None:
    if text is not None:
        Path("x.py").write_text(text, encoding="utf-8")
    for arguments in (["diff", "sound.lp", "x.py"], ["where", "x.py:1"]):
        done = lpc(*arguments)
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith(said)


def test_a_script_is_read_and_never_run(here: Path) -> None:
    lpc("compile", "sound.lp", "-o", "train.py")
    text = Path("train.py").read_text(encoding="utf-8")
    Path("train.py").write_text(f"open('run', 'w')\n{text}", encoding="utf-8")
    lpc("diff", "sound.lp", "train.py")
    lpc("where", "train.py:100")
    assert not Path("run").exists()


def places(program: str, *arguments: str) -> dict[str, Origin]:
    """The origin of each line of a program's script, by its text (of equal lines, the first)."""
    lpc("compile", ROOT / "examples" / program, "-o", "train.py", *arguments)
    script = read_script("train.py")
    return {line.strip(): origin(script, number) for number, line in reversed(list(enumerate(script.lines, start=1)))}


def block(found: Origin) -> tuple[str | None, str | None, int | None]:
    return found.block, found.rule, found.line


def test_lines_of_blocks(here: Path) -> None:
    at = places("digits.lp")
    hidden2 = ("hidden2", "mono_forward", 8)
    for line in (
        "class Hidden2(nn.Module):",
        "self.linear = nn.Linear(256, 256)",
        "self.hidden2 = Hidden2()  # digits.lp:8",
        "hidden2 = self.hidden2(hidden1)",
        "# hidden2 (digits.lp:8), mono_forward",
        "hidden2 = net.hidden2(hidden1.detach())",
        "block hidden2 = hidden1 -> linear(256) -> relu",
    ):
        wanted = (None, None, 8) if line.startswith("block ") else hidden2
        assert block(at[line]) == wanted, line
    assert at["hidden2 = net.hidden2(hidden1.detach())"].part == "`train_step`"
    assert at["hidden2 = net.hidden2(hidden1.detach())"].text == "block hidden2 = hidden1 -> linear(256) -> relu"


def test_lines_of_no_one_block(here: Path) -> None:
    at = places("digits.lp")
    for start in (
        "return torch.stack",
        "torch.autograd.backward",
        "def main(",
        "TASK = ",
        "import torch",
        "network=Network",
    ):
        line = next(line for line in at if line.startswith(start))
        assert block(at[line]) == (None, None, None), line
    assert at["def main(task: Task, arguments: Sequence[str] | None = None) -> int:"].part.startswith(
        "`main`, a part of the runtime"
    )


def test_lines_of_chains(here: Path) -> None:
    at = places("deep.lp")
    assert at["layer = net.layer_1(image)"].block == "layer[1]"
    assert at["layer = net.layer(k)(layer.detach())"].block == "layer[2..32]"
    assert at["self.layer_1 = Layer1()  # deep.lp:" + str(at["layer = net.layer_1(image)"].line)].block is not None
    assert at["readout = net.readout(layer.detach())"].block == "readout"


def test_every_line_of_every_example_has_an_answer(here: Path) -> None:
    for program in sorted(path.name for path in (ROOT / "examples").glob("*.lp")):
        lpc("compile", ROOT / "examples" / program, "-o", "train.py", "--force")
        script = read_script("train.py")
        lines = script.source.splitlines()
        found = [origin(script, number) for number in range(1, len(script.lines) + 1)]
        assert {name for one in found for name in (one.block or "").split(", ")} >= {
            "readout",
            "estimate",
            "decode",
        } & set(script.places)
        assert all(one.line is None or one.text == lines[one.line - 1] for one in found)


def test_where_as_a_command(here: Path) -> None:
    lpc("compile", ROOT / "examples" / "digits.lp", "-o", "train.py")
    text = Path("train.py").read_text(encoding="utf-8").split("\n")
    number = 1 + text.index("    hidden2 = net.hidden2(hidden1.detach())")
    done = lpc("where", f"train.py:{number}")
    assert done.out == (
        f"train.py:{number} is in `train_step`; it comes from block hidden2 (digits.lp:8), learned by mono_forward\n\n"
        "   8 | block hidden2 = hidden1 -> linear(256) -> relu\n"
    )
    assert lpc("where", "train.py", str(number)) == done
    found = json.loads(lpc("where", f"train.py:{number}", "--json").out)
    assert (found["block"], found["file"], found["line"]) == ("hidden2", "digits.lp", 8)
    assert (
        lpc("where", "train.py").status
        == lpc("where", "train.py:0").status
        == lpc("where", "train.py:99999").status
        == 2
    )
