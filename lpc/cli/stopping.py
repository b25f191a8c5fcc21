"""Commands that take hours: Ctrl-C and SIGTERM end them cleanly, and the same command goes on."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import click

from lpc.cli.programs import say

STOPPED = "stopped; the same command goes on"


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """SIGTERM ends what is inside as Ctrl-C does: its runs are told and waited for."""

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        say(STOPPED)
        raise click.exceptions.Exit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        say(STOPPED)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
