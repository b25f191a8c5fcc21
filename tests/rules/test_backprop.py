"""Backpropagation against its oracle."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from tests.rules.oracles import backprop
from tests.rules.oracles.network import Activation, Loss, OptimizerName
from tests.rules.running import Case, cases, check
from tests.rules.samples import ACTIVATIONS, LOSSES


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_learns_as_the_oracle_does(activation: Activation, loss: Loss, optimizer: OptimizerName) -> None:
    case = Case(activation=activation, loss=loss, optimizer=optimizer)
    check(case, "backprop", backprop.train, backprop.scores, {"loss": loss})


@settings(max_examples=15)
@given(cases(LOSSES))
def test_on_networks_of_any_size(case: Case) -> None:
    check(case, "backprop", backprop.train, backprop.scores, {"loss": case.loss})
