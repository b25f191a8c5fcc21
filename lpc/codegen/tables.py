"""Tables by block and tuples of block names, as scripts have them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from lpc.ir.network import Block, Network


def table_of(network: Network, values: Mapping[str, str | int]) -> str:
    """A dictionary by block name; three or more of one chain with one value, in order, by comprehension."""
    items: list[str] = []
    blocks = list(network.blocks)
    at = 0
    while at < len(blocks):
        block = blocks[at]
        end = at + 1
        while block.chain and end < len(blocks) and _of_chain(blocks[end], block.chain[0]):
            if values[blocks[end].name] != values[block.name]:
                break
            end += 1
        if block.chain and end - at >= 3:
            first = block.chain[1]
            items.append(
                f'**{{f"{block.chain[0]}_{{k}}": {json.dumps(values[block.name])} for k in range({first}, {first + end - at})}}'
            )
        else:
            items += [f"{json.dumps(one.name)}: {json.dumps(values[one.name])}" for one in blocks[at:end]]
        at = end
    return "{" + ", ".join(items) + "}"


def names_of(network: Network, names: Sequence[str]) -> str:
    """A tuple of block names; three or more of one chain, in order, by comprehension."""
    items: list[str] = []
    at = 0
    by_name = {block.name: block for block in network.blocks}
    while at < len(names):
        chain = by_name[names[at]].chain
        end = at + 1
        while chain and end < len(names) and by_name[names[end]].chain == (chain[0], chain[1] + end - at):
            end += 1
        if chain and end - at >= 3:
            items.append(f'*(f"{chain[0]}_{{k}}" for k in range({chain[1]}, {chain[1] + end - at}))')
        else:
            items += [json.dumps(name) for name in names[at:end]]
        at = end
    return f"({', '.join(items)},)" if len(items) == 1 else f"({', '.join(items)})"


def _of_chain(block: Block, chain: str) -> bool:
    return block.chain is not None and block.chain[0] == chain
