"""The commands of the documentation are run as it shows them, page by page, and say what it says they do."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Block, blocks, followed, name_of, pages


def is_run(block: Block) -> bool:
    return block.language == "console" or (block.language == "python" and not {"shown", "file"} & set(block.marks))


RUN = [page for page in pages() if any(is_run(block) for block in blocks(page))]


def environment(folder: Path) -> dict[str, str]:
    """`lpc` and `python` mean this project and this interpreter."""
    tools = folder / "bin"
    tools.mkdir()
    for name, command in (("lpc", "-m lpc "), ("python", "")):
        (tools / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {command}"$@"\n')
        (tools / name).chmod(0o755)
    path = f"{tools}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "NO_COLOR": "1", "LC_ALL": "C"}


def commands(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with the output expected of it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        while command.endswith("\\"):
            line, _, output = output.partition("\n")
            command = command[:-1] + line.strip()
        yield command, output


def pattern(expected: str) -> str:
    """A regular expression for an output in which `...` stands for anything, alone on a line for any lines."""
    lines = expected.strip("\n").split("\n")
    anything = r"(?:[^\n]*\n)*?"
    return "".join(
        anything if line == "..." else f"{re.escape(line)}\n".replace(r"\.\.\.", "[^\n]*?") for line in lines
    )


def agrees(expected: str, found: str) -> bool:
    return re.fullmatch(pattern(expected), found.strip("\n") + "\n") is not None


def carry_out(command: str | list[str], folder: Path, surroundings: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        shell=isinstance(command, str),
        cwd=folder,
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return done.stdout


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_the_commands_of_a_page(page: Path, tmp_path: Path) -> None:
    surroundings = environment(tmp_path)
    folder = tmp_path / "here"
    folder.mkdir()
    for block, after in followed(page):
        if "file" in block.marks:
            (folder / block.marks["file"]).write_text(block.text, encoding="utf-8")
        for command, expected in commands(block.text) if block.language == "console" else ():
            found = carry_out(command, folder, surroundings)
            assert agrees(expected, found), f"{block}: {command}\n{found}"
        if block.language == "python" and is_run(block):
            found = carry_out([sys.executable, "-c", block.text], folder, surroundings)
            assert "Traceback" not in found, f"{block}\n{found}"
            if after is not None and "prints" in after.marks:
                assert agrees(after.text, found), f"{after}\n{found}"


def test_dots_stand_for_anything_and_nothing_else_does() -> None:
    assert agrees("loss 0...\n", "loss 0.123")
    assert agrees("a\n...\nb\n", "a\n1\n2\nb")
    assert agrees("a\n...\n", "a\n1\n2")
    assert agrees("", "")
    assert not agrees("loss 0...\n", "loss 1.123")
    assert not agrees("a\nb\n", "a\n1\nb")
    assert not agrees("a...", "a\nb")


def test_commands_are_found() -> None:
    block = Block("page.md", 1, "console", {}, "$ one\n1\n$ two \\\n    three\n")
    assert list(commands(block.text)) == [("one", "1\n"), ("two three", "")]
