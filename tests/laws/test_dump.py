"""The dump of a program after any pass compiles to the same script, but for what names its source."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, note, settings

from lpc.codegen.script import print_script
from lpc.laws.strategies import legal, programs
from lpc.passes.dump import dump
from lpc.passes.pipeline import PIPELINE
from lpc.syntax import tree
from lpc.syntax.format import format_file
from tests.laws.test_translation import CASES, HEAD, NETWORKS, TRAIN
from tests.laws.translation import compiled, sound

PASSES = [step.name for step in PIPELINE]


def but_for_its_source(text: str) -> str:
    """A script without the text, hash and lines of its source, and so without its own hash."""
    start, end = text.index("SOURCE = "), text.index("\n\n\nclass ")
    text = text[:start] + text[end:]
    text = re.sub(r'source_sha256="\w+"', "", text)
    text = re.sub(r"# body sha256: \w+", "", text)
    return re.sub(r"[\w.]+\.lp(?::\d+)?", "", text)


def check(text: str) -> None:
    expected = but_for_its_source(print_script(sound(text)).text)
    dumps: dict[str, str] = {}
    for name in PASSES:
        program, report = compiled(text, until=name)
        assert not report.errors
        dumps.setdefault(dump(program), name)
    for shown, name in dumps.items():
        assert but_for_its_source(print_script(sound(shown)).text) == expected, f"after {name}:\n{shown}"


@given(programs())
@settings(max_examples=40)
def test_random_programs(file: tree.File) -> None:
    note(format_file(file))
    legal(file)
    check(format_file(file))


@pytest.mark.parametrize("rule", sorted({rule for rule, _ in CASES}))
def test_every_option_of_every_rule(rule: str) -> None:
    data, blocks = NETWORKS["one"]
    for arguments in [arguments for name, arguments in CASES if name == rule]:
        check((HEAD + TRAIN).format(data=data, blocks=blocks, rule=f"{rule}({arguments})", order="simultaneous"))
