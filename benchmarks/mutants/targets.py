"""What is mutated: the functions that make a rule's step, and those of the passes that decide how a step is run."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import ndiff
from hashlib import sha256
from pathlib import Path
from random import Random

from benchmarks.mutants.operators import Change, Function, changes

ROOTS = ("step", "finish", "infer", "adds", "phases")
"""The methods of a rule that say what it does; what they call belongs to them."""

PASSES: dict[str, tuple[str, tuple[str, ...]]] = {
    "live": ("lpc.ir.step", ("walk", "reads", "live", "_acts", "used_ports")),
    "segments": ("lpc.codegen.segments", ()),
    "schedule": ("lpc.codegen.schedule", ("schedule", "_Scheduler", "_key")),
    "prefix": ("lpc.codegen.prefix", ()),
    "roll": ("lpc.codegen.roll", ()),
    "order": ("lpc.codegen.order", ("turns", "_turn", "_worth_keeping", "_learners", "_slice")),
    "statements": ("lpc.codegen.statements", ()),
}
"""By name: the module, and its functions and classes, where not all are meant: prices decide speed alone, others only words."""


@dataclass(frozen=True)
class Mutant:
    """One changed module."""

    target: str
    module: str
    file: str
    """From the project's root."""
    operator: str
    line: int
    change: Change
    text: str
    """The module's source, changed."""
    was: str
    """The lines that differ, before and after."""
    becomes: str

    @property
    def key(self) -> str:
        return f"{self.module}:{sha256(self.text.encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class Target:
    """A rule or a pass, by name, and where it stands."""

    name: str
    module: str
    kind: str
    """`rule` or `pass`."""
    only: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        package = importlib.util.find_spec("lpc")
        assert package is not None and package.origin is not None
        return Path(package.origin).parent.joinpath(*self.module.split(".")[1:]).with_suffix(".py")

    def mutants(self) -> list[Mutant]:
        """All there are, from the top of the file down."""
        path, source = self.path, self.path.read_bytes()
        tree = ast.parse(source)
        functions = list(_of_rule(tree) if self.kind == "rule" else _of_pass(tree, self.only))
        made = []
        for change in sorted(changes(source, functions), key=lambda c: (c.start, c.end, c.operator, c.new)):
            text = change.applied(source).decode()
            was, becomes = _difference(source.decode(), text)
            file = path.relative_to(path.parents[len(self.module.split(".")) - 1]).as_posix()
            made.append(Mutant(self.name, self.module, file, change.operator, change.line, change, text, was, becomes))
        return made

    def sample(self, limit: int, seed: int, becomes: str = "") -> list[Mutant]:
        """So many of them, drawn by a seed: all where `limit` is 0; those of a smaller sample are in a larger one.

        becomes: a text that the changed lines must hold.
        """
        found = [mutant for mutant in self.mutants() if becomes in mutant.becomes]
        Random(f"{seed} {self.name}").shuffle(found)
        return sorted(found[: limit or None], key=lambda mutant: (mutant.change.start, mutant.key))


def rules() -> list[Target]:
    """The built-in rules, read from the registry's text: importing it would import what is mutated."""
    registry = Target("registry", "lpc.rules.registry", "rule").path.read_text(encoding="utf-8")
    entries = re.findall(r'"(\w+)": "(lpc\.rules\.\w+):\w+"', registry)
    return [Target(name, module, "rule") for name, module in entries]


def passes() -> list[Target]:
    return [Target(name, module, "pass", only) for name, (module, only) in PASSES.items()]


def _of_rule(tree: ast.Module) -> Iterator[Function]:
    """The methods that say what a rule does, and everything of the file that they call."""
    defined: dict[str, Function] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            defined.update({inner.name: inner for inner in node.body if isinstance(inner, Function)})
        elif isinstance(node, Function) and not node.decorator_list:
            defined[node.name] = node
    waiting, found = [name for name in ROOTS if name in defined], []
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found.append(name)
            waiting += [word for word in _words(defined[name]) if word in defined]
    return (defined[name] for name in found)


def _words(function: Function) -> list[str]:
    names = [node.id for node in ast.walk(function) if isinstance(node, ast.Name)]
    own = [n.attr for n in ast.walk(function) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)]
    return [*names, *own]


def _of_pass(tree: ast.Module, only: Sequence[str]) -> Iterator[Function]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and (not only or node.name in only):
            yield from (inner for inner in node.body if isinstance(inner, Function))
        elif isinstance(node, Function) and (not only or node.name in only):
            yield node


def _difference(before: str, after: str) -> tuple[str, str]:
    """The lines that differ, joined."""
    lines = list(ndiff(before.splitlines(), after.splitlines()))
    return tuple(" ".join(line[2:].strip() for line in lines if line[:2] == sign) for sign in ("- ", "+ "))  # type: ignore[return-value]
