"""Taking runtime parts along: the definitions a script needs from `lpc/runtime`, as they stand there.

A script is one namespace, and so is the runtime: a top-level name exists once in all its modules. From the names a script
uses, the closure follows every name a definition uses in turn, so that nothing else is taken along: no csv reader in a
program that reads images, no energy meter where none is asked for.
"""

from __future__ import annotations

import ast
import builtins
import symtable
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

RUNTIME = "lpc.runtime"
FUTURE = "from __future__ import annotations"
GIVEN = frozenset({*dir(builtins), "__file__", "__name__"})
ORDER = (
    "main",
    "loop",
    "cached",
    "run",
    "task",
    "rates",
    "data",
    "standardise",
    "augment",
    "digits",
    "idx",
    "cifar10",
    "csv_table",
    "npz",
    "text",
    "foreign",
    "synthetic",
    "files",
    "download",
    "checkpoint",
    "results",
    "progress",
    "signals",
    "heap",
    "options",
    "clock",
    "meter",
    "ledger",
    "counter",
    "nvml",
    "sampled",
    "amd",
    "rapl",
    "conditions",
    "processor",
    "apportion",
    "estimate",
    "carbon",
    "added",
    "functions",
    "modules",
    "names",
    "initialise",
    "random",
    "failure",
)
"""The runtime's modules as a script shows them: what a reader looks for first comes first."""


@dataclass(frozen=True)
class Definition:
    """A top-level function, class or constant: its text with the comments above it, and the top-level names it uses."""

    name: str
    text: str
    uses: frozenset[str]
    constant: bool


@dataclass(frozen=True)
class Module:
    """A runtime module: the first line of its docstring, its definitions, and by the names they bind, its imports."""

    title: str
    definitions: tuple[Definition, ...]
    imports: Mapping[str, str]


@dataclass(frozen=True)
class Inlined:
    """What a script takes along.

    imports:  statements that bind one name each, for `import_lines`, together with the script's own
    sections: of each module that something is taken from, its title and the text taken
    names:    all names the text defines
    """

    imports: tuple[str, ...]
    sections: tuple[tuple[str, str], ...]
    names: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it, each section under its title."""
        return "\n\n\n".join(f"# ---- {title}\n\n\n{body}" for title, body in self.sections)


def inline(roots: Iterable[str]) -> Inlined:
    """The definitions of `roots` and all they use; a root the runtime does not have is a KeyError."""
    modules = runtime()
    known = {d.name: d for module in modules for d in module.definitions}
    taken: dict[str, Definition] = {}
    waiting = sorted(set(roots))
    while waiting:
        name = waiting.pop()
        if name not in taken:
            taken[name] = known[name]
            waiting.extend(sorted(used for used in known[name].uses if used in known))
    imports: dict[str, str] = {}
    sections = []
    for module in modules:
        mine = [d for d in module.definitions if d.name in taken]
        if mine:
            sections.append((module.title, "".join(spaced(mine))))
            imports |= {s: s for d in mine for used in sorted(d.uses) if (s := module.imports.get(used))}
    return Inlined(tuple(sorted(imports)), tuple(sections), tuple(sorted(taken)))


def top_level_names() -> tuple[str, ...]:
    """Every name a runtime part may bring into a script: names of a program must not be among them."""
    return tuple(sorted({name for m in runtime() for name in (*m.imports, *(d.name for d in m.definitions))}))


def spaced(definitions: Iterable[Definition]) -> Iterator[str]:
    """Texts with two empty lines between them, none between constants."""
    before: Definition | None = None
    for definition in definitions:
        if before is not None:
            yield "\n" if before.constant and definition.constant else "\n\n\n"
        yield definition.text
        before = definition


@cache
def runtime() -> tuple[Module, ...]:
    """All runtime modules, in `ORDER`."""
    folder = resources.files(RUNTIME)
    names = sorted(file.name.removesuffix(".py") for file in folder.iterdir() if file.name.endswith(".py"))
    names.sort(key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
    modules = tuple(
        read_module(name, (folder / f"{name}.py").read_text("utf-8")) for name in names if name != "__init__"
    )
    seen: set[str] = set()
    for definition in (d for module in modules for d in module.definitions):
        if definition.name in seen:
            raise ValueError(f"the runtime defines {definition.name} twice")
        seen.add(definition.name)
    return modules


def read_module(name: str, text: str) -> Module:
    tree = ast.parse(text)
    lines = text.splitlines()
    definitions: list[Definition] = []
    imports: dict[str, str] = {}
    end = 0  # of the definition before
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports |= bindings(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            if definitions and definitions[-1].constant:  # the docstring of a constant
                last = definitions.pop()
                definitions.append(definition_of(last.name, lines, end, node.end_lineno or 0, constant=True))
        else:
            own = defined_name(node, name)
            end = first_line(node, lines)
            constant = isinstance(node, ast.Assign | ast.AnnAssign)
            definitions.append(definition_of(own, lines, end, node.end_lineno or 0, constant=constant))
    title = (ast.get_docstring(tree) or name).partition("\n")[0]
    return Module(title, tuple(definitions), imports)


def definition_of(name: str, lines: list[str], start: int, end: int, *, constant: bool) -> Definition:
    text = "\n".join(lines[start:end])
    return Definition(name, text, frozenset(global_names(symtable.symtable(text, name, "exec"))), constant)


def defined_name(node: ast.stmt, module: str) -> str:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
        case _:
            raise ValueError(
                f"{module}.py, line {node.lineno}: only imports, definitions and constants can be taken along"
            )


def first_line(node: ast.stmt, lines: list[str]) -> int:
    """The index of a definition's first line, its decorators and the comments that touch it included."""
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
    start = min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1
    while start and lines[start - 1].startswith("#"):
        start -= 1
    return start


def global_names(table: symtable.SymbolTable) -> Iterator[str]:
    """Names looked up at the top level, annotations included: without the future import they are ordinary expressions."""
    at_top = table.get_type() == "module"
    for symbol in table.get_symbols():
        if (symbol.is_referenced() if at_top else symbol.is_global()) and symbol.get_name() not in GIVEN:
            yield symbol.get_name()
    for child in table.get_children():
        yield from global_names(child)


def bindings(node: ast.Import | ast.ImportFrom) -> dict[str, str]:
    """By the name it binds, each import as a statement of its own; those from the runtime itself fall away."""
    found: dict[str, str] = {}
    for alias in node.names:
        renamed = f" as {alias.asname}" if alias.asname else ""
        if isinstance(node, ast.Import):
            found[alias.asname or alias.name.partition(".")[0]] = f"import {alias.name}{renamed}"
        elif node.module not in {"__future__", None} and not str(node.module).startswith(RUNTIME):
            found[alias.asname or alias.name] = f"from {node.module} import {alias.name}{renamed}"
    return found


def import_lines(statements: Iterable[str], width: int = 120) -> list[str]:
    """Import statements in ruff's order: the standard library, a blank line, the rest; `import` before `from`, merged."""
    plain: set[str] = set()
    merged: dict[str, set[str]] = {}
    for statement in statements:
        words = statement.split(maxsplit=3)
        if words[0] == "import":
            plain.add(statement.removeprefix("import "))
        else:
            merged.setdefault(words[1], set()).add(words[3])
    groups: list[list[str]] = []
    for standard in (True, False):
        lines = [f"import {name}" for name in sorted(plain) if is_standard(name) == standard]
        for module in sorted(merged):
            if is_standard(module) == standard:
                lines.extend(from_line(module, merged[module], width))
        groups.append(lines)
    return [*groups[0], *([""] if all(groups) else []), *groups[1]]


def is_standard(module: str) -> bool:
    return module.partition(".")[0].split()[0] in sys.stdlib_module_names


def from_line(module: str, names: Iterable[str], width: int) -> list[str]:
    """`from module import a, b`, constants before classes before the rest; folded where it is too long."""
    ranked = sorted(names, key=lambda name: (not name.isupper(), not name[:1].isupper(), name))
    line = f"from {module} import {', '.join(ranked)}"
    return [line] if len(line) <= width else [f"from {module} import (", *(f"    {name}," for name in ranked), ")"]
