"""Made-up examples of any declared types, that can be learned."""

from __future__ import annotations

from lpc.runtime.data import Binding, Splits, split
from lpc.runtime.random import RANDOM


def load_synthetic(data: tuple[Binding, ...], examples: int = 1000) -> Splits:
    """The last name is a fixed random linear map of the first, or its largest entry for a class; the others are noise.

    Real numbers are normal, whole ones uniform. A class at each position depends on the whole number at that position.
    """
    made = []
    for binding in data:
        shape = (examples, *binding.shape)
        if binding.classes is None:
            made.append(RANDOM.normal(f"synthetic/{binding.name}", shape))
        else:
            made.append(RANDOM.integers(f"synthetic/{binding.name}", shape, 0, binding.classes))
    first, last, target = made[0], data[-1], made[-1]
    if len(data) > 1 and last.classes and first.shape == target.shape and not first.is_floating_point():
        made[-1] = (first + 1) % last.classes
    elif len(data) > 1:
        x = first.to(RANDOM.normal("", ()).dtype).reshape(examples, -1)
        width = last.classes or target[0].numel()
        y = x @ RANDOM.normal("synthetic/map", (x.shape[1], width), x.shape[1] ** -0.5)
        made[-1] = y.argmax(1) if last.classes else y.view(target.shape)
    return Splits(tuple(made), facts={"source": "synthetic"})


def synthetic_splits(data: tuple[Binding, ...]) -> Splits:
    """What `--data synthetic` puts in the place of any program's data."""
    return split(load_synthetic(data), validation=0.2)
