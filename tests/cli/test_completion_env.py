"""`lpc completion` and `lpc env`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from lpc.cli import env as env_module
from lpc.cli.commands import COMMANDS
from lpc.cli.commands import lpc as group
from lpc.rules import registry
from lpc.version import VERSION
from tests.cli.running import lpc


def completed(*arguments: str, word: str = "") -> list[str]:
    complete = ShellComplete(group, {}, "lpc", "_LPC_COMPLETE")
    return [item.value for item in complete.get_completions(list(arguments), word)]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell(shell: str) -> None:
    done = lpc("completion", shell)
    assert (done.status, done.err) == (0, "")  # nothing beside it: a shell's start-up file evaluates it
    assert "_LPC_COMPLETE" in done.out


def test_a_shell_there_is_none_for() -> None:
    assert lpc("completion", "tcsh").status == 2


def test_what_is_completed(here: Path) -> None:
    assert completed() == list(COMMANDS)
    assert completed(word="co") == ["compile", "compare", "completion"]
    assert completed("check", word="--va") == ["--variant"]
    assert completed("compile", "sound.lp", "--variant") == ["base", "backprop"]
    assert completed("check", "sound.lp", "--variant", word="back") == ["backprop"]
    assert completed("compile", "nowhere.lp", "--variant") == []
    assert completed("rules") == [*registry.names(), "auto"]
    assert completed("ops", word="max") == ["max_pool"]
    assert completed("explain", "sound.lp", "--graph") == ["mermaid", "dot", "svg"]


def test_what_this_machine_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env_module, "shadowed", lambda: False)
    done = lpc("env")
    assert done.status == 0
    assert done.out.startswith(f"lpc       {VERSION}, language 1\npython    ")
    assert "\ntorch " in done.out
    assert "\nenergy " in done.out
    assert done.err == "`lpc new digits` writes a first program\n"
    found = json.loads(lpc("env", "--json").out)
    assert found["lpc"] == VERSION
    assert found["devices"][0]["name"] == "cpu"


def test_another_lpc_before_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: "/usr/sbin/lpc")
    assert env_module.shadowed()
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert not env_module.shadowed()
