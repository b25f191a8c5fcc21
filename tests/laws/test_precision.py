"""Programs in float32 and bfloat16 train through an epoch: the script's own run, data made up, every number finite."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from lpc.codegen.script import print_script
from lpc.laws.subject import MODES
from lpc.laws.validation import load_script
from lpc.rules import registry
from tests.laws.test_translation import HEAD, NETWORKS, TRAIN
from tests.laws.translation import compiled

RULES = [
    *registry.BUILT_IN,
    "mono_forward(predict = sum)",
    "cascaded_forward(predictor = least_squares)",
    "cascaded_forward(predictor = sparsemax, blocks = dfa)",
    "predictive_coding(prediction = strict, iterations = 3)",
    "forward_forward(predict = head)",
]


@pytest.mark.parametrize("precision", ["f32", "bf16"])
@pytest.mark.parametrize("rule", RULES)
def test_an_epoch_in_every_precision(rule: str, precision: str, tmp_path: Path) -> None:
    data, blocks = NETWORKS["images"]
    train = TRAIN.format(order="simultaneous").replace("f64", precision).replace("epochs = 2", "epochs = 1")
    text = HEAD.format(data=data, blocks=blocks, rule=rule) + train.replace("batch = 5", "batch = 6")
    program, report = compiled(text)
    if report.errors:  # a rule that nudges each example by itself
        program, report = compiled(text.replace("batch_norm", "group_norm(1)"))
    assert not report.errors
    for mode in MODES:
        text = print_script(program, mode).text
        out = tmp_path / mode.replace(" ", "_")
        script = load_script(text)
        before = torch.get_default_dtype()
        try:
            assert (
                script.main(script.TASK, ["--data", "synthetic", "--out", str(out), "--quiet", "--threads", "1"]) == 0
            )
        finally:
            torch.set_default_dtype(before)
        result = json.loads((out / "result.json").read_text())
        assert math.isfinite(result["validation"]["loss"])
        model = torch.load(out / "model.pt", weights_only=True)
        assert all(bool(tensor.isfinite().all()) for tensor in model.values())
        assert {tensor.dtype for tensor in model.values()} <= {torch.float32, torch.int64}
