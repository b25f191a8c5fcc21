"""`lpc compile`: where scripts go, what they are called, and what is never overwritten."""

from __future__ import annotations

import ast
import errno
import json
import os
from pathlib import Path

import pytest

from lpc.codegen.script import is_unedited
from tests.cli.running import BROKEN, SOUND, lpc


def test_a_script_beside_where_the_user_stands(here: Path) -> None:
    (here / "faraway").mkdir()
    Path("sound.lp").rename("faraway/sound.lp")
    done = lpc("compile", "faraway/sound.lp")
    assert (done.status, done.out) == (0, "")
    assert done.err == "wrote sound.py; `python sound.py` trains, `lpc explain faraway/sound.lp` says how\n"
    text = Path("sound.py").read_text(encoding="utf-8")
    assert is_unedited(text)
    ast.parse(text)
    assert "faraway" not in text


def test_variants_have_names_of_their_own(here: Path) -> None:
    assert lpc("compile", "sound.lp", "--variant", "backprop").err.startswith("wrote sound_backprop.py;")
    done = lpc("compile", "sound.lp", "--all-variants")
    assert done.err.startswith("wrote sound.py; sound_backprop.py is as before;")
    assert lpc("compile", "sound.lp", "--variant", "base", "-o", "-").out == Path("sound.py").read_text(
        encoding="utf-8"
    )


def test_the_same_bytes_whatever_the_hash_seed(here: Path) -> None:
    import subprocess
    import sys

    from tests.cli.running import ROOT

    texts = {
        subprocess.run(
            [sys.executable, "-m", "lpc", "compile", "sound.lp", "-o", "-"],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1
    assert texts.pop().decode() == lpc("compile", "sound.lp", "-o", "-").out


def test_what_is_unchanged_is_not_written_again(here: Path) -> None:
    lpc("compile", "sound.lp")
    os.utime("sound.py", (1, 1))
    assert lpc("compile", "sound.lp").err.startswith("sound.py is as before;")
    assert Path("sound.py").stat().st_mtime == 1


def test_a_generated_script_is_replaced_when_the_program_changes(here: Path) -> None:
    lpc("compile", "sound.lp")
    before = Path("sound.py").read_text(encoding="utf-8")
    assert lpc("compile", "sound.lp", "--set", "train.batch=32").status == 0
    assert Path("sound.py").read_text(encoding="utf-8") != before


def test_an_edited_script_is_never_overwritten_without_force(here: Path) -> None:
    lpc("compile", "sound.lp", "--all-variants")
    edited = (
        Path("sound_backprop.py").read_text(encoding="utf-8").replace("import torch\n", "import torch  # mine\n", 1)
    )
    Path("sound_backprop.py").write_text(edited, encoding="utf-8")
    before = Path("sound.py").read_bytes()
    done = lpc("compile", "sound.lp", "--all-variants", "--set", "train.batch=32")
    assert done.status == 2
    assert done.err == (
        "lpc: sound_backprop.py was edited since lpc wrote it (`lpc diff sound.lp --variant backprop sound_backprop.py` "
        "shows how); --force overwrites it\n"
    )
    assert Path("sound_backprop.py").read_text(encoding="utf-8") == edited
    assert Path("sound.py").read_bytes() == before
    assert lpc("compile", "sound.lp", "--variant", "backprop", "--force").status == 0
    assert is_unedited(Path("sound_backprop.py").read_text(encoding="utf-8"))


def test_a_file_of_somebody_elses_is_not_overwritten(here: Path) -> None:
    Path("sound.py").write_text("print('mine')\n", encoding="utf-8")
    done = lpc("compile", "sound.lp")
    assert (done.status, Path("sound.py").read_text(encoding="utf-8")) == (2, "print('mine')\n")
    assert done.err.startswith("lpc: sound.py is there already, and lpc did not write it; -o names another file")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("torch", "torch_train.py"),
        ("random", "random_train.py"),
        ("class", "class_train.py"),
        ("match", "match_train.py"),
        ("Json", "Json_train.py"),
        ("lpc", "lpc_train.py"),
        ("digits", "digits.py"),
    ],
)
def test_a_script_is_never_called_what_python_would_import(name: str, file: str, here: Path) -> None:
    Path("p.lp").write_text(SOUND.replace("network sound", f"network {name}"), encoding="utf-8")
    assert lpc("compile", "p.lp").err.startswith(f"wrote {file};")
    assert f"python {file} --help" in Path(file).read_text(encoding="utf-8")


def test_a_script_is_never_called_what_it_imports_of_the_users(here: Path) -> None:
    text = SOUND.replace("network sound", "network devices").replace(
        "-> relu", '-> opaque("devices:Cavity", out = [16])'
    )
    text = text.replace("learn all with mono_forward", "learn all with cascaded_forward")
    Path("p.lp").write_text(text.partition("variant")[0], encoding="utf-8")
    assert lpc("compile", "p.lp").err.startswith("wrote devices_train.py;")


@pytest.mark.parametrize("command", ["check", "explain", "fmt", "compile"])
def test_code_that_a_program_names_is_never_imported(command: str, here: Path) -> None:
    Path("devices.py").write_text("open('imported', 'w').close()\nclass Cavity: ...\n", encoding="utf-8")
    text = SOUND.replace("-> relu", '-> opaque("devices:Cavity", out = [16])')
    text = text.replace("learn all with mono_forward", "learn all with cascaded_forward")
    Path("p.lp").write_text(text.partition("variant")[0], encoding="utf-8")
    assert lpc(command, "p.lp").status == 0
    assert not Path("imported").exists()


def test_into_a_folder(here: Path) -> None:
    (here / "out").mkdir()
    assert lpc("compile", "sound.lp", "--all-variants", "-o", "out").status == 0
    assert sorted(path.name for path in (here / "out").iterdir()) == ["sound.py", "sound_backprop.py"]
    assert lpc("compile", "sound.lp", "-o", "out/").err.startswith(f"{Path('out/sound.py')} is as before;")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "nowhere/"], "lpc: there is no folder nowhere\n"),
        (["-o", "nowhere/x.py"], "lpc: cannot write nowhere/x.py: no such file or directory\n"),
        (["--all-variants", "-o", "x.py"], "lpc: x.py is no folder, and --all-variants writes several scripts\n"),
        (["--all-variants", "--variant", "base"], "lpc compile: --variant names one and --all-variants all of them"),
        (["--all-variants", "-o", "-"], "lpc compile: standard output (-o -) holds one script and nothing else"),
        (["--format", "json", "-o", "-"], "lpc compile: standard output (-o -) holds one script and nothing else"),
    ],
)
def test_places_that_will_not_do(arguments: list[str], said: str, here: Path) -> None:
    done = lpc("compile", "sound.lp", *arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(said)
    assert [path.name for path in here.iterdir()] == ["sound.lp"]


def test_a_full_disk_leaves_what_was_there(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lpc("compile", "sound.lp")
    before = Path("sound.py").read_bytes()

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    done = lpc("compile", "sound.lp", "--set", "train.batch=32")
    assert (done.status, done.err) == (2, "lpc: cannot write sound.py: no space left on device\n")
    assert Path("sound.py").read_bytes() == before
    assert sorted(path.name for path in here.iterdir()) == ["sound.lp", "sound.py"]


def test_a_device_is_written_to_and_stays_one(here: Path) -> None:
    assert lpc("compile", "sound.lp", "-o", os.devnull).status == 0
    assert not Path(os.devnull).is_file()


def test_errors_write_nothing(here: Path) -> None:
    Path("broken.lp").write_text(BROKEN, encoding="utf-8")
    done = lpc("compile", "broken.lp")
    assert (done.status, done.out) == (1, "")
    assert "error[LP117]" in done.err
    done = lpc("compile", "broken.lp", "--format", "json")
    assert json.loads(done.out)["files"][0]["diagnostics"][0]["code"] == "LP117"
    assert sorted(path.name for path in here.iterdir()) == ["broken.lp", "sound.lp"]


def test_warnings_are_printed_and_the_script_is_written(here: Path) -> None:
    Path("odd.lp").write_text(SOUND.replace("mono_forward", "mono_forward(lr = 50)"), encoding="utf-8")
    done = lpc("compile", "odd.lp")
    assert done.status == 0
    assert done.err.startswith("warning[LP920]")
    assert done.last.startswith("wrote sound.py;")


@pytest.mark.parametrize("name", ["csv.py", "torch.py"])
def test_a_script_hides_no_module(name: str, here: Path) -> None:
    done = lpc("compile", "sound.lp", "-o", name)
    assert done.status == 2
    assert f"{name} would hide Python's module `{name[:-3]}` from itself; -o {name[:-3]}_train.py would not" in done.err
    assert not Path(name).exists()
