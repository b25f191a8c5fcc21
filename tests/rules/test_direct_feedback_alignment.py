"""Direct feedback alignment against its oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from tests.rules.oracles import direct_feedback_alignment as oracle
from tests.rules.oracles.direct_feedback_alignment import Feedback
from tests.rules.oracles.network import Activation, Loss, OptimizerName
from tests.rules.running import Case, cases, check
from tests.rules.samples import ACTIVATIONS, LOSSES


@pytest.mark.parametrize("feedback", ["random", "transpose"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_learns_as_the_oracle_does(
    activation: Activation, loss: Loss, optimizer: OptimizerName, feedback: Feedback
) -> None:
    """The transpose of the readout's weight fits one hidden block alone."""
    sizes = (7, 6, 5, 3) if feedback == "random" else (7, 6, 3)
    case = Case(sizes, activation, loss, optimizer)
    rule = f"direct_feedback_alignment(feedback = {feedback})"
    check(case, rule, oracle.train, oracle.scores, {"loss": loss, "feedback": feedback})


@settings(max_examples=15)
@given(cases(LOSSES))
def test_on_networks_of_any_size(case: Case) -> None:
    check(case, "direct_feedback_alignment", oracle.train, oracle.scores, {"loss": case.loss})


def test_scale_multiplies_the_matrices_that_are_drawn() -> None:
    matrices = []
    for rule in ("direct_feedback_alignment", "direct_feedback_alignment(scale = 0.25)"):
        found = check(Case(), rule, oracle.train, oracle.scores)
        matrices.append(found.after["hidden1.direct_feedback_alignment.feedback"])
    np.testing.assert_allclose(matrices[1], 0.25 * matrices[0], rtol=1e-6)  # drawn in float32
    assert np.abs(matrices[0]).max() <= 3**-0.5
