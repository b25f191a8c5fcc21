"""Generated scripts, read back: what program they are of, and which block a line belongs to. Nothing in them is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lpc.cli.refusal import Refusal, system_says

SECTION = "# -- "
"""Begins the comment over each part of the runtime in a script."""
LAST_SECTION = "# -- The program"
HEAD = re.compile(r"\s*# (?P<block>\w+(?:\[\d+\])?) \((?P<file>[^()\s]+):(?P<line>\d+)\), (?P<rule>\w+)$")
"""The comment where a block's lines begin: `# hidden1 (digits.lp:7), mono_forward`."""
PLACE = re.compile(r"(?P<file>[^`\s]+\.?\w*):(?P<line>\d+)")
"""The comment beside the line that makes a block: `# digits.lp:7`."""
CLASS = re.compile(r"`.*` \((?P<file>[^()\s]+):(?P<line>\d+)\):?")
"""The first line of the docstring of a block's class: `block hidden1 = ... (digits.lp:7)`, the clause quoted."""


@dataclass(frozen=True)
class ReadScript:
    """A script as text, its syntax tree, and what its `TASK` says of the program."""

    name: str
    text: str
    tree: ast.Module
    variant: str | None = None
    settings: tuple[tuple[str, str], ...] = ()
    source: str = ""
    source_sha256: str = ""
    rules: Mapping[str, str] = field(default_factory=dict)
    """Rule of each block, by name."""
    places: Mapping[str, str] = field(default_factory=dict)
    """`FILE:LINE` of each block, by name."""

    @property
    def lines(self) -> list[str]:
        return self.text.split("\n")


def read_script(path: str) -> ReadScript:
    """Raises Refusal for a file that cannot be read, is no Python, or was not written by lpc."""
    try:
        text = Path(path).read_bytes().decode()
        tree = ast.parse(text)
    except OSError as problem:
        raise Refusal(f"cannot read {path}: {system_says(problem)}") from problem
    except UnicodeDecodeError as problem:
        raise Refusal(f"{path} is no text, and so no script") from problem
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        where = f" (line {problem.lineno})" if isinstance(problem, SyntaxError) and problem.lineno else ""
        raise Refusal(f"{path} is no script: it is not Python{where}") from problem
    task = next((value for value in _assigned(tree, "TASK") if isinstance(value, ast.Call)), None)
    if task is None:
        raise Refusal(f"{path} is no script of lpc's: it has no TASK")
    given = {keyword.arg: keyword.value for keyword in task.keywords if keyword.arg}
    settings, variant = _value(given.get("settings")), _value(given.get("variant"))
    sources = (value for assigned in _assigned(tree, "SOURCE") if isinstance(value := _value(assigned), str))
    return ReadScript(
        path,
        text,
        tree,
        variant=variant if isinstance(variant, str) else None,
        settings=tuple((str(k), str(v)) for k, v in settings.items()) if isinstance(settings, dict) else (),
        source=next(sources, ""),
        source_sha256=str(_value(given.get("source_sha256"))),
        rules=dict(_table(given.get("rules"))),
        places=dict(_table(given.get("places"))),
    )


def _assigned(tree: ast.Module, name: str) -> Iterator[ast.expr]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            yield node.value


def _value(node: ast.expr | None) -> object:
    """A literal's value; None for anything else."""
    try:
        return None if node is None else ast.literal_eval(node)
    except ValueError:
        return None


def _table(node: ast.expr | None) -> Iterator[tuple[str, str]]:
    """The entries of a dict of strings as scripts write it: chains are comprehensions over a range."""
    if not isinstance(node, ast.Dict):
        return
    for key, value in zip(node.keys, node.values, strict=True):
        text = _value(value)
        if isinstance(key, ast.Constant) and isinstance(text, str):
            yield str(key.value), text
        elif isinstance(value, ast.DictComp):
            made = _value(value.value)
            for k in loop_range(value.generators[0].iter):
                if isinstance(value.key, ast.JoinedStr) and isinstance(made, str):
                    yield (
                        "".join(str(p.value) if isinstance(p, ast.Constant) else str(k) for p in value.key.values),
                        made,
                    )


def loop_range(node: ast.expr) -> range:
    """`range(2, 33)` as written in a script; an empty one for anything else."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        bounds = [bound for argument in node.args if isinstance(bound := _value(argument), int)]
        if len(bounds) == len(node.args) and 1 <= len(bounds) <= 3 and bounds[2:] != [0]:
            return range(*bounds)
    return range(0)
