"""Any text at all: diagnostics inside the text and a tree, never an exception, within bounded time."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpc.diagnostics import Diagnostic, Report
from lpc.render import render_all
from lpc.report_formats import FORMATS, Findings
from lpc.source import NOWHERE, Source
from lpc.syntax import tree
from lpc.syntax.format import format_source
from lpc.syntax.parse import parse
from lpc.syntax.validate import MAX_MISTAKES
from tests.syntax.test_properties import TOKEN

PROGRAMS = sorted((Path(__file__).parents[2] / "examples").glob("*.lp"))
TEXTS = [path.read_text(encoding="utf-8") for path in PROGRAMS]
PIECES = sorted(
    {piece for text in TEXTS for piece in TOKEN.findall(text)} | {"{", "}", "variant", "claim", "'", '"', "#", "\\"}
)


def looked_at(text: str) -> list[Diagnostic]:
    """What is said of a text, once everything has been done with it that commands do."""
    source = Source("any.lp", text)
    report = Report()
    file = parse(source, report)
    assert isinstance(file, tree.File)
    assert len(report.diagnostics) <= 2 * (MAX_MISTAKES + 1)
    for diagnostic in report.diagnostics:
        spans = [diagnostic.span, *(span for span, _ in diagnostic.related)]
        assert all(0 <= span.start <= span.end <= len(text) for span in spans if span != NOWHERE)
        assert diagnostic.title_text
    for name, printed in FORMATS.items():
        assert printed([Findings(source, report.diagnostics)]) or not report.diagnostics, name
    formatted = format_source(source, Report())
    assert (formatted is None) == bool(report.errors)
    return report.diagnostics


@st.composite
def broken(draw: st.DrawFn) -> str:
    """A sound program with some of its words dropped, doubled, swapped or replaced, and perhaps cut short."""
    words = TOKEN.findall(draw(st.sampled_from(TEXTS)))
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(words) - 1))
        other = draw(st.integers(0, len(words) - 1))
        match draw(st.sampled_from(["drop", "double", "swap", "replace", "cut"])):
            case "drop":
                words[at] = ""
            case "double":
                words[at] = f"{words[at]} {words[at]}"
            case "swap":
                words[at], words[other] = words[other], words[at]
            case "replace":
                words[at] = draw(st.sampled_from(PIECES))
            case _:
                words = words[: at + 1]
    return draw(st.sampled_from([" ", "\n", "  \n\t"])).join(words)


@settings(max_examples=200)
@given(broken())
def test_broken_programs(text: str) -> None:
    looked_at(text)


@given(st.text())
def test_any_text(text: str) -> None:
    looked_at(text)


@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_any_words(words: list[str]) -> None:
    looked_at(" ".join(words))


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    looked_at(data.decode("utf-8", "surrogateescape"))


N = 100_000
HUGE = {
    "nested parentheses": "network a\nlet x = " + "(" * N + "1" + ")" * N,
    "parentheses never closed": "network a\nlet x = " + "(" * N,
    "closing parentheses": "network a\nlet x = " + ")" * N,
    "nested braces": "network a\n" + "variant b { " * N,
    "a long pipeline": "network a\nblock x = y" + " -> f" * N,
    "a pipeline of ten thousand": "network a\nblock x = y" + " -> f(1, [2, 3])" * (N // 10),
    "a long sum": "network a\nlet x = 1" + " + 1" * N,
    "a long difference": "network a\nlet x = 1" + "-1" * N,
    "signs": "network a\nlet x = " + "- " * N + "1",
    "nested calls": "network a\nlet x = " + "f(a = " * N,
    "nested lists": "network a\nlet x = " + "[" * N + "]" * N,
    "digits": "network a\nlet x = " + "9" * N,
    "a string never closed": 'network a\nlet x = "' + "x" * 10 * N,
    "quotes": "network a " + '"' * N,
    "escapes": 'network a\nlet x = "' + "\\\\" * N + '" 1',
    "one long name": "network " + "x" * 10 * N,
    "names": "a " * N,
    "keywords": "block " * N,
    "mistakes": "network a\n" + "block b = = x\n" * N,
    "points": "let x = " + "." * N,
    "equals": "=" * N,
    "NUL bytes": "\0" * N,
    "a comment": "#" * 10 * N,
    "blanks": " " * 10 * N,
    "unknown units": "network a\nlet x = [" + "1x, " * (N // 5) + "]",
    "repeated arguments": "network a\nlet x = f(" + "a = 1, " * (N // 5) + ")",
    "facts": "a(1).\n" * N,
}


@pytest.mark.parametrize("name", HUGE)
def test_huge_texts_end_in_a_diagnostic(name: str) -> None:
    text = HUGE[name]
    report = Report()
    source = Source("huge.lp", text)
    parse(source, report)
    said = render_all(report.diagnostics, source)
    assert report.errors
    assert len(said) < 20_000


@pytest.mark.parametrize("depth", [150, 199])
@pytest.mark.parametrize(
    ("opening", "middle", "closing"),
    [("(", "1", ")"), ("f(", "1", ")"), ("f(a = ", "1", ")"), ("[", "1", "]"), ("", "x", " -> f"), ("- ", "1", "")],
)
def test_deep_programs_are_done_with_as_any_other(opening: str, middle: str, closing: str, depth: int) -> None:
    text = f"network a\nlet x = {opening * depth}{middle}{closing * depth}\n"
    report = Report()
    file = parse(Source("deep.lp", text), report)
    assert report.diagnostics == []
    assert file == parse(Source("again.lp", text), Report())
    assert hash(file) == hash(parse(Source("again.lp", text), Report()))


def test_deep_programs_are_formatted_or_refused_with_a_reason() -> None:
    report = Report()
    deep = "network a\nlet x = " + "f(" * 199 + ")" * 199 + "\n"
    formatted = format_source(Source("deep.lp", deep), report)
    assert formatted is not None
    assert format_source(Source("deep.lp", formatted), report) == formatted
    signs = "network a\nlet x = " + "-(x + " * 65 + "1" + ")" * 65 + "\n"  # its signs get parentheses of their own
    assert format_source(Source("signs.lp", signs), report) is None
    assert [d.code for d in report.errors] == ["LP005"]
