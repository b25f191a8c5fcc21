"""What is said while training."""

from __future__ import annotations

import sys
from typing import Any

SHOWN = ("train/loss", "train/accuracy", "validation/loss", "validation/accuracy", "joules", "seconds")


def note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr, flush=True)


class Progress:
    """A bar where standard error is a terminal and tqdm is there, else a line an epoch; nothing when quiet."""

    def __init__(self, quiet: bool, name: str, steps: int, done: int) -> None:
        self.quiet, self.name, self.steps, self.bar = quiet, name, steps, None
        if not quiet and sys.stderr.isatty():
            try:
                from tqdm import tqdm

                self.bar = tqdm(total=steps, initial=done, desc=name, unit="step")
            except ImportError:
                note("tqdm is not installed: a line an epoch instead of a bar")

    def step(self) -> None:
        if self.bar is not None:
            self.bar.update()

    def epoch(self, record: dict[str, Any]) -> None:
        known = ", ".join(f"{key} {record[key]:.4g}" for key in SHOWN if record[key] is not None)
        if self.bar is not None:
            self.bar.set_postfix_str(known)
        elif not self.quiet:
            print(
                f"{self.name} epoch {record['epoch']} ({record['step']} of {self.steps} steps): {known}",
                file=sys.stderr,
            )

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
