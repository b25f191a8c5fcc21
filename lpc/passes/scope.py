"""The names a program declares, each once, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lpc.diagnostics import Diagnostic, Report, error
from lpc.source import Span
from lpc.syntax import tree

DeclaredAs = Literal["let", "function", "data", "block"]

SOUND = """network example
data image, label = digits()
block hidden = image -> flatten -> linear(64) -> relu
block readout = hidden -> linear(10)
objective cross_entropy(readout, label)
train epochs = 1, batch = 64
"""
"""A program without mistakes; examples of diagnostics are variations of it."""


@error("LP102")
class DuplicateName(Diagnostic):
    """Lets, functions, data and blocks share one set of names, so that a name means one thing wherever it is read.

    The blocks of a chain `layer[3]` are called `layer_1`, `layer_2`, `layer_3` in scripts and results, so those names are
    taken too.
    """

    title = "`{name}` is declared twice"
    label = "declared again, as {kind}"
    bad = SOUND.replace("block readout", "block hidden = image -> linear(3)\nblock readout")
    good = SOUND
    name: str
    kind: str


@error("LP103")
class WordAsName(Diagnostic):
    """`true` and `false` are values everywhere, and `search`, `classes` and `size` are functions of the language."""

    title = "`{name}` cannot be the name of {kind}"
    label = "`{name}` has a meaning of its own"
    bad = "network example\nlet true = 1\n" + SOUND.partition("\n")[2].replace("64) ->", "true) ->")
    good = "network example\nlet width = 1\n" + SOUND.partition("\n")[2].replace("64) ->", "width) ->")
    name: str
    kind: str


IN_WORDS: Mapping[DeclaredAs, str] = {"let": "a `let`", "function": "a function", "data": "data", "block": "a block"}
RESERVED: Mapping[DeclaredAs, frozenset[str]] = {
    "let": frozenset({"true", "false"}),
    "function": frozenset({"search", "classes", "size"}),
    "data": frozenset({"true", "false"}),
    "block": frozenset({"true", "false"}),
}
_MEMBER = re.compile(r"(.+)_([1-9][0-9]*)")


@dataclass(frozen=True)
class Scope:
    """What a program declares, by name, in order of declaration. Of a name declared twice the first counts."""

    lets: Mapping[str, tree.Let]
    functions: Mapping[str, tree.Def]
    data: Mapping[str, tree.Binding]
    blocks: Mapping[str, tree.Block]

    def is_tensor(self, name: str) -> bool:
        return name in self.blocks or name in self.data

    def __contains__(self, name: str) -> bool:
        return name in self.blocks or name in self.data or name in self.lets or name in self.functions


def scope_of(file: tree.File, report: Report) -> Scope:
    """All names of a file (of a variant, only after it is merged); names declared twice are reported."""
    lets: dict[str, tree.Let] = {}
    functions: dict[str, tree.Def] = {}
    data: dict[str, tree.Binding] = {}
    blocks: dict[str, tree.Block] = {}
    homes: dict[DeclaredAs, dict[str, Any]] = {"let": lets, "function": functions, "data": data, "block": blocks}
    first: dict[str, Span] = {}
    for name, kind, node, span in _declared(file):
        if name in RESERVED[kind]:
            report.add(WordAsName(span=span, name=name, kind=IN_WORDS[kind]))
        if name in first:
            related = ((first[name], "declared first here"),)
            report.add(DuplicateName(span=span, name=name, kind=IN_WORDS[kind], related=related))
            continue
        first[name] = span
        homes[kind][name] = node
    return Scope(lets, functions, data, blocks)


def check_chain_names(file: tree.File, lengths: Mapping[str, int], report: Report) -> None:
    """Report names that blocks of chains already have: `layer_2` beside `layer[3]`. `lengths`: of each chain."""
    chains = {clause.name: clause for clause in file.clauses if isinstance(clause, tree.Block)}
    for name, kind, _, span in _declared(file):
        match = _MEMBER.fullmatch(name)
        if match and int(match[2]) <= lengths.get(match[1], 0):
            owner = f"`{match[1]}[{match[2]}]` is called `{name}` in scripts and results"
            related = ((chains[match[1]].name_span, owner),)
            report.add(DuplicateName(span=span, name=name, kind=IN_WORDS[kind], related=related))


def _declared(file: tree.File) -> Iterator[tuple[str, DeclaredAs, tree.Node, Span]]:
    for clause in file.clauses:
        match clause:
            case tree.Let(name):
                yield name, "let", clause, clause.name_span
            case tree.Def(name):
                yield name, "function", clause, clause.name_span
            case tree.Data(bindings):
                for binding in bindings:
                    yield binding.name, "data", binding, binding.span
            case tree.Block(name):
                yield name, "block", clause, clause.name_span
            case _:
                pass
