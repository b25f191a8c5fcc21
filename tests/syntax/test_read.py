"""From bytes to text: encodings, sizes, files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpc.diagnostics import Report
from lpc.render import render
from lpc.syntax.read import MAX_BYTES, decode, read_source


def test_a_file_is_read_by_its_name_without_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "größe.lp"
    path.write_bytes("network größe\r\n".encode())
    report = Report()
    source = read_source(path, report)
    assert (source.name, source.text, report.diagnostics) == ("größe.lp", "network größe\r\n", [])


def test_a_byte_order_mark_is_skipped() -> None:
    report = Report()
    assert decode("a.lp", "\ufeffnetwork a".encode(), report).text == "network a"
    assert report.diagnostics == []


@pytest.mark.parametrize(
    ("data", "line", "column", "guess"),
    [
        ("network a\nlet x = 1 # café".encode("latin-1"), 2, 16, ""),
        ("network a".encode("utf-16"), 1, 1, "UTF-16"),
        (b"\x80", 1, 1, ""),
        ("# é ".encode() + b"\xff", 1, 5, ""),
    ],
)
def test_what_is_not_utf8_is_said_with_its_place(data: bytes, line: int, column: int, guess: str) -> None:
    report = Report()
    source = decode("a.lp", data, report)
    (found,) = report.diagnostics
    assert found.code == "LP001"
    assert (source.line_number(found.span.start), source.column(found.span.start)) == (line, column)
    assert guess in found.title_text
    assert render(found, source).encode()


def test_a_file_of_many_megabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.lp"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    report = Report()
    source = read_source(path, report)
    assert [d.code for d in report.diagnostics] == ["LP003"]
    assert render(report.diagnostics[0], source).startswith("error[LP003]: the file has more than 16 MiB\n")


def test_a_missing_file_is_the_callers_to_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_source(tmp_path / "none.lp", Report())
