"""`train`, `measure` and `place`."""

from __future__ import annotations

import pytest

from lpc.ir.grid import INTENSITIES
from lpc.ir.program import Carbon, Estimate, Placement, Protocol, Schedule
from tests.passes.checking import BASE, checked, codes, sound, without


def with_train(options: str) -> str:
    return BASE.replace("epochs = 1, batch = 64", options)


def errors(text: str) -> list[str]:
    return [d.code for d in checked(text)[1].errors]


def protocol(options: str) -> Protocol:
    found = sound(with_train(options)).protocol
    assert found is not None
    return found


def test_defaults() -> None:
    found = protocol("epochs = 3, batch = 8")
    assert (found.epochs, found.steps, found.batch) == (3, None, 8)
    assert (found.precision, found.patience, found.order, found.seed) == ("f32", None, "simultaneous", 1)
    assert found.schedule == Schedule()
    assert found.optimizer.kind == "adam"
    assert found.optimizer.arguments == {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0}


@pytest.mark.parametrize(
    ("written", "kind", "some"),
    [
        ("adam", "adam", {"lr": 1e-3}),
        ("adam(0.1)", "adam", {"lr": 0.1}),
        ("sgd(0.1)", "sgd", {"lr": 0.1, "momentum": 0.0, "weight_decay": 0.0, "nesterov": False}),
        ("sgd(0.1, momentum = 0.9, nesterov = true)", "sgd", {"momentum": 0.9, "nesterov": True}),
        ("adamw", "adamw", {"lr": 1e-3, "weight_decay": 0.01}),
        ("rmsprop(1)", "rmsprop", {"lr": 1.0, "alpha": 0.99, "momentum": 0.0}),
    ],
)
def test_optimizers(written: str, kind: str, some: dict[str, float]) -> None:
    found = protocol(f"epochs = 1, batch = 8, optimizer = {written}").optimizer
    assert found.kind == kind
    assert {name: found.arguments[name] for name in some} == some
    assert isinstance(found.lr, float)


@pytest.mark.parametrize(
    ("written", "schedule"),
    [
        ("constant", Schedule("constant")),
        ("linear, warmup = 2", Schedule("linear", warmup=2)),
        ("cosine", Schedule("cosine")),
        ("step(every = 5)", Schedule("step", every=5, factor=0.1)),
        ("step", Schedule("step", every=30, factor=0.1)),
        ("step(3, 0.5)", Schedule("step", every=3, factor=0.5)),
    ],
)
def test_schedules(written: str, schedule: Schedule) -> None:
    assert protocol(f"epochs = 9, batch = 8, schedule = {written}").schedule == schedule


def test_a_batch_of_all() -> None:
    assert protocol("steps = 9, batch = all").batch is None
    assert protocol("steps = 9, batch = all").steps == 9


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("batch = 8", "LP400"),
        ("epochs = 1, steps = 1, batch = 8", "LP400"),
        ("epochs = 0, batch = 8", "LP115"),
        ("epochs = 1.5, batch = 8", "LP114"),
        ("epochs = 1", "LP401"),
        ("epochs = 1, batch = 0", "LP115"),
        ("epochs = 1, batch = al", "LP101"),
        ("epochs = 1, batch = 10%", "LP114"),
        ("epoch = 1, epochs = 1, batch = 8", "LP110"),
        ("epochs = 1, batch = 8, optimizer = adm", "LP116"),
        ("epochs = 1, batch = 8, optimizer = adm(0.1)", "LP116"),
        ("epochs = 1, batch = 8, optimizer = sgd", "LP113"),
        ("epochs = 1, batch = 8, optimizer = sgd(0)", "LP115"),
        ("epochs = 1, batch = 8, optimizer = sgd(-0.1)", "LP115"),
        ("epochs = 1, batch = 8, optimizer = sgd(0.1, momentum = 1)", "LP115"),
        ("epochs = 1, batch = 8, optimizer = sgd(0.1, nesterov = true)", "LP403"),
        ("epochs = 1, batch = 8, optimizer = adam(rate = 0.1)", "LP110"),
        ("epochs = 1, batch = 8, optimizer = adam(lr = fast)", "LP101"),
        ("epochs = 1, batch = 8, optimizer = 0.1", "LP114"),
        ("epochs = 1, batch = 8, schedule = cosin", "LP116"),
        ("epochs = 1, batch = 8, schedule = cosine(3)", "LP111"),
        ("epochs = 1, batch = 8, schedule = step(0)", "LP115"),
        ("epochs = 1, batch = 8, precision = f16", "LP116"),
        ("epochs = 1, batch = 8, order = random", "LP116"),
        ("epochs = 1, batch = 8, seed = -1", "LP115"),
        ("epochs = 1, batch = 8, seed = 1.0", "LP114"),
        ("epochs = 1, batch = 8, patience = 0", "LP115"),
        ("epochs = widht, batch = 8", "LP101"),
    ],
)
def test_mistakes_in_train(options: str, code: str) -> None:
    assert errors(with_train(options)) == [code]


def test_patience_needs_a_validation_part() -> None:
    text = with_train("epochs = 9, batch = 8, patience = 2")
    assert errors(text) == []
    assert errors(text.replace("validation = 20%", "")) == ["LP402"]


def test_what_never_comes_is_warned_of() -> None:
    assert codes(with_train("epochs = 3, batch = 8, patience = 3")) == ["LP908"]
    assert codes(with_train("steps = 30, batch = 8, patience = 30")) == []
    assert codes(with_train("steps = 30, batch = 8, warmup = 30")) == ["LP908"]
    assert codes(with_train("epochs = 30, batch = 8, warmup = 29")) == []


def test_options_of_several_lines_are_one_list() -> None:
    found = protocol("epochs = 3\ntrain batch = 8, seed = 4")
    assert (found.epochs, found.batch, found.seed) == (3, 8, 4)
    assert errors(with_train("epochs = 3, batch = 8\ntrain batch = 8")) == ["LP105"]
    assert errors(BASE + "measure energy\nmeasure energy\n") == ["LP105"]


def test_measures() -> None:
    measured = sound(BASE + "measure energy, memory\nmeasure carbon(385, pue = 1.2)\n").measurements
    assert (measured.energy, measured.memory, measured.flops) == (True, True, False)
    assert measured.carbon == Carbon(385.0, 1.2)
    assert sound(BASE).measurements.carbon is None


def test_the_intensity_of_a_country_is_dated_and_has_its_source() -> None:
    found = sound(BASE + "measure energy, carbon(country = NL, pue = 1.1)\n").measurements.carbon
    assert found == Carbon(253.0, 1.1, "NL in 2024: Ember, Yearly Electricity Data")
    assert all(len(code) == 2 and code.isupper() and 20 <= grams <= 1000 for code, grams in INTENSITIES.items())
    assert list(INTENSITIES) == sorted(INTENSITIES)


@pytest.mark.parametrize(("written", "idle_w"), [("55W", 55.0), ("0.1kW", 100.0), ("500mW", 0.5), ("0W", 0.0)])
def test_an_estimate_is_only_what_the_program_says(written: str, idle_w: float) -> None:
    found = sound(f"{BASE}measure energy(estimate = flops(pj_per_flop = 1.2, idle = {written}))\n").measurements
    assert (found.energy, found.estimate) == (True, Estimate(1.2, idle_w))
    assert sound(BASE + "measure energy\n").measurements.estimate is None


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ("enery", "LP410"),
        ("enery, carbon(1)", "LP410"),
        ("memory(3)", "LP111"),
        ("energy(3)", "LP114"),
        ("carbon(1)", "LP411"),
        ("energy, carbon", "LP412"),
        ("energy, carbon(385, country = NL)", "LP412"),
        ("energy, carbon(country = XX)", "LP116"),
        ('energy, carbon(country = "NL")', "LP114"),
        ("energy(estimate = 3)", "LP114"),
        ("energy(estimate = flop(pj_per_flop = 1, idle = 1W))", "LP116"),
        ("energy(estimate = flops(pj_per_flop = 1))", "LP113"),
        ("energy(estimate = flops(pj_per_flop = 0, idle = 1W))", "LP115"),
        ("energy(estimate = flops(pj_per_flop = 1, idle = 55))", "LP114"),
        ("energy(estimate = flops(pj_per_flop = 1, idle = 1GiB))", "LP114"),
        ("energy, carbon(-1)", "LP115"),
        ("energy, carbon(1, pue = 0.5)", "LP115"),
        ("energy, carbon(1, city = 3)", "LP110"),
    ],
)
def test_mistakes_in_measure(items: str, code: str) -> None:
    assert errors(f"{BASE}measure {items}\n") == [code]


def placement(clauses: str) -> Placement:
    return sound(BASE.replace("block hidden", "block hidden[4]") + clauses).placement


def test_places() -> None:
    assert (placement("").stages, placement("").balance) == (1, "time")
    assert placement("place stages = 3, balance = memory\n").balance == "memory"
    pinned = placement("place stages = 2\nplace hidden[3..4], readout on stage 2\nplace rest on stage 1\n").pins
    assert pinned == {"hidden_1": 1, "hidden_2": 1, "hidden_3": 2, "hidden_4": 2, "readout": 2}
    assert placement("place stages = 2\nplace all on stage 2\n").pins["hidden_1"] == 2


@pytest.mark.parametrize(
    ("clauses", "code"),
    [
        ("place stage = 2\n", "LP110"),
        ("place stages = 0\n", "LP115"),
        ("place stages = 2, balance = tme\n", "LP116"),
        ("place readout on stage 2\n", "LP420"),
        ("place stages = 2\nplace readout on stage 3\n", "LP420"),
        ("place stages = 2\nplace readout on stage 0\n", "LP115"),
        ("place stages = 2\nplace readot on stage 1\n", "LP310"),
        ("place stages = 2\nplace hidden[5] on stage 1\n", "LP311"),
        ("place stages = 2\nplace readout[1] on stage 1\n", "LP311"),
        ("place stages = 2\nplace readout on stage 1\nplace readout on stage 2\n", "LP312"),
    ],
)
def test_mistakes_in_place(clauses: str, code: str) -> None:
    assert errors(BASE.replace("block hidden", "block hidden[4]") + clauses) == [code]


def test_a_balance_of_one_stage_is_warned_of() -> None:
    assert codes(BASE + "place balance = memory\n") == ["LP909"]


def test_training_is_needed() -> None:
    assert errors(without(BASE, "train")) == ["LP106"]
