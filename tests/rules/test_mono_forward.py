"""Mono-Forward against its oracle, and on blocks that the oracle does not have: convolutions, labels at every position."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from tests.rules.oracles import mono_forward
from tests.rules.oracles.mono_forward import Predict
from tests.rules.oracles.network import Activation, Loss, OptimizerName
from tests.rules.running import Case, assert_close, cases, check, compiled, interpreted, scripted
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


def test_the_sum_of_an_autoencoder_has_the_shape_of_its_input() -> None:
    """Projections are flat, what the network draws again is an image: their sum is one too."""
    text = (
        "network images\ndata x: f32[1, 2, 3], y: class[3] = synthetic(examples = 20)\n"
        "block code = x -> flatten -> linear(2) -> tanh\nblock redraw = code -> linear(6) -> reshape(1, 2, 3)\n"
        "objective mse(redraw, x)\nlearn all with mono_forward(predict = sum)\n"
        "train epochs = 1, batch = 4, optimizer = sgd(lr = 0.1), precision = f64\n"
    )
    program = compiled(text)
    x = np.random.default_rng(0).random((4, 1, 2, 3))
    for found in (
        interpreted(program, [(x, np.zeros(4, int))], x), scripted(program, [(x, np.zeros(4, int))], x)
    ):  # fmt: skip
        w = found.after
        code = np.tanh(x.reshape(4, 6) @ w["code.linear.weight"].T + w["code.linear.bias"])
        redraw = code @ w["redraw.linear.weight"].T + w["redraw.linear.bias"]
        assert_close(found.scores, (code @ w["code.mono_forward.projection"].T + redraw).reshape(x.shape), "the sum")
