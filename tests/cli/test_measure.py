"""`lpc measure`."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.cli.running import lpc


def test_the_meters_are_those_of_env() -> None:
    found = json.loads(lpc("measure", "--json").out)["meters"]
    assert [meter["domain"] for meter in found if meter["source"] == "none"]
    told = lpc("measure")
    assert told.status == 0
    environment = {(m["domain"], m["device"], m["source"]) for m in json.loads(lpc("env", "--json").out)["meters"]}
    assert {(m["domain"], m["device"], m["source"]) for m in found} == environment


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--", "no-such-command"], "there is no command no-such-command"),
        (["--json", "--", sys.executable], "--out FILE writes its figures"),
        (["--idle", "3"], "need a command"),
        (["--out", "m.json"], "need a command"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], said: str) -> None:
    done = lpc("measure", *arguments)
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1


def test_a_command_without_any_meter_has_its_status_and_null(tmp_path: Path) -> None:
    done = lpc("measure", "--out", tmp_path / "m.json", "--", sys.executable, "-c", "raise SystemExit(7)")
    assert done.status == 7
    assert "exit status 7" in done.err
    found = json.loads((tmp_path / "m.json").read_text())
    assert found["status"] == 7
    assert found["energy"]["totals"].keys() >= {"measured_joules", "missing"}


def test_a_command_under_a_counter_end_to_end(tmp_path: Path) -> None:
    """A tree that is fed 40 W while a command sleeps, read by an lpc of its own: and told to be no system's."""
    zone, stop = tmp_path / "powercap" / "intel-rapl:0", threading.Event()
    zone.mkdir(parents=True)
    (zone / "name").write_text("package-0\n")
    (zone / "max_energy_range_uj").write_text("262143328850\n")
    start = time.monotonic()

    def feed() -> None:
        while not stop.is_set():
            aside = zone / "aside"
            aside.write_text(f"{int((time.monotonic() - start) * 40e6)}\n")
            aside.replace(zone / "energy_uj")
            time.sleep(0.002)

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "lpc",
                "measure",
                "--out",
                "m.json",
                "--",
                sys.executable,
                "-c",
                "import time; time.sleep(1)",
            ],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "LPC_POWERCAP": str(tmp_path / "powercap")},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        stop.set()
        feeder.join()
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "m.json").read_text())
    cpu = found["energy"]["domains"][1]
    assert cpu["source"] == "rapl"
    assert cpu["joules"] == pytest.approx(40.0 * found["seconds"], rel=0.2)
    assert "not /sys/class/powercap" in cpu["note"]
