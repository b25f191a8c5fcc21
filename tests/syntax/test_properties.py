"""What must hold of every program: printing and parsing undo each other, and the formatter loses nothing."""

from __future__ import annotations

import re
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from lpc.diagnostics import Report
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.format import format_file, format_source, print_clause, print_expr
from lpc.syntax.parse import parse
from lpc.syntax.scan import scan
from tests.syntax.trees import clauses, exprs, files

TOKEN = re.compile(
    r'"(?:[^"\\\n]|\\[^\n])*"|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?[A-Za-z0-9_%]*|[A-Za-z_][A-Za-z0-9_]*|->|!=|\.\.|[^\s]'
)


def parsed(text: str) -> tree.File:
    report = Report()
    file = parse(Source("drawn.lp", text), report)
    assert [(d.code, d.title_text) for d in report.diagnostics] == [], text
    return file


def formatted(text: str) -> str:
    report = Report()
    out = format_source(Source("drawn.lp", text), report)
    assert out is not None, (text, [d.title_text for d in report.diagnostics])
    return out


@given(files)
def test_a_printed_tree_parses_to_itself(file: tree.File) -> None:
    assert parsed(format_file(file)) == file


@given(exprs)
def test_a_printed_expression_parses_to_itself(expr: tree.Expr) -> None:
    file = parsed(f"network a\nlet x = {print_expr(expr)}")
    assert file.clauses[1] == tree.Let("x", expr)


@given(clauses)
def test_a_printed_clause_parses_to_itself(clause: tree.Clause) -> None:
    assert parsed(f"network a {print_clause(clause)}").clauses[1:] == (clause,)


@given(files)
def test_what_is_printed_is_formatted(file: tree.File) -> None:
    text = format_file(file)
    assert formatted(text) == text
    assert all(line == line.rstrip() for line in text.splitlines())
    assert "\n\n\n" not in text


GAPS = st.sampled_from(
    ["", "", "", "", " ", "\n", "\n\n\n", "\t", "  # one\n", "\n# two # 2\n", "\n\n  #three \n\n", "#\n"]
)


@settings(max_examples=200)
@given(files, st.data())
def test_comments_anywhere_are_kept(file: tree.File, data: st.DataObject) -> None:
    pieces: list[str] = []
    for match in TOKEN.finditer(format_file(file)):
        pieces += [match[0], data.draw(GAPS), " "]
    text = "".join(pieces)
    once = formatted(text)
    assert parsed(once) == file
    assert Counter(c.text for c in scan(once).comments) == Counter(c.text for c in scan(text).comments)
    assert formatted(once) == once


@given(files)
def test_line_endings_of_windows_are_kept(file: tree.File) -> None:
    text = format_file(file)
    windows = text.replace("\n", "\r\n")
    assert parsed(windows) == file
    assert formatted(windows) == windows


@given(exprs, exprs)
def test_trees_compare_as_their_texts_do(left: tree.Expr, right: tree.Expr) -> None:
    assert (left == right) == (print_expr(left) == print_expr(right))
    assert left != right or hash(left) == hash(right)
