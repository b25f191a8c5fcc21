"""A run ends with its bench, and what it says is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lpc.lab.processes import Busy, Lock, last_line, launcher
from tests.cli.running import ROOT

BENCH = """
import os, sys
from pathlib import Path
from lpc.lab.processes import Lock, launcher
folder = Path(sys.argv[1])
child = launcher(os.environ, Lock(folder))(folder / "train.py", [], folder)
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_run_does_not_outlive_a_bench_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import time\ntime.sleep(60)\n", encoding="utf-8")
    bench = subprocess.Popen(
        [sys.executable, "-c", BENCH, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert bench.stdout is not None
    child = int(bench.stdout.readline())
    with pytest.raises(Busy):
        locked_at_once(tmp_path)
    bench.send_signal(signal.SIGKILL)
    bench.wait()
    bench.stdout.close()
    Lock(tmp_path).close()  # waits for the child, which holds the lock too
    until = time.monotonic() + 20
    while running(child) and time.monotonic() < until:
        time.sleep(0.01)
    assert not running(child)


def locked_at_once(folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lpc.lab.processes.LOCK_WAIT_S", 0.0)
        Lock(folder).close()


def running(pid: int) -> bool:
    """Whether a process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_a_run_says_is_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import sys\nprint('no use')\nprint('first\\nlast', file=sys.stderr)\nsys.exit(3)\n", encoding="utf-8"
    )
    child = launcher(os.environ, Lock(tmp_path))(tmp_path / "train.py", [], tmp_path)
    assert child.wait() == child.poll() == 3
    assert last_line(tmp_path) == "last"
    assert last_line(tmp_path / "elsewhere") == ""
