"""Diagnostics as terminal text: carets where they belong, and nothing that could harm a terminal."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from lpc.diagnostics import Diagnostic, Edit, Report
from lpc.render import MOST, WIDTH, printable, render, render_all, summary
from lpc.source import NOWHERE, Source, Span, display_width
from lpc.syntax.mistakes.unexpected import Unexpected
from lpc.syntax.parse import parse


@dataclass(frozen=True, kw_only=True)
class Sample(Diagnostic):
    code: ClassVar[str] = "LP999"
    title: ClassVar[str] = "{what} is wrong"
    label: ClassVar[str] = "{note}"
    notes: ClassVar[tuple[str, ...]] = ("of {what}",)
    help: ClassVar[str] = "mend `{near}`"
    what: str = "this"
    note: str = "here"
    near: str = ""


def shown(text: str, start: int, end: int, **values: object) -> list[str]:
    return render(Sample(span=Span(start, end), **values), Source("a.lp", text)).splitlines()  # type: ignore[arg-type]


def test_the_whole_of_a_diagnostic() -> None:
    text = "network a\n\nlet x = 1\nlet y = z\nlet w = 2\n"
    at = text.index("z")
    found = Sample(span=Span(at, at + 1), related=((Span(8, 9), "the network"),), near="x", detail=("one more",))
    assert (
        render(found, Source("a.lp", text))
        == """
error[LP999]: this is wrong
 --> a.lp:4:9
  |
1 | network a
  |         - the network
2 |
3 | let x = 1
4 | let y = z
  |         ^ here
  = note: of this
  = note: one more
  = help: mend `x`
""".strip("\n")
    )


@pytest.mark.parametrize(
    ("line", "word"),
    [("\tlet x = y", "y"), ("a\tb\tlet", "let"), ("# 日本語 wide", "wide"), ("# e\u0301a", "a"), ("日", "日")],
)
def test_carets_stand_under_what_they_mark(line: str, word: str) -> None:
    start = line.index(word)
    _, _, _, code, carets, *_ = shown(line, start, start + len(word))
    before, under = re.match(r"(.*?)(\^+)", carets).groups()  # type: ignore[union-attr]
    assert display_width(code[: code.index(word)]) == len(before)
    assert display_width(word) == len(under)
    assert "\t" not in code


def test_an_empty_place_has_one_caret() -> None:
    assert shown("let x =", 7, 7)[-2:] == ["  |        ^ here", "  = note: of this"]
    assert shown("let x\n", 6, 6)[1] == " --> a.lp:2:1"


def test_a_diagnostic_of_no_place_shows_no_line() -> None:
    text = render(Sample(span=NOWHERE), Source("a.lp", "network a"))
    assert text == "error[LP999]: this is wrong\n --> a.lp\n  = note: of this"


def test_a_place_of_many_lines_is_marked_at_both_ends() -> None:
    text = "".join(f"    line{i}\n" for i in range(1, 21))
    out = shown(text, 4, len(text) - 1)
    assert out[3:7] == [" 1 |     line1", "   |     ^^^^^", "...", "20 |     line20"]
    assert out[7] == "   |     ^^^^^^ here"
    few = shown("ab\ncd\nef\n", 1, 7)
    assert few[3:9] == ["1 | ab", "  |  ^", "2 | cd", "  | ^^", "3 | ef", "  | ^ here"]


@pytest.mark.parametrize("at", [0, 5, 1000, 2990, 2999])
def test_long_lines_are_cut_around_the_place(at: int) -> None:
    text = "".join(chr(97 + i % 26) for i in range(3000))
    out = shown(text, at, at + 1)
    code, carets = out[3][4:], out[4][4:]
    assert len(code) <= WIDTH + 2
    assert code[carets.index("^")] == text[at]
    assert code.startswith("…") == (at > WIDTH)
    assert code.endswith("…") == (at < 3000 - WIDTH)


def test_what_moves_a_cursor_is_not_printed() -> None:
    bad = "a\x1b[31m\x00\u202e\x7f\ue000\udc80b"
    out = render(Sample(span=Span(0, 3), what=bad, note=bad), Source("a\x1b.lp", bad))
    assert not set(bad[1:-1]) & set(out) - set("[31m")
    assert out.encode("utf-8")
    assert printable("\x1b\x7f\ue000") == "\u241b\u2421\ufffd"


def test_long_sentences_wrap_and_labels_follow() -> None:
    words = "word " * 60
    out = render(Sample(span=Span(0, 4), what="x", note=words.strip(), near=words.strip()), Source("a.lp", "text"))
    assert max(len(line) for line in out.splitlines()) <= WIDTH + 12
    assert out.count("word") == 120


def test_colours_change_nothing_else() -> None:
    source = Source("a.lp", "network a\nlet x = ]\nlet y = (")
    report = Report()
    parse(source, report)
    plain = render_all(report.diagnostics, source)
    coloured = render_all(report.diagnostics, source, color=True)
    assert coloured != plain
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == plain


def test_a_summary_counts() -> None:
    source = Source("a.lp", "network a")
    error = Sample(span=Span(0, 1))
    assert summary([], source) == "no errors in a.lp"
    assert summary([error], source) == "1 error in a.lp; `lpc explain LP999` says more"
    assert summary([error, error], source).startswith("2 errors in a.lp")
    assert render_all([], source) == ""


def test_many_diagnostics_are_counted_not_shown() -> None:
    source = Source("a.lp", "network a")
    out = render_all([Sample(span=Span(0, 1))] * (MOST + 7), source)
    assert out.count("error[LP999]") == MOST
    assert out.endswith(f"\n\n... and 7 more\n\n{MOST + 7} errors in a.lp; `lpc explain LP999` says more\n")


def test_a_diagnostic_is_a_value() -> None:
    edit = Edit(Span(0, 1), "with")
    one = Unexpected(span=Span(0, 1), expected="a name", found="`3`", edit=edit)
    assert one == Unexpected(span=Span(0, 1), expected="a name", found="`3`", edit=edit)
    assert one != Unexpected(span=Span(0, 1), expected="a name", found="`4`")
    assert replace(one, nearest="x").label_text == "did you mean `x`?"
    with pytest.raises(AttributeError):
        one.found = "z"  # type: ignore[misc]
    with pytest.raises(TypeError):
        Unexpected(span=Span(0, 1), expected="a name")  # type: ignore[call-arg]
