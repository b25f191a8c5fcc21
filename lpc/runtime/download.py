"""Fetching published files."""

from __future__ import annotations

import hashlib
import urllib.request
from http.client import HTTPException
from pathlib import Path

from lpc.runtime.checkpoint import write_whole
from lpc.runtime.failure import BadInput
from lpc.runtime.progress import note


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def download(url: str) -> bytes:
    """What a URL sends."""
    note(f"fetching {url}")
    try:
        with urllib.request.urlopen(url, timeout=60) as reply:  # noqa: S310 - none but the addresses in this file
            content: bytes = reply.read()
    except (OSError, HTTPException, ValueError) as problem:
        raise BadInput(f"cannot fetch {url}: {problem}") from problem
    return content


def keep_file(path: Path, content: bytes) -> None:
    """Write a file into a folder that may have to be made: it is there whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise BadInput(f"cannot write in {path.parent}: {problem.strerror}") from problem
    write_whole(path, lambda file: file.write(content))
