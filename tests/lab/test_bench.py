"""Benches carried out with runs that nobody trains: order, kills, failures, and folders that are somebody else's."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from lpc.lab.bench import Bench, WrongInput
from lpc.lab.bench_json import bench_json
from lpc.lab.comparison import Table, tabulate
from lpc.lab.conditions import Conditions
from lpc.lab.plan import Plan
from lpc.lab.reviewer import warnings
from tests.lab.made_runs import CONVERGED, MATCHED, Launcher, plan, usual


def conduct(folder: Path, plan: Plan, launcher: Launcher, **outside: Any) -> list[str]:
    """The whole bench; what it told."""
    told: list[str] = []
    bench = Bench(plan, folder, launcher, told.append, look_now=Conditions, **outside)
    bench.conduct(plan.warm_ups())
    bench.conduct(plan.runs())
    return told


def table(folder: Path, plan: Plan) -> Table:
    return tabulate(folder, plan, {})


def comparable(folder: Path, plan: Plan) -> dict[str, Any]:
    """bench.json, but for the warnings that say how often the bench was interrupted, and what else this machine did."""
    found = table(folder, plan)
    apart = ("measured in ", "other processes ")
    made = bench_json(found, [one for one in warnings(found) if not one.text.startswith(apart)])
    return dict(json.loads(json.dumps(made)))


def test_runs_are_paired_by_seed_in_random_order_after_a_warm_up(tmp_path: Path) -> None:
    made, launcher = plan("base", "slow", "other", seeds=range(20)), Launcher()
    told = conduct(tmp_path, made, launcher)
    assert launcher.started[:2] == [("base", 0), ("slow", 0)]
    counted = launcher.started[2:]
    assert [seed for _, seed in counted] == [seed for seed in range(20) for _ in range(3)]
    orders = {tuple(label for label, _ in counted[3 * k : 3 * k + 3]) for k in range(20)}
    assert len(orders) > 3
    assert [("slow", s) for s in range(20)] != counted[::3]
    assert told[0].startswith("[1/2] base, warm-up: validation ")
    assert told[-1].startswith("[60/60] ")
    assert "left" in told[-2] and "left" not in told[-1]


def test_two_protocols_are_told_apart(tmp_path: Path) -> None:
    told = conduct(tmp_path, plan("base", "slow", seeds=(1,), protocols=(MATCHED, CONVERGED)), Launcher())
    assert sum("(matched), seed 1" in line for line in told) == sum("(converged), seed 1" in line for line in told) == 2


def test_the_order_hangs_on_its_seed_alone(tmp_path: Path) -> None:
    names = ("base", "a", "b")
    orders = [[run.folder for run in plan(*names, order_seed=seed).runs()] for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


def test_a_finished_run_keeps_its_model_and_says_what_it_was(tmp_path: Path) -> None:
    made = plan("base", "slow", seeds=(4,))
    conduct(tmp_path, made, Launcher())
    place = tmp_path / "runs" / "matched" / "slow" / "4"
    assert sorted(path.name for path in place.iterdir()) == ["model.pt", "result.json", "run.json", "train.py"]
    record = json.loads((place / "run.json").read_text(encoding="utf-8"))
    assert (record["arm"], record["seed"], record["status"]) == ("matched/slow", 4, 0)


def test_killed_at_any_point_it_ends_in_the_same_table(tmp_path: Path) -> None:
    """A kill in the middle of a run leaves its folder begun: the run starts again, all others stay as they are."""
    made = plan("base", "slow", seeds=(1, 2, 3, 4))
    conduct(tmp_path / "undisturbed", made, Launcher())
    expected = comparable(tmp_path / "undisturbed", made)
    folder, killed = tmp_path / "killed", 0
    for kill in range(20):
        try:
            conduct(folder, made, Launcher(die_after=random.Random(kill).randrange(3)))
            break
        except KeyboardInterrupt:
            killed += 1
    assert killed > 3
    assert comparable(folder, made) == expected
    again = Launcher()
    conduct(folder, made, again)
    assert again.started == []


def test_more_seeds_go_on_where_fewer_were(tmp_path: Path) -> None:
    conduct(tmp_path, plan("base", "slow", seeds=(1, 2)), Launcher())
    more = Launcher()
    conduct(tmp_path, plan("base", "slow", seeds=(1, 2, 3)), more)
    assert {seed for _, seed in more.started} == {3}
    fewer = table(tmp_path, plan("base", "slow", seeds=(1, 2)))
    assert fewer.strangers == ("runs/matched/base/3", "runs/matched/slow/3")


def test_a_run_that_fails_is_in_the_table_and_others_go_on(tmp_path: Path) -> None:
    made = plan("base", "slow", seeds=(1, 2))
    told = conduct(tmp_path, made, Launcher(statuses={"slow": 1}))
    assert any("slow, seed 1: failed: made: nothing is finite" in line for line in told)
    found = table(tmp_path, made)
    assert [(one.arm, one.seed, one.kind) for one in found.refused] == [
        ("matched/slow", 1, "failed"),
        ("matched/slow", 2, "failed"),
    ]
    assert found.of("matched")[1].figures["time_s"].why == "no run is counted"
    again = Launcher()
    conduct(tmp_path, made, again)
    assert {label for label, _ in again.started} == {"slow"}


def test_wrong_input_ends_the_bench_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(WrongInput, match="made: nothing is finite"):
        conduct(tmp_path, plan("base", "slow"), Launcher(statuses={"base": 2}))
    assert not (tmp_path / "warm-up" / "matched" / "base").exists()


def test_foreign_and_half_written_folders_are_named_and_left_alone(tmp_path: Path) -> None:
    made = plan("base", "slow", seeds=(1, 2, 3, 4))
    runs = tmp_path / "runs" / "matched"
    (runs / "base" / "1").mkdir(parents=True)
    (runs / "base" / "1" / "thesis.txt").write_text("mine", encoding="utf-8")
    (runs / "notes").mkdir()
    conduct(tmp_path, made, Launcher())
    (runs / "base" / "2" / "result.json").write_text(json.dumps(usual("base", 2))[:100], encoding="utf-8")
    (runs / "slow" / "3" / "result.json").write_text(json.dumps(usual("base", 3)), encoding="utf-8")
    again = Launcher()
    conduct(tmp_path, made, again)
    assert again.started == []
    assert (runs / "base" / "1" / "thesis.txt").read_text(encoding="utf-8") == "mine"
    assert [path.name for path in (runs / "base" / "1").iterdir()] == ["thesis.txt"]
    found = table(tmp_path, made)
    assert found.strangers == ("runs/matched/notes",)
    assert {(one.arm, one.seed): one.why for one in found.refused} == {
        ("matched/base", 1): "left alone: nothing there says that a bench made it (no whole run.json)",
        ("matched/base", 2): "left alone: result.json is not whole",
        ("matched/slow", 3): "left alone: result.json is of another variant",
    }
    row = found.of("matched")[1]
    assert (row.figures["time_s"].summary.n, row.against["time_s"].found.n) == (3, 1)  # type: ignore[union-attr]


def test_several_at_once_share_no_meter(tmp_path: Path) -> None:
    made = plan("base", "slow", "other", jobs=2)
    launcher = Launcher()
    conduct(tmp_path, made, launcher)
    assert len(launcher.started) == 2 + 9
    found = table(tmp_path, made)
    assert found.rows[0].figures["joules"].why == "several runs at once share the meters"
    assert any("2 runs at once" in one.text for one in warnings(found))


def test_a_warm_machine_cools_before_the_next_run(tmp_path: Path) -> None:
    degrees = iter([50.0, 50.0, 50.0, 60.0, 55.0, 51.0, *[50.0] * 20])
    slept: list[float] = []
    made = plan("base", "slow", seeds=(1,))
    bench = Bench(
        made,
        tmp_path,
        Launcher(),
        look_now=lambda: Conditions(temperature_c=next(degrees)),
        sleep=slept.append,
    )
    bench.conduct(made.runs())
    assert slept == [1.0, 1.0]


def test_a_machine_that_stays_warm_is_waited_for_a_minute(tmp_path: Path) -> None:
    now = [0.0]
    degrees = iter([50.0] * 3 + [70.0] * 200)
    made = plan("base", "slow", seeds=(1,))

    def sleep(seconds: float) -> None:
        now[0] += seconds

    look = lambda: Conditions(temperature_c=next(degrees))  # noqa: E731
    bench = Bench(made, tmp_path, Launcher(), look_now=look, sleep=sleep, clock=lambda: now[0])
    bench.conduct(made.runs())
    assert 60 <= now[0] <= 63
    assert any("warmer than the first" in one.text for one in warnings(table(tmp_path, made)))


def test_how_warm_is_told_from_the_first_run_that_counts_also_in_a_later_sitting(tmp_path: Path) -> None:
    """The warm-up begins cold, at 40 degrees: nobody waits for that. A second sitting that begins at 70 waits for 52."""
    made = plan("base", "slow", seeds=(1,))
    slept: list[float] = []
    degrees = iter([40.0] * 4 + [52.0] * 6)
    look = lambda: Conditions(temperature_c=next(degrees))  # noqa: E731
    bench = Bench(made, tmp_path, Launcher(), look_now=look, sleep=slept.append)
    bench.conduct(made.warm_ups())
    bench.conduct(made.runs())
    assert not slept
    assert bench.reference_c == 52.0

    more = plan("base", "slow", seeds=(1, 2))
    later = iter([70.0, 60.0, 54.0, *[54.0] * 20])
    look = lambda: Conditions(temperature_c=next(later))  # noqa: E731
    resumed = Bench(more, tmp_path, Launcher(), look_now=look, sleep=slept.append)
    resumed.conduct(more.warm_ups())
    resumed.conduct(more.runs())
    assert (resumed.reference_c, slept) == (52.0, [1.0, 1.0])
