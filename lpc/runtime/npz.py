"""Arrays of a NumPy file."""

from __future__ import annotations

import io
import zlib
from zipfile import BadZipFile

import numpy as np
import torch

from lpc.runtime.data import Binding, Splits, checked
from lpc.runtime.failure import BadInput
from lpc.runtime.files import own_file
from lpc.runtime.options import Options


def load_npz(options: Options, data: tuple[Binding, ...], file: str) -> Splits:
    """For each name the array of that name, its first axis the examples."""
    path, content = own_file(options.data, "npz", file)
    part = []
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            for binding in data:
                if binding.name not in arrays:
                    raise BadInput(f"{path} has no array {binding.name!r}; it has {', '.join(arrays)}")
                array = arrays[binding.name]
                if array.ndim == 0 or array.dtype.kind not in ("biuf" if binding.classes is None else "biu"):
                    wanted = "numbers" if binding.classes is None else "whole numbers"
                    raise BadInput(f"{path}: {binding.name} is an array of {array.dtype}, not of {wanted}")
                tensor = torch.from_numpy(array.astype(np.float64 if binding.classes is None else np.int64))
                part.append(checked(tensor, binding, str(path)))
    except (OSError, EOFError, ValueError, TypeError, BadZipFile, zlib.error) as problem:
        raise BadInput(f"{path} is no whole npz file of plain arrays: {problem}") from problem
    if len({len(tensor) for tensor in part}) > 1 or not len(part[0]):
        sizes = ", ".join(f"{len(tensor)} of {binding.name}" for binding, tensor in zip(data, part, strict=True))
        raise BadInput(f"{path}: every example needs one of each, and there are {sizes}")
    return Splits(tuple(part), facts={"source": "npz"})
