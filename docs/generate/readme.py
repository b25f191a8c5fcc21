"""The generated parts of the README: the step of its own program, and a message about it."""

from __future__ import annotations

import ast
import re

import lpc
from docs.generate.markdown import fenced
from docs.generate.rules import source_of
from lpc.passes.check import check_source
from lpc.render import render_all
from lpc.source import Source

PROGRAM = re.compile(r"^```lp [^\n]*file=(?P<name>\S+)[^\n]*\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


MISSPELT = ("mono_forward", "mono_foward")


def program(page: str) -> Source:
    """The program that the page shows."""
    found = PROGRAM.search(page)
    assert found, "the page shows no program"
    return Source(found["name"], found["text"])


def mistake(page: str) -> str:
    """What the terminal shows for the program with a letter missing."""
    source = Source(program(page).name, program(page).text.replace(*MISSPELT))
    return fenced(render_all(check_source(source).diagnostics, source), "text")


def step(page: str) -> str:
    """The training step of the program, without its docstring."""
    source = program(page)
    script = lpc.compile(source.text, source.name).text
    function = next(
        node for node in ast.parse(script).body if isinstance(node, ast.FunctionDef) and node.name == "train_step"
    )
    lines = source_of(script, function).splitlines()
    docstring = function.body[0]
    assert isinstance(docstring, ast.Expr) and docstring.end_lineno
    return fenced("\n".join([lines[0], *lines[docstring.end_lineno - function.lineno + 1 :]]), "python shown")
