"""The processor's memory between steps."""

from __future__ import annotations

import ctypes
from contextlib import suppress

# Of glibc's malloc.h: freed memory beyond this much goes back to the kernel; larger pieces come from the kernel one by one.
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3


def keep_heap() -> None:
    """Let glibc keep the memory that tensors free, up to 2 GiB.

    By default a step may give gradients back to the kernel and have it clear and map the same pages anew: up to a fifth of the
    step. Other C libraries have no such setting; nothing happens there.
    """
    with suppress(AttributeError, OSError, TypeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        libc.mallopt(M_MMAP_THRESHOLD, 32 * 2**20)  # the most it takes
