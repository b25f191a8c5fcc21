"""The losses: one entry each: what it takes, what it costs, how torch spells value and gradient.

Reductions are means over the rows there are, so that a smaller last batch weighs its examples alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lpc.ir.types import Label, Tensor, Type, Unknown


@dataclass(frozen=True)
class Loss:
    """One loss.

    check:    types of the prediction and the target -> what does not fit, in words, or None (objectives only).
    value:    its text, with `{0}`, `{1}` for its arguments and `{name}` for its attributes.
    gradient: the text of its gradient with respect to argument 0, for where no graph is wanted.
    flops:    operations an element of argument 0, value and gradient alike.
    """

    name: str
    summary: str
    value: str
    gradient: str
    flops: int
    check: Callable[[Type, Type], str | None] | None = None
    imports: tuple[str, ...] = ()
    gradient_imports: tuple[str, ...] = ()
    positions_value: str = ""
    """Its text where every example has a label at each of several positions."""
    batch_coupled: bool = False

    @property
    def objective(self) -> bool:
        """Whether a program may name it in its `objective` clause."""
        return self.check is not None


def _classes(prediction: Type, target: Type) -> str | None:
    if isinstance(prediction, Unknown) or isinstance(target, Unknown):
        return None
    if not isinstance(target, Label):
        return f"needs a class label as its target, found {target}"
    expected = (*target.shape, target.classes)
    if not isinstance(prediction, Tensor) or prediction.dtype != "f32" or prediction.shape != expected:
        return f"needs one score a class, f32{list(expected)}, found {prediction}"
    return None


def _same_shape(prediction: Type, target: Type) -> str | None:
    if isinstance(prediction, Unknown) or isinstance(target, Unknown):
        return None
    if not isinstance(target, Tensor) or target.dtype != "f32":
        return f"needs numbers as its target, found {target}"
    if not isinstance(prediction, Tensor) or prediction.shape != target.shape:
        return f"needs prediction and target of one shape, found {prediction} and {target}"
    return None


LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss(
            "cross_entropy",
            "softmax cross-entropy of scores and class labels, mean over examples (and positions)",
            value="F.cross_entropy({0}, {1})",
            positions_value="F.cross_entropy({0}.flatten(0, -2), {1}.flatten())",
            gradient="cross_entropy_gradient({0}, {1})",
            flops=8,
            check=_classes,
            gradient_imports=("cross_entropy_gradient",),
        ),
        Loss(
            "mse",
            "squared difference, mean over all entries",
            value="F.mse_loss({0}, {1})",
            gradient="mse_gradient({0}, {1})",
            flops=3,
            check=_same_shape,
            gradient_imports=("mse_gradient",),
        ),
        Loss(
            "binary_cross_entropy",
            "logistic loss of scores against targets in [0, 1], mean over all entries",
            value="F.binary_cross_entropy_with_logits({0}, {1})",
            gradient="binary_cross_entropy_gradient({0}, {1})",
            flops=8,
            check=_same_shape,
            gradient_imports=("binary_cross_entropy_gradient",),
        ),
        Loss(
            "goodness",
            "logistic loss of goodness against a threshold: high on the positive stream, low on the negative",
            value="goodness_loss({0}, threshold={threshold}, kind={goodness})",
            gradient="goodness_gradient({0}, threshold={threshold}, kind={goodness})",
            flops=4,
            imports=("goodness_loss",),
            gradient_imports=("goodness_gradient",),
        ),
        Loss(
            "sparsemax",
            "sparsemax loss of scores and class labels (Martins and Astudillo 2016), mean over examples",
            value="sparsemax_loss({0}, {1})",
            gradient="sparsemax_gradient({0}, {1})",
            flops=12,
            imports=("sparsemax_loss",),
            gradient_imports=("sparsemax_gradient",),
        ),
    )
}
