"""From bytes to a source text that a program could be: encoding, size, characters."""

from __future__ import annotations

import re
from pathlib import Path

from lpc.diagnostics import Diagnostic, Report, error
from lpc.source import NOWHERE, Source, Span
from lpc.syntax.examples import SOUND

MAX_BYTES = 16 * 2**20
"""Larger files are refused unread: a program of ten thousand written-out blocks has about one MiB."""

_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls but tab and line endings
    "\u2028\u2029\u202a-\u202e\u2066-\u2069"  # line separators; marks that turn the direction of text
    "\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff\U000f0000-\U0010ffff]"  # surrogates, private use
    "|\r(?!\n)"
)


@error("LP001")
class NotUtf8(Diagnostic):
    """A `.lp` file is UTF-8 text. Other encodings are not guessed at: a wrong guess would put wrong names and strings
    into the training script without a word. Editors can convert a file ("save with encoding"); on the command line
    `iconv -f latin1 -t utf-8 old.lp > new.lp` does. A byte-order mark at the start of UTF-8 text is skipped.

    No example is shown: a page of text cannot hold bytes that are no text.
    """

    title = "the file is not UTF-8 text{guess}"
    label = "the byte here is 0x{byte}"
    help = "save the file as UTF-8"
    byte: str
    guess: str = ""


@error("LP002")
class ForbiddenCharacter(Diagnostic):
    """Control characters, private-use characters and marks that turn the direction of text are refused everywhere, in
    comments and strings too: they make a text look like what it is not, and parts of it stand in the training script.
    A single carriage return is refused likewise; line endings are LF or CR LF.

    A file with many of them is no program at all but an image, an archive or a model.
    """

    title = "{what} cannot stand in a program"
    label = "here"
    notes = ("{others}",)
    help = "delete it"
    bad = SOUND.replace("16", "16  # \ue000")
    good = SOUND
    what: str
    others: str = ""


@error("LP003")
class TooLarge(Diagnostic):
    """A file of more than 16 MiB is not read: it is hardly a program somebody wrote. Repeated blocks are written as a
    chain, `block layer[1000] = image -> linear(64)`, repeated parts as a `def`. No example is shown: it would be long.
    """

    title = "the file has more than {limit} MiB"
    help = "write repeated blocks as a chain: `block layer[1000] = ...`"
    limit: int


def read_source(path: str | Path, report: Report) -> Source:
    """The text of a file; an error in the report when it is none. Raises OSError for what the system refuses."""
    path = Path(path)
    with path.open("rb") as file:
        return decode(path.name, file.read(MAX_BYTES + 1), report)


def decode(name: str, data: bytes, report: Report) -> Source:
    """The source text that these bytes are, byte-order mark skipped; with an error, a text fit to show the place in."""
    if len(data) > MAX_BYTES:
        report.add(TooLarge(span=NOWHERE, limit=MAX_BYTES >> 20))
        return Source(name, "")
    try:
        return Source(name, data.decode("utf-8-sig"))
    except UnicodeDecodeError as failure:
        guess = "" if not data.startswith((b"\xff\xfe", b"\xfe\xff")) else ": it looks like UTF-16"
        at = len(data[: failure.start].decode("utf-8-sig", "replace"))
        report.add(NotUtf8(span=Span(at, at + 1), byte=f"{data[failure.start]:02x}", guess=guess))
        return Source(name, data.decode("utf-8-sig", "replace"))


def check_characters(source: Source, report: Report) -> bool:
    """Whether a program may hold all characters of the text; the first that it may not is reported."""
    found = _FORBIDDEN.search(source.text)
    if found is None:
        return True
    count = sum(1 for _ in _FORBIDDEN.finditer(source.text))
    others = f"the file holds {count} such characters; it may be no text at all" if count > 1 else ""
    report.add(ForbiddenCharacter(span=Span(*found.span()), what=_character(found[0]), others=others))
    return False


def _character(char: str) -> str:
    code = f"U+{ord(char):04X}"
    if char == "\r":
        return f"a carriage return without a line feed ({code})"
    if "\ud800" <= char <= "\udfff":
        return f"a byte that is not UTF-8 ({code})"
    if "\ue000" <= char <= "\uf8ff" or char >= "\U000f0000":
        return f"the private-use character {code}"
    return f"the control character {code}"
