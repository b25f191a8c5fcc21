"""`lpc check`: what it prints, in which form, with which exit status; and what bad input gets."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.running import BROKEN, SOUND, lpc


def test_a_sound_program(here: Path) -> None:
    done = lpc("check", "sound.lp")
    assert (done.status, done.err) == (0, "")
    assert done.out == "no errors in sound.lp and its variant backprop; `lpc run sound.lp` trains it\n"


def test_what_it_suggests_is_what_was_checked(here: Path) -> None:
    done = lpc("check", "sound.lp", "--variant", "backprop", "--set", "train.epochs=2")
    assert "; `lpc run sound.lp --variant backprop --set train.epochs=2` trains it" in done.out


def test_a_program_with_errors(here: Path) -> None:
    Path("broken.lp").write_text(BROKEN, encoding="utf-8")
    done = lpc("check", "broken.lp")
    assert (done.status, done.err) == (1, "")
    assert done.out.startswith("error[LP117]: there is no operation or function named `rleu`\n --> broken.lp:5:")
    assert done.last == "1 error in broken.lp; `lpc explain LP117` says more"


def test_a_place_can_be_opened_from_where_the_command_was_typed(here: Path) -> None:
    Path("nets").mkdir()
    Path("nets/broken.lp").write_text(BROKEN, encoding="utf-8")
    Path("nets/sound.lp").write_text(SOUND, encoding="utf-8")
    done = lpc("check", "nets/broken.lp")
    assert "\n --> nets/broken.lp:5:" in done.out
    assert done.last == "1 error in nets/broken.lp; `lpc explain LP117` says more"
    assert lpc("check", "nets/sound.lp").out.startswith("no errors in nets/sound.lp and")
    assert "\n --> nets/broken.lp:5:" in lpc("compile", "nets/broken.lp").err
    compiled = lpc("compile", "nets/sound.lp", "-o", "-")
    assert "nets/" not in compiled.out, "a script never names a folder of its maker"
    assert compiled.err == "wrote the script of nets/sound.lp to standard output\n"


def test_warnings_alone_are_no_failure(here: Path) -> None:
    Path("odd.lp").write_text(SOUND.replace("mono_forward", "mono_forward(lr = 50)"), encoding="utf-8")
    done = lpc("check", "odd.lp")
    assert done.status == 0
    assert done.out.startswith("warning[LP920]")


def test_several_programs_are_all_checked(here: Path) -> None:
    Path("broken.lp").write_text(BROKEN, encoding="utf-8")
    Path("sound2.lp").write_text(SOUND, encoding="utf-8")
    done = lpc("check", "sound.lp", "nowhere.lp", "broken.lp", "sound2.lp")
    assert done.status == 2
    assert done.err == "lpc check: cannot read nowhere.lp: no such file\n"
    assert "1 error in broken.lp" in done.out
    assert done.out.endswith("no errors in 2 programs\n")
    assert lpc("check", "sound.lp", "broken.lp").status == 1


def test_standard_input() -> None:
    assert lpc("check", "-", stdin=SOUND).out == "no errors in stdin.lp and its variant backprop\n"
    assert lpc("check", "-", stdin=BROKEN).status == 1


def test_one_variant_and_values_from_outside(here: Path) -> None:
    Path("half.lp").write_text(SOUND.replace("{ learn all with backprop }", "{ train batch = 0 }"), encoding="utf-8")
    assert lpc("check", "half.lp").status == 1
    assert lpc("check", "half.lp", "--variant", "base").status == 0
    assert lpc("check", "half.lp", "--variant", "backprop").status == 1
    assert lpc("check", "sound.lp", "--set", "train.batch=0").status == 1


def test_a_value_set_in_a_place_there_is_none_of_is_wrong_usage(here: Path) -> None:
    done = lpc("check", "sound.lp", "--set", "train.bacth=3")
    assert done.status == 2
    assert "error[LP141]" in done.out
    assert "did you mean `train.batch`?" in done.out


def test_forms_for_machines(here: Path) -> None:
    Path("broken.lp").write_text(BROKEN, encoding="utf-8")
    found = json.loads(lpc("check", "broken.lp", "sound.lp", "--format", "json").out)
    assert [(file["file"], len(file["diagnostics"])) for file in found["files"]] == [("broken.lp", 1), ("sound.lp", 0)]
    assert lpc("check", "broken.lp", "--format", "github").out.startswith("::error file=broken.lp,line=5,")
    sarif = json.loads(lpc("check", "broken.lp", "--format", "sarif").out)
    assert [result["ruleId"] for result in sarif["runs"][0]["results"]] == ["LP117"]
    assert lpc("check", "sound.lp", "--format", "github").out == ""


NESTED = SOUND.replace("linear(10)", "(" * 100_000 + "linear(10)" + ")" * 100_000)
ENDLESS = SOUND.replace("block", "def f(x) = f(x) + f(x)\nblock", 1).replace("linear(10)", "f -> linear(10)")
DOUBLING = "".join(f"def f{n}(x) = x -> f{n + 1} -> f{n + 1}\n" for n in range(40)) + "def f40(x) = x -> linear(10)\n"
BAD = {
    "empty": b"",
    "blank": b"\n\n   \n",
    "noise": bytes(range(256)) * 64,
    "zeros": b"\0" * 4096,
    "nested": NESTED.encode(),
    "chain": SOUND.replace("hidden[2]", "hidden[100000000]").encode(),
    "endless": ENDLESS.encode(),
    "doubling": SOUND.replace("linear(10)", "f0 -> linear(10)").replace("block", DOUBLING + "block", 1).encode(),
    "tabs": BROKEN.replace(" ", "\t").encode(),
    "crlf": BROKEN.replace("\n", "\r\n").encode(),
    "wide": BROKEN.replace("digits(", "数字(").encode(),
    "utf-16": SOUND.encode("utf-16"),
    "linear program": b"Minimize\n obj: x + y\nSubject To\n c1: x + 2 y >= 3\nEnd\n",
    "answer set": b"edge(1,2).\npath(X,Y) :- edge(X,Y).\n",
    "surrogates": SOUND.encode() + b"\xed\xa0\x80",
}


@pytest.mark.parametrize("text", BAD.values(), ids=list(BAD))
def test_bad_input_gets_a_diagnostic(text: bytes, here: Path) -> None:
    Path("bad.lp").write_bytes(text)
    done = lpc("check", "bad.lp")
    assert done.status == 1
    assert done.out.startswith("error[LP")


def test_a_foreign_language_is_named(here: Path) -> None:
    Path("bad.lp").write_bytes(BAD["linear program"])
    assert "linear program" in lpc("check", "bad.lp").out


@pytest.mark.skipif(not hasattr(os, "mkfifo") or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_must_not_be_read(here: Path) -> None:
    Path("sound.lp").chmod(0)
    assert lpc("check", "sound.lp").err == "lpc check: cannot read sound.lp: permission denied\n"
