"""Makes a script that imports the runtime stand alone, as the generator does: for tests that have no generator."""

from __future__ import annotations

import ast

from lpc.codegen.inline import bindings, import_lines, inline


def stand_alone(text: str) -> str:
    """The script with what it imports from `lpc.runtime` inlined after its imports."""
    tree, lines = ast.parse(text), text.splitlines()
    own: list[str] = []
    roots: list[str] = []
    end = 0
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            own += bindings(node).values()
            roots += [alias.name for alias in node.names if str(getattr(node, "module", "")).startswith("lpc.")]
            end = node.end_lineno or 0
    taken = inline(roots)
    head = ['"""A script."""', "", "from __future__ import annotations", "", *import_lines([*own, *taken.imports])]
    body = "\n".join(lines[end:]).strip("\n")
    return "\n".join([*head, "", taken.text, "", "", body]) + "\n"
