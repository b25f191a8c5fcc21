"""Predictive coding against its oracle."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from tests.rules.oracles import predictive_coding as oracle
from tests.rules.oracles.network import Activation, Loss, OptimizerName
from tests.rules.oracles.predictive_coding import Prediction
from tests.rules.running import Case, cases, check
from tests.rules.samples import ACTIVATIONS, LOSSES


@pytest.mark.parametrize("prediction", ["fixed", "strict"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_learns_as_the_oracle_does(
    activation: Activation, loss: Loss, optimizer: OptimizerName, prediction: Prediction
) -> None:
    case = Case(activation=activation, loss=loss, optimizer=optimizer)
    rule = f"predictive_coding(prediction = {prediction})"
    check(case, rule, oracle.train, oracle.scores, {"loss": loss, "prediction": prediction})


@pytest.mark.parametrize(("iterations", "rate"), [(1, 1.0), (2, 1.0), (7, 1.0), (5, 0.3), (40, 0.05)])
@pytest.mark.parametrize("prediction", ["fixed", "strict"])
def test_iterations_and_rate(prediction: Prediction, iterations: int, rate: float) -> None:
    if prediction == "strict":
        rate /= 4  # a strict relaxation of a random network diverges at 1
    rule = f"predictive_coding(prediction = {prediction}, iterations = {iterations}, rate = {rate})"
    options = {"prediction": prediction, "iterations": iterations, "rate": rate}
    check(Case(activation="tanh"), rule, oracle.train, oracle.scores, options)


@settings(max_examples=10)
@given(cases(LOSSES))
def test_fixed_on_networks_of_any_size(case: Case) -> None:
    options = {"loss": case.loss, "prediction": "fixed"}
    check(case, "predictive_coding", oracle.train, oracle.scores, options)


@settings(max_examples=10)
@given(cases(LOSSES))
def test_strict_on_networks_of_any_size(case: Case) -> None:
    options = {"loss": case.loss, "prediction": "strict"}
    check(case, "predictive_coding(prediction = strict)", oracle.train, oracle.scores, options)
