"""Packages that some commands need and lpc does not bring."""

from __future__ import annotations

from importlib.util import find_spec

from lpc.cli.refusal import Refusal

NEEDED = {"laws": ("torch", "numpy", "hypothesis"), "lab": ("torch", "numpy", "optuna")}
"""What an extra of lpc's brings, as far as commands import it."""


def require(extra: str, what: str) -> None:
    """Raises Refusal, in one line, where packages of an extra are missing; `what` needs them."""
    if missing := [name for name in NEEDED[extra] if find_spec(name) is None]:
        raise Refusal(f"{what} needs {' and '.join(missing)}: pip install 'lpc[{extra}]'")
