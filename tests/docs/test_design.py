"""The rule that docs/design.md adds from another package: it is found, described, compiled and trained without a line of lpc changing."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, blocks
from tests.docs.test_commands import environment

PROGRAM = """network example
data image, label = digits(validation = 20%)
block hidden = image -> flatten -> linear(32) -> relu
block readout = hidden -> linear(10)
objective cross_entropy(readout, label)
learn all with target_projection(scale = 0.1)
train epochs = 1, batch = 64
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder in which the page's package is installed, as far as Python can tell."""
    files = {block.marks["file"]: block.text for block in blocks(ROOT / "docs" / "design.md") if "file" in block.marks}
    project = tomllib.loads(files["pyproject.toml"])["project"]
    facts = tmp_path / f"{project['name']}-{project['version']}.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = [f"{name} = {value}\n" for name, value in project["entry-points"]["lpc.rules"].items()]
    (facts / "entry_points.txt").write_text("".join(["[lpc.rules]\n", *points]))
    (tmp_path / "projected.py").write_text(files["projected.py"], encoding="utf-8")
    (tmp_path / "example.lp").write_text(PROGRAM)
    return tmp_path


def test_the_rule_of_the_page_works(package: Path) -> None:
    surroundings = environment(package)

    def said(*arguments: str) -> str:
        command = [sys.executable, "-m", "lpc", *arguments]
        done = subprocess.run(command, cwd=package, env=surroundings, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "Frenkel" in said("rules", "target_projection")
    assert "target_projection.projection" in said("compile", "example.lp", "-o", "-")
    said("run", "example.lp", "--quiet")
    assert (package / "runs" / "example-base-1" / "result.json").exists()
