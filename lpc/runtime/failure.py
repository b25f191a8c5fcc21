"""What can be foreseen to go wrong ends in one line and an exit status, never in a traceback."""

from __future__ import annotations


class Failure(Exception):
    """Training failed: a loss that is not finite, a corrupt checkpoint, a lost device, a full disk."""

    status = 1


def first_line(problem: BaseException) -> str:
    """What an exception says, on one line."""
    return str(problem).strip().partition("\n")[0] or type(problem).__name__


class BadInput(Failure):
    """Options, data or folders are not as they must be; nothing was written."""

    status = 2
