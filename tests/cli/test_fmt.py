"""`lpc fmt`: writes one layout, and never a broken file."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tests.cli.running import SOUND, lpc

UGLY = SOUND.replace("block hidden[2] = image  ->", "block hidden[2]=image->  # why\n")


def test_writes_the_layout_and_says_so(here: Path) -> None:
    Path("ugly.lp").write_text(UGLY, encoding="utf-8")
    done = lpc("fmt", "ugly.lp")
    assert (done.status, done.out, done.err) == (0, "", "formatted ugly.lp\n")
    text = Path("ugly.lp").read_text(encoding="utf-8")
    assert "# why" in text
    assert text != UGLY
    assert lpc("fmt", "ugly.lp").err == "ugly.lp is in the layout already\n"
    assert Path("ugly.lp").read_text(encoding="utf-8") == text
    assert sorted(path.name for path in here.iterdir()) == ["sound.lp", "ugly.lp"]


def test_check_and_diff_write_nothing(here: Path) -> None:
    Path("ugly.lp").write_text(UGLY, encoding="utf-8")
    done = lpc("fmt", "--check", "ugly.lp", "sound.lp")
    assert (done.status, done.out) == (1, "")
    assert done.err == "ugly.lp would be formatted\n2 programs: 1 would be formatted, 1 in the layout already\n"
    done = lpc("fmt", "ugly.lp", "--diff")
    assert done.status == 1
    assert done.out.startswith("--- ugly.lp\n+++ ugly.lp (formatted)\n@@ ")
    assert "\n-block hidden[2]=image->  # why\n" in done.out
    assert Path("ugly.lp").read_text(encoding="utf-8") == UGLY
    assert lpc("fmt", "--check", "sound.lp").status == 0


def test_standard_input_goes_to_standard_output() -> None:
    done = lpc("fmt", "-", stdin=b"network   a\r\nlet x=1 # one\r\n")
    assert (done.status, done.out) == (0, "network a\r\nlet x = 1  # one\r\n")


def test_line_endings_stay(here: Path) -> None:
    Path("dos.lp").write_bytes(UGLY.replace("\n", "\r\n").encode())
    assert lpc("fmt", "dos.lp").status == 0
    text = Path("dos.lp").read_bytes()
    assert text.count(b"\r\n") == text.count(b"\n")


def test_a_program_with_syntax_errors_stays_as_it_is(here: Path) -> None:
    Path("broken.lp").write_text("network a\nlet x == 1\n", encoding="utf-8")
    done = lpc("fmt", "broken.lp", "sound.lp")
    assert done.status == 1
    assert "error[LP021]" in done.err
    assert done.last == "2 programs: 1 in the layout already, 1 with errors"
    assert Path("broken.lp").read_text(encoding="utf-8") == "network a\nlet x == 1\n"
    done = lpc("fmt", "-", stdin="network a\nlet x == 1\n")
    assert (done.status, done.out) == (1, "")


def test_a_missing_file_stops_before_anything_is_written(here: Path) -> None:
    Path("ugly.lp").write_text(UGLY, encoding="utf-8")
    done = lpc("fmt", "ugly.lp", "nowhere.lp")
    assert (done.status, done.err) == (2, "lpc: cannot read nowhere.lp: no such file\n")
    assert Path("ugly.lp").read_text(encoding="utf-8") == UGLY


def test_a_full_disk_leaves_the_file_whole(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("ugly.lp").write_text(UGLY, encoding="utf-8")

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    done = lpc("fmt", "ugly.lp")
    assert (done.status, done.err) == (2, "lpc: cannot write ugly.lp: no space left on device\n")
    assert Path("ugly.lp").read_text(encoding="utf-8") == UGLY
    assert sorted(path.name for path in here.iterdir()) == ["sound.lp", "ugly.lp"]


def test_links_and_permissions_stay(here: Path) -> None:
    (here / "real").mkdir()
    real, link = here / "real" / "ugly.lp", here / "link.lp"
    real.write_text(UGLY, encoding="utf-8")
    real.chmod(0o640)
    link.symlink_to(real)
    assert lpc("fmt", "link.lp").status == 0
    assert link.is_symlink()
    assert real.read_text(encoding="utf-8") != UGLY
    assert real.stat().st_mode & 0o777 == 0o640
