"""What a command says when it cannot go on and the program is not to blame."""

from __future__ import annotations


class Refusal(Exception):
    """A file, folder or option that will not do, in one line for the user; the exit status is 2."""


def system_says(problem: OSError) -> str:
    """The system's reason without Python's decoration: `no space left on device`."""
    text = problem.strerror or str(problem) or type(problem).__name__
    return text[:1].lower() + text[1:]
