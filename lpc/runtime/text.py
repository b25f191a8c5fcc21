"""A text, byte by byte."""

from __future__ import annotations

import torch

from lpc.runtime.data import Binding, Splits, how_many
from lpc.runtime.failure import BadInput
from lpc.runtime.files import own_file
from lpc.runtime.options import Options


def load_text(
    options: Options, data: tuple[Binding, ...], file: str, validation: int | float = 0, test: int | float = 0
) -> Splits:
    """Windows of the text, one after the other, and for each position the byte that follows.

    A token is a byte, or under 256 classes the place of the byte among those that occur. Validation is the last part of the
    text, the test part stands before it: so many windows, or a fraction of them.
    """
    path, content = own_file(options.data, "text", file)
    context, classes = data[0].shape[0], data[0].classes or 256
    if len(content) <= context:
        raise BadInput(f"{path} has {len(content)} bytes, a window takes {context + 1}")
    tokens = torch.frombuffer(bytearray(content), dtype=torch.uint8).long()
    kinds = tokens.unique()
    if len(kinds) > classes:
        raise BadInput(f"{path} has {len(kinds)} different bytes, the program says {classes}")
    if classes < 256:
        tokens = torch.searchsorted(kinds, tokens)
    windows = tokens.unfold(0, context + 1, context)
    inputs, targets = windows[:, :-1].contiguous(), windows[:, 1:].contiguous()
    held, tested = (how_many(part, len(windows)) for part in (validation, test))
    left = len(windows) - held - tested
    if left <= 0:
        raise BadInput(f"{held + tested} windows for validation and test leave none of {len(windows)} to train on")
    rows = [slice(0, left), slice(left + tested, None), slice(left, left + tested)]
    train, last, before = ((inputs[part], targets[part]) for part in rows)
    facts = {"source": "text", "bytes": len(content), "different_bytes": len(kinds)}
    return Splits(train, last if held else None, before if tested else None, facts)
