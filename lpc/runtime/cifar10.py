"""CIFAR-10 in its binary version (Krizhevsky 2009)."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import torch

from lpc.runtime.data import Binding, Part, Splits, checked
from lpc.runtime.download import download, keep_file, md5
from lpc.runtime.failure import BadInput
from lpc.runtime.files import data_folders, read_data
from lpc.runtime.options import Options

CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR10_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
CIFAR10_FOLDERS = ("cifar-10-batches-bin", "cifar10", "cifar-10", "cifar10/cifar-10-batches-bin")
CIFAR10_RECORD = 3073
"""Bytes of an example: its label, then 32 by 32 red, green and blue values."""


def load_cifar10(options: Options) -> Splits:
    """Images f32[3, 32, 32] in [0, 1], labels 0 to 9: all `data_batch_*` files there are, and `test_batch`."""
    wanted = 1 if options.no_test else 2
    parts = cifar10_files(options)[:wanted]
    if options.download and not all(parts):
        fetch_cifar10(Path(options.data) / CIFAR10_FOLDERS[0])
        parts = cifar10_files(options)[:wanted]
    if not all(parts):
        what = "test_batch.bin" if parts[0] else "data_batch_1.bin"
        looked = f"under {options.data} or in {', '.join(CIFAR10_FOLDERS)} there"
        raise BadInput(f"{what} is not {looked}; it comes from {CIFAR10_URL}, --download fetches it")
    train, *test = (read_cifar10(paths) for paths in parts)
    whole = [len(part[0]) for part in (train, *test)] == [50_000, 10_000][:wanted]
    # The checksum that was published is the archive's: of single files only their size can tell.
    published = None if whole else False
    return Splits(train, test=test[0] if test else None, facts={"source": "cifar10", "published": published})


def cifar10_files(options: Options) -> tuple[list[Path], list[Path]]:
    """The training files and the test file in the first folder that has any."""
    for folder in data_folders(options.data, CIFAR10_FOLDERS):
        found = [
            sorted({*folder.glob(f"{name}.bin"), *folder.glob(f"{name}.bin.gz")})
            for name in ("data_batch_*", "test_batch")
        ]
        if any(found):
            return found[0], found[1]
    return [], []


def fetch_cifar10(folder: Path) -> None:
    packed = download(CIFAR10_URL)
    if md5(packed) != CIFAR10_MD5:
        raise BadInput(f"{CIFAR10_URL} sent something else than the published file; nothing was kept")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".bin") else None
            if file:
                keep_file(folder / Path(member.name).name, file.read())


def read_cifar10(paths: list[Path]) -> Part:
    images, labels = [], []
    for path in paths:
        content = read_data(path)
        if not content or len(content) % CIFAR10_RECORD:
            raise BadInput(
                f"{path} has {len(content)} bytes, which is no multiple of the {CIFAR10_RECORD} of an example"
            )
        records = torch.frombuffer(bytearray(content), dtype=torch.uint8).view(-1, CIFAR10_RECORD)
        labels.append(checked(records[:, 0].long(), Binding("label", classes=10), str(path)))
        images.append(records[:, 1:].float().div_(255).view(-1, 3, 32, 32))
    return torch.cat(images), torch.cat(labels)
