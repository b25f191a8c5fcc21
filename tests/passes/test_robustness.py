"""Whatever the text, the front passes give diagnostics, never an exception, and are done in time."""

from __future__ import annotations

import re
import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lpc
from tests.effort import calls
from tests.passes.checking import BASE, checked
from tests.passes.programs import programs

EXAMPLES = [path.read_text() for path in sorted((Path(__file__).parents[2] / "examples").glob("*.lp"))]
TOKEN = re.compile(r'"[^"]*"|[A-Za-z_0-9.]+%?|->|\S|\n')
WORDS = [
    "all",
    "rest",
    "image",
    "label",
    "b0",
    "width",
    "f0",
    "relu",
    "linear",
    "search",
    "classes",
    "size",
    "true",
    "auto",
]
WORDS += [
    "0",
    "1",
    "-1",
    "2.5",
    "1e300",
    "10%",
    "2GiB",
    '"x"',
    "[",
    "]",
    "(",
    ")",
    "->",
    "+",
    "-",
    "*",
    "/",
    ",",
    "=",
    "..",
]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A sound program with some tokens dropped, doubled, swapped or replaced."""
    tokens = TOKEN.findall(draw(st.one_of(programs(), st.sampled_from(EXAMPLES))))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(tokens) - 1))
        match draw(st.sampled_from(["drop", "double", "swap", "replace", "replace"])):
            case "drop":
                tokens[at] = ""
            case "double":
                tokens[at] = f"{tokens[at]} {tokens[at]}"
            case "swap":
                other = draw(st.integers(0, len(tokens) - 1))
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case _:
                tokens[at] = draw(st.sampled_from(WORDS))
    return " ".join(tokens)


@given(damaged(), st.sampled_from([None, "other", "base"]))
@settings(max_examples=400)
def test_damaged_programs_give_diagnostics(text: str, variant: str | None) -> None:
    _, report = checked(text, variant=variant)
    for diagnostic in report.diagnostics:
        assert diagnostic.title_text
        assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)


@given(
    st.sampled_from(["width", "train.batch", "b0.linear.outputs", "all.mono_forward.lr", "data.validation"]),
    st.sampled_from(WORDS),
)
@settings(max_examples=80)
def test_overrides_give_diagnostics(place: str, value: str) -> None:
    text = BASE.replace("hidden", "b0").replace("linear(64)", "linear(width)").replace("\n", "\nlet width = 3\n", 1)
    checked(text, overrides=((place, value),))


def lets(first: str, count: int, each: str) -> str:
    """`let a0 = FIRST`, and more lets with `@` for the one before."""
    more = (f"let a{k} = {each.replace('@', f'a{k - 1}')}\n" for k in range(1, count))
    return f"let a0 = {first}\n" + "".join(more)


def blocks(count: int, each: str) -> str:
    return "".join(f"block c{k} = {each.format(k=k, next=(k + 1) % count)}\n" for k in range(count))


BOUNDS = {
    "a chain of 10^8 blocks": BASE.replace("block hidden", "block hidden[100000000]"),
    "many long chains": BASE + "".join(f"block c{k}[100000] = hidden -> relu\n" for k in range(300)),
    "a let of 10^5 terms": BASE.replace("linear(64)", "linear(" + "1 + " * 100_000 + "1)"),
    "10^4 lets, last first": BASE.replace("64", "b0")
    + "".join(f"let b{k} = b{k + 1} + 1\n" for k in range(9999))
    + "let b9999 = 1\n",
    "10^4 lets in a circle": BASE.replace("64", "a0") + lets("a9999", 10_000, "@ + 1"),
    "lets that double": BASE.replace("64", "a99") + lets("size(image)", 100, "@ + @"),
    "numbers that grow": BASE.replace("64", "a99") + lets("7", 100, "@ * @"),
    "a circle of blocks": BASE + blocks(3000, "c{next} -> relu"),
    "unknown names": BASE + blocks(3000, "d{k} -> relu"),
    "one name declared often": BASE + "block hidden = image -> relu\n" * 3000,
    "a block named often": BASE.replace("learn all", "learn " + ", ".join(["hidden"] * 3000)),
    "a great size": BASE.replace("linear(64)", "linear(999999999999999999)"),
    "nothing": "",
    "a name": "network a",
}


@pytest.mark.parametrize("what", BOUNDS)
def test_bounds(what: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = lpc.check(BOUNDS[what])
    assert found.diagnostics or what == "10^4 lets, last first"
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 500  # MiB


def big(blocks: int, *, chained: bool) -> str:
    if chained:
        text = f"block hidden[{blocks}] = image -> flatten -> linear(64) -> relu\n"
    else:
        more = "".join(f"block b{k} = b{k - 1} -> linear(64) -> relu\n" for k in range(1, blocks - 1))
        text = f"block b0 = image -> flatten\n{more}block hidden = b{blocks - 2} -> relu\n"
    return re.sub("block hidden.*\n", text, BASE)


@pytest.mark.parametrize("chained", [True, False])
def test_effort_grows_with_the_number_of_blocks_and_no_faster(chained: bool) -> None:
    def effort(blocks: int) -> int:
        text = big(blocks, chained=chained)
        program, report = checked(text, until="learning")
        assert report.errors == []
        assert len(program.uses) == blocks + 1
        return calls(lambda: checked(text, until="learning"))

    assert effort(2000) / effort(500) < 5  # 4 when all is linear, a little more where names are sorted
