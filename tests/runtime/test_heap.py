"""Memory that is freed is not mapped anew at every step."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

FAULTS = """
import resource, torch
from lpc.runtime.heap import keep_heap

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        kept = [torch.zeros(1000, 1000) for _ in range(4)]
        del kept
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

mapped_anew = faults()
keep_heap()
faults()
print(mapped_anew, faults())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="this C library has no mallopt")
def test_what_is_freed_is_kept() -> None:
    made = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    mapped_anew, kept = map(int, made.stdout.split())
    assert mapped_anew > 10_000  # 16 MB twenty times, in pages of 4 KiB, most of them
    assert kept < mapped_anew / 50
