"""What the compiler knows of one data source: what it takes, which types it binds, which parts it has, and who reads it."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from lpc.ir.types import Label, Tensor, Type
from lpc.passes.signatures import Parameter, Signature
from lpc.plugins import PluginError, module_and_name

Arguments = Mapping[str, Any]
Part = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class DataSource:
    """One source.

    A source of another package names its `reader`, a function that its scripts import and call with the source's own arguments
    by name, and with what `takes` lists. It gives a tensor or array for each name that the source binds, examples first; where
    there are several `parts`, a mapping from each to such a tuple. It raises OSError or ValueError for files that are not as
    they must be. `VALIDATION`, `TEST`, `STANDARDISE` and `AUGMENT` among the parameters are seen to by the script. The module
    that declares the source is imported by the compiler, which has neither torch nor numpy: the reader belongs into another.
    """

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    types: Callable[[Arguments], tuple[Type, ...]] | None = None
    """The types it binds, in order, from its arguments; None where a program has to write them."""
    examples: int | None = None
    """The size of the training part as published, where there is one: `validation` and `test` come out of it. An argument
    named `examples` says it too."""
    parts: tuple[Part, ...] = ("train",)
    """The parts that come with it."""
    reader: str = ""
    """Of other packages: `package.module:function`."""
    takes: tuple[Literal["folder", "data"], ...] = ()
    """What the reader is called with besides: the script's `--data` folder (a string); the program's names, each with `name`,
    `shape`, and `classes` (None for real numbers)."""
    package: str = ""
    """Of other packages: what to install, found out by lpc."""
    available: bool = True
    """False: the language has it, this version does not."""
    example: str = ""

    @property
    def signature(self) -> Signature:
        return Signature(self.name, "data source", self.parameters)

    def bound(self, arguments: Arguments) -> tuple[Type, ...] | None:
        """The types it binds with these arguments; None where a program writes them.

        Raises PluginError where another package's declaration fails at that.
        """
        if self.types is None or not self.reader:
            return self.types and self.types(arguments)
        try:
            found = tuple(self.types(arguments))
        except Exception as problem:  # a package of somebody else's may fail in any way
            raise PluginError(
                f"the data source `{self.name}` of {self.package} cannot say its types: {problem}"
            ) from problem
        if not found or not all(isinstance(type_, Tensor | Label) for type_ in found):
            raise PluginError(f"the data source `{self.name}` of {self.package} gives {found} as its types")
        return found


FILE = Parameter("file", "text", summary="the file, looked for under the script's --data folder")
VALIDATION = Parameter(
    "validation", "share", None, least=1, summary="a part of the training part, drawn by seed: examples or a percentage"
)
TEST = Parameter("test", "share", None, least=1, summary="a part set aside for the test, drawn by seed before training")
STANDARDISE = Parameter(
    "standardise", "bool", False, summary="subtract the training part's mean, divide by its deviation"
)
AUGMENT = Parameter(
    "augment",
    "words",
    (),
    ("flip", "crop"),
    summary="random changes of training images: mirrored, shifted by up to 4 points",
)

OF_SCRIPTS = {parameter.name: parameter for parameter in (VALIDATION, TEST, STANDARDISE, AUGMENT)}
"""Parameters that scripts see to, whoever reads the data."""
PRINTED = ("int", "float", "bool", "word", "words", "text", "texts", "sizes", "bytes", "names")
"""Kinds of parameters whose values a reader can be called with."""


def misdeclared(source: DataSource) -> str:
    """What is wrong with a declaration of another package's, as the end of a sentence; empty where all is well."""
    names = [parameter.name for parameter in source.parameters]
    if module_and_name(source.reader) is None:
        return f'names no reader as "package.module:function", but {source.reader!r}'
    if "train" not in source.parts or set(source.parts) - {"train", "validation", "test"}:
        return f"has the parts {source.parts}: `train` is one of them, and there are `validation` and `test`"
    if both := set(source.parts) & set(names):
        return f"has a {min(both)} part of its own, and takes one out of the training part too"
    if "validation" not in (*source.parts, *names):
        return "has no validation part, and takes none: VALIDATION is missing among its parameters"
    for parameter in source.parameters:
        if problem := _unfit(parameter, source):
            return f"has a parameter `{parameter.name}` that {problem}"
    return ""


def _unfit(parameter: Parameter, source: DataSource) -> str:
    """Why a reader could not be called with a parameter."""
    if parameter.name in OF_SCRIPTS:
        own = OF_SCRIPTS[parameter.name].kind
        return "" if parameter.kind == own else f"means something else in lpc, of kind `{own}`"
    if not parameter.name.isidentifier() or keyword.iskeyword(parameter.name):
        return "no function in Python can have"
    if parameter.name in source.takes:
        return "the reader is called with already"
    if parameter.kind not in PRINTED:
        return f"is of kind `{parameter.kind}`, which no reader can be called with"
    if isinstance(parameter.default, float) and not isfinite(parameter.default):
        return "is not finite"
    return ""
