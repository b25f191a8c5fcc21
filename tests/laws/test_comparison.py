"""What two runs may differ by, and where rounding has the last word."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from lpc.codegen.script import print_script
from lpc.interpret.rounding import Rounding
from lpc.laws.agreement import Broken, Run
from lpc.laws.convergence import Family, Tendency, farthest, fitted, tendency
from lpc.laws.strategies import batches
from lpc.laws.trying import try_law
from lpc.laws.validation import (
    ALLOWANCE,
    CHAOTIC,
    JITTERS,
    Moment,
    compare,
    exactly,
    reference_run,
    script_run,
    validate,
)
from lpc.rules import registry
from tests.laws.translation import sound

TAKEN_AWAY = """network taken_away
data image: f32[2, 4, 4], label: class[2] = synthetic(examples = 20)
block hidden  = image -> conv(2, 2) -> batch_norm
block readout = hidden -> flatten -> linear(2)
objective cross_entropy(readout, label)
train steps = 3, batch = 4, optimizer = adamw, precision = f64
"""
"""Batch norm takes the convolution's bias away again: its gradient is rounding alone, which adamw makes steps of."""


def run(*values: float) -> list[Moment]:
    return [
        Moment("train", step, {"w": torch.tensor([value, 1.0], dtype=torch.float64)})
        for step, value in enumerate(values)
    ]


def test_what_differs_disagrees_unless_rounding_moves_as_much() -> None:
    expected = run(1.0, 1.0, 1.0)
    assert compare(run(1.0, 1.0, 1.0), expected).agrees
    assert not compare(run(1.0, 1.0, 1.0 + 1e-9), expected).agrees
    moved = run(1.0, 1.0, 1.0 + 2e-9 / ALLOWANCE)
    assert compare(run(1.0, 1.0, 1.0 + 1e-9), expected, [moved]).agrees
    assert not compare(run(1.0, 1.0, 1.0 + 3e-9), expected, [moved]).agrees


def test_more_is_allowed_where_rounding_has_carried_a_run_away() -> None:
    expected, moved = run(1.0, 1.0, 1.0), run(1.0, 1.0, 1.0 + 2 * CHAOTIC)
    assert compare(run(1.0, 1.0, 1.0 + 300 * CHAOTIC), expected, [moved]).agrees
    assert compare(run(1.0, 1.0, 1.0 + ALLOWANCE**2 * CHAOTIC), expected, [moved]).agrees
    assert not compare(run(1.0, 1.0, 1.5), expected, [moved]).agrees
    assert not compare(run(1.0, 1.0 + 300 * CHAOTIC, 1.0), expected, [moved]).agrees


def test_a_law_names_the_blocks_of_a_chain_as_a_program_does() -> None:
    laws = {law.name: law for law in registry.find("feedback_alignment").laws}
    tried = try_law(laws["a stand-in for every weight above"], 60)
    assert tried.broken is None and tried.examples
    assert not any("no block named" in reason for reason in tried.reasons)


def test_draws_of_rounding_are_not_one_draw_in_several_sizes() -> None:
    """Or an unlucky one would allow too little for a tensor that rounding alone moves."""
    program = sound(TAKEN_AWAY)
    for seed in range(1, 9):
        given = batches(program, [4, 4, 3], seed)
        assert validate(program, print_script(program).text, given, seed).agrees
    with exactly(1):
        plain, *moved = (reference_run(program, given, jitter=jitter)[1].tensors for jitter in (0.0, *JITTERS))
    bias = "hidden.conv.bias"
    signs = {tuple((run[bias] > plain[bias]).tolist()) for run in moved}
    assert len(signs) > 1


CANCELS = """network cancels
data image: f32[1, 28, 28], label: class[10] = synthetic(examples = 20)
block hidden  = image  -> conv(1, 2) -> batch_norm
block readout = hidden -> flatten -> linear(10)
objective cross_entropy(readout, label)
learn all with forward_forward
train epochs = 1, batch = 4, optimizer = adam, precision = f64
"""
"""A goodness pulls a multiple of batch norm's output through it: all but a little cancels inside, and the bias above gets what
rounding leaves."""


def test_rounding_is_relative_to_what_an_operation_sums() -> None:
    program = sound(CANCELS)
    text = print_script(program).text
    needed = 0
    for seed in range(1, 9):
        given = batches(program, [4, 4, 3], seed)
        assert validate(program, text, given, seed).agrees
        with exactly(seed):
            needed += not compare(script_run(program, text, given, seed), reference_run(program, given)).agrees
    assert needed  # or the program does not try what it is for


def moved_derivative(function: Callable[[Tensor], Tensor], at: float) -> Tensor:
    x = torch.full((100,), at, dtype=torch.float64, requires_grad=True)
    with Rounding(2.0**-44, 1):
        (derivative,) = torch.autograd.grad(function(x).sum(), x)
    return derivative


def test_a_derivative_is_moved_operation_by_operation() -> None:
    """Where a sigmoid is nearly 1, its derivative is what rounding leaves of 1; where it is nearly 0, it is as good as any."""
    assert float(moved_derivative(torch.sigmoid, 30.0).abs().max()) > 2.0**-46  # exp(-30) is less
    exact = math.exp(-30)
    assert float((moved_derivative(torch.sigmoid, -30.0) - exact).abs().max()) < exact * 2.0**-40


def test_copies_and_views_are_not_moved() -> None:
    x = torch.rand(100, dtype=torch.float64)
    with Rounding(2.0**-44, 1):
        copied, doubled = x.clone().view(10, 10), 2 * x
    assert torch.equal(copied, x.view(10, 10))
    assert 0 < float((doubled - 2 * x).abs().max()) <= 2.0**-43


def test_a_pull_is_moved_by_its_terms() -> None:
    values = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
    rounding = Rounding(2.0**-40, 1)
    moved = [float(rounding.pulled(lambda g: {"sum": g.sum()}, values)["sum"]) for _ in range(20)]
    assert 2.0**-41 < max(map(abs, moved)) < 2.0**-37


def _run(found: float, rounding: float = 0.0) -> Run:
    """A weight that moved by 1 and `found`; rounding moves it by `rounding` more."""
    again = None if not rounding else lambda _: _run(found + rounding)
    return Run({"w": np.zeros(1)}, [{"w": np.ones(1) + found}], [("train", 1)], [{}], np.zeros(1), again=again)


def _tendency(*runs: Run) -> Tendency:
    made = iter(runs)
    return tendency(Family(lambda _: next(made), _run(0.0)))


@pytest.mark.parametrize(("rounding", "order"), [(1e-11, math.inf), (1e-16, 0.0)])
def test_differences_that_are_rounding_from_the_start_say_nothing_of_an_order(rounding: float, order: float) -> None:
    """Of a tensor that hardly moves: twice 1e-10 of its movement is no slow approach where rounding makes more of it."""
    found = _tendency(*(_run(difference, rounding) for difference in (1.5e-10, 1.4e-10, 0.9e-10)))
    assert found.order == pytest.approx(order, abs=0.1)


def test_a_difference_that_is_gone_at_once_was_of_a_kink() -> None:
    """Of no order while a kink is crossed, and exactly the limit as soon as it is not; one that stays is no such thing.

    Laws, which ask for networks without kinks, do not look across them.
    """
    limit, stays = _run(0.0), (0.118, 0.107, 0.081, 0.08, 0.079, 0.078, 0.077, 0.076)
    for differences, reached in [((0.118, 0.107, 0.081, 1e-12), True), (stays, False)]:
        made = iter([_run(difference) for difference in differences])
        found = fitted(lambda _, made=made: (next(made), limit), across_kinks=True)  # type: ignore[misc]
        assert found.reaches(1) == reached
        assert ", the last of `w` after step 1, shrink by order" in str(found)
        assert not _tendency(*map(_run, differences)).reaches(1)


def test_a_difference_below_its_own_rounding_ends_the_row_with_what_follows() -> None:
    """8e-5, 8e-6, and then rounding of 7e-6 and more: the third would make an order of 1.8 of one of 2."""
    spoilt = [_run(8e-5, 1e-6), _run(8e-6, 2e-6), _run(1.1e-6, 7e-6)]
    stopped, gone_through = [_run(6e-7, 2e-5)], [_run(1.4e-7, 2e-6), _run(2e-8, 2e-6)]
    for rest in (stopped, gone_through):
        found = _tendency(*spoilt, *rest)
        assert found.differences == pytest.approx((8e-5, 8e-6), rel=1e-3)
        assert found.reaches(2)


@pytest.mark.parametrize(("rounding", "order"), [(2e-6, math.inf), (1e-9, 1.8)])
def test_one_difference_above_its_rounding_speaks_against_no_order(rounding: float, order: float) -> None:
    """1e-5, then 1.26e-6: an order of 1.8, unless rounding makes as much of the second run."""
    found = _tendency(_run(1e-5, rounding), _run(1.26e-6, rounding), _run(0.0))
    assert found.order == pytest.approx(order, abs=0.1)


def _moved(**by: float) -> Run:
    return Run(
        {n: np.zeros(1) for n in by}, [{n: np.full(1, m) for n, m in by.items()}], [("train", 1)], [{}], np.zeros(1)
    )


def test_a_tensor_that_moves_less_than_rounding_is_measured_by_what_moves() -> None:
    assert farthest(_moved(w=1.1, b=0.0), _moved(w=1.0, b=1e-40)).distance == pytest.approx(0.1)
    assert farthest(_moved(w=1.0, b=0.5), _moved(w=1.0, b=1e-40)).distance == pytest.approx(0.5)


def test_where_nothing_moves_in_the_limit_nothing_may_move() -> None:
    assert farthest(_moved(w=0.0), _moved(w=0.0)).distance == 0
    with pytest.raises(Broken, match="`w` moves, and nothing does in the limit"):
        farthest(_moved(w=1e-3), _moved(w=0.0))
