"""Random features against their oracle; alone, beside another rule, and in turns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from tests.rules.oracles import random_features as oracle
from tests.rules.oracles.network import Activation, Loss, OptimizerName
from tests.rules.running import Case, cases, check, compiled, interpreted, scripted
from tests.rules.samples import ACTIVATIONS, LOSSES


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_learns_as_the_oracle_does(activation: Activation, loss: Loss, optimizer: OptimizerName) -> None:
    case = Case(activation=activation, loss=loss, optimizer=optimizer)
    check(case, "random_features", oracle.train, oracle.scores, {"loss": loss})


@settings(max_examples=15)
@given(cases(LOSSES))
def test_on_networks_of_any_size(case: Case) -> None:
    check(case, "random_features", oracle.train, oracle.scores, {"loss": case.loss})


@pytest.mark.parametrize("order", ["simultaneous", "sequential"])
def test_under_a_readout_of_another_rule(order: str) -> None:
    """Blocks that never learn may stand below any rule; taking turns changes nothing, since one block learns."""
    case = Case()
    text = case.text("random_features").replace(
        "learn all with random_features", "learn hidden1, hidden2 with random_features\nlearn readout with backprop"
    )
    program = compiled(text.replace("train ", f"train order = {order}, "))
    alone = interpreted(compiled(case.text("random_features")), case.batches(), case.unseen())
    for made in (
        interpreted(program, case.batches(), case.unseen()),
        scripted(program, case.batches(), case.unseen()),
    ):
        for name, value in made.after.items():
            np.testing.assert_allclose(value, alone.after[name], rtol=0, atol=1e-12, err_msg=name)


def test_batch_norm_gathers_its_statistics_first() -> None:
    text = Case().text("random_features").replace("-> relu", "-> batch_norm -> relu", 1)
    assert [phase.phase.name for phase in compiled(text).plan.phases] == ["statistics", "train"]
