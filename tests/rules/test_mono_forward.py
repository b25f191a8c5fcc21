"""Mono-Forward against its oracle, and on blocks that the oracle does not have: convolutions, labels at every position."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from tests.rules.oracles import mono_forward
from tests.rules.oracles.mono_forward import Predict
from tests.rules.oracles.network import Activation, Loss, OptimizerName
from tests.rules.running import Case, cases, check
from tests.rules.samples import ACTIVATIONS, LOSSES


@pytest.mark.parametrize("predict", ["last", "sum"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_learns_as_the_oracle_does(
    activation: Activation, loss: Loss, optimizer: OptimizerName, predict: Predict
) -> None:
    case = Case(activation=activation, loss=loss, optimizer=optimizer)
    rule = f"mono_forward(predict = {predict})"
    check(case, rule, mono_forward.train, mono_forward.scores, {"loss": loss}, {"predict": predict})


@settings(max_examples=15)
@given(cases(LOSSES))
def test_on_networks_of_any_size(case: Case) -> None:
    check(case, "mono_forward", mono_forward.train, mono_forward.scores, {"loss": case.loss})


def test_projections_are_drawn_as_a_linear_layer_is() -> None:
    case = Case(sizes=(7, 400, 3))
    found = check(case, "mono_forward", mono_forward.train, mono_forward.scores)
    projection = found.before["hidden1.mono_forward.projection"]
    assert projection.shape == (3, 400)
    assert 0.9 * 400**-0.5 < np.abs(projection).max() <= 400**-0.5
