"""Tables by block and tuples of block names, as scripts have them: three or more of one chain in a row by comprehension."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from lpc.ir.network import Block, Network


def table_of(network: Network, values: Mapping[str, str | int]) -> str:
    """A dictionary by block name; a comprehension has one value."""
    items: list[str] = []
    for row in _rows(network.blocks, lambda block: values[block.name]):
        if each := _comprehension(row):
            name, numbers = each
            items.append(f"**{{{name}: {json.dumps(values[row[0].name])} {numbers}}}")
        else:
            items += [f"{json.dumps(block.name)}: {json.dumps(values[block.name])}" for block in row]
    return "{" + ", ".join(items) + "}"


def names_of(network: Network, names: Sequence[str]) -> str:
    """A tuple of block names, in order."""
    items: list[str] = []
    by_name = {block.name: block for block in network.blocks}
    for row in _rows([by_name[name] for name in names], lambda _: None):
        if each := _comprehension(row):
            items.append(f"*({' '.join(each)})")
        else:
            items += [json.dumps(block.name) for block in row]
    return f"({', '.join(items)},)" if len(items) == 1 else f"({', '.join(items)})"


def _comprehension(row: Sequence[Block]) -> tuple[str, str] | None:
    """The name of the `k`-th block, and the loop over `k`; None where the row is short."""
    if row[0].chain is None or len(row) < 3:
        return None
    name, first = row[0].chain
    return f'f"{name}_{{k}}"', f"for k in range({first}, {first + len(row)})"


def _rows(blocks: Sequence[Block], value: Callable[[Block], object]) -> Iterator[list[Block]]:
    """Blocks in rows, each as long as they are of one chain, follow each other in it, and have the same value."""
    row: list[Block] = []
    for block in blocks:
        if row and not (_follows(block, row[-1]) and value(block) == value(row[-1])):
            yield row
            row = []
        row.append(block)
    if row:
        yield row


def _follows(block: Block, other: Block) -> bool:
    return other.chain is not None and block.chain == (other.chain[0], other.chain[1] + 1)
