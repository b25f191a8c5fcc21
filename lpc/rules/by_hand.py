"""What laws compute by hand, from the papers' equations: functions of arrays, a row an example, by arrays' own methods alone."""

from __future__ import annotations

from math import e, exp, log1p

from lpc.rules.law import Array


def flat(x: Array) -> Array:
    return x.reshape(len(x), -1)


def softmax(scores: Array) -> Array:
    """exp(s) over the sum of the row's."""
    powers = e ** (scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def sparsemax(scores: Array) -> Array:
    """The nearest point of the simplex (Martins and Astudillo 2016, algorithm 1)."""
    made = 0.0 * scores
    for at, row in enumerate(scores):
        ordered = sorted(row.tolist(), reverse=True)
        sums = [sum(ordered[: k + 1]) for k in range(len(ordered))]
        support = max(k + 1 for k in range(len(ordered)) if 1 + (k + 1) * ordered[k] > sums[k])
        made[at] = (row - (sums[support - 1] - 1) / support).clip(0)
    return made


def mean_softplus(x: Array) -> float:
    """The mean of log(1 + exp(x))."""
    values: list[float] = x.reshape(-1).tolist()
    return sum(max(v, 0.0) + log1p(exp(-abs(v))) for v in values) / len(values)


ACTIVATIONS = {
    "relu": lambda x: x * (x > 0),
    "tanh": lambda x: 1 - 2 / (e ** (2 * x) + 1),
    "sigmoid": lambda x: 1 / (1 + e ** (-x)),
}
