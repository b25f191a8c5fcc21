"""Long lines broken as formatters break them. Printers write every statement on one line; this is the last thing done to it.

A line that is too long opens its brackets from the left, each only where what follows does not fit up to the next chance to
break. Opened arguments stand on one line where they fit, else one to a line, as the items of a list, tuple or dict always do.
An expression without brackets that could open is put into parentheses, and broken before its operators.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

WIDTH = 120
OPENING, CLOSING = "([{", ")]}"
OPERATORS = re.compile(r" (?:[-+@*/<>]|//|\*\*|==|!=|<=|>=|and|or|in|is|not in) ")


def fitted(text: str) -> str:
    """A text of statements, those that are too long broken. Docstrings stay as they are."""
    lines: list[str] = []
    quoted = False
    for line in text.split("\n"):
        whole = quoted or len(line) <= WIDTH or '"""' in line
        lines += [line] if whole else list(_broken(line))
        quoted ^= line.count('"""') % 2 == 1
    return "\n".join(lines)


def _broken(line: str) -> Iterator[str]:
    code = line.lstrip()
    indent = line[: len(line) - len(code)]
    if code.startswith("#"):
        yield line
        return
    comment = _comment(code)
    if comment >= 0:
        yield indent + code[comment:]
        code = code[:comment].rstrip()
    yield from _statement(code, indent)


def _statement(code: str, indent: str) -> Iterator[str]:
    """A statement: in brackets of its own where it has none that could open, or more than one operator."""
    prefix = _prefix(code)
    value = code[len(prefix) :]
    if len(indent + code) > WIDTH and prefix and _wants_parentheses(value):
        yield f"{indent}{prefix}("
        yield from _operands(value, f"{indent}    ")
        yield f"{indent})"
    else:
        yield from _opened(code, indent)


def _wants_parentheses(value: str) -> bool:
    parts = _parts(value)
    if len(parts) == 1:
        return not any(end > start + 1 for start, end in _groups(value))
    last = _groups(parts[-1])
    closes = bool(last) and last[-1][1] == len(parts[-1]) - 1 and last[-1][1] > last[-1][0] + 1
    return " if " in value or len(parts) > 2 or not closes


def _operands(value: str, indent: str) -> Iterator[str]:
    """An expression inside brackets: on one line, else broken before its loosest operators."""
    if len(indent + value) <= WIDTH:
        yield indent + value
        return
    for part in _parts(value):
        yield from _opened(part, indent)


def _opened(code: str, indent: str) -> Iterator[str]:
    """Code with its outermost brackets opened as far as it must be."""
    if len(indent + code) <= WIDTH:
        yield indent + code
        return
    groups = [(start, end) for start, end in _groups(code) if end > start + 1]
    for at, (start, end) in enumerate(groups):
        chance = groups[at + 1][0] + 1 if at + 1 < len(groups) else len(code)
        if len(indent) + chance > WIDTH:
            yield indent + code[: start + 1]
            yield from _inside(code[start + 1 : end], f"{indent}    ", literal=_is_literal(code, start))
            yield from _opened(code[end:], indent)
            return
    yield indent + code


def _inside(content: str, indent: str, *, literal: bool) -> Iterator[str]:
    """What stands between opened brackets."""
    items = _split(content)
    clauses = _clauses(content)
    if len(items) == 1 and len(clauses) > 1:
        for clause in clauses:
            yield from _opened(clause, indent)
    elif len(items) == 1 and not content.endswith(",") and (literal or len(indent + content) > WIDTH):
        yield from _operands(content, indent)
    elif not literal and len(indent + content) <= WIDTH and not content.endswith(","):
        yield indent + content
    else:
        for item in items:
            yield from _opened(f"{item},", indent)


# -- reading a line -------------------------------------------------------------------------------------------------


def _plain(code: str) -> Iterator[tuple[int, str, int]]:
    """Place, character and depth of all that stands outside strings; brackets have the depth around them."""
    depth, quote = 0, ""
    for at, char in enumerate(code):
        if quote:
            quote = "" if char == quote and code[at - 1] != "\\" else quote
        elif char in "\"'":
            quote = char
        elif char in CLOSING:
            depth = max(depth - 1, 0)
            yield at, char, depth
        else:
            yield at, char, depth
            depth += char in OPENING


def _groups(code: str) -> list[tuple[int, int]]:
    """Places of the outermost brackets. A closing one that code begins with belongs to what stood before."""
    found: list[tuple[int, int]] = []
    start = -1
    for at, char, depth in _plain(code):
        if depth == 0 and char in OPENING:
            start = at
        elif depth == 0 and char in CLOSING and start >= 0:
            found.append((start, at))
            start = -1
    return found


def _split(content: str) -> list[str]:
    """Items between commas."""
    cuts = [at for at, char, depth in _plain(content) if char == "," and depth == 0]
    items = [content[a + 1 : b].strip() for a, b in zip([-1, *cuts], [*cuts, len(content)], strict=True)]
    return [item for item in items if item]


def _outside(code: str) -> str:
    """The code with everything inside brackets and strings blanked out."""
    found = ["_"] * len(code)
    for at, char, depth in _plain(code):
        if depth == 0:
            found[at] = char
    return "".join(found)


def _clauses(content: str) -> list[str]:
    """A comprehension's element and its `for` and `if` clauses; one thing alone where it is none."""
    outside = _outside(content)
    if " for " not in outside:
        return [content]
    cuts = [found.start() for found in re.finditer(r" (?:for|if) ", outside)]
    return [content[a:b].strip() for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]


def _parts(value: str) -> list[str]:
    """Operands, each with the operator before it: of a conditional expression its three parts, else of the loosest operators."""
    outside = _outside(value)
    if " if " in outside and " else " in outside:
        cuts = [outside.index(" if "), outside.rindex(" else ")]
    else:
        found = [(match.start(), match[0].strip()) for match in OPERATORS.finditer(outside)]
        loosest = min((_strength(operator) for _, operator in found), default=0)
        cuts = [start for start, operator in found if _strength(operator) == loosest]
    return [value[a:b].strip() for a, b in zip([0, *cuts], [*cuts, len(value)], strict=True)]


def _strength(operator: str) -> int:
    return 3 if operator in ("*", "/", "@", "//", "**") else 2 if operator in ("+", "-") else 1


def _prefix(code: str) -> str:
    """`return ` or what is assigned to; nothing where a statement is an expression."""
    if code.startswith("return "):
        return "return "
    found = re.search(r" [-+*/@]?= ", _outside(code))
    return code[: found.end()] if found and not code.endswith(":") else ""


def _comment(code: str) -> int:
    """Where a trailing comment begins; -1 without."""
    return next((at for at, char, depth in _plain(code) if char == "#" and depth == 0), -1)


def _is_literal(code: str, start: int) -> bool:
    """Whether a bracket makes a list, tuple, dict or parenthesis, rather than calling or indexing what stands before it."""
    before = code[:start].rstrip()
    word = re.search(r"\w+$", before)
    return not before or (
        before[-1] not in ")]" and (word is None or word[0] in ("return", "in", "if", "else", "and", "or", "not"))
    )
