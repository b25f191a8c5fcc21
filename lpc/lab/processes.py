"""Runs as processes of their own, and the lock of a bench's folder.

A run must not outlive a bench that is killed: the next one would start it again beside itself. On Linux the system ends it with its
parent; elsewhere it keeps the folder's lock, which it inherits, until it is done.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

SAID = "stderr.txt"
PR_SET_PDEATHSIG = 1
LOCK_WAIT_S = 5.0


class Child(Protocol):
    """A run under way."""

    def poll(self) -> int | None:
        """Its exit status, None while it runs."""
        ...

    def terminate(self) -> None: ...

    def wait(self) -> int: ...


class Launch(Protocol):
    def __call__(self, script: Path, arguments: Sequence[str], folder: Path) -> Child: ...


class Busy(Exception):
    """Another bench, or a run that outlived one, is at work in the folder."""


class Lock:
    """Held while a bench is at work in a folder, and as long as a run of it lives. Raises Busy."""

    def __init__(self, folder: Path) -> None:
        self.file = (folder / ".lock").open("a")
        until = time.monotonic() + LOCK_WAIT_S
        while not _locked(self.file.fileno()):
            if time.monotonic() > until:
                self.file.close()
                raise Busy
            time.sleep(0.05)

    def close(self) -> None:
        self.file.close()


def _locked(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows: one bench a folder is the user's to see to
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def launcher(environment: Mapping[str, str], lock: Lock) -> Launch:
    """Starts scripts with the Python that runs this; what they say on standard error goes to a file of their folder."""

    def launch(script: Path, arguments: Sequence[str], folder: Path) -> Child:
        with (folder / SAID).open("wb") as said:
            return subprocess.Popen(
                [sys.executable, str(script), *arguments],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                pass_fds=(lock.file.fileno(),) if os.name == "posix" else (),
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - no threads here
                start_new_session=os.name == "posix",  # Ctrl-C is the bench's, which tells its runs
            )

    return launch


if sys.platform == "linux":
    _LIBC = ctypes.CDLL(None)

    def _end_with_parent() -> None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def last_line(folder: Path) -> str:
    """What a run said last."""
    try:
        lines = (folder / SAID).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""
