"""Plans of real programs: what is compiled for whom, how long it trains, and how it differs from the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lpc.diagnostics import ProgramError
from lpc.lab.arms import Arm, work
from lpc.lab.energy import Energy
from lpc.lab.planning import Planned, Request, Unfit, make_plan
from lpc.lab.results import result_of
from lpc.passes.check import check_source
from lpc.source import Source
from tests.lab.made_runs import result

TEXT = """network small
data image, label = digits(validation = 20%)
block hidden1 = image -> flatten -> linear(8) -> relu
block hidden2 = hidden1 -> linear(8) -> relu
block readout = hidden2 -> linear(10)
objective cross_entropy(readout, label)
learn all with mono_forward
train epochs = 20, batch = 64, patience = 4, seed = 5
variant exact { learn all with backprop }
variant turns { train order = sequential, epochs = 7 }
variant closed { learn all with cascaded_forward(predictor = least_squares) }
"""


def planned(*texts: str, settings: Sequence[tuple[str, str]] = (), **asked: Any) -> Planned:
    programs = []
    for at, text in enumerate(texts or (TEXT,)):
        source = Source(f"small{at or ''}.lp", text)
        checked = check_source(source, overrides=settings)
        assert not checked.errors, [d.title_text for d in checked.errors]
        programs.append((source, checked.programs))
    return make_plan(programs, Request(settings=tuple(settings), **asked))


def arms(found: Planned, protocol: str = "matched") -> dict[str, Arm]:
    return {arm.label: arm for arm in found.plan.arms if arm.protocol == protocol}


def test_data_passes_are_shared_out_among_training_units() -> None:
    found = planned()
    assert found.plan.baseline == "exact"
    assert found.plan.seeds == (5, 6, 7, 8, 9, 10)
    lengths = {label: (arm.units, arm.length) for label, arm in arms(found).items()}
    assert lengths == {"base": (1, 20), "exact": (1, 20), "turns": (3, 7), "closed": (0, None)}


def test_nothing_stops_early_where_passes_are_matched_and_all_by_one_rule_where_not() -> None:
    found = planned(protocols=("matched", "converged"))
    assert dict(arms(found)["turns"].settings) == {"train.epochs": "7", "train.patience": "7"}
    assert dict(arms(found, "converged")["turns"].settings) == {"train.epochs": "20", "train.patience": "4"}
    says = [protocol.text("exact") for protocol in found.plan.protocols]
    assert says == [
        "matched: 20 data passes each, shared out among training units",
        "converged: each training unit stops after 4 epochs without better validation, or at 20 epochs",
    ]
    assert {protocol.patience for protocol in planned(protocols=("converged",), patience=9).plan.protocols} == {9}


def test_set_changes_the_budget_too() -> None:
    found = planned(settings=[("train.epochs", "3"), ("train.batch", "32")])
    assert arms(found)["base"].settings[:2] == (("train.epochs", "3"), ("train.batch", "32"))
    assert (arms(found)["base"].length, arms(found)["turns"].length) == (3, 1)
    assert "patience=3" in arms(found)["base"].script


def test_operations_are_matched_by_the_model() -> None:
    found = planned(match="flops")
    known = arms(found)
    assert known["exact"].length == 20
    costs = {contender.label: work(contender.program).flops for contender in found.contenders}
    assert costs["base"] != costs["exact"]
    assert known["base"].length == round(20 * costs["exact"] / costs["base"]) != 20
    assert known["turns"].length == round(20 * costs["exact"] / costs["turns"])


def test_time_and_energy_are_matched_by_the_warm_up() -> None:
    found = planned(match="time")
    assert [run.arm.label for run in found.plan.warm_ups(every_arm=True)] == ["exact", "base", "turns", "closed"]
    seconds = {"exact": (10.0, 20), "base": (5.0, 20), "turns": (21.0, 21), "closed": (1.0, 1)}
    warm_ups = {
        label: result_of(result(**{"time.train_s": s, "protocol.data_passes": passes}), Path())
        for label, (s, passes) in seconds.items()
    }
    matched = {arm.label: arm.length for arm in found.matched_to(warm_ups).arms}
    assert matched == {"exact": 20, "base": 40, "turns": 3, "closed": None}
    assert found.matched_to(warm_ups).identity() != found.plan.identity()
    by_energy = planned(match="energy")
    unmeasured = {label: replace(one, energy=Energy(why="no meter")) for label, one in warm_ups.items()}
    with pytest.raises(Unfit, match="--match energy: the warm-up of base was not measured"):
        by_energy.matched_to(unmeasured)


def test_controls_are_added_but_for_what_is_there() -> None:
    found = planned(controls=True)
    controls = {arm.label: arm for arm in found.plan.arms if arm.control}
    assert set(controls) == {"deep_supervision", "joint_losses", "random_features", "in_turn"}
    assert found.plan.left_out == ("backprop: `exact` is it",)
    assert set(controls["random_features"].rules.values()) == {"random_features"}
    assert controls["random_features"].floor
    assert controls["in_turn"].units == 3
    assert all(not arm.differs for arm in controls.values())


def test_a_control_that_would_change_nothing_is_left_out() -> None:
    text = TEXT.replace("learn all with mono_forward", "learn all with backprop").partition("variant")[0]
    left_out = planned(text, controls=True).plan.left_out
    assert left_out == ("backprop: `base` is it", "in_turn: its blocks learn together in any case")


def test_variants_that_differ_in_more_than_learn_and_train_are_listed() -> None:
    wide = TEXT.replace("network small", "network small\nlet width = 8").replace("linear(8)", "linear(width)")
    found = planned(
        wide + "variant wide { let width = 16 }\nvariant fast { train batch = 128, optimizer = sgd(0.1) }\n"
    )
    known = arms(found)
    assert known["base"].differs == known["turns"].differs == ()
    assert len(known["wide"].differs) == 2
    assert any(
        "block hidden1 = image -> flatten -> linear(16, bias = true) -> relu" in text for text in known["wide"].differs
    )
    assert known["fast"].differs == ()
    assert known["fast"].trains[0] == "batch 128, the baseline's 64"
    assert known["fast"].trains[1].startswith("optimizer sgd(lr = 0.1")


def test_several_programs_are_named_by_file() -> None:
    found = planned(TEXT, TEXT.replace("linear(10)", "linear(10, bias = false)"))
    assert {arm.label for arm in found.plan.arms} >= {"small:exact", "small1:exact"}
    assert found.plan.baseline == "small:exact"
    assert any("bias = false" in text for text in arms(found)["small1:exact"].differs)


def test_warnings_of_rules_far_from_their_papers_stay_with_the_arm() -> None:
    found = planned(TEXT + "variant wild { learn all with mono_forward(lr = 5.0) }\n")
    assert arms(found)["wild"].far[0].startswith("a learning rate of 5 is unusual for `mono_forward` (LP920")
    assert arms(found)["base"].far == ()


def test_what_a_rule_says_of_its_use_is_a_departure_too() -> None:
    """Two iterations at a rate of a tenth: the error has hardly left the output."""
    hasty = "variant hasty { learn all with predictive_coding(prediction = fixed, rate = 0.1, iterations = 2) }\n"
    (text,) = arms(planned(TEXT + hasty))["hasty"].far
    assert text == "predictive_coding: at rate 0.1 the error just below the output is 90.0% short after 2 iterations"


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(Unfit, match=r"there is no variant `exactly`; did you mean `exact`\?"):
        planned(baseline="exactly")
    with pytest.raises(ProgramError):
        planned(TEXT.replace("(validation = 20%)", "").replace(", patience = 4", ""), protocols=("converged",))
    assert {arm.label for arm in planned(variants=("turns",)).plan.arms} == {"exact", "turns"}


def test_what_is_matched_needs_the_protocol_that_matches() -> None:
    with pytest.raises(Unfit, match="--match energy is of the protocol matched: --protocol matched"):
        planned(match="energy", protocols=("converged",))
