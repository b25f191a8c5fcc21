"""What another package's function reads: taken where it is sound, refused in one line where it is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from lpc.runtime.data import Binding
from lpc.runtime.failure import BadInput, Failure
from lpc.runtime.foreign import from_package, splits_of

DATA = (Binding("x", (2,)), Binding("y", (), 3))
X, Y = torch.rand(4, 2), torch.tensor([0, 1, 2, 0])


def test_tensors_and_arrays_become_parts() -> None:
    whole = splits_of((X, Y), "moons", DATA)
    assert torch.equal(whole.train[0], X)
    assert torch.equal(whole.train[1], Y)
    assert (whole.validation, whole.test, whole.facts) == (None, None, {"source": "moons"})
    arrays = [np.zeros((4, 2), np.int32), np.array([0, 1, 2, 0], np.uint8), "not asked for"]
    made = splits_of({"train": arrays, "test": (X[:1], Y[:1])}, "moons", DATA, ("train", "test"))
    assert [tensor.dtype for tensor in made.train] == [torch.float64, torch.int64]
    assert made.test is not None
    assert len(made.test[0]) == 1


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (X, "moons data, train: a tensor for each of 2 names is needed, found a Tensor"),
        ((X,), "a tensor for each of 2 names is needed, found 1 of them"),
        (None, "found a NoneType"),
        ((X, Y[:3]), "every example needs one of each, and there are 4 of x, 3 of y"),
        ((X[:0], Y[:0]), "there are 0 of x, 0 of y"),
        ((X[:, :1], Y), "an example of x has shape [1], the program says [2]"),
        ((X, Y + 1), "y of example 2 is 3, not from 0 to 2"),
        ((X, Y.double()), "y has 1 axes of torch.float64, not examples of whole numbers"),
        ((torch.tensor(1.0), Y), "x has 0 axes of torch.float32"),
        ((X.log() * 0 / 0, Y), "x of example 0 is nan, not finite"),
        (("words", Y), "x is no tensor: "),
        ({"train": (X, Y), "test": (X, Y)}, "have the parts train, test, and should have train"),
        ({"all": (X, Y)}, "have the parts all, and should have train"),
    ],
)
def test_what_is_not_as_it_should_be_is_refused(found: Any, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        splits_of(found, "moons", DATA)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def missing() -> object:
    import no_such_package  # type: ignore[import-not-found]

    return no_such_package


def broken_file() -> None:
    raise ValueError("cells.h5: line 3 has\nno end")


def no_file() -> None:
    raise FileNotFoundError(2, "No such file or directory", "cells.h5")


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (missing, "moons data come with the package lpc-moons: No module named 'no_such_package'"),
        (broken_file, "moons: cells.h5: line 3 has"),
        (no_file, "moons: [Errno 2] No such file or directory: 'cells.h5'"),
        (lambda: 1 // 0, "moons data of the package lpc-moons fail: ZeroDivisionError: "),
    ],
)
def test_a_package_that_fails_ends_in_one_line(read: Callable[[], object], said: str) -> None:
    with pytest.raises(BadInput) as caught, from_package("lpc-moons", "moons"):
        read()
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("problem", [Failure("of the script's own"), MemoryError(), KeyboardInterrupt()])
def test_what_is_not_the_packages_fault_passes(problem: BaseException) -> None:
    with pytest.raises(type(problem)), from_package("lpc-moons", "moons"):
        raise problem
