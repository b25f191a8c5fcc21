"""Names: last, when the order of lines is settled. A name is free again once nothing more reads it."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Collection, Mapping, Sequence
from functools import cache

from lpc.codegen.inline import top_level_names
from lpc.codegen.lines import Line

GENERIC = frozenset({"scores", "loss", "error", "value", "signal", "pull", "solution", "drawn"})

SCRIPT_WORDS = frozenset(
    {"net", "optimizer", "step", "losses", "k", "self", "torch", "nn", "F", "Network", "TASK", "SOURCE", "target_of"}
)


def identifier(name: str, taken: Collection[str] = ()) -> str:
    """A Python name for a name of the program: itself, or with an underscore where Python or the script has a use for it.

    Different names stay different: what already ends in such an underscore gets one more.
    """
    made = f"{name}_" if _reserved(name.rstrip("_")) else name
    while made in taken:
        made += "_"
    return made


@cache
def _reserved(name: str) -> bool:
    words = keyword.iskeyword(name) or keyword.issoftkeyword(name) or hasattr(builtins, name)
    return not name or words or name in SCRIPT_WORDS or name in top_level_names()


def allocate(
    lines: Sequence[Line], named: Mapping[str, str], parameters: Mapping[str, str], taken: Collection[str]
) -> dict[str, str]:
    """A Python name for each value. `parameters` are already named; `taken` are words no value may have.

    A value lives from the line that writes it to the last that reads it; inside a loop, to the loop's end.
    """
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    loop_end = _loop_ends(lines)
    for at, line in enumerate(lines):
        for key in line.values():
            if key in parameters:
                continue
            first.setdefault(key, at)
            last[key] = max(last.get(key, at), loop_end[at] if loop_end[at] >= 0 else at)
    for key, at in first.items():
        if loop_end[at] >= 0 and last[key] <= loop_end[at] and not _read_before_written(lines, key, at):
            last[key] = max((i for i, line in enumerate(lines) if key in line.values()), default=at)
    names = dict(parameters)
    busy: dict[str, list[tuple[int, int]]] = {}
    for key in sorted(first, key=lambda k: (first[k], k)):
        names[key] = _free(key, named, lines[first[key]].block, (first[key], last[key]), busy, taken)
        busy.setdefault(names[key], []).append((first[key], last[key]))
    return names


def _loop_ends(lines: Sequence[Line]) -> list[int]:
    """For each line inside a loop, the index of that (outermost) loop's last line; -1 outside."""
    ends = [-1] * len(lines)
    at = 0
    while at < len(lines):
        if lines[at].opens:
            end = at
            while end + 1 < len(lines) and lines[end + 1].depth > lines[at].depth:
                end += 1
            for inside in range(at + 1, end + 1):
                ends[inside] = end
            at = end
        at += 1
    return ends


def _read_before_written(lines: Sequence[Line], key: str, at: int) -> bool:
    return key in lines[at].reads() or key not in lines[at].writes


def _free(
    key: str,
    named: Mapping[str, str],
    block: str,
    life: tuple[int, int],
    busy: Mapping[str, list[tuple[int, int]]],
    taken: Collection[str],
) -> str:
    wanted = identifier(named.get(key, "value"), taken)
    candidates = [wanted, f"{block}_{wanted}"] if wanted in GENERIC and block else [wanted]
    number = 2
    while True:
        for name in candidates:
            if name not in taken and all(end <= life[0] or start >= life[1] for start, end in busy.get(name, ())):
                return name
        candidates = [f"{wanted}_{number}"]
        number += 1
