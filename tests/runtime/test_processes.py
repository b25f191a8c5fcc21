"""The script that stands alone, in processes of its own: killed and gone on with, imported."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.codegen.standing_alone import stand_alone

SAMPLE = Path(__file__).with_name("sample_digits.py")
QUICK = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with the runtime inlined, in a folder of its own."""
    path = tmp_path_factory.mktemp("script") / "train.py"
    path.write_text(stand_alone(SAMPLE.read_text()))
    return path


def start(script: Path, out: Path, *options: str, epochs: int = 40) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-I",
        script.name,
        "--data",
        "synthetic",
        "--epochs",
        str(epochs),
        "--out",
        str(out),
        *options,
    ]
    return subprocess.Popen(
        command, cwd=script.parent, env=QUICK, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finish(script: Path, out: Path, *options: str, epochs: int = 40) -> tuple[int, str]:
    process = start(script, out, *options, epochs=epochs)
    said = process.communicate()
    return process.returncode, said[0] + said[1]


def lines(out: Path) -> int:
    try:
        return (out / "log.jsonl").read_text().count("\n")
    except FileNotFoundError:
        return 0


def wait_for_lines(process: subprocess.Popen[str], out: Path, count: int) -> None:
    while lines(out) < count and process.poll() is None:
        time.sleep(0.002)


def parameters(out: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = torch.load(out / "checkpoint.pt", weights_only=True)["parameters"]
    return found


def assert_same(a: Path, b: Path) -> None:
    one, other = parameters(a), parameters(b)
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


@pytest.fixture(scope="module")
def whole(script: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    assert finish(script, out)[0] == 0
    return out


def test_killed_anywhere_it_goes_on_to_the_same_bits(script: Path, whole: Path, tmp_path: Path) -> None:
    out, chance = tmp_path / "run", random.Random(1)
    for _ in range(2):
        process = start(script, out, "--resume")
        wait_for_lines(process, out, lines(out) + 1 + chance.randrange(8))
        time.sleep(chance.random() * 0.01)
        process.kill()
        process.communicate()
        assert not (out / "result.json").exists()
    assert finish(script, out, "--resume")[0] == 0
    assert_same(whole, out)
    assert (out / "log.jsonl").read_text().count("\n") == 40


def test_the_script_can_be_imported(script: Path) -> None:
    code = "import torch, train; print(train.Network()(torch.zeros(2, 1, 8, 8)).shape)"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=script.parent, env=QUICK, text=True, capture_output=True, check=True
    )
    assert found.stdout == "torch.Size([2, 10])\n"
