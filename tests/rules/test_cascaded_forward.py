"""Cascaded-Forward against its oracle."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from tests.rules.oracles import cascaded_forward as oracle
from tests.rules.oracles.cascaded_forward import Aggregate, Blocks, Predictor
from tests.rules.oracles.network import Activation, OptimizerName
from tests.rules.running import Case, cases, check
from tests.rules.samples import ACTIVATIONS


def check_rule(case: Case, **options: Any) -> None:
    """The rule with some options: the oracle's defaults are the rule's own.

    The second phase goes on with the output block of the first: it is no helper head, it is the last predictor. Where it is
    the only one, nothing is added up, and its scores are as they are.
    """
    written = ", ".join(f"{name} = {value}" for name, value in options.items())
    scoring = {name: value for name, value in options.items() if name in ("predictor", "aggregate")}
    if len(case.layers) == 2:
        scoring["aggregate"] = "logits"
    training = {name: value for name, value in options.items() if name != "aggregate"}
    check(case, f"cascaded_forward({written})", oracle.train, oracle.scores, {**training, "restart": False}, scoring)


@pytest.mark.parametrize("aggregate", ["probabilities", "logits"])
@pytest.mark.parametrize("blocks", ["random", "dfa"])
@pytest.mark.parametrize("predictor", ["cross_entropy", "sparsemax", "least_squares"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_learns_as_the_oracle_does(
    activation: Activation, optimizer: OptimizerName, predictor: Predictor, blocks: Blocks, aggregate: Aggregate
) -> None:
    case = Case(activation=activation, optimizer=optimizer)
    check_rule(case, predictor=predictor, blocks=blocks, aggregate=aggregate)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("ridge", ["1e-6", "0.1"])
def test_ridge_is_times_the_rows_and_spares_the_bias(ridge: str, bias: bool) -> None:
    case = Case(bias=bias)
    options = {"predictor": "least_squares", "ridge": float(ridge)}
    written = f"cascaded_forward(predictor = least_squares, ridge = {ridge})"
    check(case, written, oracle.train, oracle.scores, options, {"predictor": "least_squares"})


@settings(max_examples=10)
@given(cases())
def test_on_networks_of_any_size(case: Case) -> None:
    check_rule(case, predictor="cross_entropy")


@settings(max_examples=10)
@given(cases())
def test_closed_form_on_networks_of_any_size(case: Case) -> None:
    check_rule(case, predictor="least_squares", blocks="dfa")
