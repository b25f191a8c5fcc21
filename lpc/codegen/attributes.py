"""How a script reaches what a program names: blocks as attributes of `net`, state names as paths."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from dataclasses import dataclass

from lpc.codegen.lines import MARK
from lpc.ir.network import Network

MODULE_WORDS = frozenset(
    """T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval extra_repr
    float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules mtia named_buffers
    named_children named_modules named_parameters parameters register_backward_hook register_buffer register_forward_hook
    register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook
    register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty train training type
    xpu zero_grad RENAMED""".split()  # noqa: SIM905 - words read better than forty literals
)
"""Attributes of `nn.Module`, which no block may take; a test compares them with torch's own."""


@dataclass(frozen=True)
class Attributes:
    """How the network's attributes are called, where not as its blocks and chains are."""

    renamed: Mapping[str, str]
    """Block name -> attribute."""
    chains: Mapping[str, str]
    """Chain name -> what its method and its blocks' attributes begin with."""

    def of(self, block: str) -> str:
        return self.renamed.get(block, block)

    def chain(self, chain: str) -> str:
        return self.chains.get(chain, chain)

    def path(self, state_name: str, root: str) -> str:
        """`hidden1.mono_forward.projection` -> `net.hidden1.mono_forward.projection`."""
        block, dot, rest = state_name.partition(".")
        return f"{root}.{self.of(block)}{dot}{rest}"

    def text(self, marked: str, values: Mapping[str, str], root: str = "net") -> str:
        """A line with all its marks replaced."""

        def replace(letter: str, name: str) -> str:
            match letter:
                case "v":
                    return values[name]
                case "u" | "p":
                    return self.path(name, root)
                case "o":
                    return f"optimizer[{name!r}]".replace("'", '"')
                case "U" | "P":
                    chain, dot, rest = name.partition(".")
                    return f"{root}.{self.chain(chain)}(k){dot}{rest}"
                case "O":
                    return f'optimizer[f"{name}_{{k}}"]'
                case _:
                    raise AssertionError(letter)

        return MARK.sub(lambda found: replace(found[1], found[2]), marked)


def attributes(network: Network) -> Attributes:
    """Blocks and chains whose names Python or `nn.Module` has a use for get others; state names stay."""
    taken = {block.name for block in network.blocks} | set(network.chains)
    chains = {chain: _renamed(chain, taken) for chain in network.chains if _clashes(chain)}
    renamed: dict[str, str] = {}
    for block in network.blocks:
        if block.chain is not None and block.chain[0] in chains:
            renamed[block.name] = f"{chains[block.chain[0]]}_{block.chain[1]}"
        elif block.chain is None and _clashes(block.name):
            renamed[block.name] = _renamed(block.name, taken)
    return Attributes(renamed, chains)


def _clashes(name: str) -> bool:
    """Names that begin with an underscore are torch's own, or Python's that it mangles inside a class."""
    return keyword.iskeyword(name) or name in MODULE_WORDS or name.startswith("_")


def _renamed(name: str, taken: set[str]) -> str:
    made = f"block_{name.strip('_')}_"
    while any(other.startswith(made) for other in taken):
        made += "_"
    taken.add(made)
    return made
