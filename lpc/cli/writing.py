"""Files written whole or not at all."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from lpc.cli.refusal import Refusal, system_says


def write_whole(path: Path, data: bytes) -> None:
    """Put bytes into a file: written aside, then renamed, so that a full disk or a kill leaves what was there.

    A link keeps pointing where it did, a file keeps its permissions, and a device is written to. Raises Refusal.
    """
    target = Path(os.path.realpath(path))
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(data)
            return
        try:
            with aside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, aside)
            aside.replace(target)
        finally:
            with suppress(OSError):
                aside.unlink()  # gone already when all went well
    except OSError as problem:
        raise Refusal(f"cannot write {path}: {system_says(problem)}") from problem


def make_folder(path: Path) -> None:
    """Make a folder, and those above it. Raises Refusal."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise Refusal(f"cannot make the folder {path}: {system_says(problem)}") from problem
