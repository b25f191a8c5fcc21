"""`lpc where`: the block, and the line of the program, that a script's line comes from."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import asdict, dataclass, replace

import click

from lpc.cli.options import color_option
from lpc.cli.scripts import CLASS, HEAD, LAST_SECTION, PLACE, SECTION, ReadScript, loop_range, read_script


@dataclass(frozen=True)
class Origin:
    """Where a line of a script comes from; `part` is the function, class or table that holds it."""

    part: str
    block: str | None = None
    rule: str | None = None
    file: str | None = None
    line: int | None = None
    text: str | None = None
    """The line of the program."""


@click.command("where", epilog="Example: lpc where train.py:120")
@click.argument("place", metavar="SCRIPT:LINE")
@click.argument("number", metavar="[LINE]", required=False, type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@color_option
def command(place: str, number: int | None, as_json: bool) -> int:
    """Name the block, and the line of the program, that a line of a script comes from."""
    name, colon, line = place.rpartition(":")
    if number is None:
        if not (colon and line.isdecimal() and int(line)):
            raise click.UsageError(f"`{place}`: write SCRIPT:LINE, as in train.py:120")
        place, number = name, int(line)
    script = read_script(place)
    if number > len(script.lines):
        raise click.UsageError(f"{place} has {len(script.lines)} lines")
    found = origin(script, number)
    if as_json:
        click.echo(json.dumps({"script": place, "script_line": number, **asdict(found)}, indent=2))
    else:
        click.echo(text_of(found, place, number))
    return 0


def text_of(found: Origin, name: str, number: int) -> str:
    if found.line is None:
        return f"{name}:{number} is in {found.part}; it comes from no one block"
    subject = f"block {found.block} ({found.file}:{found.line})" if found.block else f"{found.file}:{found.line}"
    rule = f", learned by {found.rule}" if found.rule else ""
    return f"{name}:{number} is in {found.part}; it comes from {subject}{rule}\n\n{found.line:>4} | {found.text or ''}"


def origin(script: ReadScript, number: int) -> Origin:
    """Where line `number`, counted from 1, comes from."""
    holder = next((node for node in script.tree.body if _first(node) <= number <= (node.end_lineno or 0)), None)
    if holder is None:
        inside = any(isinstance(node, ast.ClassDef) and node.lineno < number for node in script.tree.body)
        return Origin("the lines between its parts" if inside else "its head")
    if isinstance(holder, ast.Assign):
        return _in_assignment(script, holder, number)
    if not isinstance(holder, ast.ClassDef | ast.FunctionDef):
        return Origin("its head")
    if _in_runtime(script, holder):
        return Origin(f"`{holder.name}`, a part of the runtime that scripts take along")
    function = next(
        (n for n in ast.walk(holder) if isinstance(n, ast.FunctionDef) and _first(n) <= number <= (n.end_lineno or 0)),
        holder,
    )
    part = f"`{holder.name}`" if function is holder else f"`{holder.name}.{function.name}`"
    if _for_all(script, statement := _statement(script, function, number)):
        return Origin(part)
    return (
        _by_docstring(script, holder, part)
        or _by_mark_behind(script, number, part)
        or _by_head(script, function, number, part)
        or _by_name(script, script.lines[number - 1].partition("  # ")[0], part)
        or _by_name(script, statement, part)
        or Origin(part)
    )


def _statement(script: ReadScript, function: ast.AST, number: int) -> str:
    """The whole text of the simple statement that a line belongs to; of any other statement, the line."""
    for node in ast.walk(function):
        if isinstance(node, ast.stmt) and not hasattr(node, "body") and node.lineno <= number <= (node.end_lineno or 0):
            return "\n".join(script.lines[node.lineno - 1 : node.end_lineno])
    return script.lines[number - 1]


def _for_all(script: ReadScript, statement: str) -> bool:
    """Whether it ends a step for all blocks together: what is returned, several losses at once, one optimizer for all."""
    losses = {name for name in script.places if re.search(rf"\b{name}_loss\b", statement)}
    together = re.search(r"\blosses\b(?!\.append)", statement) is not None
    return len(losses) > 1 or together or statement.lstrip().startswith("return torch.") or '["network"]' in statement


def _first(node: ast.stmt) -> int:
    """The first line of a statement, its decorators included."""
    decorators = node.decorator_list if isinstance(node, ast.ClassDef | ast.FunctionDef) else []
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _in_assignment(script: ReadScript, node: ast.Assign, number: int) -> Origin:
    """In `SOURCE` a line is a line of the program; `TASK` is a table."""
    name = next((target.id for target in node.targets if isinstance(target, ast.Name)), "?")
    if name == "SOURCE" and script.source:
        count = len(script.source.splitlines())
        line = number - node.lineno
        if 1 <= line <= count:
            return _at(script, Origin("`SOURCE`, the program's text"), _file(script), line)
    return Origin(f"`{name}`")


def _file(script: ReadScript) -> str:
    place = next(iter(script.places.values()), "the program:0")
    return place.rpartition(":")[0]


def _in_runtime(script: ReadScript, node: ast.stmt) -> bool:
    """Whether a part stands behind the first section comment of the runtime and before the program's own table."""
    above = [line for line in script.lines[: node.lineno - 1] if line.startswith(SECTION)]
    return bool(above) and not above[-1].startswith(LAST_SECTION)


def _at(script: ReadScript, found: Origin, file: str, line: int) -> Origin:
    lines = script.source.splitlines()
    return replace(found, file=file, line=line, text=lines[line - 1] if 1 <= line <= len(lines) else None)


def _by_docstring(script: ReadScript, holder: ast.ClassDef | ast.FunctionDef, part: str) -> Origin | None:
    """A block's class says in its docstring where the block stands."""
    found = CLASS.fullmatch((ast.get_docstring(holder) or "").partition("\n")[0])
    if found is None or isinstance(holder, ast.FunctionDef):
        return None
    place = f"{found['file']}:{found['line']}"
    names = [name for name, at in script.places.items() if at == place]
    return _block(script, part, names, found["file"], int(found["line"]))


def _by_mark_behind(script: ReadScript, number: int, part: str) -> Origin | None:
    """`self.hidden1 = Hidden1()  # digits.lp:7`."""
    _, mark, comment = script.lines[number - 1].rpartition("  # ")
    found = PLACE.fullmatch(comment) if mark else None
    if found is None:
        return None
    names = [name for name, at in script.places.items() if at == f"{found['file']}:{found['line']}"]
    return _block(script, part, names, found["file"], int(found["line"]))


def _by_head(script: ReadScript, function: ast.AST, number: int, part: str) -> Origin | None:
    """The nearest block comment above, in the same function."""
    for at in range(number, getattr(function, "lineno", 1) - 1, -1):
        if found := HEAD.fullmatch(script.lines[at - 1]):
            block = _in_loop(function, found["block"], at, number)
            return _at(script, Origin(part, block, found["rule"]), found["file"], int(found["line"]))
    return None


def _in_loop(function: ast.AST, block: str, head: int, number: int) -> str:
    """`layer[2..32]` for a line in a loop below the comment of `layer[1]`: the loop is over the rest of the chain."""
    for loop in ast.walk(function):
        inside = isinstance(loop, ast.For) and head < loop.lineno <= number <= (loop.end_lineno or 0)
        if inside and isinstance(loop, ast.For) and (numbers := loop_range(loop.iter)):
            return f"{block.partition('[')[0]}[{min(numbers)}..{max(numbers)}]"
    return block


def _by_name(script: ReadScript, code: str, part: str) -> Origin | None:
    """Code that uses exactly one block, or blocks of one chain, or at least names no other."""
    for pattern in (r"(?:self|net)\.(\w+)", r"\w+"):
        words = set(re.findall(pattern, code))
        named = [name for name in script.places if name in words or name.rpartition("_")[0] in words]
        places = {script.places[name] for name in named}
        if len(places) == 1:
            file, _, line = places.pop().rpartition(":")
            return _block(script, part, named, file, int(line))
    return None


def _block(script: ReadScript, part: str, names: list[str], file: str, line: int) -> Origin:
    rules = {script.rules[name] for name in names if name in script.rules}
    shown = ", ".join(names) if len(names) <= 3 else f"{names[0]} to {names[-1]}"
    return _at(script, Origin(part, shown or None, rules.pop() if len(rules) == 1 else None), file, line)
