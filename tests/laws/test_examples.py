"""The scripts of all examples, their variants too, train as the interpreter does."""

from __future__ import annotations

from pathlib import Path

import pytest

import lpc
from lpc.laws.general import find, subjects, try_subject
from lpc.laws.subject import in_float64

NARROWER = {"cascade": {"conv(32": "conv(2", "conv(128": "conv(3", "conv(512": "conv(4"}}
"""Its closed form solves for up to 6 273 unknowns, three times in float64."""
EXAMPLES = sorted((Path(__file__).parents[2] / "examples").rglob("*.lp"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_scripts_train_as_the_interpreter_does(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for wide, narrow in NARROWER.get(path.stem, {}).items():
        text = text.replace(wide, narrow)
    programs = lpc.check(text, path.name).programs
    assert programs
    for program in programs.values():
        (subject,) = subjects(in_float64(program), seeds=(1,))
        tried = try_subject(find("script = interpreter"), subject)
        assert tried.broken is None, str(tried.broken)
        assert tried.examples == 1
