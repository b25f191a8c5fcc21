"""Studies of trials that nobody trains: budgets, kills, failures, stopping, several objectives, several machines."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest

from lpc.lab.bench import WrongInput
from lpc.lab.tune import Tuning
from lpc.lab.tune_objectives import Unfit
from lpc.lab.tune_storage import Unavailable, storage_at
from tests.lab.made_trials import TUNED, Outcome, Trainer, planned, tuning, usual


def states(done: Tuning, variant: int = 0) -> list[str]:
    return [trial.state for trial in done.subjects[variant].study.trials()]


def values_that_count(done: Tuning) -> list[Mapping[str, str]]:
    return [t.values for t in done.subjects[0].study.trials() if t.state in ("complete", "pruned", "failed")]


def test_the_best_is_found_and_the_test_part_is_left_out(tmp_path: Path) -> None:
    told: list[str] = []
    trainer = Trainer()
    done = tuning(planned(), tmp_path, trainer, trials=16, tell=told.append)
    done.conduct()
    (best,) = done.subjects[0].study.best()
    assert float(best.values["width"]) > 50
    assert best.objectives[0] == max(usual(values).accuracies[0] for _, values in trainer.started)
    assert all("--no-test" in arguments for arguments in trainer.arguments)
    assert told[0].startswith("[1/16] trial 0: validation accuracy ")
    assert "left" in told[0] and "left" not in told[-1]
    assert told[-1].startswith("[16/16] ")


def test_variants_have_equal_budgets_and_take_turns(tmp_path: Path) -> None:
    trainer = Trainer()
    done = tuning(planned(variants=("base", "backprop")), tmp_path, trainer, trials=4)
    done.conduct()
    assert [variant for variant, _ in trainer.started] == ["base", "backprop"] * 4
    first, second = (subject.study for subject in done.subjects)
    assert first.name != second.name
    seeds = [study.trials()[0].facts["sampler_seed"] for study in (first, second)]
    assert len(set(seeds)) == 2
    assert trainer.started[0][1]["width"] != trainer.started[1][1]["width"]
    again = Trainer()
    tuning(planned(variants=("base", "backprop"), seed=2), tmp_path / "other", again, trials=1).conduct()
    assert again.started[0][1] != trainer.started[0][1]


def test_a_timeout_keeps_budgets_equal(tmp_path: Path) -> None:
    now = [0.0]

    def slow(values: Mapping[str, str]) -> Outcome:
        now[0] += 10.0
        return usual(values)

    trainer = Trainer(slow)
    plan = planned(variants=("base", "backprop"))
    tuning(plan, tmp_path, trainer, trials=20, timeout=45.0, clock=lambda: now[0]).conduct()
    assert [variant for variant, _ in trainer.started] == ["base", "backprop"] * 3


def test_killed_at_any_point_it_makes_the_same_trials(tmp_path: Path) -> None:
    undisturbed = tuning(planned(), tmp_path / "undisturbed", Trainer(), trials=8)
    undisturbed.conduct()
    killed, launched = 0, 0
    for kill in range(40):
        trainer = Trainer(die_after=random.Random(kill).randrange(3))
        done = tuning(planned(), tmp_path / "killed", trainer, trials=8)
        try:
            done.conduct()
            break
        except KeyboardInterrupt:
            killed += 1
        finally:
            launched += len(trainer.started)
    assert killed > 4
    assert values_that_count(done) == values_that_count(undisturbed)
    assert launched == len(values_that_count(undisturbed))
    again = Trainer()
    tuning(planned(), tmp_path / "killed", again, trials=8).conduct()
    assert again.started == []


def test_an_interrupted_trial_is_marked_and_made_again(tmp_path: Path) -> None:
    """Ctrl-C comes while two scripts run: both are told and marked, their values come again."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    first = Trainer(lambda values: Outcome([0.5, 0.6, 0.7]))
    done = tuning(planned(), tmp_path, first, jobs=2)
    done.sleep = interrupt
    with pytest.raises(KeyboardInterrupt):
        done.conduct()
    assert states(done) == ["interrupted", "interrupted"]
    again, told = Trainer(), list[str]()
    done = tuning(planned(), tmp_path, again, trials=3, tell=told.append)
    done.conduct()
    assert [values for _, values in again.started][:2] == [values for _, values in first.started]
    assert states(done) == ["interrupted", "interrupted", "complete", "complete", "complete"]
    assert [trial.facts.get("again") for trial in done.subjects[0].study.trials()] == [None, None, 0, 1, None]
    assert told[0] == "base: 2 interrupted trials are made again"


def test_what_a_killed_command_left_running_is_counted_where_it_has_ended(tmp_path: Path) -> None:
    """After `kill -9` nobody told the storage: a whole result counts, anything else is made again."""

    class Killed(BaseException):
        pass

    def kill(_: float) -> None:
        raise Killed

    first = Trainer(lambda values: Outcome([0.5, 0.6]))
    done = tuning(planned(), tmp_path, first, jobs=2)
    done.sleep, done.abandon = kill, lambda: None  # type: ignore[method-assign]
    with pytest.raises(Killed):
        done.conduct()
    assert states(done) == ["running", "running"]
    done.active[0].child.wait()
    (tmp_path / "trials" / "base" / "1" / "result.json").write_text('{"schema_version": 1, "progr')
    again = Trainer()
    done = tuning(planned(), tmp_path, again, trials=2)
    done.conduct()
    assert states(done) == ["complete", "interrupted", "complete"]
    assert [values for _, values in again.started] == [first.started[1][1]]


def test_a_trial_that_fails_counts_and_the_study_goes_on(tmp_path: Path) -> None:
    def diverging(values: Mapping[str, str]) -> Outcome:
        return Outcome([], status=1) if float(values["width"]) > 40 else usual(values)

    told: list[str] = []
    done = tuning(planned(), tmp_path, Trainer(diverging), trials=12, tell=told.append)
    done.conduct()
    found = done.subjects[0].study.trials()
    failed = [trial for trial in found if trial.state == "failed"]
    assert len(found) == 12 and failed
    assert all(float(trial.values["width"]) > 40 for trial in failed)
    assert failed[0].facts["why"] == "tuned: the loss is nan at step 3"
    assert any("failed: tuned: the loss is nan at step 3" in line for line in told)


def test_values_that_do_not_compile_fail(tmp_path: Path) -> None:
    text = TUNED.replace("let width = search(8, 64, int)", "let width = 2 * half\nlet half = search(-3, 3, int)")
    trainer = Trainer(lambda _: Outcome([0.5]))
    done = tuning(planned(text.replace("-3, 3, int", "[4, 0]")), tmp_path, trainer, trials=10)
    done.conduct()
    failed = [trial for trial in done.subjects[0].study.trials() if trial.state == "failed"]
    assert failed
    assert all(trial.values["half"] == "0" and "(LP" in trial.facts["why"] for trial in failed)


def test_the_same_values_are_not_trained_twice(tmp_path: Path) -> None:
    text = TUNED.replace("search(8, 64, int)", "16").replace("search(1e-4, 1e-1, log)", "1e-3")
    trainer, told = Trainer(lambda values: Outcome([float(values["train.batch"]) / 200])), list[str]()
    done = tuning(planned(text), tmp_path, trainer, trials=9, tell=told.append)
    done.conduct()
    assert len(trainer.started) == 3
    assert states(done) == ["complete"] * 9
    assert sum("which is not made twice" in line for line in told) == 6
    assert done.subjects[0].study.best()[0].values == {"train.batch": "128"}


def test_a_trial_that_lags_by_more_than_patience_is_stopped(tmp_path: Path) -> None:
    courses = iter([[0.5, 0.6, 0.7, 0.8, 0.9, 0.9], [0.1, 0.2, 0.3, 0.4, 0.5, 0.95], [0.4, 0.5, 0.6, 0.7, 0.8, 0.95]])
    told: list[str] = []
    done = tuning(planned(), tmp_path, Trainer(lambda _: Outcome(next(courses))), trials=3, tell=told.append)
    done.conduct()
    assert states(done) == ["complete", "pruned", "complete"]
    stopped = done.subjects[0].study.trials()[1]
    why = "behind trial 0: validation accuracy 30.00 % after 3 epochs, it had 50.00 % after 1"
    assert stopped.facts["why"] == why
    assert f"stopped, {why}" in told[1]
    courses = iter([[0.5, 0.6, 0.7, 0.8, 0.9, 0.9], [0.1, 0.2, 0.3, 0.4, 0.5, 0.95]])
    done = tuning(planned(), tmp_path / "all", Trainer(lambda _: Outcome(next(courses))), trials=2, prune=False)
    done.conduct()
    assert states(done) == ["complete", "complete"]
    without = planned(TUNED.replace("patience = 2, ", ""))
    courses = iter([[0.5, 0.6, 0.7, 0.8, 0.9, 0.9], [0.1, 0.2, 0.3, 0.4, 0.5, 0.95]])
    done = tuning(without, tmp_path / "without", Trainer(lambda _: Outcome(next(courses))), trials=2)
    done.conduct()
    assert states(done) == ["complete", "complete"]


def test_several_objectives_give_a_pareto_set(tmp_path: Path) -> None:
    accuracy_and_joules = iter([(0.9, 50), (0.8, 20), (0.7, 30), (0.9, 60), (0.95, 90)])

    def made(_: object) -> Outcome:
        accuracy, joules = next(accuracy_and_joules)
        return Outcome([accuracy], joules=joules)

    done = tuning(planned(objectives=("accuracy", "energy")), tmp_path, Trainer(made), trials=5)
    done.conduct()
    assert [trial.number for trial in done.subjects[0].study.best()] == [0, 1, 4]


def test_energy_that_nobody_measures_ends_the_study_at_its_first_trial(tmp_path: Path) -> None:
    trainer = Trainer(lambda _: Outcome([0.5], joules=None))
    done = tuning(planned(objectives=("energy",)), tmp_path, trainer)
    with pytest.raises(WrongInput, match="joules of training not known: no GPU to measure"):
        done.conduct()
    assert (len(trainer.started), states(done)) == (1, [])


def test_wrong_input_ends_the_study_and_takes_nothing_from_its_budget(tmp_path: Path) -> None:
    done = tuning(planned(), tmp_path, Trainer(lambda _: Outcome([], status=2)))
    with pytest.raises(WrongInput, match="nan at step 3"):
        done.conduct()
    assert states(done) == []
    assert not list((tmp_path / "trials" / "base").iterdir())


def test_machines_share_a_study(tmp_path: Path) -> None:
    """The second goes on with the first's trials, leaves alone what runs there, and repeats no proposal of its."""
    url = f"sqlite:///{(tmp_path / 'shared.db').as_posix()}"
    first = Trainer()
    here = tuning(planned(), tmp_path / "here", first, trials=3, url=url)
    here.conduct()
    running = here.subjects[0].study.ask(here.subjects[0].program.searches)
    second = Trainer()
    there = tuning(planned(), tmp_path / "there", second, trials=8, url=url, worker="there")
    there.conduct()
    assert states(there) == ["complete"] * 3 + ["running"] + ["complete"] * 4
    assert len(second.started) == 4
    seen = [values for _, values in first.started + second.started] + [dict(running.values)]
    assert len({tuple(values.items()) for values in seen}) == 8
    back = Trainer()
    tuning(planned(), tmp_path / "here", back, trials=8, url=url).conduct()
    assert [values for _, values in back.started] == [dict(running.values)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("digits(validation = 20%, test = 10%)", "digits(test = 10%)"), "has no validation part"),
        (("validation = 20%", "validation = search([10%, 20%])"), "`data.validation` is searched"),
        (("seed = 1", "seed = search(1, 9)"), "`train.seed` is searched"),
        (("measure energy", "measure memory"), "write `measure energy`"),
    ],
)
def test_programs_that_cannot_be_tuned(change: tuple[str, str], said: str) -> None:
    text = TUNED.replace(*change)
    if "no validation" in said:
        text = text.replace("patience = 2, ", "")
    with pytest.raises(Unfit, match=said):
        planned(text, objectives=("accuracy", "energy"))


def test_a_search_that_changes_how_trials_are_judged_is_found_behind_a_let() -> None:
    text = TUNED.replace("validation = 20%", "validation = held").replace(
        "let width", "let held = search([300, 400])\nlet width"
    )
    with pytest.raises(Unfit, match="`held` is searched"):
        planned(text)


@pytest.mark.parametrize("name", ["locked", "no folder", "no database"])
def test_a_storage_that_cannot_be_used_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("lpc.lab.tune_storage.LOCKED_S", 0.05)
    path = tmp_path / "shared.db"
    said = "database is locked"
    if name == "locked":
        tuning(planned(), tmp_path / "made", Trainer(), trials=1, url=f"sqlite:///{path.as_posix()}").conduct()
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
    elif name == "no folder":
        path, said = tmp_path / "nowhere" / "shared.db", "unable to open database file"
    else:
        path.write_bytes(b"a text, and long enough to be no database of anybody's" * 20)
        said = "file is not a database"
    with pytest.raises(Unavailable) as caught:
        storage_at(f"sqlite:///{path.as_posix()}", tmp_path).open()
    assert str(path.as_posix()) in str(caught.value) and said in str(caught.value)
    if name == "locked":
        other.close()


def test_a_storage_that_goes_away_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lpc.lab.tune_storage.LOCKED_S", 0.05)
    path = tmp_path / "study.db"
    locks: list[sqlite3.Connection] = []

    def lock(values: Mapping[str, str]) -> Outcome:
        if len(trainer.started) == 3:
            locks.append(sqlite3.connect(path, isolation_level=None))
            locks[0].execute("BEGIN EXCLUSIVE")
        return usual(values)

    trainer = Trainer(lock)
    with pytest.raises(Unavailable, match="database is locked; nothing is lost"), storage_at(None, tmp_path).named():
        tuning(planned(), tmp_path, trainer, trials=5).conduct()
    locks[0].close()
    again = Trainer()
    done = tuning(planned(), tmp_path, again, trials=5)
    done.conduct()
    assert len(values_that_count(done)) == 5
    assert [values for _, values in again.started[:1]] == [values for _, values in trainer.started[2:]]
    assert len(again.started) == 3


def test_urls_that_are_none_and_passwords(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="takes the URL of a database"):
        storage_at("study", tmp_path)
    server = storage_at("postgresql+nothing://me:secret@host/studies", tmp_path)
    assert "secret" not in server.name and "me:***@host" in server.name
