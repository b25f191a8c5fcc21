"""A run under the meter, from beginning to end: meters that vanish, phases, blocks' shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lpc.runtime.meter import open_meter
from lpc.runtime.rapl import RaplZone
from tests.runtime.fake_meters import FakeMachine, fake_machine
from tests.runtime.running import PLAIN, changed, result, run
from tests.runtime.sample_digits import TASK

ZONE = "intel-rapl:0"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    found = fake_machine(tmp_path, monkeypatch)
    monkeypatch.setattr("lpc.runtime.meter.POWERCAP", found.powercap.root)
    return found


def metered(
    machine: FakeMachine, folder: Path, at: int | None = None, event: Callable[[], None] | None = None
) -> dict[str, Any]:
    """Three epochs of four steps, a second and 50 J each; at step `at` something happens."""

    def step(net: Any, optimizers: Any, *rest: Any) -> Any:
        if event is not None and rest[-1] == at:
            event()
        machine.time.sleep(1.0)
        return PLAIN.step(net, optimizers, *rest)

    shares = {"hidden": 300, "readout": 100}
    task = replace(changed(TASK, step=step, shares=shares), meter=open_meter)
    assert run(folder, "--epochs", "3", task=task) == 0
    return result(folder)


def test_training_is_measured_and_nothing_else_is_called_training(machine: FakeMachine, tmp_path: Path) -> None:
    machine.powercap.add(ZONE, "package-0", watts=50.0)
    found = metered(machine, tmp_path / "run")
    cpu = found["energy"]["domains"][1]
    assert (cpu["phases"]["train"]["joules"], cpu["phases"]["train"]["window_s"]) == (600.0, pytest.approx(12.0))
    assert cpu["phases"]["validate"]["joules"] == cpu["phases"]["checkpoint"]["joules"] == 0.0
    assert found["energy"]["blocks"] == {"method": "apportioned-flops", "joules": {"hidden": 450.0, "readout": 150.0}}
    assert (cpu["complete"], found["energy"]["notes"]) == (True, [])


@pytest.mark.parametrize("gone_at", [1, 5, 11])
def test_a_meter_that_vanishes_in_mid_run_is_null_with_the_reason(
    machine: FakeMachine, tmp_path: Path, gone_at: int
) -> None:
    """In any epoch, the last one too: the run is done, and its other figures are whole."""
    machine.powercap.add(ZONE, "package-0", watts=50.0)

    def gone() -> None:
        machine.powercap.watts.clear()
        (machine.powercap.root / ZONE / "energy_uj").unlink()

    found = metered(machine, tmp_path / "run", gone_at, gone)
    cpu = found["energy"]["domains"][1]
    assert (cpu["joules"], cpu["uncertainty"], cpu["complete"]) == (None, None, False)
    assert "No such file" in cpu["note"]
    assert "given up" in cpu["note"]
    assert found["energy"]["totals"]["measured_joules"] is None
    assert set(found["energy"]["blocks"]["joules"].values()) == {None}
    assert found["protocol"]["epochs_run"] == 3
    assert found["time"]["train_s"] == pytest.approx(12.0)


def test_a_permission_that_goes_in_mid_run_is_null_with_the_reason(
    machine: FakeMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.powercap.add(ZONE, "package-0", watts=50.0)

    def refused(_zone: RaplZone) -> int:
        raise PermissionError(13, "Permission denied")

    found = metered(machine, tmp_path / "run", 5, lambda: monkeypatch.setattr(RaplZone, "raw", refused))
    cpu = found["energy"]["domains"][1]
    assert (cpu["joules"], cpu["complete"]) == (None, False)
    assert "given up: [Errno 13] Permission denied" in cpu["note"]
    assert found["protocol"]["epochs_run"] == 3


def test_a_counter_that_keeps_still_in_mid_run_is_not_counted(machine: FakeMachine, tmp_path: Path) -> None:
    """What it counted before stays, and the rest is lost, not 0 J."""
    machine.powercap.add(ZONE, "package-0", watts=50.0)
    found = metered(machine, tmp_path / "run", 4, lambda: machine.powercap.watts.update({ZONE: 0.0}))
    cpu = found["energy"]["domains"][1]
    assert cpu["phases"]["train"] == cpu["phases"]["train"] | {"joules": 200.0, "window_s": pytest.approx(4.0)}
    assert (cpu["complete"], cpu["lost_s"]) == (False, pytest.approx(8.0))
    assert "lost a window: the counter did not move (2 times)" in cpu["note"]
