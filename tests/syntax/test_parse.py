"""The language: what parses, to which tree, with which spans, and what is said of what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpc.diagnostics import Diagnostic, Report
from lpc.source import Source
from lpc.syntax import tree
from lpc.syntax.grammar import parser
from lpc.syntax.parse import parse
from lpc.syntax.tree import Argument, Binary, Call, Indexed, Name, Negative, Number, Pipe, Quantity, Selector, String
from lpc.syntax.validate import MAX_MISTAKES
from lpc.syntax.walk import walk
from lpc.syntax.words import KEYWORDS, PEOPLE, UNITS, expected

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.lp"))


def sound(text: str) -> tree.File:
    report = Report()
    file = parse(Source("test.lp", text), report)
    assert [(d.code, d.title_text) for d in report.diagnostics] == []
    return file


def value(text: str) -> tree.Expr:
    clause = sound(f"network a let x = {text}").clauses[1]
    assert isinstance(clause, tree.Let)
    return clause.value


def clause(text: str) -> tree.Clause:
    return sound(f"network a {text}").clauses[1]


def said(text: str) -> list[tuple[str, int, int]]:
    """Code, line and column of everything said of a text."""
    source = Source("test.lp", text)
    report = Report()
    parse(source, report)
    return [(d.code, source.line_number(d.span.start), source.column(d.span.start)) for d in report.sorted()]


def first(text: str) -> Diagnostic:
    report = Report()
    parse(Source("test.lp", text), report)
    return report.diagnostics[0]


x, y, f, g = Name("x"), Name("y"), Name("f"), Name("g")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_parse_and_every_span_holds_its_text(path: Path) -> None:
    source = Source(path.name, path.read_text(encoding="utf-8"))
    file = sound(source.text)
    assert len(file.clauses) > 5
    for node in walk(file):
        snippet = source.snippet(node.span)
        assert snippet.strip() == snippet != ""
        match node:
            case tree.Name(name) | tree.Selector(name, None, None):
                assert snippet == name
            case tree.Block() | tree.Let() | tree.Variant() | tree.Def() | tree.Network():
                assert snippet.startswith(type(node).__name__.lower())
                assert source.snippet(node.name_span) == node.name
            case tree.Call(name):
                assert snippet.startswith(name)
                assert source.snippet(node.name_span) == name
            case tree.Option(name) | tree.Argument(str(name)):
                assert source.snippet(node.name_span) == name
            case _:
                pass


@pytest.mark.parametrize(
    ("text", "expected_tree"),
    [
        ("x -> f -> g", Pipe(Pipe(x, f), g)),
        ("x + y -> f", Binary("+", x, Pipe(y, f))),
        ("(x + y) -> f", Pipe(Binary("+", x, y), f)),
        ("x + y * 2", Binary("+", x, Binary("*", y, Number(2)))),
        ("x - y - 2", Binary("-", Binary("-", x, y), Number(2))),
        ("-x -> f", Negative(Pipe(x, f))),
        ("-x * y", Binary("*", Negative(x), y)),
        ("2 * -x", Binary("*", Number(2), Negative(x))),
        ("x -> f(1, a = y -> g)", Pipe(x, Call("f", (Argument(None, Number(1)), Argument("a", Pipe(y, g)))))),
        ("f()", Call("f", ())),
        ("f(1,)", Call("f", (Argument(None, Number(1)),))),
        ("[1, [], x,]", tree.ListExpr((Number(1), tree.ListExpr(()), x))),
        ("x[2]", Indexed("x", Number(2))),
        ("x[1..64]", Indexed("x", Number(1), Number(64))),
        ("x[1 .. y + 1]", Indexed("x", Number(1), Binary("+", y, Number(1)))),
    ],
)
def test_expressions(text: str, expected_tree: tree.Expr) -> None:
    assert value(text) == expected_tree


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("007", 7), ("1e-3", 1e-3), ("1E3", 1000.0), ("2.50", 2.5), ("999999999999999999", 10**18 - 1)],
)
def test_numbers(text: str, number: float) -> None:
    found = value(text)
    assert isinstance(found, Number)
    assert (type(found.value), found.value) == (type(number), number)


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [("10%", 10, "%"), ("2GiB", 2, "GiB"), ("1.5kW", 1.5, "kW"), ("1e-3s", 1e-3, "s"), ("3h", 3, "h")],
)
def test_quantities(text: str, number: float, unit: str) -> None:
    assert value(text) == Quantity(number, unit)


def test_every_unit_says_what_it_measures() -> None:
    assert {dimension for dimension, _ in UNITS.values()} == {"fraction", "bytes", "watts", "seconds", "joules"}
    for unit in UNITS:
        assert value(f"1{unit}") == Quantity(1, unit)


def test_strings() -> None:
    assert value(r'"a \"b\" \\ \n\t#é"') == String('a "b" \\ \n\t#é')
    assert value('""') == String("")


def test_an_integer_and_a_float_are_different_trees() -> None:
    assert value("1") != value("1.0")


@pytest.mark.parametrize(
    ("text", "expected_tree"),
    [
        ("block layer[4] = x", tree.Block("layer", Number(4), x)),
        ("def f(x, n = 3,) = x", tree.Def("f", (tree.Parameter("x"), tree.Parameter("n", Number(3))), x)),
        ("def f() = 1", tree.Def("f", (), Number(1))),
        ("learn all with f", tree.Learn((Selector("all"),), Call("f", ()))),
        (
            "learn a, b[1..2], c[3] with f(lr = 1)",
            tree.Learn(
                (Selector("a"), Selector("b", Number(1), Number(2)), Selector("c", Number(3))),
                Call("f", (Argument("lr", Number(1)),)),
            ),
        ),
        ("place stages = 2", tree.Place((tree.Option("stages", Number(2)),))),
        ("place a, b on stage 1", tree.Place((), (Selector("a"), Selector("b")), Number(1))),
        ("measure energy, carbon(i = 3)", tree.Measure((Call("energy", ()), Call("carbon", (Argument("i", Number(3)),))))),
        (
            'data x: f32[1, n], y: class[10], z, e: edges = csv("f")',
            tree.Data(
                (
                    tree.Binding("x", tree.TypeExpr("f32", (Number(1), Name("n")))),
                    tree.Binding("y", tree.TypeExpr("class", (Number(10),))),
                    tree.Binding("z"),
                    tree.Binding("e", tree.TypeExpr("edges")),
                ),
                Call("csv", (Argument(None, String("f")),)),
            ),
        ),
        ("variant v { let x = 1 train a = 2 }", tree.Variant("v", (tree.Let("x", Number(1)), tree.Train((tree.Option("a", Number(2)),))))),
        ("variant v {}", tree.Variant("v", ())),
        ("claim a = b", tree.Claim("a", "=", "b")),
        (
            "claim a != b within 1e-6 after 5 steps up to scale for w in 1..64, n in 2..3 as beta -> 0",
            tree.Claim(
                "a",
                "!=",
                "b",
                Number(1e-6),
                Number(5),
                "scale",
                (tree.Range("w", Number(1), Number(64)), tree.Range("n", Number(2), Number(3))),
                ("beta", Number(0)),
            ),
        ),
    ],
)  # fmt: skip
def test_clauses(text: str, expected_tree: tree.Clause) -> None:
    assert clause(text) == expected_tree


def test_line_ends_mean_nothing() -> None:
    spread = "network\na\n# a comment\nblock b # another\n= x\n  ->\n f ( 1\n)"
    assert sound(spread) == sound("network a block b = x -> f(1)")
    assert sound(spread.replace("\n", "\r\n")) == sound(spread)


@pytest.mark.parametrize("word", ["with", "on", "stage", "within", "after", "steps", "up", "to", "for", "in", "as"])
def test_words_of_the_grammar_are_names_elsewhere(word: str) -> None:
    sound(f"network {word} block {word}[2] = {word} -> {word}({word} = {word})")
    sound(f"network a learn {word} with {word}")
    sound(f"network a place {word} on stage {word}")
    sound(
        f"network a claim {word} = {word} within {word} after {word} steps for {word} in {word}..{word} as {word} -> 1"
    )


@pytest.mark.parametrize("word", KEYWORDS)
def test_a_keyword_ends_where_a_name_ends(word: str) -> None:
    sound(f"network a let {word}one = {word}2 let x{word} = _{word}")


@pytest.mark.parametrize("word", KEYWORDS)
@pytest.mark.parametrize(
    "text", ["let {} = 3\n", "block {} = x -> f\n", "block a = x -> f({}, 3)\n", "learn {} with f\n", "variant {} {{ let x = 3 }}\n"]
)  # fmt: skip
def test_keywords_are_reserved(word: str, text: str) -> None:
    text = "network a\n" + text.format(word)
    found = first(text)
    assert found.code in ("LP013", "LP011", "LP014")
    if found.code == "LP013":
        assert f"`{word}`" in found.title_text


def test_every_terminal_has_a_name_for_people() -> None:
    terminals = {terminal.name for terminal in parser().terminals} - set(parser().lexer_conf.ignore)
    assert terminals == set(PEOPLE) - {"$END"}
    assert not [terminal for terminal in terminals if terminal.startswith("__")]


def test_no_state_takes_a_word_where_it_takes_a_name() -> None:
    states = parser().parser.parser._parse_table.states
    words = {"WITH", "ON", "STAGE", "WITHIN", "AFTER", "STEPS", "UP", "TO", "FOR", "IN", "AS"}
    assert [state for state, actions in states.items() if "NAME" in actions and words & set(actions)] == []


def test_expected_in_words() -> None:
    value_tokens = {"NUMBER", "QUANTITY", "STRING", "NAME", "LSQB", "LPAR", "MINUS"}
    assert expected({"COMMA", "RPAR"}) == "`,` or `)`"
    assert expected(value_tokens) == "a value"
    assert expected({*value_tokens, "RSQB"}) == "a value or `]`"
    keywords = {word.upper() for word in KEYWORDS}
    assert expected({"ARROW", "PLUS", "MINUS", "STAR", "SLASH", "$END", *keywords}) == "an operator or the next clause"


# -- several mistakes --


FOUR = """network a
blok one = x -> relu    block two = one -> linear(3 -> relu
objective cross_entropy(two y)
learn all wiht backprop
train epochs = 3, batch = 4
"""


def test_four_mistakes_are_four_errors_at_their_places() -> None:
    assert said(FOUR) == [("LP012", 2, 1), ("LP014", 2, 50), ("LP022", 3, 29), ("LP010", 4, 11)]


def test_what_could_be_read_is_returned() -> None:
    report = Report()
    file = parse(Source("four.lp", FOUR), report)
    assert [type(clause).__name__ for clause in file.clauses] == ["Network", "Train"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("network a\nvariant b { learn x with f\nvariant c { learn x with g }\nlet y = = 1", ["LP014", "LP010"]),
        ("network a\nblock b = x -> f(1\nblock c = x -> g([1\nlet d = 1", ["LP014", "LP014"]),
        ("network a\nlet b = (1]\nlet c = 2", ["LP015"]),
        ("network a\nlet b = 1 }\nlet c = [1", ["LP015", "LP014"]),
        ("network a\nlet data = 1\nlet block = 2\nlet c = 3", ["LP013", "LP013"]),
        ("network a\nlet b =\nblock c = x", ["LP011"]),
        ("netwrok a\nlet b = 1", ["LP012"]),
        ("= 1\nnetwork a\nlet b = ", ["LP012", "LP011"]),
        ("network a\ntrain epochs = 1,\nmeasure energy", ["LP011"]),
        ("network a\nvariant v { block b = x train q = = 1 }", ["LP010"]),
        ("network a\nlet x = 5.", ["LP019"]),
        ("network a\nlet x = y |> f", ["LP018"]),
        ("network a\nlet x = y => f", ["LP018"]),
        ("network a\nlet x = 3 GiB", ["LP020"]),
        ("network a\nlet x := 3\nlet y == 3", ["LP021", "LP021"]),
        ("network a\nlet x = “a”", ["LP017"]),
        ("network a\nlet x = 1 /* one */", ["LP024"]),
        ("network a\nlet x = 1 % one", ["LP020"]),
        ("network a\nlet x = 1_000", ["LP035"]),
        ("network a\nlet x = 9999999999999999999", ["LP036"]),
        ("network a\nblock b = x -> (f)", ["LP023"]),
        ("network a\nblock b = x ->", ["LP011"]),
        ("network a network b", ["LP031"]),
        ("", ["LP030"]),
        ("# only a comment", ["LP030"]),
        ("network a train a = 1, a = 2 def f(x, x) = f(y = 1, y = 2) data q, q = f", ["LP032"] * 4),
        ("network a block all = x variant rest {} variant base {}", ["LP034"] * 3),
        ("network a variant v { network b data x = f variant w {} claim a = b }", ["LP033"] * 4),
        ("network a claim a = b for w in 1..2 within 1", ["LP028"]),
        ("network a claim a = b within 1 within 2", ["LP028"]),
        ("network a\x00", ["LP002"]),
        ("network a\n# \u202e reversed", ["LP002"]),
        ("network a\rlet x = 1", ["LP002"]),
        ("network \udce9", ["LP002"]),
    ],
)
def test_each_mistake_is_said_once(text: str, codes: list[str]) -> None:
    assert [code for code, _, _ in said(text)] == codes


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("max: 3x + 2y\nst\n c1: x + y <= 4\nend\n", "linear"),
        ("\\ a comment\nMINIMIZE\n obj: x\nSUBJECT TO\n c: x >= 1\nEND\n", "linear"),
        ("edge(1,2). edge(2,3).\npath(X,Y) :- edge(X,Y).\n", "answer-set"),
        ("% facts\nnode(1..3).\n#show node/1.\n", "answer-set"),
    ],
)
def test_files_of_other_languages_are_called_what_they_are(text: str, language: str) -> None:
    found = first(text)
    assert found.code == "LP004"
    assert language in found.title_text


def test_a_broken_network_is_not_called_a_linear_program() -> None:
    assert said("network a\nlet end = = 1\nmax\nend\n")[0][0] == "LP010"


def test_too_many_mistakes_are_cut_short() -> None:
    codes = [code for code, _, _ in said("network a\n" + "let x = =\n" * 100)]
    assert codes == ["LP010"] * MAX_MISTAKES + ["LP026"]


def test_near_words_become_edits() -> None:
    found = first("network a\nlearn all wiht f")
    assert found.edit is not None
    assert (found.edit.text, found.edit.span) == ("with", found.span)
    comma = first("network a\ntrain epochs = 1 batch = 2").edit
    assert comma is not None
    assert (comma.text, comma.span.start, comma.span.end) == (",", 26, 26)
