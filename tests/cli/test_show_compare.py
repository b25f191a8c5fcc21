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
    assert lpc("show", "nowhere").status == 2


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
    other = lpc("compare", "a", "c").out
    assert "they share no seed: nothing is paired" in other
    assert "no seed in common" in other
