"""Deep supervision against its oracle, and the oracle against differences of its sum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from tests.rules.oracles import deep_supervision as oracle
from tests.rules.oracles.network import Activation, Loss, OptimizerName
from tests.rules.running import Case, cases, check
from tests.rules.samples import ACTIVATIONS, LOSSES, batch, draw, numeric


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_learns_as_the_oracle_does(activation: Activation, loss: Loss, optimizer: OptimizerName) -> None:
    case = Case(activation=activation, loss=loss, optimizer=optimizer)
    check(case, "deep_supervision", oracle.train, oracle.scores, {"loss": loss})


@settings(max_examples=15)
@given(cases(LOSSES))
def test_on_networks_of_any_size(case: Case) -> None:
    options = {"loss": case.loss, "weight": 1.0}
    check(case, "deep_supervision(weight = 1.0)", oracle.train, oracle.scores, options)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_oracle_descends_the_sum(loss: Loss) -> None:
    params, layers = draw()
    for layer, width in (("hidden1", 6), ("hidden2", 5)):
        params[f"{layer}.deep_supervision.projection"] = np.random.default_rng(width).normal(size=(3, width))
    x, y = batch(loss=loss)
    found = oracle.gradients(params, x, y, layers, "tanh", loss, 0.7)
    assert sum("projection" in name for name in found) == 2
    for name, gradient in found.items():
        expected = numeric(
            lambda at, name=name: oracle.total(params | {name: at}, x, y, layers, "tanh", loss, 0.7),  # type: ignore[misc]
            params[name],
        )
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-8, err_msg=name)
