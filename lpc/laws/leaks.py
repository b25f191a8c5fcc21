"""Watching a script's backward calls: what must carry no graph carries none, and no gradient is left lying.

A graph that leaks into a backward call often changes no number and only costs time and memory, so that comparing parameters
does not find it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class Leak(AssertionError):
    """A given cotangent has a graph, or a gradient was computed that no optimizer takes."""


@contextmanager
def watched() -> Generator[None]:
    """While it lasts, every backward call is checked: no cotangent it is given may require grad."""
    backward, grad = torch.autograd.backward, torch.autograd.grad
    torch.autograd.backward = _checked(backward, "grad_tensors")
    torch.autograd.grad = _checked(grad, "grad_outputs", at=2)
    try:
        yield
    finally:
        torch.autograd.backward, torch.autograd.grad = backward, grad


def _checked(call: Callable[..., Any], name: str, at: int = 1) -> Callable[..., Any]:
    def checked(*arguments: Any, **options: Any) -> Any:
        given = options.get(name, arguments[at] if len(arguments) > at else None)
        for cotangent in [given] if isinstance(given, Tensor) else given or ():
            if isinstance(cotangent, Tensor) and cotangent.requires_grad:
                raise Leak(f"a cotangent of shape {list(cotangent.shape)} that a backward call is given has a graph")
        return call(*arguments, **options)

    return checked


def left_gradients(net: nn.Module) -> Sequence[str]:
    """Parameters that still hold a gradient when a step is over: nothing was to be computed for them."""
    return [name for name, parameter in net.named_parameters() if parameter.grad is not None]
