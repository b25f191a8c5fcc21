"""Data sources: what they give for whole files, and the one line they give for others."""

from __future__ import annotations

import argparse
import gzip
import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lpc.runtime import cifar10, idx
from lpc.runtime.cifar10 import load_cifar10
from lpc.runtime.csv_table import load_csv
from lpc.runtime.data import Binding, Splits
from lpc.runtime.digits import load_digits
from lpc.runtime.download import md5
from lpc.runtime.failure import BadInput
from lpc.runtime.idx import load_fashion_mnist, load_mnist
from lpc.runtime.npz import load_npz
from lpc.runtime.options import Options
from lpc.runtime.synthetic import load_synthetic, synthetic_splits
from lpc.runtime.text import load_text


def options(folder: Path, download: bool = False, no_test: bool = False) -> Options:
    return argparse.Namespace(data=str(folder), download=download, no_test=no_test)


def refused(load: Callable[[], Splits], *said: str) -> None:
    """The load ends in one line that says all of these."""
    with pytest.raises(BadInput) as caught:
        load()
    text = str(caught.value)
    assert "\n" not in text
    for part in said:
        assert part in text


# digits


def test_digits_are_in_0_to_1(tmp_path: Path) -> None:
    image, label = load_digits(options(tmp_path)).train
    assert image.shape == (1797, 1, 8, 8)
    assert [float(image.min()), float(image.max())] == [0, 1]
    assert label.dtype == torch.int64
    assert label.unique().tolist() == list(range(10))


def test_digits_without_scikit_learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sklearn", None)
    refused(lambda: load_digits(options(tmp_path)), "scikit-learn", "pip install")


# IDX


def idx_bytes(array: np.ndarray[Any, Any]) -> bytes:
    head = (2048 + array.ndim).to_bytes(4, "big")
    return head + b"".join(size.to_bytes(4, "big") for size in array.shape) + array.astype(np.uint8).tobytes()


def write_idx(folder: Path, train: int = 6, test: int = 3) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    for name, count in (("train", train), ("t10k", test)):
        (folder / f"{name}-images-idx3-ubyte").write_bytes(idx_bytes(draw.integers(0, 256, (count, 28, 28))))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(idx_bytes(draw.integers(0, 10, (count,))))


@pytest.mark.parametrize("where", ["", "raw", "mnist", "mnist/raw", "MNIST/raw"])
def test_idx_files_are_found_where_they_usually_are(tmp_path: Path, where: str) -> None:
    write_idx(tmp_path / where)
    splits = load_mnist(options(tmp_path))
    assert splits.train[0].shape == (6, 1, 28, 28)
    assert splits.test is not None
    assert splits.test[1].shape == (3,)


def test_underscores_may_be_hyphens(tmp_path: Path) -> None:
    write_idx(tmp_path / "fashion-mnist")
    assert len(load_fashion_mnist(options(tmp_path)).train[0]) == 6


def test_idx_values_are_in_0_to_1_row_by_row(tmp_path: Path) -> None:
    write_idx(tmp_path)
    content = (tmp_path / "train-images-idx3-ubyte").read_bytes()[16:]
    image = load_mnist(options(tmp_path)).train[0]
    assert image.dtype == torch.float32
    assert torch.equal((image * 255).round().flatten().byte(), torch.frombuffer(bytearray(content), dtype=torch.uint8))


def test_idx_files_that_are_not_the_published_ones_are_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_idx(tmp_path)
    assert load_mnist(options(tmp_path)).facts["published"] is False
    sums = {name: md5((tmp_path / name).read_bytes()) for name in idx.MNIST.sums}
    monkeypatch.setattr(idx, "MNIST", replace(idx.MNIST, sums=sums))
    for name in sums:  # packed or not, it is what is in them that counts
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress((tmp_path / name).read_bytes()))
        (tmp_path / name).unlink()
    assert load_mnist(options(tmp_path)).facts["published"] is True


def test_a_missing_file_is_named_with_where_it_comes_from(tmp_path: Path) -> None:
    write_idx(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    refused(lambda: load_mnist(options(tmp_path)), "t10k-labels-idx1-ubyte", str(tmp_path), "https://", "--download")


def test_without_its_test_part_a_set_needs_no_test_file(tmp_path: Path) -> None:
    write_idx(tmp_path)
    for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        (tmp_path / name).unlink()
    splits = load_mnist(options(tmp_path, no_test=True))
    assert (len(splits.train[0]), splits.test) == (6, None)
    write_cifar10(tmp_path)
    (tmp_path / "test_batch.bin").unlink()
    splits = load_cifar10(options(tmp_path, no_test=True))
    assert (len(splits.train[0]), splits.test) == (6, None)


def test_idx_files_that_are_broken(tmp_path: Path) -> None:
    def with_content(name: str, content: bytes, *said: str) -> None:
        write_idx(tmp_path)
        (tmp_path / name).write_bytes(content)
        refused(lambda: load_mnist(options(tmp_path)), str(tmp_path / name), *said)

    images, labels = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
    write_idx(tmp_path)
    whole = (tmp_path / images).read_bytes()
    with_content(images, whole[:-1], "4719 bytes", "4720")
    with_content(images, whole + b"x", "4721 bytes")
    with_content(images, whole[:7], "bytes")
    with_content(images, b"", "number 0")
    with_content(images, idx_bytes(np.zeros(6)), "2049", "2051")
    with_content(images, idx_bytes(np.zeros((6, 8, 8))), "[1, 8, 8]", "[1, 28, 28]")
    with_content(images, idx_bytes(np.zeros((0, 28, 28))), "16 bytes")
    with_content(labels, idx_bytes(np.zeros(5)), "5 labels", "6 images")
    with_content(labels, idx_bytes(np.array([0, 1, 2, 10, 4, 5])), "example 3", "10", "0 to 9")


def test_packed_idx_files_that_are_broken(tmp_path: Path) -> None:
    write_idx(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte"
    packed = tmp_path / "train-images-idx3-ubyte.gz"
    content = gzip.compress(path.read_bytes())
    path.unlink()
    for broken in (
        content[:-9],
        content[: len(content) // 2],
        content[:30] + b"\0\0\0\0" + content[34:],
        b"not gzip",
        b"",
    ):
        packed.write_bytes(broken)
        refused(lambda: load_mnist(options(tmp_path)), str(packed))


# CIFAR-10


def write_cifar10(folder: Path, sizes: tuple[int, ...] = (4, 2), test: int = 3) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    for name, count in [(f"data_batch_{k + 1}", size) for k, size in enumerate(sizes)] + [("test_batch", test)]:
        records = np.concatenate([draw.integers(0, 10, (count, 1)), draw.integers(0, 256, (count, 3072))], 1)
        (folder / f"{name}.bin").write_bytes(records.astype(np.uint8).tobytes())


def test_cifar10_takes_all_training_files_there_are(tmp_path: Path) -> None:
    write_cifar10(tmp_path / "cifar-10-batches-bin", (4, 2, 5))
    splits = load_cifar10(options(tmp_path))
    first = (tmp_path / "cifar-10-batches-bin" / "data_batch_1.bin").read_bytes()
    assert [len(tensor) for tensor in splits.train] == [11, 11]
    assert splits.test is not None
    assert [len(tensor) for tensor in splits.test] == [3, 3]
    assert splits.train[1][0] == first[0]
    assert round(float(splits.train[0][0, 1, 2, 3]) * 255) == first[1 + 1024 + 2 * 32 + 3]
    assert splits.facts["published"] is False


def test_cifar10_files_that_are_broken(tmp_path: Path) -> None:
    write_cifar10(tmp_path)
    path = tmp_path / "data_batch_2.bin"
    whole = path.read_bytes()
    for content in (whole[:-1], b"", whole + b"x"):
        path.write_bytes(content)
        refused(lambda: load_cifar10(options(tmp_path)), str(path), "3073")
    path.write_bytes(whole[:3073] + b"\x0a" + whole[3074:])
    refused(lambda: load_cifar10(options(tmp_path)), str(path), "example 1", "10", "0 to 9")
    (tmp_path / "test_batch.bin").unlink()
    refused(lambda: load_cifar10(options(tmp_path)), "test_batch.bin", "https://", "--download")


# Fetching


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder, and the address it is served under."""
    folder = tmp_path_factory.mktemp("served")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def test_missing_idx_files_are_fetched_whole_or_not_at_all(
    tmp_path: Path, served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, url = served
    write_idx(folder)
    sums = {}
    for name in idx.MNIST.sums:
        content = (folder / name).read_bytes()
        sums[name] = md5(content)
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    monkeypatch.setattr(idx, "MNIST", replace(idx.MNIST, url=url, sums=sums))
    packed = folder / "t10k-labels-idx1-ubyte.gz"
    whole = packed.read_bytes()
    for broken in (whole[:-3], gzip.compress(b"other"), b"<html>"):
        packed.write_bytes(broken)
        refused(lambda: load_mnist(options(tmp_path, download=True)), packed.name, "nothing was kept")
        assert not list(tmp_path.rglob("t10k-labels*"))
    packed.write_bytes(whole)
    splits = load_mnist(options(tmp_path, download=True))
    assert splits.facts["published"] is True
    assert {path.name for path in (tmp_path / "mnist").iterdir()} == {f"{name}.gz" for name in sums}
    packed.unlink()
    assert len(load_mnist(options(tmp_path)).train[0]) == 6  # from the disk


def test_cifar10_is_fetched_as_an_archive(
    tmp_path: Path, served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, url = served
    write_cifar10(folder / "cifar-10-batches-bin")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(folder / "cifar-10-batches-bin", "cifar-10-batches-bin")
    (folder / "cifar.tar.gz").write_bytes(buffer.getvalue())
    monkeypatch.setattr(cifar10, "CIFAR10_URL", f"{url}cifar.tar.gz")
    refused(lambda: load_cifar10(options(tmp_path, download=True)), "nothing was kept")
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(cifar10, "CIFAR10_MD5", md5(buffer.getvalue()))
    assert len(load_cifar10(options(tmp_path, download=True)).train[0]) == 6


def test_without_a_network_fetching_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idx, "MNIST", replace(idx.MNIST, url="http://127.0.0.1:9/"))
    refused(lambda: load_mnist(options(tmp_path, download=True)), "cannot fetch http://127.0.0.1:9/")
    assert not list(tmp_path.iterdir())


# csv

WINE = (Binding("features", (2,)), Binding("quality", (1,)))


def table(folder: Path, text: str | bytes) -> Options:
    (folder / "t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return options(folder)


@pytest.mark.parametrize(
    "text",
    [
        "a,b,quality\n1,2,3\n4,5,6\n",
        "a;b;quality\n1;2;3\n4;5;6\n",
        "a\tb\tquality\r\n1\t2\t3\r\n4\t5\t6",
        '"a","b","quality"\n"1","2","3"\n\n4,5,6\n',
        "\ufeffquality| a |b\n3|1|2\n6| 4|5\n",
    ],
)
def test_csv_separators_quotes_and_order(tmp_path: Path, text: str) -> None:
    splits = load_csv(table(tmp_path, text), WINE, "t.csv")
    assert [tensor.tolist() for tensor in splits.train] == [[[1, 2], [4, 5]], [[3], [6]]]
    assert splits.test is None


def test_csv_targets_by_name(tmp_path: Path) -> None:
    found = table(tmp_path, "y,a,z,b\n1,2,3,4\n")
    data = (Binding("x", (2,)), Binding("t", (2,)))
    assert [t.tolist() for t in load_csv(found, data, "t.csv", ("z", "y")).train] == [[[2, 4]], [[3, 1]]]


def test_csv_of_one_name_gets_all_columns(tmp_path: Path) -> None:
    assert load_csv(table(tmp_path, "a,b\n1,2\n"), (Binding("x", (2,)),), "t.csv").train[0].tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("values", "classes", "codes"),
    [
        ("0 2 1", 3, [0, 2, 1]),
        ("0 0 1", 3, [0, 0, 1]),
        ("9 10 8", 3, [1, 2, 0]),
        ("-1 1 1", 2, [0, 1, 1]),
        ("red blue red", 2, [1, 0, 1]),
        ("10 9 b", 3, [0, 1, 2]),
    ],
)
def test_csv_classes(tmp_path: Path, values: str, classes: int, codes: list[int]) -> None:
    found = table(tmp_path, "x,y\n" + "".join(f"1,{value}\n" for value in values.split()))
    splits = load_csv(found, (Binding("x", (1,)), Binding("y", classes=classes)), "t.csv")
    assert splits.train[1].tolist() == codes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b,quality\n1,2,3\n4,,6\n", ("line 3", "b is missing")),
        ("a,b,quality\n1,2,3\n4,nan,6\n", ("line 3", "b is 'nan'")),
        ("a,b,quality\n1,2,3\n4,x,6\n", ("line 3", "b is 'x'")),
        ("a,b,quality\n1,2,1e999\n", ("line 2", "quality")),
        ("a;b;quality\n1,5;2;3\n", ("line 2", "'1,5'")),
        ("a,b,quality\n1,2,3\n4,5\n", ("line 3", "2 fields", "3")),
        ('a,b,quality\n"1\n",2,3\n4,5\n', ("line 4", "2 fields")),
        ("a,b,c\n1,2,3\n", ("no column 'quality'", "a, b, c")),
        ("a,b,c,quality\n1,2,3,4\n", ("3 columns for features", "[2]")),
        ("a,a,quality\n1,2,3\n", ("name the columns",)),
        ("", ("name the columns",)),
        ("a,b,quality\n", ("no rows",)),
        ('a,b,quality\n1,"2"x,3\n', ("no csv file",)),
        (b"a,b,quality\n\xff,2,3\n", ("no csv file",)),
        (b"\0\1\2", ("t.csv",)),
    ],
)
def test_csv_files_that_are_broken(tmp_path: Path, text: str | bytes, said: tuple[str, ...]) -> None:
    found = table(tmp_path, text)
    refused(lambda: load_csv(found, WINE, "t.csv"), str(tmp_path / "t.csv"), *said)


def test_csv_classes_that_do_not_fit(tmp_path: Path) -> None:
    data = (Binding("x", (1,)), Binding("y", classes=3))
    for rows, said in (
        ("1,a\n1,b\n", "2 different values (a, b)"),
        ("1,0\n1,3\n", "line 3: y has 2 different values (0, 3)"),
        ("1,1\n1,\n", "line 3: y is missing"),
    ):
        found = table(tmp_path, "x,y\n" + rows)
        refused(lambda found=found: load_csv(found, data, "t.csv"), said)  # type: ignore[misc]


def test_a_missing_csv_file(tmp_path: Path) -> None:
    refused(lambda: load_csv(options(tmp_path), WINE, "wine/t.csv"), "wine/t.csv", str(tmp_path), "--data")


# npz

XY = (Binding("x", (2,)), Binding("y", classes=3))


def arrays(folder: Path, **named: Any) -> Options:
    np.savez(folder / "t.npz", **named)
    return options(folder)


def test_npz_arrays_by_name(tmp_path: Path) -> None:
    found = arrays(
        tmp_path, y=np.array([2, 0], dtype=np.uint8), x=np.array([[1, 2], [3, 4]], dtype=">f4"), z=np.zeros(9)
    )
    splits = load_npz(found, XY, "t.npz")
    assert [tensor.tolist() for tensor in splits.train] == [[[1, 2], [3, 4]], [2, 0]]
    assert splits.train[1].dtype == torch.int64


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"x": np.zeros((2, 2))}, ("no array 'y'", "it has x")),
        ({"x": np.zeros((2, 3)), "y": np.zeros(2, int)}, ("shape [3]", "[2]")),
        ({"x": np.array([[0, 1], [np.nan, 1]]), "y": np.zeros(2, int)}, ("x of example 1 is nan",)),
        ({"x": np.zeros((2, 2)), "y": np.array([0, 3])}, ("y of example 1 is 3", "0 to 2")),
        ({"x": np.zeros((2, 2)), "y": np.array([0, -1])}, ("y of example 1 is -1",)),
        ({"x": np.zeros((2, 2)), "y": np.zeros(2)}, ("y", "float64", "whole")),
        ({"x": np.array([["a", "b"]]), "y": np.zeros(1, int)}, ("x", "<U1")),
        ({"x": np.zeros((2, 2)), "y": np.zeros(3, int)}, ("2 of x", "3 of y")),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0, int)}, ("0 of x",)),
        ({"x": np.array(1.0), "y": np.zeros(3, int)}, ("x",)),
        ({"x": np.array([None, 1], object), "y": np.zeros(2, int)}, ("plain arrays",)),
    ],
)
def test_npz_files_that_do_not_fit(tmp_path: Path, named: dict[str, Any], said: tuple[str, ...]) -> None:
    found = arrays(tmp_path, **named)
    refused(lambda: load_npz(found, XY, "t.npz"), str(tmp_path / "t.npz"), *said)


def test_npz_files_that_are_broken(tmp_path: Path) -> None:
    found = arrays(tmp_path, x=np.zeros((2, 2)), y=np.zeros(2, int))
    path = tmp_path / "t.npz"
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"text", whole[:200] + b"\xff" + whole[201:]):
        path.write_bytes(content)
        refused(lambda: load_npz(found, XY, "t.npz"), str(path))


# text


def test_text_windows_and_what_follows(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(b"abcabdabcab")
    data = (Binding("tokens", (3,), 256), Binding("next", (3,), 256))
    tokens, following = load_text(options(tmp_path), data, "t.txt").train
    assert ["".join(map(chr, row)) for row in tokens.tolist()] == ["abc", "abd", "abc"]
    assert ["".join(map(chr, row)) for row in following.tolist()] == ["bca", "bda", "bca"]


def test_text_tokens_under_256_classes_are_places_of_bytes(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(b"abcabdabcab")
    data = (Binding("tokens", (5,), 4), Binding("next", (5,), 4))
    assert load_text(options(tmp_path), data, "t.txt").train[0].tolist() == [[0, 1, 2, 0, 1], [3, 0, 1, 2, 0]]
    few = (Binding("tokens", (5,), 3), Binding("next", (5,), 3))
    refused(lambda: load_text(options(tmp_path), few, "t.txt"), "4 different bytes", "3")


def test_text_is_held_back_at_its_end(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(bytes(range(101)))
    data = (Binding("tokens", (10,), 256), Binding("next", (10,), 256))
    splits = load_text(options(tmp_path), data, "t.txt", validation=0.2, test=1)
    assert splits.validation is not None
    assert splits.test is not None
    assert [part[0][:, 0].tolist() for part in (splits.train, splits.test, splits.validation)] == [
        [0, 10, 20, 30, 40, 50, 60],
        [70],
        [80, 90],
    ]
    refused(lambda: load_text(options(tmp_path), data, "t.txt", validation=10), "10 windows", "none of 10")
    long = (Binding("tokens", (101,), 256), Binding("next", (101,), 256))
    refused(lambda: load_text(options(tmp_path), long, "t.txt"), "101 bytes", "102")


# Made-up data

TYPES = [
    (Binding("image", (3, 4, 4)), Binding("label", classes=5)),
    (Binding("x", (7,)), Binding("y", (2,))),
    (Binding("x", (7,)), Binding("y", ())),
    (Binding("x", ()), Binding("y", classes=2)),
    (Binding("tokens", (6,), 11), Binding("next", (6,), 11)),
    (Binding("tokens", (6,), 11), Binding("label", classes=3)),
    (Binding("x", (7,)),),
    (Binding("a", (7,)), Binding("b", (1, 2, 2)), Binding("label", classes=4)),
]


@pytest.mark.parametrize("data", TYPES)
def test_made_up_data_are_of_any_types(data: tuple[Binding, ...]) -> None:
    splits = synthetic_splits(data)
    assert splits.validation is not None
    for part, count in ((splits.train, 800), (splits.validation, 200)):
        for tensor, binding in zip(part, data, strict=True):
            assert tensor.shape == (count, *binding.shape)
            if binding.classes is not None:
                assert set(tensor.unique().tolist()) <= set(range(binding.classes))
                assert len(tensor.unique()) > 1


def test_made_up_labels_can_be_learned() -> None:
    image, label = load_synthetic((Binding("image", (1, 8, 8)), Binding("label", classes=10)), 2000).train
    x, y = image.flatten(1), torch.nn.functional.one_hot(label, 10).float()
    weight = torch.linalg.lstsq(x[:1600], y[:1600]).solution
    assert ((x[1600:] @ weight).argmax(1) == label[1600:]).float().mean() > 0.7
