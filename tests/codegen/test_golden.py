"""What scripts look like: the part a program has of its own, for every example; and that all of a script keeps to the house's style."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import lpc
from lpc.diagnostics import Report
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.parse import parse

HERE = Path(__file__).parent
EXAMPLES = HERE.parent.parent / "examples"


def variants(path: Path) -> list[str | None]:
    """A program itself, and each of its variants."""
    file = parse(Source(path.name, path.read_text(encoding="utf-8")), Report())
    return [None, *(clause.name for clause in file.clauses if isinstance(clause, tree.Variant))]


PROGRAMS = sorted([*EXAMPLES.glob("*.lp"), *HERE.glob("*.lp")])
"""Examples, and programs here whose scripts have what no example's has."""
CASES = [(path, variant) for path in PROGRAMS for variant in variants(path)]


def script(path: Path, variant: str | None) -> str:
    return lpc.compile(path.read_text(encoding="utf-8"), name=path.name, variant=variant).text


def own_part(text: str) -> str:
    """The program's part: what stands before the runtime, and after it."""
    before, _, rest = text.partition("\n# -- ")
    after = rest.rpartition("\n# -- ")[2].partition("\n")[2]
    return f"{before.rstrip()}\n\n\n# ... the runtime, taken along as it stands in lpc/runtime ...\n{after}"


@pytest.mark.parametrize(("path", "variant"), CASES, ids=lambda value: getattr(value, "stem", str(value)))
def test_scripts_are_the_golden_ones(path: Path, variant: str | None, golden: Callable[[Path, str], None]) -> None:
    name = path.stem + (f"_{variant}" if variant else "")
    golden(HERE / "golden" / f"{name}.py.txt", own_part(script(path, variant)))


def test_all_scripts_keep_to_the_style(tmp_path: Path) -> None:
    for path, variant in CASES:
        (tmp_path / f"{path.stem}_{variant or 'base'}.py").write_text(script(path, variant), encoding="utf-8")
    options = ["--isolated", "--line-length=120"]
    for command in (["format", "--check", *options], ["check", *options, "--select=F,E,W,I,B,UP", "--ignore=E501"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, str(tmp_path)], text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_bytes_depend_on_the_program_alone(tmp_path: Path) -> None:
    """Other hash seeds, other folders, a copied file: the same bytes."""
    made = set()
    for number, seed in enumerate(("0", "1", "77")):
        folder = tmp_path / f"folder{number}"
        folder.mkdir()
        (folder / "fashion.lp").write_bytes((EXAMPLES / "fashion.lp").read_bytes())
        done = subprocess.run(
            [sys.executable, "-m", "lpc", "compile", "fashion.lp", "--variant", "mixed", "-o", "-"],
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(HERE.parent.parent)},
            capture_output=True,
            check=True,
        )
        made.add(done.stdout)
    assert len(made) == 1


def test_a_turn_names_the_rules_of_its_own_blocks() -> None:
    text = (EXAMPLES / "digits.lp").read_text(encoding="utf-8")
    text = re.sub(
        r"learn all with \S+", "learn hidden1, hidden2 with mono_forward\nlearn rest with backprop", text, count=1
    )
    text = text.replace("train ", "train order = sequential, ", 1)
    made = lpc.compile(text, name="digits.lp").text
    docs = {turn: made.partition(f"def train_{turn}_step(")[2].split('"""')[1] for turn in ("hidden1", "readout")}
    assert "Mono-Forward" in docs["hidden1"] and "Backpropagation" not in docs["hidden1"]
    assert "Backpropagation" in docs["readout"] and "Mono-Forward" not in docs["readout"]
