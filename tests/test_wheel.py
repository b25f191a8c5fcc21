"""The wheel: what it holds, and that it works where there is nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lpc.version import VERSION

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built with the installed hatchling: no network, no second environment."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_is_pure_python_and_holds_grammar_templates_and_types(wheel: Path) -> None:
    assert wheel.name == f"lpc-{VERSION}-py3-none-any.whl"
    facts = f"lpc-{VERSION}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry_points = archive.read(f"{facts}/entry_points.txt").decode()
    templates = {path.relative_to(ROOT).as_posix() for path in (ROOT / "lpc").rglob("*.j2")}
    assert templates
    assert {"lpc/py.typed", "lpc/grammar/lp.lark", f"{facts}/licenses/LICENSE", *templates} <= names
    assert {name.split("/")[0] for name in names} == {"lpc", facts}
    assert "lpc = lpc.cli:main" in entry_points


CLAIMING = """network claiming
data x: f32[3], y: class[2] = synthetic
block hidden = x -> linear(4) -> tanh
block readout = hidden -> linear(2)
objective cross_entropy(readout, y)
learn all with backprop
train epochs = 1, batch = 8, optimizer = sgd(lr = 0.1)
variant tied { learn all with feedback_alignment(feedback = transpose) }
claim base = tied
claim base != tied
"""


def test_the_wheel_installs_and_works_in_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    """It compiles, and pytest finds the plug-in by the entry point of what was installed."""
    installed, empty = tmp_path / "installed", tmp_path / "empty"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(installed)]
    done = subprocess.run([*pip, str(wheel)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    empty.mkdir()
    (empty / "claiming.lp").write_text(CLAIMING, encoding="utf-8")
    (empty / "digits.lp").write_bytes((ROOT / "examples" / "digits.lp").read_bytes())
    environment = {**os.environ, "PYTHONPATH": str(installed)}

    def python(*arguments: str, status: int = 0) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=empty, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    assert Path(python("-c", "import lpc; print(lpc.__file__)").strip()).is_relative_to(installed)
    python("-m", "lpc", "compile", "digits.lp", "-o", "train.py")
    assert "class Network" in (empty / "train.py").read_text(encoding="utf-8")
    tested = python("-m", "pytest", "--lp", "-p", "no:cacheprovider", status=1)
    assert "1 failed, 1 passed" in tested
    assert "the two hold the same after every step" in tested
