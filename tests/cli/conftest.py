"""An empty folder to stand in, with a sound program in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import SOUND


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command stands in; it holds `sound.lp`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LPC_DEBUG", raising=False)
    (tmp_path / "sound.lp").write_text(SOUND, encoding="utf-8")
    return tmp_path
