"""Forward-Forward against its oracle."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings

from lpc.runtime.functions import goodness_gradient, goodness_loss
from lpc.runtime.random import RANDOM
from tests.rules.oracles import forward_forward as oracle
from tests.rules.oracles.forward_forward import Goodness, Predict
from tests.rules.oracles.network import Activation, Labels, OptimizerName
from tests.rules.running import Case, cases, check, exactly
from tests.rules.samples import ACTIVATIONS


def wrong_labels(case: Case) -> Sequence[Labels]:
    """What the generator `forward_forward/wrong_label/STEP` gives: an offset of 1 to C - 1 for each row, modulo C."""
    classes, found = case.sizes[-1], []
    with exactly():
        for step, (_, label) in enumerate(case.batches()):
            offset = RANDOM.integers(f"forward_forward/wrong_label/{step}", label.shape, 1, classes)
            found.append(((torch.tensor(label) + offset) % classes).numpy())
            assert not (found[-1] == label).any()
    return found


@pytest.mark.parametrize("predict", ["sweep", "head"])
@pytest.mark.parametrize("goodness", ["mean", "sum"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_learns_as_the_oracle_does(
    activation: Activation, optimizer: OptimizerName, goodness: Goodness, predict: Predict
) -> None:
    case = Case(activation=activation, optimizer=optimizer)
    rule = f"forward_forward(goodness = {goodness}, predict = {predict})"
    scoring = {"goodness": goodness, "predict": predict}
    check(case, rule, oracle.train, oracle.scores, {"wrong": wrong_labels(case), **scoring}, scoring)


@pytest.mark.parametrize("goodness", ["mean", "sum"])
def test_with_a_threshold(goodness: Goodness) -> None:
    rule = f"forward_forward(goodness = {goodness}, threshold = 0.7)"
    options = {"wrong": wrong_labels(Case()), "goodness": goodness, "threshold": 0.7}
    check(Case(), rule, oracle.train, oracle.scores, options, {"goodness": goodness})


@settings(max_examples=15)
@given(cases())
def test_on_networks_of_any_size(case: Case) -> None:
    check(case, "forward_forward", oracle.train, oracle.scores, {"wrong": wrong_labels(case)})


@pytest.mark.parametrize("height", [3.0, 22.0, 38.0, 45.0, 400.0])
def test_the_loss_and_its_gradient_agree_however_high_the_goodness(height: float) -> None:
    """Torch's softplus is a line beyond 20, whose slope is off by 2e-9 there."""
    hidden = torch.tensor([[0.5], [height**0.5]], dtype=torch.float64, requires_grad=True)
    loss = goodness_loss(hidden, 2.0, "mean")
    (slope,) = torch.autograd.grad(loss, hidden)
    expected = (math.log1p(math.exp(2 - 0.25)) + math.log1p(math.exp(2 - height)) + height - 2) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-14)
    torch.testing.assert_close(slope, goodness_gradient(hidden.detach(), 2.0, "mean"), rtol=1e-14, atol=0.0)
