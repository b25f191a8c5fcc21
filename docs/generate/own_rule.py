"""Generated parts of the page on writing a rule: the package in tests/plugin, piece by piece and whole."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

from docs.generate.markdown import fenced

PACKAGE = Path(__file__).resolve().parents[2] / "tests" / "plugin"
RULE = PACKAGE / "lpc_example" / "rule.py"


def parts() -> dict[str, str]:
    text = RULE.read_text(encoding="utf-8")
    made = {f"own_{name}": fenced(piece(text, name), "python shown") for name in ("matrix", "step", "no_error")}
    entries = (PACKAGE / "pyproject.toml").read_text(encoding="utf-8")
    groups = entries[entries.index('[project.entry-points."lpc.rules"]') :].partition("\n\n")[0]
    return {**made, "own_rule": fenced(text, "python shown"), "own_entry": fenced(groups, "toml")}


def piece(text: str, name: str) -> str:
    """One function of a module, its decorators included, as it stands there."""
    found = next(node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef) and node.name == name)
    first = min([found.lineno, *(decorator.lineno for decorator in found.decorator_list)])
    lines = text.splitlines()[first - 1 : found.end_lineno]
    return textwrap.dedent("\n".join(lines))
