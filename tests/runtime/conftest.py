"""What a run sets for its whole process is set back after each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from lpc.runtime.random import RANDOM


@pytest.fixture(autouse=True)
def _defaults() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_num_threads(threads)
    RANDOM.seed, RANDOM.device = 1, "cpu"
