"""Data files: where they are looked for, and how they are read."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from lpc.runtime.failure import BadInput


def data_folders(data: str, folders: tuple[str, ...]) -> list[Path]:
    """The folders a data set may be in: `data` itself, those of its names, and `raw` in each."""
    return [Path(data) / folder / raw for folder in ("", *folders) for raw in ("", "raw")]


def find_file(data: str, folders: tuple[str, ...], name: str) -> Path | None:
    """The file `name`, plain or gzipped, or None."""
    paths = [folder / file for folder in data_folders(data, folders) for file in (name, f"{name}.gz")]
    return next((path for path in paths if path.is_file()), None)


def read_data(path: Path) -> bytes:
    """A file's content, unpacked where its name ends in `.gz`."""
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as problem:
        raise BadInput(f"{path} cannot be read: {getattr(problem, 'strerror', None) or problem}") from problem


def own_file(data: str, source: str, name: str) -> tuple[Path, bytes]:
    """Path and content of a file that the program names."""
    path = find_file(data, (source,), name)
    if path is None:
        raise BadInput(f"there is no {name} (or {name}.gz) under {data}; --data DIR says where it is")
    return path, read_data(path)
