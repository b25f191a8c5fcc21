"""Randomness by name: what a name draws depends on the seed and the name, and on nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
import torch

from lpc.runtime.random import RANDOM, NamedRandom


@pytest.fixture
def float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_seed_is_the_hash_of_seed_and_name() -> None:
    expected = int.from_bytes(hashlib.sha256(b"3/hidden1.linear.weight").digest()[:8], "big")
    assert NamedRandom(3).generator("hidden1.linear.weight").initial_seed() == expected


def test_module_level_source_starts_at_seed_one() -> None:
    assert RANDOM.seed == 1
    assert torch.equal(RANDOM.uniform("a", (5,)), NamedRandom(1).uniform("a", (5,)))


def test_order_of_drawing_does_not_matter() -> None:
    forwards, backwards = NamedRandom(7), NamedRandom(7)
    a, b = forwards.normal("a", (4, 5)), forwards.normal("b", (4, 5))
    assert torch.equal(backwards.normal("b", (4, 5)), b)
    assert torch.equal(backwards.normal("a", (4, 5)), a)
    assert not torch.equal(a, b)


def test_seed_and_name_both_count() -> None:
    assert not torch.equal(NamedRandom(1).uniform("a", (8,)), NamedRandom(2).uniform("a", (8,)))
    assert not torch.equal(NamedRandom(1).uniform("a", (8,)), NamedRandom(1).uniform("b", (8,)))


@pytest.mark.parametrize("shape", [(), (3,), (16,), (5, 40)])
def test_double_precision_holds_the_same_numbers(shape: tuple[int, ...]) -> None:
    single = NamedRandom(1).uniform("u", shape, -0.3, 0.3), NamedRandom(1).normal("n", shape, 0.1)
    torch.set_default_dtype(torch.float64)
    try:
        double = NamedRandom(1).uniform("u", shape, -0.3, 0.3), NamedRandom(1).normal("n", shape, 0.1)
    finally:
        torch.set_default_dtype(torch.float32)
    for s, d in zip(single, double, strict=True):
        assert d.dtype == torch.float64
        assert torch.equal(s.double(), d)


def test_laws() -> None:
    random = NamedRandom(1)
    u, n = random.uniform("u", (20_000,), -2.0, 1.0), random.normal("n", (20_000,), 0.5)
    assert -2.0 <= u.min() < -1.99
    assert 0.99 < u.max() < 1.0
    assert abs(u.mean() + 0.5) < 0.02
    assert abs(n.mean()) < 0.02
    assert abs(n.std() - 0.5) < 0.01


def test_integers_reach_both_ends() -> None:
    drawn = NamedRandom(1).integers("i", (500,), 1, 4)
    assert drawn.dtype == torch.int64
    assert drawn.unique().tolist() == [1, 2, 3]


def test_permutation_holds_each_number_once(float64: None) -> None:
    drawn = NamedRandom(1).permutation("order/1", 100)
    assert drawn.dtype == torch.int64
    assert drawn.sort().values.tolist() == list(range(100))
    assert drawn.tolist() != list(range(100))
