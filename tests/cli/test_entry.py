"""What holds of every command: exit statuses, one line for wrong usage, help with an example, colours, bugs."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from lpc.cli import check as check_module
from lpc.cli.commands import COMMANDS
from lpc.cli.commands import lpc as group
from lpc.version import LANGUAGE, VERSION
from tests.cli.running import BROKEN, ROOT, SOUND, lpc
from tests.lab.made_bench import made_plan, make_bench
from tests.lab.made_runs import result

NAMES = list(COMMANDS)


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "lpc", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_version_is_that_of_lpc_and_of_the_language() -> None:
    assert lpc("--version").out == f"lpc {VERSION} (language {LANGUAGE})\n"


def test_help_lists_every_command_without_loading_one() -> None:
    loaded = "import sys; from lpc.cli.entry import run; run(['--help']); print([m for m in sys.modules if m.startswith('lpc.cli.')])"
    done = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True)
    assert all(f"  {name} " in done.stdout for name in NAMES)
    modules = set(re.findall(r"'lpc\.cli\.(\w+)'", done.stdout))
    assert modules == {"entry", "commands", "options", "refusal"}


def test_no_command_is_wrong_usage() -> None:
    done = lpc()
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("Usage: lpc")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chek"], "lpc: there is no command `chek`; did you mean `check`?"),
        (["qqqqqq"], "lpc: there is no command `qqqqqq`; lpc --help lists them"),
        (["sound.lp"], "lpc: what shall be done with sound.lp? `lpc check sound.lp`"),
        (["check", "--varaint", "x", "sound.lp"], "lpc check: there is no option --varaint; did you mean --variant?"),
        (["compile", "sound.lp", "--ouptut=x.py"], "lpc compile: there is no option --ouptut; did you mean --output?"),
        (["check"], "lpc check: missing argument 'FILE...'"),
        (["check", "--format", "xml", "sound.lp"], "lpc check: invalid value for '--format': 'xml' is not one of"),
        (["check", "sound.lp", "--variant"], "lpc: option '--variant' requires an argument"),
        (["check", "sound.lp", "--set", "width"], "lpc check: invalid value for '--set': `width`: write NAME=VALUE"),
        (
            ["compile", "sound.lp", "--variant", "bakprop"],
            "lpc: sound.lp has no variant `bakprop`; did you mean `backprop`?",
        ),
        (["compile", "sound.lp", "--variant", "xyz"], "lpc: sound.lp has no variant `xyz`; there are base, backprop"),
        (["check", "sond.lp"], "lpc check: cannot read sond.lp: no such file; did you mean sound.lp?"),
        (["explain", "."], "lpc: cannot read .: it is a folder; name its programs"),
    ],
)
def test_wrong_usage_is_one_line_with_the_nearest_name(arguments: list[str], said: str, here: Path) -> None:
    done = lpc(*arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(said)
    assert done.err.count("\n") == 1
    assert sorted(path.name for path in here.iterdir()) == ["sound.lp"]


@pytest.mark.parametrize("name", NAMES)
def test_help_ends_with_a_line_that_runs(name: str, here: Path) -> None:
    help_text = lpc(name, "--help").out
    example = re.search(r"Example: lpc (.+)\n*$", help_text)
    assert example, help_text
    if name in ("run", "env", "bench", "tune"):
        return  # those that load torch have tests of their own
    (here / "digits.lp").write_text(SOUND, encoding="utf-8")
    assert lpc("compile", "digits.lp", "-o", "train.py").status == 0
    if name == "new":
        (here / "digits.lp").unlink()
    if name == "compile":
        (here / "train.py").unlink()
    for folder in ("runs/digits-base-1", "runs/digits-wide-1") if name in ("show", "compare") else ():
        (here / folder).mkdir(parents=True)
        (here / folder / "result.json").write_text(json.dumps(result()), encoding="utf-8")
    if name == "report":
        make_bench(here / "bench" / "digits", made_plan(("base",), seeds=(1,)))
    assert lpc(*shlex.split(example[1])).status == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_option_says_what_it_does(name: str) -> None:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    assert command.help
    assert [option.name for option in command.params if isinstance(option, click.Option) and not option.help] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--variant", "backprop", "--set", "train.batch=32", "sound.lp", "-o", "-"],
        ["sound.lp", "-o", "-", "--set", "train.batch=32", "--variant=backprop"],
        ["-o-", "sound.lp", "--variant", "backprop", "--set=train.batch=32"],
    ],
)
def test_options_stand_in_any_order_before_and_after_the_file(arguments: list[str], here: Path) -> None:
    assert lpc("compile", *arguments) == lpc(
        "compile", "sound.lp", "--variant", "backprop", "--set", "train.batch=32", "-o", "-"
    )


def test_colour_where_it_is_asked_for_and_nowhere_else(here: Path) -> None:
    Path("broken.lp").write_text(BROKEN, encoding="utf-8")
    assert "\x1b[" not in lpc("check", "broken.lp").out
    assert "\x1b[" in lpc("check", "broken.lp", "--color", "always").out
    assert "\x1b[" in lpc("--color", "always", "check", "broken.lp").out
    assert "\x1b[" not in lpc("--color", "always", "check", "broken.lp", "--color", "never").out


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_a_terminal_gets_colour_unless_it_says_no(
    environment: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lpc.cli.options import colored

    class Terminal:
        def isatty(self) -> bool:
            return True

    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", Terminal())
    assert colored() is coloured


def fail(*_arguments: object) -> None:
    raise KeyError("what nobody foresaw")


def test_a_bug_says_so_and_what_to_report(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_module, "check", fail)
    done = lpc("check", "sound.lp", "--set", "a=b c")
    assert (done.status, done.out) == (3, "")
    first, *_ = lines = done.err.splitlines()
    assert first.startswith("lpc: a bug in lpc, not in your program: KeyError: 'what nobody foresaw' (")
    assert "  LPC_DEBUG=1 lpc check sound.lp --set 'a=b c'" in lines
    assert VERSION in lines[-1]


def test_a_pass_that_fails_is_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lpc.passes.bind.TARGET", None, raising=False)
    monkeypatch.setattr("lpc.ir.network.Network.build", fail)
    done = lpc("check", "sound.lp")
    assert done.status == 3
    assert "in the pass `bind`, KeyError: 'what nobody foresaw'" in done.err


def test_debugging_shows_the_traceback(here: Path) -> None:
    broken = """
import sys
import lpc.cli.check as module
from lpc.cli.entry import run

def fail(*_):
    raise KeyError("x")

module.check = fail
sys.exit(run(["check", "x.lp"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", broken],
        env={**os.environ, "PYTHONPATH": str(ROOT), "LPC_DEBUG": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "Traceback" in done.stderr


def test_interrupted(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(check_module, "check", interrupt)
    done = lpc("check", "sound.lp")
    assert (done.status, done.last) == (130, "lpc: interrupted")


def test_a_full_disk_behind_standard_output_is_named(here: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "lpc", "compile", "sound.lp", "-o", "-"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "lpc: no space left on device"


def test_a_reader_that_leaves_early_gets_no_traceback(here: Path) -> None:
    command = f"{shlex.quote(sys.executable)} -m lpc compile sound.lp -o - | head -n 1"
    done = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "# /// script\n"
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_terminal_without_unicode_shows_numbers_in_its_place(here: Path) -> None:
    Path("broken.lp").write_text(SOUND.replace("label", "数字", 1), encoding="utf-8")
    done = process("check", "broken.lp", PYTHONIOENCODING="latin-1")
    assert done.returncode == 1
    assert b"\\u6570" in done.stdout
    assert b"Traceback" not in done.stderr
