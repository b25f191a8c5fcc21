"""What the losses of `lpc.ir.losses` mean: values and gradients written out, on float64 tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lpc.interpret.functions import one_hot, softmax, sparsemax
from lpc.ir.step import Node


def value(node: Node, inputs: Sequence[Tensor]) -> Tensor:
    """The loss as one number: a mean over the rows there are."""
    x = inputs[0]
    match node.attributes["loss"]:
        case "cross_entropy":
            scores, label = x.reshape(-1, x.shape[-1]), inputs[1].reshape(-1)
            top = scores.max(1).values
            total = top + torch.log(torch.exp(scores - top[:, None]).sum(1))
            return (total - _own(scores, label)).mean()
        case "mse":
            return ((x - inputs[1]) ** 2).mean()
        case "binary_cross_entropy":
            return (torch.clamp(x, min=0) - x * inputs[1] + torch.log1p(torch.exp(-torch.abs(x)))).mean()
        case "goodness":
            positive, negative = _goodness(node, x).chunk(2)
            threshold = _threshold(node)
            return torch.cat([_softplus(threshold - positive), _softplus(negative - threshold)]).mean()
        case "sparsemax":
            p = torch.stack([sparsemax(row) for row in x])
            conjugate = (x * p).sum(1) - 0.5 * (p**2).sum(1)
            return (conjugate - _own(x, inputs[1]) + 0.5).mean()
        case other:
            raise AssertionError(f"no meaning for {other}")


def gradient(node: Node, inputs: Sequence[Tensor], argument: object) -> Tensor:
    """Its gradient with respect to the first argument."""
    assert argument == 0
    x = inputs[0]
    match node.attributes["loss"]:
        case "cross_entropy":
            return (softmax(x) - one_hot(inputs[1], x.shape[-1])) / inputs[1].numel()
        case "mse":
            return 2 * (x - inputs[1]) / x.numel()
        case "binary_cross_entropy":
            return (1 / (1 + torch.exp(-x)) - inputs[1]) / x.numel()
        case "goodness":
            positive, negative = _goodness(node, x).chunk(2)
            threshold = _threshold(node)
            slope = torch.cat(
                [-1 / (1 + torch.exp(positive - threshold)), 1 / (1 + torch.exp(threshold - negative))]
            ) / len(x)
            per = 2 / x[0].numel() if node.attributes["goodness"] == "mean" else 2.0
            return (slope[:, None] * per * x.reshape(len(x), -1)).reshape(x.shape)
        case "sparsemax":
            return (torch.stack([sparsemax(row) for row in x]) - one_hot(inputs[1], x.shape[-1])) / len(x)
        case other:
            raise AssertionError(f"no meaning for {other}")


def _own(scores: Tensor, label: Tensor) -> Tensor:
    return torch.stack([row[int(c)] for row, c in zip(scores, label, strict=True)])


def _goodness(node: Node, x: Tensor) -> Tensor:
    squares = x.reshape(len(x), -1) ** 2
    return squares.mean(1) if node.attributes["goodness"] == "mean" else squares.sum(1)


def _threshold(node: Node) -> float:
    threshold = node.attributes["threshold"]
    assert isinstance(threshold, float)
    return threshold


def _softplus(x: Tensor) -> Tensor:
    return torch.clamp(x, min=0) + torch.log1p(torch.exp(-torch.abs(x)))
