"""`lpc run`: the script in the run's folder, its options, its exit status, and what is refused before anything runs."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lpc.cli import run as run_module
from lpc.cli.run import LEFT, OF_THE_SCRIPT
from tests.cli.running import BROKEN, ROOT, SOUND, lpc

OPAQUE = (
    SOUND.partition("variant")[0]
    .replace("-> relu", '-> opaque("devices:Cavity", out = [16])')
    .replace("learn all with mono_forward", "learn all with cascaded_forward")
)


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`lpc run` as a process: its script has standard output and standard error to itself."""
    return subprocess.run(
        [sys.executable, "-m", "lpc", "run", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
def test_a_run_and_what_it_leaves(here: Path) -> None:
    done = process("--epochs", "1", "sound.lp", "--limit", "100", "--seed", "3")
    assert done.returncode == 0, done.stderr
    folder = here / "runs" / "sound-base-3"
    assert sorted(path.name for path in folder.iterdir()) == sorted([*LEFT, "train.py"])
    assert (folder / "train.py").read_text(encoding="utf-8") == lpc("compile", "sound.lp", "-o", "-").out
    assert json.loads((folder / "result.json").read_text(encoding="utf-8"))["seed"] == 3
    assert str(Path("runs/sound-base-3/result.json")) in done.stdout
    assert done.stderr.splitlines()[-1] == "`lpc run sound.lp --variant backprop` trains the same network another way"

    again = lpc("run", "sound.lp", "--seed", "3")
    assert again.status == 2
    assert again.err == (
        f"lpc: {Path('runs/sound-base-3')} holds an earlier run (result.json): --resume goes on, --overwrite starts again, "
        "--out DIR goes elsewhere\n"
    )
    other = lpc("run", "sound.lp", "--seed", "3", "--resume", "--set", "train.batch=32")
    assert other.status == 2
    assert "holds the run of another script" in other.err

    more = process("sound.lp", "--resume", "--epochs", "2", "--limit", "100", "--seed", "3", "--json")
    assert more.returncode == 0, more.stderr
    assert json.loads(more.stdout)["protocol"]["epochs_run"] == 2

    script = folder / "train.py"
    script.write_text(script.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    edited = lpc("run", "sound.lp", "--seed", "3", "--overwrite")
    assert edited.status == 2
    assert "was edited: `python " in edited.err
    assert script.read_text(encoding="utf-8").endswith("# mine\n")


def test_data_that_are_missing_leave_nothing_behind(here: Path) -> None:
    Path("sound.lp").write_text(SOUND.replace("digits(", "mnist("), encoding="utf-8")
    done = process("sound.lp")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "train-images" in done.stderr
    assert not (here / "runs").exists()

    (here / "mine").mkdir()
    assert lpc("compile", "sound.lp", "-o", "mine/train.py").status == 0
    assert process("sound.lp", "--out", "mine").returncode == 2
    assert [path.name for path in (here / "mine").iterdir()] == ["train.py"]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, str]]]:
    """What would have been started, in place of starting it."""
    calls: list[tuple[list[str], dict[str, str]]] = []

    def note(arguments: list[str], environment: dict[str, str]) -> int:
        calls.append((arguments, dict(environment)))
        return 0

    monkeypatch.setattr(run_module, "execute", note)
    return calls


def test_every_option_of_a_script_is_passed_on(here: Path, started: list[tuple[list[str], dict[str, str]]]) -> None:
    options = [
        "--data",
        "synthetic",
        "--device",
        "cpu",
        "--epochs",
        "0",
        "--seed",
        "0",
        "--limit",
        "10",
        "--threads",
        "1",
        "--idle",
        "2",
    ]
    flags = ["--overwrite", "--no-test", "--download", "--quiet", "--json"]
    assert lpc("run", *options, "sound.lp", *flags, "--out", "x/y").status == 0
    assert lpc("run", "sound.lp", "--steps", "7", "--resume").status == 0
    (first, _), (second, _) = started
    assert first == [str(Path("x/y/train.py")), "--out", str(Path("x/y")), *options, *flags]
    assert second[1:] == ["--out", str(Path("runs/sound-base-1")), "--steps", "7", "--resume"]
    given = {part for call in (first, second) for part in call if part.startswith("--")}
    assert given == {*OF_THE_SCRIPT, "--out"}


def test_these_are_the_options_that_scripts_have() -> None:
    tree = ast.parse((ROOT / "lpc" / "runtime" / "options.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    names = {str(call.args[0].value) for call in calls if isinstance(call.args[0], ast.Constant)}
    assert {name for name in names if name.startswith("--") and " " not in name} == {*OF_THE_SCRIPT, "--out"}
    results = ast.parse((ROOT / "lpc" / "runtime" / "results.py").read_text(encoding="utf-8"))
    left = next(n.value for n in results.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "LEFT")
    assert ast.literal_eval(left) == LEFT


def test_code_of_ones_own_needs_leave(here: Path, started: list[tuple[list[str], dict[str, str]]]) -> None:
    Path("own.lp").write_text(OPAQUE, encoding="utf-8")
    done = lpc("run", "own.lp")
    assert done.status == 2
    assert done.err == (
        "lpc: own.lp names code that the script would import and run (devices:Cavity); --allow-opaque lets it\n"
    )
    assert not Path("runs").exists()
    assert lpc("run", "own.lp", "--allow-opaque").status == 0
    assert started[0][1]["PYTHONPATH"].split(os.pathsep)[0] == str(here)
    assert lpc("run", "sound.lp").status == 0
    assert started[1][1].get("PYTHONPATH") == os.environ.get("PYTHONPATH")


def test_without_torch(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "find_spec", lambda name: None if name == "torch" else object())
    done = lpc("run", "sound.lp")
    assert (done.status, done.err) == (2, "lpc: training needs torch: pip install 'lpc[run]'\n")
    assert not Path("runs").exists()


def test_errors_of_the_program_start_nothing(here: Path, started: list[tuple[list[str], dict[str, str]]]) -> None:
    Path("broken.lp").write_text(BROKEN, encoding="utf-8")
    assert lpc("run", "broken.lp").status == 1
    assert lpc("run", "-", "--variant", "nope", stdin=SOUND).status == 2
    assert started == []
    assert not Path("runs").exists()


def test_folders_that_will_not_do(here: Path, started: list[tuple[list[str], dict[str, str]]]) -> None:
    Path("file").write_text("", encoding="utf-8")
    assert lpc("run", "sound.lp", "--out", "file").err == "lpc: cannot make the folder file: file exists\n"
    assert lpc("run", "sound.lp", "--out", "file/x").err == "lpc: cannot make the folder file/x: not a directory\n"
    (here / "mine").mkdir()
    Path("mine/train.py").write_text("print('mine')\n", encoding="utf-8")
    assert "was edited" in lpc("run", "sound.lp", "--out", "mine").err
    assert started == []


WAITS = """
import pathlib, signal, sys, time
def stop(number, frame):
    pathlib.Path("told").write_text(str(number))
    sys.exit(128 + number)
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
pathlib.Path("ready").touch()
time.sleep(30)
"""
HARNESS = "import os, sys; from lpc.cli.process import execute; sys.exit(execute(['script.py'], os.environ))"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_the_scripts_to_deal_with(number: signal.Signals, here: Path) -> None:
    Path("script.py").write_text(WAITS, encoding="utf-8")
    parent = subprocess.Popen(
        [sys.executable, "-c", HARNESS], env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 20
        while not Path("ready").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        parent.send_signal(number)
        assert parent.wait(20) == 128 + number
    finally:
        parent.kill()
    assert Path("told").read_text(encoding="utf-8") == str(int(number))


def test_the_exit_status_is_passed_on(here: Path) -> None:
    for code, text in ((1, "import sys; sys.exit(1)"), (137, "import os; os.kill(os.getpid(), 9)")):
        Path("script.py").write_text(text, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-c", HARNESS],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
            capture_output=True,
        )
        assert done.returncode == code


@pytest.mark.slow
def test_torch_warns_of_nothing_in_bf16(here: Path) -> None:
    """Its RMS norm is not fused where input and weight have different types, which no user can help."""
    text = (
        (here / "sound.lp").read_text().replace("-> relu", "-> rms_norm").replace("train ", "train precision = bf16, ")
    )
    (here / "narrow.lp").write_text(text)
    done = process("narrow.lp", "--epochs", "1", "--limit", "100", "--quiet")
    assert (done.returncode, "Warning" in done.stderr) == (0, False), done.stderr
