"""Files of a bench, whole or absent."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

PART = ".part"
"""Ends the name of a file that is being written."""


def write_json(path: Path, content: Any) -> None:
    """Written aside, seen on the disk, then renamed: who opens it finds the old file or the new one. Raises OSError."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    aside = path.with_name(path.name + PART)
    with aside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def read_json(path: Path) -> dict[str, Any] | None:
    """An object, or None where there is none, or no whole one."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
