"""Blocks whose names Python or torch has taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from lpc.runtime.initialise import state_name


def use_names(net: nn.Module, names: Mapping[str, str]) -> None:
    """Save and load the network's state under `.lp` names: `names` says which, by path in the tree (`layer.0`)."""

    def rename(_net: nn.Module, state: dict[str, Any], *_: Any) -> None:
        for key in list(state):
            state[state_name(key, names)] = state.pop(key)

    def rename_back(_net: nn.Module, state: dict[str, Any], *_: Any) -> None:
        back = {name: path for path, name in names.items()}
        for key in list(state):
            state[state_name(key, back)] = state.pop(key)

    net.register_state_dict_post_hook(rename)
    net.register_load_state_dict_pre_hook(rename_back)
