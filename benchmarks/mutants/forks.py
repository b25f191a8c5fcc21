"""Work in child processes: forked, so that what was imported is there, under limits of time and memory; and changed modules.

What is said of a child does not depend on how busy the machine is: its limit is in seconds of the processor.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pickle
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from types import ModuleType
from typing import Any

SECONDS = 60
"""Of the processor that a child may take."""
ALLOWANCE = 3 * 2**30
"""Bytes of address space that a child may take beyond what it begins with."""


@dataclass(frozen=True)
class Outcome:
    """What came of a child: what its work returned, or what ended it."""

    value: Any = None
    ended: str = ""
    """`time`, `memory`, `recursion`, or how it died; empty where it returned. Anything else that is raised, `error`, is a mistake of
    who gave the work: its traceback is the value.
    """
    seconds: float = 0.0
    """Of the processor."""


def forked(work: Sequence[Callable[[], Any]], jobs: int = 1, *, limits: bool = True) -> Iterator[tuple[int, Outcome]]:
    """Each piece of work in a child of its own, so many at a time; their numbers and outcomes, as they end."""
    waiting, running = list(enumerate(work)), DefaultSelector()
    while waiting or running.get_map():
        while waiting and len(running.get_map()) < jobs:
            number, piece = waiting.pop(0)
            pid, end = _started(piece, limits)
            running.register(end, EVENT_READ, (number, pid, bytearray()))
        for key, _ in running.select():
            number, pid, received = key.data
            more = os.read(key.fd, 2**16)
            received += more
            if not more:
                running.unregister(key.fd)
                os.close(key.fd)
                yield number, _outcome(pid, bytes(received))


def alone(work: Callable[[], Any], *, limits: bool = True) -> Outcome:
    """One piece of work in a child of its own."""
    return next(outcome for _, outcome in forked([work], limits=limits))


def _started(work: Callable[[], Any], limits: bool) -> tuple[int, int]:
    sys.stdout.flush()
    sys.stderr.flush()
    end, ours = os.pipe()
    pid = os.fork()
    if pid:
        os.close(ours)
        return pid, end
    try:
        os.close(end)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        if limits:
            limited()
        with contextlib.suppress(BrokenPipeError):
            made = _made(work)
            while made:
                made = made[os.write(ours, made) :]
    finally:
        os._exit(0)


def _made(work: Callable[[], Any]) -> bytes:
    try:
        return pickle.dumps(Outcome(work()))
    except MemoryError:
        return pickle.dumps(Outcome(ended="memory"))
    except RecursionError:
        return pickle.dumps(Outcome(ended="recursion"))
    except Exception:
        return pickle.dumps(Outcome(traceback.format_exc(), ended="error"))


def limited() -> None:
    """From here on, this process ends when it takes too much."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
    with contextlib.suppress(OSError, ValueError):  # where there is no /proc, memory has no limit
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + ALLOWANCE
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _outcome(pid: int, received: bytes) -> Outcome:
    _, status, used = os.wait4(pid, 0)
    seconds = used.ru_utime + used.ru_stime
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        ended = "time" if number in (signal.SIGXCPU, signal.SIGKILL) else signal.Signals(number).name
        return Outcome(ended=ended, seconds=seconds)
    try:
        made: Outcome = pickle.loads(received)  # noqa: S301 - from our own child
    except (EOFError, pickle.UnpicklingError):
        return Outcome("it said nothing", ended="error", seconds=seconds)
    return Outcome(made.value, made.ended, seconds)


class Changed(MetaPathFinder, Loader):
    """Finds one module, and gives it another source. Put at the head of `sys.meta_path` before anything imports it."""

    def __init__(self, module: str, path: Path, text: str) -> None:
        assert module not in sys.modules, f"{module} is imported already"
        self.module, self.path, self.text = module, path, text

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname != self.module:
            return None
        return importlib.util.spec_from_file_location(fullname, self.path, loader=self)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.text, str(self.path), "exec"), module.__dict__)  # noqa: S102 - the project's own source, changed
