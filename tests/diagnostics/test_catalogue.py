"""Every code there is: its `bad` program gives it, its `good` one no error, and what people see lies beside.

`LPxxx_name.lp` is the bad program and `LPxxx_name.txt` what lpc says of it, both made from the class:
`pytest tests/diagnostics --update-golden` writes them, and the diff is to be read.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import lpc
from lpc.diagnostics import CATALOGUE
from lpc.render import render_all
from lpc.source import Source

HERE = Path(__file__).parent
WITH_TORCH = ("lpc.runtime", "lpc.interpret", "lpc.laws", "lpc.lab", "lpc.__main__")
"""What declares no codes about programs, and is slow to import."""

for module in pkgutil.walk_packages(lpc.__path__, "lpc.", onerror=lambda name: None):
    if not module.name.startswith(WITH_TORCH):
        importlib.import_module(module.name)


def file_name(code: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", CATALOGUE[code].__name__).lower()
    return f"{code}_{words}"


SHOWN = sorted(code for code, kind in CATALOGUE.items() if kind.bad)


@pytest.mark.parametrize("code", SHOWN)
def test_bad_program_gives_the_code(code: str, golden: Callable[[Path, str], None]) -> None:
    kind = CATALOGUE[code]
    name = f"{file_name(code)}.lp"
    found = lpc.check(kind.bad, name).diagnostics
    assert code in [diagnostic.code for diagnostic in found], f"{kind.__name__}: {[d.code for d in found]}"
    golden(HERE / name, kind.bad)
    golden(HERE / f"{file_name(code)}.txt", render_all(found, Source(name, kind.bad)))


@pytest.mark.parametrize("code", SHOWN)
def test_good_program_gives_no_error(code: str) -> None:
    found = lpc.check(CATALOGUE[code].good, "good.lp").diagnostics
    assert [f"{d.code}: {d.title_text}" for d in found if d.severity == "error"] == []
    assert code not in [diagnostic.code for diagnostic in found]


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_a_diagnostic_tells_its_story(code: str) -> None:
    kind = CATALOGUE[code]
    assert len(kind.why().split()) >= 8, f"{kind.__name__} has no docstring that tells the long story"
    assert kind.title
    assert not kind.title.endswith(".")
    if not (kind.bad and kind.good):
        assert "no example" in kind.why().lower(), f"{kind.__name__} has neither examples nor a word of why"


def test_no_file_is_left_of_a_code_that_is_gone(request: pytest.FixtureRequest) -> None:
    expected = {f"{file_name(code)}{end}" for code in SHOWN for end in (".lp", ".txt")}
    left = [path for path in HERE.glob("LP*") if path.name not in expected]
    if request.config.getoption("--update-golden"):
        for path in left:
            path.unlink()
    assert [path.name for path in left if path.exists()] == []
