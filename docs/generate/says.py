"""Messages in written pages: the block of text after a program that has a mistake is what the terminal shows for it."""

from __future__ import annotations

import re

from lpc.passes.check import check_source
from lpc.render import render_all
from lpc.source import Source

PAIR = re.compile(
    r"^(?P<head>```lp(?P<marks>[^\n]*)\n(?P<program>(?:(?!```).*\n)*?)```\n(?:(?!```).*\n)*?```text says\n)(?P<said>(?:(?!```).*\n)*?)```$",
    re.MULTILINE,
)
FILE = re.compile(r"\bfile=(\S+)")


def with_messages(page: str) -> str:
    """The page with its messages as they are now."""
    return PAIR.sub(lambda found: f"{found['head']}{said(found['program'], found['marks'])}```", page)


def said(program: str, marks: str) -> str:
    name = FILE.search(marks)
    source = Source(name[1] if name else "example.lp", program)
    return render_all(check_source(source).diagnostics, source)
