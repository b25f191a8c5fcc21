"""From a `.lp` file to a trained network on real digits: each rule, each script as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import lpc

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
SMALL = """network small
data image, label = digits(validation = 20%)
block hidden1 = image   -> flatten -> linear(128) -> relu
block hidden2 = hidden1 -> linear(128) -> relu
block readout = hidden2 -> linear(10)
objective cross_entropy(readout, label)
learn all with RULE
train epochs = EPOCHS, batch = 64, optimizer = adam(lr = RATE), seed = 1
measure memory, flops
"""
KEYS = {
    "schema_version", "program", "variant", "seed", "source_sha256", "source", "lpc", "environment", "protocol", "rules",
    "train", "validation", "test", "time", "memory", "flops", "energy", "carbon", "blocks",
}  # fmt: skip


def train(text: str, folder: Path, *options: str, variant: str | None = None) -> dict[str, Any]:
    """Compile, run in an empty folder with nothing of lpc on the path, and read the result."""
    (folder / "train.py").write_text(lpc.compile(text, variant=variant).text, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-I", "train.py", "--out", "run", "--threads", "1", *options]
    done = subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads((folder / "run" / "result.json").read_text(encoding="utf-8"))
    return result


@pytest.mark.parametrize("variant", [None, "backprop"])
def test_the_first_example(variant: str | None, tmp_path: Path) -> None:
    text = (EXAMPLES / "digits.lp").read_text(encoding="utf-8")
    result = train(text, tmp_path, "--epochs", "15", variant=variant)
    assert set(result) >= KEYS
    assert result["validation"]["accuracy"] > 0.94
    assert result["test"] is None
    assert result["protocol"]["epochs_run"] == 15
    assert len((tmp_path / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()) == 15
    model = torch.load(tmp_path / "run" / "model.pt", weights_only=True)
    assert set(model) == {f"{b}.linear.{w}" for b in ("hidden1", "hidden2", "readout") for w in ("weight", "bias")}
    kept = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["parameters"]
    assert ("hidden1.mono_forward.projection" in kept) == (variant is None)


@pytest.mark.parametrize(
    ("rule", "epochs", "rate", "least"),
    [
        ("forward_forward", 40, "3e-3", 0.85),
        ("cascaded_forward", 20, "1e-2", 0.90),
        ("cascaded_forward(predictor = least_squares)", 1, "1e-3", 0.90),
        ("cascaded_forward(blocks = dfa)", 10, "3e-3", 0.90),
        ("direct_feedback_alignment", 20, "1e-3", 0.90),
        ("feedback_alignment", 20, "1e-3", 0.90),
        ("predictive_coding", 15, "1e-3", 0.92),
        ("predictive_coding(prediction = strict)", 15, "1e-3", 0.90),
        ("deep_supervision", 15, "1e-3", 0.92),
        ("random_features", 15, "3e-3", 0.85),
        ("mono_forward(predict = sum)", 15, "1e-3", 0.92),
    ],
)
def test_every_rule_learns(rule: str, epochs: int, rate: str, least: float, tmp_path: Path) -> None:
    text = SMALL.replace("RULE", rule).replace("EPOCHS", str(epochs)).replace("RATE", rate)
    assert train(text, tmp_path, "--quiet")["validation"]["accuracy"] > least


def test_the_network_can_be_imported(tmp_path: Path) -> None:
    train(SMALL.replace("RULE", "backprop").replace("EPOCHS", "1").replace("RATE", "1e-3"), tmp_path, "--quiet")
    text = (
        "import torch; from train import Network; net = Network();"
        "net.load_state_dict(torch.load('run/model.pt', weights_only=True));"
        "print(tuple(net(torch.rand(3, 1, 8, 8)).shape))"
    )
    done = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, text=True, capture_output=True, check=True)
    assert done.stdout.strip() == "(3, 10)"


def test_scripts_without_epochs_write_their_initial_state(tmp_path: Path) -> None:
    text = SMALL.replace("RULE", "direct_feedback_alignment").replace("EPOCHS", "5").replace("RATE", "1e-3")
    train(text, tmp_path, "--epochs", "0", "--quiet")
    kept = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["parameters"]
    assert kept["hidden1.direct_feedback_alignment.feedback"].shape == (10, 128)
    assert kept["hidden1.linear.weight"].abs().max() <= 64**-0.5
