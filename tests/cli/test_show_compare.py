"""`lpc show` and `lpc compare`: one run, two runs, two folders of runs, and what they cannot say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.running import lpc
from tests.lab.made_runs import result, usual


def put(folder: Path, found: dict[str, Any]) -> Path:
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps(found), encoding="utf-8")
    return folder


def test_show(here: Path) -> None:
    folder = put(here / "run", result(3, energy=None))
    lines = [
        {
            "epoch": e,
            "phase": "train",
            "seconds": e / 2,
            "train/loss": 1 / e,
            "validation/accuracy": None,
            "validation/loss": 2.0,
        }
        for e in range(1, 31)
    ]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    done = lpc("show", "run")
    assert done.status == 0
    assert "run        made base, seed 3 (000000000000)" in done.out
    assert "accuracy   90.00 % on validation" in done.out
    assert "energy     not known: the program does not `measure energy`" in done.out
    shown = [line.split()[0] for line in done.out.partition("epoch ")[2].splitlines()[1:]]
    assert shown[-1] == "30"
    assert 5 < len(shown) <= 12
    assert lpc("show", "run/result.json").out == done.out


def test_show_of_what_is_no_run(here: Path) -> None:
    (here / "run").mkdir()
    assert lpc("show", "run").err == "lpc: run: no result.json: the run did not finish\n"
    (here / "run" / "result.json").write_text("{", encoding="utf-8")
    assert lpc("show", "run").err == "lpc: run: result.json is not whole\n"
    nowhere = lpc("show", "nowhere")
    assert (nowhere.status, nowhere.err) == (2, "lpc: nowhere: no such folder\n")
    assert lpc("show", "nowhere/result.json").err == "lpc: nowhere/result.json: no such file\n"
    program = "lpc: sound.lp: that is a program, not a run: `lpc run sound.lp` first\n"
    assert lpc("show", "sound.lp").err == lpc("compare", "sound.lp", "sound.lp").err == program
    assert lpc("report", "sound.lp").err == program
    (here / "notes.txt").write_text("mine", encoding="utf-8")
    assert lpc("show", "notes.txt").err == "lpc: notes.txt: neither a run's folder nor its result.json\n"
    (here / "bench").mkdir()
    (here / "bench" / "plan.json").write_text("{}", encoding="utf-8")
    bench = "lpc: bench: that is a bench, not a run: its runs are below its folder `runs`\n"
    assert lpc("show", "bench").err == lpc("compare", "bench", "bench").err == bench


def metered(seed: int) -> dict[str, Any]:
    """A run whose joules are of a tree of counters that somebody feeds; its setup was too short to be measured."""
    found = result(seed)
    (domain,) = found["energy"]["domains"]
    phases = {"setup": {"joules": 0.0, "window_s": 0.002, "uncertainty": {"joules": 0.0}}, **domain["phases"]}
    note = "the whole socket; read under /tmp/fed, not /sys/class/powercap"
    named = {"domain": "cpu", "device": "package-0", "source": "rapl", "resolution_s": 0.005}
    found["energy"] |= {"domains": [{**domain, **named, "phases": phases, "note": note}]}
    found["energy"]["notes"] = [f"reading the meters took 0.{seed + 4}% of the time"]
    return found


def test_show_says_how_well_joules_were_counted_and_by_what(here: Path) -> None:
    put(here / "run", metered(1))
    lines = [" ".join(line.split()) for line in lpc("show", "run").out.splitlines()]
    at = next(index for index, line in enumerate(lines) if line.startswith("cpu (package-0) rapl, new every 5 ms"))
    told = " ".join(lines[at : at + 2])
    assert "12 readings: 100 ± 2 J in all; setup below the meter's resolution, train 90 ± 2 J" in told
    assert "note cpu (package-0): read under /tmp/fed, not /sys/class/powercap" in lines
    assert "note reading the meters took 0.5% of the time" in lines


def test_compare_says_what_counted_the_joules_of_either_side(here: Path) -> None:
    for seed in (1, 2):
        put(here / "a" / str(seed), metered(seed))
        put(here / "b" / str(seed), result(seed))
    told = " ".join(lpc("compare", "a", "b").out.partition("What counted the joules:")[2].split())
    assert "A: cpu (package-0), rapl, new every 5 ms, 12 readings: 100 ± 2 J in all;" in told
    assert "A: cpu (package-0): read under /tmp/fed, not /sys/class/powercap (2 of 2 runs)" in told
    assert "A: reading the meters took 0.6% of the time (the largest of 2 of 2 runs)" in told
    assert "B: gpu, nvml-counter, new every 100 ms" in told


def test_compare_pairs_what_shares_seeds(here: Path) -> None:
    for seed in (1, 2, 3):
        put(here / "a" / str(seed), usual("slow", seed))
        put(here / "b" / str(seed), usual("base", seed))
    (here / "b" / "4").mkdir()
    done = lpc("compare", "a", "b")
    assert done.status == 0
    assert "A made slow, seeds 1, 2, 3\nB made base, seeds 1, 2, 3\n" in done.out
    time = next(line for line in done.out.splitlines() if line.startswith("time"))
    assert time.endswith("more (worse)")
    assert "What this cannot say" not in done.out
    assert "left aside, b/4: no result.json" in done.err.replace("\\", "/")


def test_compare_says_what_cannot_be_said(here: Path) -> None:
    put(here / "a", usual("slow", 1))
    put(here / "b", {**usual("base", 1), "environment": {**result()["environment"], "threads": 8}})
    put(here / "c", usual("base", 2))
    one = lpc("compare", "a", "b").out
    assert "they share one seed: a difference, but no interval" in one
    assert "time and energy are not compared: they ran under other conditions (threads 2 and 8)" in " ".join(
        one.split()
    )
    assert next(line for line in one.splitlines() if line.startswith("time")).endswith(
        "not compared: they ran under other conditions"
    )
    put(here / "d", {**usual("base", 1), "energy": None})
    unmeasured = " ".join(lpc("compare", "a", "d").out.split())
    assert "(gpu driver 595 and not known)" in unmeasured
    other = lpc("compare", "a", "c").out
    assert "they share no seed: nothing is paired" in other
    assert "no seed in common" in other
