"""Small networks and batches to try a rule on, and what it means that a gradient is right."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tests.rules.oracles.network import Activation, Array, Labels, Loss, Params

ACTIVATIONS: tuple[Activation, ...] = ("relu", "tanh", "identity")
LOSSES: tuple[Loss, ...] = ("cross_entropy", "mse")
SIZES = (7, 6, 5, 3)


def draw(sizes: Sequence[int] = SIZES, *, bias: bool = True, seed: int = 0) -> tuple[Params, list[str]]:
    """A network with everything that any rule adds to it, and its blocks."""
    rng, outputs = np.random.default_rng(seed), sizes[-1]
    layers = [*(f"hidden{at}" for at in range(1, len(sizes) - 1)), "readout"]
    params = Params()
    for at, (layer, below, width) in enumerate(zip(layers, sizes[:-1], sizes[1:], strict=True)):
        shapes = {"linear.weight": (width, below), "linear.bias": (width,) if bias else None}
        shapes["feedback_alignment.linear"] = (width, below) if at else None
        if layer != "readout":
            shapes["direct_feedback_alignment.feedback"] = shapes["mono_forward.projection"] = (outputs, width)
            shapes["cascaded_forward.feedback"] = (outputs, width)
            shapes["cascaded_forward.weight"] = (outputs, width) if at < len(layers) - 2 else None
        for name, shape in shapes.items():
            if shape is not None:
                params[f"{layer}.{name}"] = rng.normal(size=shape) / np.sqrt(shape[-1])
    return params, layers


def batch(
    rows: int = 8, sizes: Sequence[int] = SIZES, loss: Loss = "cross_entropy", seed: int = 1
) -> tuple[Array, Labels]:
    rng = np.random.default_rng(seed)
    x, outputs = rng.normal(size=(rows, sizes[0])), sizes[-1]
    return x, rng.integers(0, outputs, rows) if loss == "cross_entropy" else rng.normal(size=(rows, outputs))


def numeric(value: Callable[[Array], float], at: Array, step: float = 1e-6) -> Array:
    """Central differences of `value` at every entry."""
    found = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        up, down = at.copy(), at.copy()
        up[place] += step
        down[place] -= step
        found[place] = (value(up) - value(down)) / (2 * step)
    return found


def assert_gradients(losses: Callable[[Params], dict[str, float]], params: Params, gradients: Params) -> None:
    """Each gradient is that of its own block's loss."""
    assert gradients
    for name, gradient in gradients.items():

        def value(changed: Array, name: str = name) -> float:
            return losses(params | {name: changed})[name.split(".", maxsplit=1)[0]]

        np.testing.assert_allclose(gradient, numeric(value, params[name]), rtol=1e-5, atol=1e-8, err_msg=name)


def assert_same(left: Params, right: Params, tolerance: float = 1e-12) -> None:
    assert left.keys() == right.keys()
    for name in left:
        np.testing.assert_allclose(left[name], right[name], rtol=tolerance, atol=tolerance, err_msg=name)


def distance(left: Array, right: Array) -> float:
    return float(np.linalg.norm(left - right) / np.linalg.norm(right))
