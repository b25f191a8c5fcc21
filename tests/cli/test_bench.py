"""`lpc bench`: its options, what it refuses, and that it goes on where it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lpc.cli.scripts import read_script
from lpc.lab import processes
from tests.cli.running import BROKEN, ROOT, SOUND, Done, lpc
from tests.lab.made_runs import Ended, usual

STARTED: list[tuple[str, list[str]]] = []


class AtOnce:
    """Leaves a result of the script's program, variant and seed in the place of running it."""

    def __init__(self, _environment: Mapping[str, str], _lock: object) -> None: ...

    def __call__(self, script: Path, arguments: Sequence[str], folder: Path) -> Ended:
        read = read_script(str(script))
        variant, seed = read.variant or "base", int(arguments[arguments.index("--seed") + 1])
        STARTED.append((variant, [*arguments]))
        found: dict[str, Any] = {
            **usual("slow" if variant == "base" else variant, seed),
            "variant": read.variant,
            "source_sha256": read.source_sha256,
            "settings": dict(read.settings),
        }
        found["protocol"]["data_passes"] = int(read.settings[-1][1])
        (folder / "result.json").write_text(json.dumps(found), encoding="utf-8")
        return Ended(0)


@pytest.fixture
def at_once(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    STARTED.clear()
    monkeypatch.setattr(processes, "launcher", AtOnce)
    return here


def bench(*arguments: str) -> Done:
    return lpc("bench", "sound.lp", *arguments)


def test_a_bench(at_once: Path) -> None:
    done = bench("--seeds", "3", "--data", "elsewhere")
    assert done.status == 0, done.err
    assert done.out.startswith("matched: 1 data pass each, shared out among training units\n")
    assert [seed for _, given in STARTED[2:] for seed in [given[given.index("--seed") + 1]]] == [
        "1",
        "1",
        "2",
        "2",
        "3",
        "3",
    ]
    assert all(given[given.index("--data") + 1] == "elsewhere" for _, given in STARTED)
    assert "[6/6] " in done.err
    assert done.last.startswith(f"{Path('bench/sound/bench.json')} holds the table")
    table = json.loads(Path("bench/sound/bench.json").read_text(encoding="utf-8"))
    assert table["baseline"] == "backprop"
    assert [row["label"] for row in table["variants"]] == ["backprop", "base"]
    assert table["variants"][1]["against"]["time_s"]["verdict"] == "more"
    assert lpc("show", str(Path("bench/sound") / table["variants"][0]["runs"]["2"])).status == 0

    STARTED.clear()
    again = bench("--seeds", "3", "--data", "elsewhere")
    assert STARTED == []
    assert again.out == done.out
    more = bench("--seeds", "4", "--data", "elsewhere", "--quiet", "--json")
    assert {given[given.index("--seed") + 1] for _, given in STARTED} == {"4"}
    assert json.loads(more.out)["seeds"] == [1, 2, 3, 4]

    other = bench("--seeds", "4", "--data", "here", "--set", "train.batch=32")
    assert other.status == 2
    assert (
        other.err
        == f"lpc: {Path('bench/sound')} holds another bench (options, program or variants differ): --out DIR goes elsewhere\n"
    )


def test_controls_and_both_protocols_in_one_table(at_once: Path) -> None:
    done = bench("--seeds", "2,9", "--controls", "--protocol", "matched", "--protocol", "converged", "--out", "here")
    assert done.status == 0, done.err
    table = json.loads(Path("here/bench.json").read_text(encoding="utf-8"))
    assert {row["protocol"] for row in table["variants"]} == {"matched", "converged"}
    labels = [row["label"] for row in table["variants"] if row["protocol"] == "converged"]
    assert labels[0] == "backprop"
    assert set(labels) == {"base", "backprop", "deep_supervision", "joint_losses", "random_features", "in_turn"}
    assert "converged: each training unit stops after 10 epochs" in done.out
    assert table["seeds"] == [2, 9]
    assert "control left out, backprop: `backprop` is it" in done.out


def test_matched_time_is_taken_from_the_warm_up(at_once: Path) -> None:
    done = bench("--seeds", "1", "--match", "time", "--set", "train.epochs=100")
    assert done.status == 0, done.err
    rows = {
        row["label"]: row for row in json.loads(Path("bench/sound/bench.json").read_text(encoding="utf-8"))["variants"]
    }
    assert rows["backprop"]["length"] == 100
    assert 70 < rows["base"]["length"] < 90
    STARTED.clear()
    assert bench("--seeds", "1", "--match", "time", "--set", "train.epochs=100").out == done.out
    assert STARTED == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--seeds", "0"], "seeds are distinct, and there is one at least"),
        (["--seeds", "3,3"], "seeds are distinct"),
        (["--seeds", "-1"], "a number of seeds (6), or the seeds themselves (1,5,9)"),
        (["--margin", "speed=2%"], "write FIGURE=PERCENT"),
        (["--margin", "time=fast"], "write FIGURE=PERCENT"),
        (["--baseline", "backprob"], "there is no variant `backprob`; did you mean `backprop`?"),
        (["--protocol", "fair"], "'fair' is not one of"),
        (["--set", "train.bacth=3"], "did you mean `train.batch`?"),
    ],
)
def test_wrong_usage(arguments: list[str], said: str, at_once: Path) -> None:
    done = bench(*arguments)
    assert done.status == 2
    assert said in done.err
    assert STARTED == []
    assert not Path("bench").exists()


def test_a_wrong_program_is_said_as_check_says_it(at_once: Path) -> None:
    Path("sound.lp").write_text(BROKEN, encoding="utf-8")
    done = bench()
    assert done.status == 1
    assert "error[LP" in done.err
    Path("sound.lp").write_text(SOUND.replace("(validation = 20%)", ""), encoding="utf-8")
    converged = bench("--protocol", "converged")
    assert converged.status == 2
    assert converged.err.startswith("lpc: the protocol does not fit the program: ")


def test_margins_are_stated_in_the_table(at_once: Path) -> None:
    done = bench("--seeds", "3", "--margin", "time=40%", "--margin", "accuracy=3%")
    assert "equivalent: time within 40 %" in done.out
    assert "equivalent: accuracy within 3 points" in done.out
    table = json.loads(Path("bench/sound/bench.json").read_text(encoding="utf-8"))
    assert table["variants"][1]["against"]["time_s"]["verdict"] == "equivalent"


def test_a_folder_at_work_is_left_alone(at_once: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("bench/sound").mkdir(parents=True)
    monkeypatch.setattr(processes, "LOCK_WAIT_S", 0.0)
    lock = processes.Lock(Path("bench/sound"))
    done = bench()
    lock.close()
    assert done.status == 2
    assert "another bench, or a run that outlived one, is at work there" in done.err


class Refuses(AtOnce):
    """A script that does not like its data."""

    def __call__(self, script: Path, arguments: Sequence[str], folder: Path) -> Ended:
        if "elsewhere" in arguments:
            return super().__call__(script, arguments, folder)
        (folder / "stderr.txt").write_text("sound: there is no such file under data\n", encoding="utf-8")
        return Ended(2)


def test_data_that_are_missing_leave_nothing_behind(at_once: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "launcher", Refuses)
    done = bench("--seeds", "1")
    assert done.status == 2
    assert done.err == "lpc: sound: there is no such file under data\n"
    assert not Path("bench").exists()
    assert bench("--seeds", "1", "--data", "elsewhere").status == 0
    assert bench("--seeds", "2").status == 2  # other data: another bench
    assert len(list(Path("bench/sound/runs").rglob("result.json"))) == 2


WITHOUT_TORCH = """
import sys
from lpc.cli.entry import run
from lpc.lab import processes
from tests.cli.test_bench import AtOnce
processes.launcher = AtOnce
status = run(["bench", "sound.lp", "--seeds", "2", "--controls"])
assert status == 0, status
print("torch" in sys.modules)
"""


def test_a_bench_loads_no_torch(here: Path) -> None:
    """It starts scripts and waits: what it loads is time between runs."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "False"
