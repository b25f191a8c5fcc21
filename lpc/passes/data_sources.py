"""The data sources a program can name. Those of other packages are found through the entry-point group `lpc.data`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from lpc.ir.types import Edges, Label, Tensor, Type
from lpc.passes.data_source import AUGMENT, FILE, STANDARDISE, TEST, VALIDATION, Arguments, DataSource, misdeclared
from lpc.passes.signatures import Parameter
from lpc.plugins import PluginError, entries, loaded, package, unfit

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def _images(*shape: int) -> Callable[[Arguments], tuple[Type, ...]]:
    return lambda _arguments: (Tensor(shape), Label(10))


def _text(arguments: Arguments) -> tuple[Type, ...]:
    context, classes = arguments["context"], arguments["classes"]
    return Tensor((context,), "i64", classes), Label(classes, (context,))


_GRAPHS = {"cora": (1433, 7), "citeseer": (3703, 6), "pubmed": (500, 3)}


def _planetoid(arguments: Arguments) -> tuple[Type, ...]:
    features, classes = _GRAPHS.get(str(arguments["name"]), (1, 2))
    return Tensor((features,)), Edges(), Label(classes)


SOURCES: dict[str, DataSource] = {
    source.name: source
    for source in (
        DataSource(
            "digits",
            "1 797 handwritten digits, 8 by 8, that come with scikit-learn",
            (VALIDATION, TEST, STANDARDISE, AUGMENT),
            types=_images(1, 8, 8),
            examples=1797,
            example="data image, label = digits(validation = 20%)",
        ),
        DataSource(
            "mnist",
            "70 000 handwritten digits, 28 by 28, with a test part of 10 000",
            (VALIDATION, STANDARDISE, AUGMENT),
            types=_images(1, 28, 28),
            examples=60_000,
            parts=("train", "test"),
            example="data image, label = mnist(validation = 5000)",
        ),
        DataSource(
            "fashion_mnist",
            "70 000 pictures of clothes, 28 by 28, with a test part of 10 000",
            (VALIDATION, STANDARDISE, AUGMENT),
            types=_images(1, 28, 28),
            examples=60_000,
            parts=("train", "test"),
            example="data image, label = fashion_mnist(validation = 10%)",
        ),
        DataSource(
            "cifar10",
            "60 000 colour photographs, 32 by 32, with a test part of 10 000",
            (VALIDATION, STANDARDISE, AUGMENT),
            types=_images(3, 32, 32),
            examples=50_000,
            parts=("train", "test"),
            example="data image, label = cifar10(validation = 10%, augment = [flip, crop])",
        ),
        DataSource(
            "csv",
            "a table: columns are matched by name, features standardised unless `standardise = false`",
            (
                FILE,
                Parameter(
                    "target", "texts", None, summary="the target's columns; left out, those named as the last data name"
                ),
                VALIDATION,
                TEST,
                Parameter(
                    "standardise", "bool", True, summary="features get the training part's mean 0 and deviation 1"
                ),
            ),
            example='data features: f32[11], quality: f32[1] = csv("wine.csv", target = "quality", validation = 20%)',
        ),
        DataSource(
            "npz",
            "arrays of a NumPy file, by the names of the data",
            (FILE, VALIDATION, TEST, STANDARDISE, AUGMENT),
            example='data x: f32[64], y: class[3] = npz("set.npz", validation = 10%)',
        ),
        DataSource(
            "text",
            "windows of a text's bytes, and for each position the byte that follows; validation is its last part",
            (
                FILE,
                Parameter("context", "int", 128, least=1, most=2**20, summary="positions of an example"),
                VALIDATION,
                TEST,
                Parameter("classes", "int", 256, least=2, most=256, summary="how many different bytes a token can be"),
            ),
            types=_text,
            example='data tokens, next = text("poems.txt", context = 128, validation = 10%)',
        ),
        DataSource(
            "synthetic",
            "made-up examples of the types written, with something in them to learn",
            (
                Parameter("examples", "int", 1024, least=1, most=2**31 - 1, summary="how many"),
                VALIDATION,
                TEST,
            ),
            example="data x: f32[20], y: class[5] = synthetic(examples = 2000, validation = 10%)",
        ),
        DataSource(
            "planetoid",
            "citation graphs: features of a paper, citations between papers, the paper's field",
            (Parameter("name", "text", summary='"cora", "citeseer" or "pubmed"'),),
            types=_planetoid,
            available=False,
            example='data nodes, graph, label = planetoid("cora")',
        ),
    )
}
"""The data sources that come with lpc, by name."""


def names() -> tuple[str, ...]:
    """Every name there is, without loading what is behind those of other packages."""
    return (*SOURCES, *_points())


def find(name: str) -> DataSource | None:
    """The source of that name, or None. Looks at other packages only when lpc has none, and loads no other name."""
    if name in SOURCES:
        return SOURCES[name]
    point = _points().get(name)
    return _load(point) if point else None


@cache
def _points() -> dict[str, EntryPoint]:
    """Entry points of other packages by name; raises PluginError when two packages give one name."""
    return entries("lpc.data", "data source", SOURCES)


def _load(point: EntryPoint) -> DataSource:
    """The source of an entry, and the package that scripts need for it. Raises PluginError where it is none that works."""
    found = loaded(point, "data source")
    if not isinstance(found, DataSource) or found.name != point.name:
        raise unfit(point, "data source")
    if problem := misdeclared(found):
        raise PluginError(f"the data source `{point.name}` of {package(point)} {problem}")
    return replace(found, package=point.dist.name if point.dist else re.split(r"[.:]", found.reader)[0])
