"""Functions of training steps that torch has no name for. Scripts take along the ones they use."""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from lpc.runtime.random import RANDOM


def update(optimizer: torch.optim.Optimizer) -> None:
    """Move the optimizer's parameters, and forget their gradients (`zero_grad` does it too, in twice the time)."""
    optimizer.step()
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None


def normalise(x: Tensor) -> Tensor:
    """Each example divided by its root mean square, so that its length says nothing to the block above."""
    flat = x.flatten(1)
    length: Tensor = torch.linalg.vector_norm(flat, dim=1, keepdim=True)
    scaled: Tensor = flat / (length * flat.shape[1] ** -0.5 + 1e-8)
    return scaled.view_as(x)


def per_example(x: Tensor) -> Tensor:
    """The gradient of a mean over the rows, as each row's own."""
    return len(x) * x


def averaged(x: Tensor) -> Tensor:
    """Each row as it counts in a mean over the rows."""
    return x / len(x)


def write_label(x: Tensor, label: Tensor, classes: int) -> Tensor:
    """The label as one-hot code in place of the first entries of each example."""
    marked = x.flatten(1).clone()
    marked[:, :classes] = 0
    return marked.scatter_(1, label[:, None], 1.0).view_as(x)


def label_streams(x: Tensor, label: Tensor, wrong: Tensor, classes: int) -> Tensor:
    """Each example twice: all with their labels, then all with wrong ones."""
    both = torch.cat([x, x])
    flat = both.view(len(both), -1)
    flat[:, :classes] = 0
    flat.scatter_(1, torch.cat([label, wrong])[:, None], 1.0)
    return both


def write_neutral_label(x: Tensor, classes: int) -> Tensor:
    """1 / classes in place of the first entries: an input that favours no label."""
    marked = x.flatten(1).clone()
    marked[:, :classes] = 1 / classes
    return marked.view_as(x)


def sweep_labels(x: Tensor, classes: int) -> Tensor:
    """Each example once with every label: all with label 0, then all with label 1, ..."""
    return torch.cat([write_label(x, torch.full((len(x),), c, device=x.device), classes) for c in range(classes)])


def wrong_labels(label: Tensor, classes: int, name: str) -> Tensor:
    """For each label another one, uniformly, from the generator of that name."""
    return (label + RANDOM.integers(name, label.shape, 1, classes).to(label.device)) % classes


def goodness(hidden: Tensor, kind: str) -> Tensor:
    """The mean or sum of squared activations of each example."""
    flat = hidden.flatten(1)
    squares: Tensor = torch.linalg.vecdot(flat, flat)
    return squares / flat.shape[1] if kind == "mean" else squares


@cache
def margin_line(
    rows: int, width: int, threshold: float, kind: str, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Offset and slope of each row: offset + slope * (its sum of squares) is threshold - goodness, negated for the second half."""
    sign = torch.ones(rows, dtype=dtype, device=device)
    sign[rows // 2 :] = -1
    return threshold * sign, -sign / (width if kind == "mean" else 1)


def goodness_loss(hidden: Tensor, threshold: float, kind: str) -> Tensor:
    """The positive half of the rows should have goodness above the threshold, the negative half below.

    The mean of softplus(threshold - goodness) and softplus(goodness - threshold).
    """
    flat = hidden.flatten(1)
    offset, slope = margin_line(*flat.shape, threshold, kind, flat.dtype, flat.device)
    margin = torch.addcmul(offset, slope, torch.linalg.vecdot(flat, flat))
    return F.softplus(margin, threshold=40.0).mean()  # beyond torch's 20, a line is off by 2e-9


def goodness_gradient(hidden: Tensor, threshold: float, kind: str) -> Tensor:
    """The gradient of `goodness_loss` with respect to `hidden`."""
    flat = hidden.flatten(1)
    offset, slope = margin_line(*flat.shape, threshold, kind, flat.dtype, flat.device)
    margin = torch.addcmul(offset, slope, torch.linalg.vecdot(flat, flat))
    return (2 / len(flat) * (slope * margin.sigmoid())[:, None] * flat).view_as(hidden)


def cross_entropy_gradient(scores: Tensor, label: Tensor) -> Tensor:
    """The gradient of the mean cross-entropy with respect to the scores: (softmax - one-hot) / examples."""
    error = scores.softmax(-1)
    error.view(-1, error.shape[-1])[torch.arange(label.numel(), device=label.device), label.flatten()] -= 1
    return error / label.numel()


def mse_gradient(prediction: Tensor, target: Tensor) -> Tensor:
    """The gradient of the mean squared difference with respect to the prediction."""
    return (2 / target.numel()) * (prediction - target)


def binary_cross_entropy_gradient(scores: Tensor, target: Tensor) -> Tensor:
    """The gradient of the mean logistic loss with respect to the scores: (sigmoid - target) / entries."""
    return (scores.sigmoid() - target) / target.numel()


def sparsemax(scores: Tensor) -> Tensor:
    """The nearest point of the simplex to the scores (Martins and Astudillo 2016, algorithm 1)."""
    ordered = scores.sort(1, descending=True).values
    sums = ordered.cumsum(1)
    ranks = torch.arange(1, scores.shape[1] + 1, device=scores.device, dtype=scores.dtype)
    support = (1 + ranks * ordered > sums).sum(1, keepdim=True)
    threshold = (sums.gather(1, support - 1) - 1) / support
    return (scores - threshold).clamp_min(0)


def sparsemax_loss(scores: Tensor, label: Tensor) -> Tensor:
    """The loss whose gradient is (sparsemax - one-hot) / examples (the same, equation 16)."""
    probabilities = sparsemax(scores)
    supported = (probabilities > 0).to(scores.dtype)
    threshold = ((supported * scores).sum(1) - 1) / supported.sum(1)
    own = scores.gather(1, label[:, None]).squeeze(1)
    return (0.5 * (supported * (scores.pow(2) - threshold[:, None].pow(2))).sum(1) - own + 0.5).mean()


def sparsemax_gradient(scores: Tensor, label: Tensor) -> Tensor:
    """The gradient of `sparsemax_loss` with respect to the scores."""
    return (sparsemax(scores) - F.one_hot(label, scores.shape[1])) / len(label)


def ridge_solution(products: Tensor, moments: Tensor, ridge: Tensor, free: int) -> Tensor:
    """(products + ridge I)^-1 moments, by Cholesky; the last `free` columns are not penalised."""
    penalty = torch.full((len(products),), float(ridge), dtype=products.dtype, device=products.device)
    if free:
        penalty[-free:] = 0
    factor, failed = torch.linalg.cholesky_ex(products + torch.diag(penalty))
    if failed:  # features that depend on each other, and no ridge to tell them apart
        solution: Tensor = torch.linalg.lstsq(products + torch.diag(penalty), moments, driver="gelsd").solution
        return solution
    return torch.cholesky_solve(moments, factor)
