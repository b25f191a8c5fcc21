"""The command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import torch

from lpc.runtime.failure import BadInput

Options = argparse.Namespace
MOST_THREADS = 1024
"""More than a machine has, and fewer than torch fails to start."""


class OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message} (--help lists the options)")


def number(text: str) -> int:
    """A whole number from 0 up."""
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 up")
    return int(text)


def read_options(name: str, seed: int, arguments: Sequence[str] | None) -> Options:
    """The options in `arguments`, or of the command line; `name` is PROGRAM-VARIANT."""
    parser = OneLineParser(description=f"Train {name}.", allow_abbrev=False)
    add = parser.add_argument
    length, earlier = parser.add_mutually_exclusive_group(), parser.add_mutually_exclusive_group()
    add("--data", metavar="DIR", default="data", help="where data files are (default: data), or `synthetic`")
    add("--out", metavar="DIR", type=Path, help=f"where results go (default: runs/{name}-SEED)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    length.add_argument("--epochs", metavar="N", type=number, help="in the program's place; 0 writes initial weights")
    length.add_argument("--steps", metavar="N", type=number, help="in the place of the program's epochs")
    add("--seed", metavar="N", type=number, default=seed, help=f"of all random numbers (default: {seed})")
    add("--limit", metavar="N", type=number, help="at most N examples of each part, for a smoke run")
    add("--threads", metavar="N", type=number, help="processor threads for torch")
    add("--idle", metavar="SECONDS", type=number, default=0, help="first measure the power of the idle machine")
    earlier.add_argument("--resume", action="store_true", help="go on from the folder's checkpoint")
    earlier.add_argument("--overwrite", action="store_true", help="discard the folder's earlier run")
    add("--no-test", action="store_true", help="leave the test part unread")
    add("--download", action="store_true", help="fetch published data files that are missing")
    add("--quiet", action="store_true", help="no progress, no summary")
    add("--json", action="store_true", help="print result.json")
    options = parser.parse_args(arguments)
    if options.limit == 0 or options.threads == 0:
        parser.error("--limit and --threads are at least 1")
    if (options.threads or 0) > MOST_THREADS:
        parser.error(f"--threads {options.threads}: at most {MOST_THREADS}")
    options.out = options.out or Path("runs") / f"{name}-{options.seed}"
    return options


def pick_device(name: str) -> torch.device:
    """The device of `--device`; `auto` is the first GPU, else the CPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, index = name.partition(":")
    if name != "cpu" and (kind != "cuda" or not (index or "0").isdecimal()):
        raise BadInput(f"--device {name}: it is auto, cpu, cuda or cuda:N")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise BadInput(f"--device {name}: torch sees {torch.cuda.device_count()} CUDA devices")
    return torch.device(name)
