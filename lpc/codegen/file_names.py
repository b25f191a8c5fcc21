"""What a script's file is called."""

from __future__ import annotations

import keyword
import sys
from collections.abc import Iterator

from lpc.ir.network import Network
from lpc.ir.ops import operation_of
from lpc.ir.program import Program
from lpc.passes.data_sources import find
from lpc.plugins import module_and_name

IMPORTED = frozenset(
    {"torch", "numpy", "sklearn", "scipy", "pynvml", "tqdm", "lpc", "lark", "networkx", "jinja2", "click"}
)
"""Modules that scripts, what they import, or lpc look for: a file of that name beside a script would be found instead."""


def script_stem(program: Program) -> str:
    """`NAME`, or `NAME_VARIANT`, with `_train` behind it where Python has the name or would find the script in a module's place."""
    stem = program.name + (f"_{program.variant}" if program.variant else "")
    words = {*keyword.kwlist, *keyword.softkwlist}
    foreign = [*foreign_code(program), *filter(None, [reader_of(program)])]
    modules = {*sys.stdlib_module_names, *IMPORTED, *(module.partition(".")[0] for module, _ in foreign)}
    taken = {name.casefold() for name in words | modules}  # some file systems do not tell capitals apart
    return f"{stem}_train" if stem.casefold() in taken else stem


def hides(stem: str) -> bool:
    """Whether a script called so would be found in the place of a module that scripts import."""
    return stem in IMPORTED or stem in sys.stdlib_module_names


def foreign_code(program: Program) -> Iterator[tuple[str, str]]:
    """Module and name of code that is none of lpc's and runs with the script (`opaque`)."""
    if program.network is not None:
        yield from foreign_to(program.network)


def reader_of(program: Program) -> tuple[str, str] | None:
    """Module and name of the function that reads the data, where another package's does."""
    source = find(program.data.source) if program.data is not None else None
    return module_and_name(source.reader) if source is not None else None


def foreign_to(network: Network) -> Iterator[tuple[str, str]]:
    """The same of a network."""
    for block in network.blocks:
        for node in network.nodes_of(block):
            operation = operation_of(node.kind)
            if operation.foreign is not None:
                yield operation.foreign(node.arguments)
