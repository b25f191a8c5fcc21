"""A process of its own for a script or a command: its signals, and its exit status."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import FrameType


def execute(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a script with the Python that runs lpc, and wait for it; its exit status, 128 + N where signal N ended it.

    A signal is the script's to deal with: it finishes its step and saves.
    """
    return run_command([sys.executable, *arguments], environment)


def run_command(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """The same of any command; OSError where there is none such."""
    child: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if child is not None and not (number == signal.SIGINT and _terminal_tells_both()):
            child.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        child = subprocess.Popen(command, env=dict(environment))
        status = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 - status if status < 0 else status


def _terminal_tells_both() -> bool:
    """Whether Ctrl-C reaches the script without us: a terminal sends it to every process in its foreground."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)
