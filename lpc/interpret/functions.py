"""What the functions of `lpc.ir.functions` mean: plain definitions on float64 tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


def apply(function: str, attributes: Mapping[str, object], inputs: Sequence[Tensor]) -> Tensor:  # noqa: C901 - a case each
    x = inputs[0]
    match function:
        case "add":
            return x + inputs[1]
        case "subtract":
            return x - inputs[1]
        case "scale":
            return _float(attributes, "factor") * x
        case "zeros":
            return torch.zeros_like(x)
        case "flatten":
            return x.reshape(len(x), -1)
        case "unflatten":
            return x.reshape(len(x), *_sizes(attributes, "shape"))
        case "softmax":
            return softmax(x)
        case "sparsemax":
            return torch.stack([sparsemax(row) for row in x])
        case "log":
            return torch.log(x.clamp(min=1e-30))
        case "normalise":
            return torch.stack([row / (torch.sqrt((row**2).mean()) + 1e-8) for row in x])
        case "goodness":
            return torch.stack([(row**2).mean() if attributes["kind"] == "mean" else (row**2).sum() for row in x])
        case "label_streams":
            classes = _int(attributes, "classes")
            return torch.cat([write_label(x, one_hot(label, classes)) for label in inputs[1:]])
        case "write_neutral_label":
            classes = _int(attributes, "classes")
            return write_label(x, torch.full((len(x), classes), 1 / classes, dtype=x.dtype))
        case "sweep_labels":
            classes = _int(attributes, "classes")
            labels = [torch.full((len(x),), c) for c in range(classes)]
            return torch.cat([write_label(x, one_hot(label, classes)) for label in labels])
        case "fold_sweep":
            classes = _int(attributes, "classes")
            rows = len(x) // classes
            return torch.stack([torch.stack([x[c * rows + i] for c in range(classes)]) for i in range(rows)])
        case "one_hot":
            return one_hot(x, _int(attributes, "classes"))
        case "per_example":
            return len(x) * x
        case "averaged":
            return x / len(x)
        case "with_ones":
            return torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1)
        case "count":
            return torch.tensor(float(len(x)), dtype=torch.float64)
        case "rows":
            return x[_int(attributes, "start") : _int(attributes, "stop")]
        case "row":
            return x[_int(attributes, "at")]
        case "transpose":
            return x.T
        case other:
            raise AssertionError(f"no meaning for {other}")


def softmax(x: Tensor) -> Tensor:
    shifted = torch.exp(x - x.max(-1, keepdim=True).values)
    return shifted / shifted.sum(-1, keepdim=True)


def sparsemax(z: Tensor) -> Tensor:
    """The projection of one row onto the simplex, by trying every support size."""
    ordered = sorted(z.tolist(), reverse=True)
    size = max(k for k in range(1, len(ordered) + 1) if 1 + k * ordered[k - 1] > sum(ordered[:k]))
    threshold = (sum(ordered[:size]) - 1) / size
    return torch.clamp(z - threshold, min=0)


def one_hot(label: Tensor, classes: int) -> Tensor:
    return (label[..., None] == torch.arange(classes)).double()


def write_label(x: Tensor, code: Tensor) -> Tensor:
    flat = x.reshape(len(x), -1)
    return torch.cat([code, flat[:, code.shape[1] :]], 1).reshape(x.shape)


def _int(attributes: Mapping[str, object], name: str) -> int:
    value = attributes[name]
    assert isinstance(value, int)
    return value


def _float(attributes: Mapping[str, object], name: str) -> float:
    value = attributes[name]
    assert isinstance(value, float)
    return value


def _sizes(attributes: Mapping[str, object], name: str) -> tuple[int, ...]:
    value = attributes[name]
    assert isinstance(value, tuple)
    return value
