"""The command line: one file a command. `main` is what `lpc` and `python -m lpc` run."""

from __future__ import annotations

import gc


def main() -> int:
    """Carry out the command in `sys.argv`; the exit status."""
    gc.set_threshold(100_000)  # what start-up makes stays: to look for garbage in it takes a fifth of `lpc check`
    from lpc.cli.entry import run

    status = run()
    gc.freeze()  # nor is there a point in looking once more on the way out
    return status
