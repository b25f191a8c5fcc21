"""Images in IDX files: MNIST and Fashion-MNIST."""

from __future__ import annotations

import gzip
import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lpc.runtime.data import Binding, Part, Splits, checked
from lpc.runtime.download import download, keep_file, md5
from lpc.runtime.failure import BadInput
from lpc.runtime.files import find_file, read_data
from lpc.runtime.options import Options


@dataclass(frozen=True)
class IdxSet:
    """Four files: the name of the set, the folders it may be in, where it comes from, MD5 sums of the unpacked files."""

    name: str
    folders: tuple[str, ...]
    url: str
    sums: dict[str, str]


MNIST = IdxSet(  # LeCun, Cortes and Burges; CC BY-SA 3.0
    "mnist",
    ("mnist", "MNIST"),
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    },
)
FASHION_MNIST = IdxSet(  # Xiao, Rasul and Vollgraf 2017; MIT
    "fashion_mnist",
    ("fashion_mnist", "fashion-mnist", "FashionMNIST"),
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    {
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    },
)


def load_mnist(options: Options) -> Splits:
    """60 000 + 10 000 images f32[1, 28, 28] in [0, 1] of handwritten digits, labels 0 to 9."""
    return load_idx_set(options, MNIST)


def load_fashion_mnist(options: Options) -> Splits:
    """60 000 + 10 000 images f32[1, 28, 28] in [0, 1] of clothes, labels 0 to 9."""
    return load_idx_set(options, FASHION_MNIST)


def load_idx_set(options: Options, idx: IdxSet) -> Splits:
    """Training and test part; the result records whether all files read are the published ones."""
    names = list(idx.sums)[: 2 if options.no_test else 4]
    paths = [idx_file(options, idx, name) for name in names]
    contents = [read_data(path) for path in paths]
    published = all(md5(content) == idx.sums[name] for content, name in zip(contents, names, strict=True))
    train, *test = (idx_part(paths[i : i + 2], contents[i : i + 2]) for i in range(0, len(names), 2))
    return Splits(train, test=test[0] if test else None, facts={"source": idx.name, "published": published})


def idx_file(options: Options, idx: IdxSet, name: str) -> Path:
    """One of the files, fetched if it is missing and that was asked for: as it was published, or not at all."""
    if path := find_file(options.data, idx.folders, name):
        return path
    url = f"{idx.url}{name}.gz"
    if not options.download:
        looked = f"under {options.data} or in {', '.join(idx.folders)} there"
        raise BadInput(f"{name} (or {name}.gz) is not {looked}; it comes from {url}, --download fetches it")
    packed = download(url)
    try:
        known = md5(gzip.decompress(packed)) == idx.sums[name]
    except (OSError, EOFError, zlib.error):
        known = False
    if not known:
        raise BadInput(f"{url} sent something else than the published file; nothing was kept")
    path = Path(options.data) / idx.folders[0] / f"{name}.gz"
    keep_file(path, packed)
    return path


def idx_part(paths: list[Path], contents: list[bytes]) -> Part:
    images, labels = read_idx(paths[0], contents[0], 3), read_idx(paths[1], contents[1], 1)
    if len(images) != len(labels):
        raise BadInput(f"{paths[0]} holds {len(images)} images, {paths[1]} {len(labels)} labels")
    image = checked(images.unsqueeze(1).float().div_(255), Binding("image", (1, 28, 28)), str(paths[0]))
    return image, checked(labels.long(), Binding("label", classes=10), str(paths[1]))


def read_idx(path: Path, content: bytes, axes: int) -> Tensor:
    """The bytes of an IDX file: a magic number that says how many axes there are, their lengths, then the values."""
    magic, start = int.from_bytes(content[:4], "big"), 4 + 4 * axes
    if magic != 2048 + axes:
        raise BadInput(f"{path} is no IDX file of {axes} axes: it begins with the number {magic}, not {2048 + axes}")
    shape = [int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4)]
    if len(content) != start + math.prod(shape) or len(content) == start:
        raise BadInput(
            f"{path} has {len(content)} bytes, for the shape {shape} it says it needs {start + math.prod(shape)}"
        )
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=start).view(shape)
