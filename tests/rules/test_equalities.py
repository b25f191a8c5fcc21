"""Equalities that hold for some programs, and are no laws of their rules."""

from __future__ import annotations

import numpy as np
import pytest

from tests.rules.oracles.cascaded_forward import sparsemax
from tests.rules.oracles.network import forward, softmax
from tests.rules.running import Case, assert_close, compiled, interpreted

CASE = Case(activation="tanh")
GRAPH = """network graph
data x: f32[7], y: class[3] = synthetic(examples = 20)
block left = x -> linear(6) -> tanh
block right = x -> linear(6) -> tanh
block mixed = concat(left, right, x) -> linear(5) -> tanh
block sum = (left -> linear(5)) + mixed
block readout = (sum + (right -> linear(5))) -> linear(3)
objective cross_entropy(readout, y)
learn all with {}
train epochs = 1, batch = 8, optimizer = sgd(lr = 0.2)
"""


@pytest.mark.parametrize("rule", ["feedback_alignment(feedback = transpose)", "predictive_coding"])
def test_what_equals_backprop_does_so_on_a_graph(rule: str) -> None:
    """Blocks that read several and are read by several: cotangents of all readers add up."""
    found, exact = (
        interpreted(compiled(GRAPH.format(name)), CASE.batches(), CASE.unseen()) for name in (rule, "backprop")
    )
    for name, value in exact.after.items():
        assert_close(found.after[name], value, name, 1e-12)
    assert np.abs(exact.after["left.linear.weight"] - exact.before["left.linear.weight"]).max() > 1e-3


def test_cascaded_forward_predicts_the_mean_of_probabilities() -> None:
    for predictor, link in (("cross_entropy", softmax), ("sparsemax", sparsemax)):
        program = compiled(CASE.text(f"cascaded_forward(predictor = {predictor})"))
        found = interpreted(program, CASE.batches(), CASE.unseen())
        values = forward(found.after, CASE.layers, CASE.unseen(), "tanh")[0]
        votes = [link(values[1] @ found.after["hidden1.cascaded_forward.weight"].T), link(values[3])]
        assert_close(np.exp(found.scores), (votes[0] + votes[1]) / 2, "probabilities")
