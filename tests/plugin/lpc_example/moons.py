"""What reads `moons`: scripts import it, lpc never does."""

from __future__ import annotations

from math import pi

import torch
from torch import Tensor


def moons(examples: int, noise: float, seed: int) -> tuple[Tensor, Tensor]:
    """Points f32[2], and for each 0 on the upper half circle, 1 on the lower: as scikit-learn's `make_moons`."""
    y = torch.arange(examples) % 2
    turn = torch.linspace(0, pi, (examples + 1) // 2).repeat_interleave(2)[:examples]
    upper, lower = torch.stack([turn.cos(), turn.sin()], 1), torch.stack([1 - turn.cos(), 0.5 - turn.sin()], 1)
    x = torch.where(y[:, None] == 0, upper, lower)
    return x + noise * torch.randn(x.shape, generator=torch.Generator().manual_seed(seed)), y
