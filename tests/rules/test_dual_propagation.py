"""Dual propagation against its oracle."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings

from tests.rules.oracles import backprop
from tests.rules.oracles import dual_propagation as oracle
from tests.rules.oracles.network import Activation, Loss, OptimizerName
from tests.rules.running import Case, assert_close, cases, check, compiled, interpreted
from tests.rules.samples import ACTIVATIONS, LOSSES, distance


@pytest.mark.parametrize("beta", [0.01, 0.1, 1.0, 10.0])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_learns_as_the_oracle_does(activation: Activation, loss: Loss, optimizer: OptimizerName, beta: float) -> None:
    case = Case(activation=activation, loss=loss, optimizer=optimizer)
    check(case, f"dual_propagation(beta = {beta})", oracle.train, oracle.scores, {"loss": loss, "beta": beta})


@settings(max_examples=15)
@given(cases(LOSSES))
def test_on_networks_of_any_size(case: Case) -> None:
    check(case, "dual_propagation", oracle.train, oracle.scores, {"loss": case.loss})


def test_comes_to_backprop_with_the_square_of_beta() -> None:
    """A hundred times nearer each time at 1e-1, 1e-2, 1e-3."""
    case = Case(activation="tanh", rows=(8,))

    def moved(rule: str) -> np.ndarray:
        found = interpreted(compiled(case.text(rule)), case.batches(), case.unseen())
        name = "hidden1.linear.weight"
        return np.asarray(found.after[name] - found.before[name])

    exact = moved("backprop")
    gaps = [distance(moved(f"dual_propagation(beta = {beta})"), exact) for beta in (1e-1, 1e-2, 1e-3)]
    assert 1e-6 < gaps[0] < 1e-2
    assert [np.log10(larger / smaller) for larger, smaller in pairwise(gaps)] == pytest.approx([2, 2], abs=0.05)


HEAD = "network parts\ndata x: f32[2, 6, 6], y: class[3] = synthetic(examples = 20)\n"
TAIL = (
    "objective cross_entropy(readout, y)\nlearn all with dual_propagation(beta = 0.5)\n"
    "train epochs = 1, batch = 4, optimizer = sgd(lr = 0.2)\n"
)


FOLDED = "block hidden = x -> flatten -> linear(8) -> tanh"
CONVOLVED = "block hidden = x -> conv(4, kernel = 3) -> relu"


@pytest.mark.parametrize(
    ("below", "follows"), [(FOLDED, "reshape(2, 2, 2) -> max_pool(2)"), (CONVOLVED, "avg_pool(2)")]
)
def test_what_follows_an_activation_may_stand_in_the_block_above(below: str, follows: str) -> None:
    """It belongs to the maps that read the two states' mean, and that their difference goes down through."""
    rng = np.random.default_rng(0)
    batches = [(rng.normal(size=(4, 2, 6, 6)), rng.integers(0, 3, 4)) for _ in range(2)]
    one = f"{below} -> {follows}\nblock readout = hidden -> flatten -> linear(3)\n"
    other = f"{below}\nblock readout = hidden -> {follows} -> flatten -> linear(3)\n"
    here, there = (interpreted(compiled(f"{HEAD}{blocks}{TAIL}"), batches, batches[0][0]) for blocks in (one, other))
    assert here.after.keys() == there.after.keys()
    for name, value in there.after.items():
        assert_close(here.after[name], value, name, 1e-12)


def test_the_oracle_comes_to_backprop() -> None:
    """rules_feedback 8 (h) 1, 3 and 4: linear exactly for any beta; tanh with order 2; relu exactly once no unit crosses 0."""
    case = Case(rows=(8,))
    x, y = case.batches()[0]
    rng = np.random.default_rng(0)
    params = {
        f"{layer}.linear.weight": rng.normal(size=(width, below)) / np.sqrt(below)
        for layer, below, width in zip(case.layers, case.sizes[:-1], case.sizes[1:], strict=True)
    }

    def gap(activation: Activation, beta: float) -> float:
        found = oracle.gradients(params, x, y, case.layers, activation, beta=beta, loss="cross_entropy")
        exact = backprop.gradients(params, x, y, case.layers, activation, "cross_entropy")
        return max(distance(found[name], exact[name]) for name in exact)

    assert max(gap("identity", beta) for beta in (0.1, 1.0, 10.0)) < 1e-13
    assert gap("relu", 1e-4) < 1e-11
    assert [np.log10(gap("tanh", beta) / gap("tanh", beta / 10)) for beta in (0.1, 0.01)] == pytest.approx(
        [2, 2], abs=0.05
    )
