"""The hand-written steps do the work they say: otherwise a figure against them says nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.by_hand import backprop, direct_feedback_alignment, forward_forward, mono_forward

DIMS = (12, 7, 5, 4)
BATCH = 6


class Trainer(Protocol):
    parameters: list[Tensor]

    def step(self, x: Tensor, y: Tensor) -> None: ...


class Recorder:
    """Stands in for an optimizer: keeps the gradients that it is given and moves nothing."""

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self.parameters = parameters
        self.gradients: list[Tensor] = []

    def step(self) -> None:
        for parameter in self.parameters:
            assert parameter.grad is not None
            self.gradients.append(parameter.grad.clone())


@pytest.fixture(autouse=True)
def in_float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def batch(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(BATCH, DIMS[0], generator=generator)
    return x, torch.randint(0, DIMS[-1], (BATCH,), generator=generator)


def values(trainer: Trainer) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in trainer.parameters]


def after_three_steps(trainer: Trainer) -> list[Tensor]:
    torch.manual_seed(7)
    for seed in range(3):
        trainer.step(*batch(seed))
    return values(trainer)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda: backprop.Usual(DIMS), lambda: backprop.Fused(DIMS)),
        (lambda: mono_forward.AtOnce(DIMS), lambda: mono_forward.Together(DIMS)),
        (lambda: mono_forward.AtOnce(DIMS, readout=False), lambda: mono_forward.Together(DIMS, readout=False)),
        (lambda: forward_forward.AtOnce(DIMS, BATCH), lambda: forward_forward.Together(DIMS, BATCH)),
    ],
)
def test_two_spellings_learn_the_same(one: Callable[[], Trainer], other: Callable[[], Trainer]) -> None:
    for old, a, b in zip(values(one()), after_three_steps(one()), after_three_steps(other()), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)
        assert not torch.equal(old, a)


def assert_same(found: Sequence[Tensor], expected: Sequence[Tensor]) -> None:
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-15)


def error_of(scores: Tensor, y: Tensor) -> Tensor:
    """The gradient of mean cross-entropy for the scores: (softmax - one-hot) / batch."""
    return (scores.softmax(1) - F.one_hot(y, scores.shape[1])) / len(y)


@torch.no_grad()
def mono_forward_gradients(trainer: mono_forward.AtOnce, x: Tensor, y: Tensor) -> list[Tensor]:
    expected: list[Tensor] = []
    for weight, bias, to_scores in trainer.blocks:
        h = (x @ weight.T + bias).clamp(min=0)
        error = error_of(h @ to_scores.T, y)
        at_h = (error @ to_scores) * (h > 0)
        expected += [at_h.T @ x, at_h.sum(0), error.T @ h]
        x = h
    if trainer.readout:
        weight, bias = trainer.readout
        error = error_of(x @ weight.T + bias, y)
        expected += [error.T @ x, error.sum(0)]
    return expected


@pytest.mark.parametrize("readout", [True, False])
def test_mono_forward_follows_its_equations(readout: bool) -> None:
    trainer = mono_forward.Together(DIMS, readout=readout)
    recorder: Any = Recorder(trainer.parameters)
    trainer.optimizers = [recorder]
    x, y = batch()
    trainer.step(x, y)
    assert_same(recorder.gradients, mono_forward_gradients(trainer, x, y))


@torch.no_grad()
def test_forward_forward_follows_its_equations() -> None:
    with torch.enable_grad():
        trainer = forward_forward.Together(DIMS, BATCH)
        recorder: Any = Recorder(trainer.parameters)
        trainer.optimizers = [recorder]
        x, y = batch()
        torch.manual_seed(3)
        trainer.step(x, y)
        torch.manual_seed(3)
        rows = trainer.both_streams(x, y)
    labels = rows[:, : DIMS[-1]].argmax(1)
    assert torch.equal(labels[:BATCH], y)
    assert not (labels[BATCH:] == y).any()
    expected: list[Tensor] = []
    for weight, bias in trainer.blocks:
        torch.testing.assert_close(rows.square().mean(1), torch.ones(2 * BATCH), rtol=0, atol=1e-6)
        h = (rows @ weight.T + bias).clamp(min=0)
        goodness = h.square().mean(1)
        pull = torch.cat([-torch.sigmoid(2.0 - goodness[:BATCH]), torch.sigmoid(goodness[BATCH:] - 2.0)])
        at_h = pull[:, None] * h * 2 / h.shape[1] / (2 * BATCH)
        expected += [at_h.T @ rows, at_h.sum(0)]
        rows = h / (h.square().mean(1, keepdim=True).sqrt() + 1e-8)
    assert_same(recorder.gradients, expected)


@torch.no_grad()
def test_direct_feedback_alignment_follows_its_equations() -> None:
    with torch.enable_grad():
        trainer = direct_feedback_alignment.Cut(DIMS)
        recorder: Any = Recorder(trainer.parameters)
        trainer.optimizer = recorder
        x, y = batch()
        trainer.step(x, y)
    inputs, outputs = [x], []
    for weight, bias in trainer.hidden:
        outputs.append((inputs[-1] @ weight.T + bias).clamp(min=0))
        inputs.append(outputs[-1])
    weight, bias = trainer.readout
    error = error_of(inputs[-1] @ weight.T + bias, y)
    at = [(error @ fixed) * (h > 0) for fixed, h in zip(trainer.feedback, outputs, strict=True)] + [error]
    assert_same(recorder.gradients, [g for a, h in zip(at, inputs, strict=True) for g in (a.T @ h, a.sum(0))])
