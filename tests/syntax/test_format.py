"""The formatter's style, by example."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpc.diagnostics import Report
from lpc.source import Source
from lpc.syntax import format as formatter
from lpc.syntax import tree
from lpc.syntax.format import LIMIT, format_file, format_source, print_clause, print_expr
from lpc.syntax.layout import FILL
from lpc.syntax.parse import parse
from lpc.syntax.tree import Argument, Binary, Call, Name, Negative, Number, Pipe

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.lp"))


def formatted(text: str) -> str:
    report = Report()
    out = format_source(Source("test.lp", text), report)
    assert out is not None, [d.title_text for d in report.diagnostics]
    assert format_source(Source("again.lp", out), Report()) == out
    return out


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_formatted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text


def test_clauses_take_a_line_each_and_blank_lines_stay() -> None:
    text = "network  a let b=1\n\n\n\nlet  c = 2  # two\n# own\n\n\nvariant v{learn all with f}"
    assert formatted(text) == ("network a\nlet b = 1\n\nlet c = 2  # two\n# own\n\nvariant v { learn all with f }\n")


def test_like_lines_are_aligned() -> None:
    text = """
network a
def f(x, p) = x -> g(p)
def long_name(x) = x
let w = 1
let width = 2

let apart = 3
block one = x -> f -> g
block layer[4] = one[1] -> f
block sum = one + layer
# between
block alone = x -> f
claim base = v for w in 1..2
claim base = longer for w in 1..2
claim base != v
variant v { learn all with f }
variant longer { learn all with f }
variant many {
    let w = 1
    let width = 2
}
"""
    assert (
        formatted(text)
        == """
network a
def f(x, p)      = x -> g(p)
def long_name(x) = x
let w     = 1
let width = 2

let apart = 3
block one      = x      -> f -> g
block layer[4] = one[1] -> f
block sum      = one + layer
# between
block alone = x -> f
claim base = v      for w in 1..2
claim base = longer for w in 1..2
claim base != v
variant v      { learn all with f }
variant longer { learn all with f }
variant many {
    let w     = 1
    let width = 2
}
""".lstrip()
    )


def test_alignment_that_would_tear_lines_apart_is_left_out() -> None:
    text = f"network a\nlet x = 1\nlet {'y' * 40} = 2\n"
    assert formatted(text) == text


def test_a_long_pipeline_is_broken_under_its_first_arrow() -> None:
    text = """
network resnet

def residual(x, channels) =
    (x + (x -> conv(channels, kernel = 3, padding = 1) -> batch_norm -> relu
            -> conv(channels, kernel = 3, padding = 1) -> batch_norm)) -> relu

block long =
    image -> conv(64, kernel = 3, padding = 1) -> batch_norm -> relu -> conv(64, kernel = 3, padding = 1)
          -> batch_norm -> relu -> max_pool(2)
""".lstrip()
    assert formatted(text) == text
    assert formatted(" ".join(text.split())) == text.replace("\n\n", "\n")
    assert max(len(line) for line in text.splitlines()) <= FILL


def test_long_options_and_arguments_continue_under_the_first() -> None:
    options = ", ".join(f"option{i} = {i}000" for i in range(9))
    lines = formatted(f"network a\ntrain {options}\nlearn all with f({options})").splitlines()
    assert [line[:16] for line in lines[1:]] == [
        "train option0 = ",
        "      option6 = ",
        "learn all with f",
        "                ",
    ]
    assert lines[4].startswith(" " * len("learn all with f(") + "option")
    assert all(len(line) <= FILL for line in lines)


def test_a_line_is_broken_only_when_it_must_be() -> None:
    fits = "network a\ntrain " + "x = " + "1" * 10 + ", y = " + "z" * (LIMIT - 26) + "\n"
    assert max(map(len, fits.splitlines())) == LIMIT
    assert formatted(fits) == fits
    assert len(formatted(fits.replace("zzz", "zzzz", 1)).splitlines()) == 3


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("x + a -> relu", "x + (a -> relu)"),
        ("(x -> a) + b", "x -> a + b"),
        ("((x))", "x"),
        ("(x + y) -> f", "(x + y) -> f"),
        ("x -> f -> g", "x -> f -> g"),
        ("x * (y * z)", "x * (y * z)"),
        ("(x * y) * z", "x * y * z"),
        ("x - (y - z)", "x - (y - z)"),
        ("x -> f * 2", "(x -> f) * 2"),
        ("2 * x -> f", "2 * (x -> f)"),
        ("-x -> f", "-(x -> f)"),
        ("- - x", "-(-x)"),
        ("x - -1", "x - (-1)"),
        ("(-x) -> f", "(-x) -> f"),
        ("f( x,y = 1 , )", "f(x, y = 1)"),
        ("[ 1,2 ]", "[1, 2]"),
        ("x[ 1 .. 3 ]", "x[1..3]"),
        ("1E-3", "1E-3"),
        ("2.50", "2.50"),
        ("(10%)", "10%"),
        ('"a\tb"', '"a\\tb"'),
    ],
)
def test_expressions(written: str, printed: str) -> None:
    assert formatted(f"network a\nlet x = {written}") == f"network a\nlet x = {printed}\n"


def test_parentheses_that_no_operation_needs_go_when_calls_have_no_arguments() -> None:
    text = "network a data x = digits() objective f() learn all with g() measure h() block b = x -> relu()"
    assert formatted(text) == (
        "network a\ndata x = digits\nobjective f\nlearn all with g\nmeasure h\nblock b = x -> relu()\n"
    )


COMMENTED = """
# first
network a  # the name
block b =  # what it is
    # where from
    x -> f(1,  # one
           # before two
           2)  # after
      -> g

learn b,  # both
      c with f
variant v {  # a variant
    # inside
    learn all with g  # with g
    # last
}
claim base = v within 1  # close
# end
""".lstrip()


def test_comments_stay_where_they_stand() -> None:
    once = formatted(COMMENTED)
    for before, comment, after in [
        ("a", "the name", "block"),
        ("=", "what it is", "# where"),
        ("1,", "one", "# before"),
        ("2)", "after", "-> g"),
        ("b,", "both", "c"),
        ("g", "with g", "# last"),
    ]:
        assert f"{before}  # {comment}\n" in once, comment
        assert once.index(f"# {comment}\n") < once.index(after, once.index(f"# {comment}\n"))
    assert once.count("#") == COMMENTED.count("#")
    assert once.endswith("# close\n# end\n")


def test_comments_where_no_line_can_end_come_after_the_clause() -> None:
    text = "network # one\n a\nlet # two\n # three\n x = 1 # four\n\nlet y = 2"
    assert formatted(text) == "network a  # one\nlet x =  # two\n    # three\n    1  # four\n\nlet y = 2\n"


def test_a_broken_file_is_refused_with_its_errors() -> None:
    report = Report()
    assert format_source(Source("broken.lp", "network a\nlet x = = 1\nlet y = [2"), report) is None
    assert [d.code for d in report.diagnostics] == ["LP010", "LP014"]


@pytest.mark.parametrize(("lost", "what"), [("x", "the program"), ("# kept", "a comment")])
def test_an_output_that_lost_something_is_refused(lost: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = formatter.format_file
    monkeypatch.setattr(
        formatter, "format_file", lambda *given: real(*given).replace(lost, "" if lost[0] == "#" else "z")
    )
    report = Report()
    assert format_source(Source("a.lp", "network a\nlet x = 1  # kept\n"), report) is None
    (found,) = report.diagnostics
    assert (found.code, what in found.title_text) == ("LP040", True)


# -- trees made by passes: no spans, no comments --


def test_a_tree_without_places_is_grouped_by_kind() -> None:
    file = tree.File(
        (
            tree.Network("a"),
            tree.Data((tree.Binding("x"), tree.Binding("y")), Call("digits", ())),
            tree.Block("b", None, Pipe(Name("x"), Call("linear", (Argument(None, Number(10)),)))),
            tree.Block("other", Number(3), Pipe(Name("b"), Name("f"))),
            tree.Learn((tree.Selector("all"),), Call("f", ())),
            tree.Place((tree.Option("stages", Number(2)),), (tree.Selector("b"),), Number(1)),
        )
    )
    assert (
        format_file(file)
        == """
network a

data x, y = digits

block b        = x -> linear(10)
block other[3] = b -> f

learn all with f
place stages = 2
place b on stage 1
""".lstrip()
    )
    assert print_clause(file.clauses[2]) == "block b = x -> linear(10)"


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (Number(1e-5), "1e-5"),
        (Number(1e22), "1e22"),
        (Number(0.001), "0.001"),
        (Number(-3), "-3"),
        (Pipe(Number(-3), Name("f")), "(-3) -> f"),
        (Binary("-", Name("x"), Number(-0.5)), "x - (-0.5)"),
        (Negative(Number(-3)), "-(-3)"),
        (tree.Quantity(2, "GiB"), "2GiB"),
        (tree.String('a"\\\n'), '"a\\"\\\\\\n"'),
    ],
)
def test_expressions_made_by_passes(expr: tree.Expr, text: str) -> None:
    assert print_expr(expr) == text
    report = Report()
    parse(Source("made.lp", f"network a let x = {text}"), report)
    assert report.diagnostics == []


def test_a_dump_parses_to_the_tree_it_was_made_from() -> None:
    for path in EXAMPLES:
        file = parse(Source(path.name, path.read_text(encoding="utf-8")), Report())
        assert parse(Source("dump.lp", format_file(file)), Report()) == file
