"""The parts of a tuning: values as text, programs with values in them, when a trial is hopeless, the tables."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpc.ir.program import Search
from lpc.lab.tune_objectives import ACCURACY, ENERGY, LOSS, TIME, Objective
from lpc.lab.tune_programs import best_source
from lpc.lab.tune_pruning import Course, course_of, hopeless, read_course
from lpc.lab.tune_space import written
from lpc.lab.tune_table import outcome, tune_csv, tune_json, tune_text
from lpc.passes.check import check_source
from lpc.passes.overrides import read_value
from lpc.passes.pipeline import PIPELINE
from lpc.source import NOWHERE, Source
from tests.lab.made_trials import TUNED, Outcome, Trainer, planned, tuning


def span(low: float, high: float, *, log: bool = False, integer: bool = False) -> Search:
    return Search("x", None, low, high, log, integer, low, NOWHERE)


@pytest.mark.parametrize(
    ("search", "value", "text"),
    [
        (span(1e-4, 1e-1, log=True), 0.0037281603482, "0.003728"),
        (span(1e-9, 1e-1, log=True), 1.23456789e-7, "1.235e-7"),
        (span(0.0, 1.0), 0.123456, "0.123"),
        (span(0.0, 1.0), 1e-9, "0.0"),
        (span(-2000.0, 2000.0), -1234.5678, "-1235.0"),
        (span(0.12344, 0.12346), 0.123454321, "0.12345432"),
        (span(0.33333, 1.0), 0.3333301, "0.33333"),
        (span(8, 64, integer=True), 17, "17"),
    ],
)
def test_values_are_as_precise_as_their_range_asks_for(search: Search, value: float, text: str) -> None:
    assert written(search, value) == text


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.floats(0, 1), st.booleans())
def test_rounding_stays_in_the_range_and_near_the_value(low: float, width: float, share: float, log: bool) -> None:
    low = abs(low) + 1e-6 if log else low
    high = low + width
    if not low < high:
        return
    value = min(low + share * width, high)
    made = float(written(span(low, high, log=log), value))
    assert low <= made <= high
    assert abs(made - value) <= 1e-3 * (high - low)


def test_values_stand_where_the_searches_stood_and_nothing_else_has_moved() -> None:
    text = TUNED.replace("search(32, 64, 128)", "search([ 32,\n  64 ])  # why not\n  ").replace(
        "validation = 20%", "validation = 20%, standardise = search([false, true])"
    )
    program = check_source(Source("tuned.lp", text), variant="base").program
    values = {"width": "9", "train.batch": "64", "all.mono_forward.lr": "1e-3", "data.standardise": "true"}
    made = best_source(program, (("train.epochs", "2"),), values).text
    assert made == (
        text.replace("search(8, 64, int)", "9")
        .replace("search([ 32,\n  64 ])", "64")
        .replace("search(1e-4, 1e-1, log)", "1e-3")
        .replace("search([false, true])", "true")
    )
    checked = check_source(Source("tuned.lp", made))
    assert not checked.errors and checked.program.searches == ()


def test_of_a_variant_only_what_it_searches_is_written() -> None:
    program = check_source(Source("tuned.lp", TUNED), variant="backprop").program
    made = best_source(program, (), {"width": "9", "train.batch": "64"}).text
    assert "width = 9 " in made and "batch = 64," in made and "lr = search(" in made


@pytest.mark.parametrize(
    ("choice", "texts"),
    [
        ("search([cosine, linear])", ("cosine", "linear")),
        ("search([1e-3, 0.10])", ("0.001", "0.1")),
        ("search([-1, 2 * 3])", ("-1", "6")),
        ("search([10%, 250W])", ("10%", "250W")),
        (r'search(["a.csv", "b \"c\".csv"])', ('"a.csv"', r'"b \"c\".csv"')),
    ],
)
def test_choices_keep_the_languages_spelling(choice: str, texts: tuple[str, ...]) -> None:
    source = Source("t.lp", f"network t\nlet x = {choice}\n")
    program = check_source(source, variant="base", passes=PIPELINE[:1]).program
    assert program.searches[0].texts == texts
    assert all(read_value(text) is not None for text in texts)


def course(*best: float, seconds: float = 1.0, joules: float | None = None, phase: str = "train") -> Course:
    return Course(phase, best, seconds, joules)


@pytest.mark.parametrize(
    ("now", "then", "objectives", "patience", "stopped"),
    [
        (course(0.1, 0.2, 0.3), course(0.4, 0.5, 0.6), [ACCURACY], 2, True),
        (course(0.1, 0.2), course(0.4, 0.5, 0.6), [ACCURACY], 2, False),  # not yet
        (course(0.1, 0.2, 0.4), course(0.4, 0.5, 0.6), [ACCURACY], 2, False),  # level
        (course(0.1, 0.2, 0.3), course(0.4, 0.5, 0.6), [ACCURACY], None, False),
        (course(0.1, 0.2, 0.3, phase="hidden"), course(0.4, 0.5, 0.6), [ACCURACY], 2, False),
        (course(0.1, 0.2, 0.3, 0.3, 0.3), course(0.4), [ACCURACY], 2, True),  # it was short
        (course(-0.9, -0.8), course(-0.5, -0.4), [LOSS], 1, True),
        (course(-0.9, -0.5), course(-0.5, -0.4), [LOSS], 1, False),
        (course(0.9, seconds=3.0), course(0.1, seconds=2.0), [TIME], None, True),
        (course(0.9, seconds=2.0), course(0.1, seconds=2.0), [TIME], None, False),
        (course(0.9, joules=3.0), course(0.1, joules=2.0), [ENERGY], None, True),
        (course(0.9, joules=None), course(0.1, joules=2.0), [ENERGY], None, False),
        (course(0.1, 0.2, seconds=3.0), course(0.4, 0.5, seconds=2.0), [ACCURACY, TIME], 1, True),
        (course(0.1, 0.2, seconds=1.0), course(0.4, 0.5, seconds=2.0), [ACCURACY, TIME], 1, False),
        (course(0.4, 0.5, seconds=3.0), course(0.4, 0.5, seconds=2.0), [ACCURACY, TIME], 1, False),
        (course(0.1, 0.2, 0.3), Course(), [ACCURACY], 2, False),
        (Course(), course(0.4, 0.5, 0.6), [ACCURACY], 2, False),
    ],
)
def test_a_trial_is_hopeless_where_another_is_ahead_in_everything(
    now: Course, then: Course, objectives: list[Objective], patience: int | None, stopped: bool
) -> None:
    assert bool(hopeless(now, [(7, then)], objectives, patience)) is stopped


def test_one_that_is_ahead_is_enough_and_is_named() -> None:
    found = [(3, course(0.1, 0.2)), (5, course(0.9, 0.9))]
    assert hopeless(course(0.5, 0.6), found, [ACCURACY], 1).startswith("behind trial 5: validation accuracy 60.00 %")


def test_logs_are_read_while_they_are_written(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    assert read_course(log) == Course()
    line = '{"phase": "%s", "seconds": %s, "joules": null, "validation/accuracy": %s, "validation/loss": 0.5}\n'
    log.write_text(line % ("hidden", 1, 0.9) + line % ("train", 2, 0.5) + line % ("train", 3, 0.4) + line[:20])
    found = read_course(log)
    assert found == Course("train", (0.5, 0.5), 3.0, None)
    assert course_of(found.to_json()) == found
    log.write_text((line % ("train", 2, "null")).replace("0.5}", "0.25}"))
    assert read_course(log).best == (-0.25,)
    log.write_text('{"phase": "train"\n')
    assert read_course(log) == Course()


def test_the_tables_have_every_trial(tmp_path: Path) -> None:
    def trained(values: object) -> Outcome:
        return next(made)

    made = iter([Outcome([0.5, 0.6]), Outcome([], status=1), Outcome([0.1, 0.1, 0.1, 0.1, 0.1, 0.1]), Outcome([0.7])])
    done = tuning(planned(TUNED.replace("patience = 2", "patience = 1")), tmp_path, Trainer(trained), trials=4)
    done.conduct()
    found = [outcome(subject, {3: "tuned-base.lp"}) for subject in done.subjects]
    rows = list(csv.DictReader(io.StringIO(tune_csv(found))))
    assert [row["state"] for row in rows] == ["complete", "failed", "pruned", "complete"]
    assert [row["best"] for row in rows] == ["0", "0", "0", "1"]
    assert [row["accuracy"] for row in rows] == ["0.6", "", "", "0.7"]
    assert rows[1]["why"] == "tuned: the loss is nan at step 3"
    assert rows[2]["why"].startswith("behind trial 0: ")
    assert all(row["width"] and row["wall_s"] for row in rows)
    as_json = tune_json(found, 4, 1, "study.db")
    (study,) = as_json["studies"]
    assert study["counts"] == {"complete": 2, "failed": 1, "pruned": 1}
    assert study["best"][0]["file"] == "tuned-base.lp"
    assert study["trials"][3]["values"]["width"] == rows[3]["width"]
    assert len({trial["sampler_seed"] for trial in study["trials"]}) == 4
    text = tune_text(found, "tuned.lp")
    assert text.startswith(
        "base: 4 trials (2 complete, 1 failed, 1 pruned)\n  best: trial 3, validation accuracy 70.00 %\n"
    )
    assert f"  lpc run tuned.lp --set width={rows[3]['width']} " in text
