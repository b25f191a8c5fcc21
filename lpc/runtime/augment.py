"""Random changes of training images, a batch at a time, drawn by step."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lpc.runtime.random import RANDOM


def flip(images: Tensor, step: int) -> Tensor:
    """Half of the images [B, C, H, W] mirrored, left for right."""
    mirrored = RANDOM.uniform(f"augment/flip/{step}", (len(images), 1, 1, 1)) < 0.5
    return torch.where(mirrored, images.flip(3), images)


def crop(images: Tensor, step: int, padding: int = 4) -> Tensor:
    """Each image [C, H, W] of the batch shifted by up to `padding` points each way; zeros come in."""
    count, channels, height, width = images.shape
    top, left = RANDOM.integers(f"augment/crop/{step}", (2, count), 0, 2 * padding + 1)
    rows = (top[:, None] + torch.arange(height, device=images.device))[:, None, :, None]
    columns = (left[:, None] + torch.arange(width, device=images.device))[:, None, None, :]
    example = torch.arange(count, device=images.device)[:, None, None, None]
    channel = torch.arange(channels, device=images.device)[None, :, None, None]
    return F.pad(images, [padding] * 4)[example, channel, rows, columns]
