"""Claims that are true hold; those that are not are refuted, by the smallest values there are."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

import lpc
from lpc.diagnostics import ProgramError
from lpc.ir.program import Between
from lpc.laws.claim_programs import counterexample_program
from lpc.laws.claims import Budget, ClaimResult, check_claims
from lpc.laws.ranges import points, smallest
from lpc.source import Source

ROOT = Path(__file__).resolve().parents[2]
TEXT = """network claims
let width = 4
let depth = 2
let rate = 0.1
let rest_of_it = 0.5
data x: f32[3], y: class[3] = synthetic()
block layer[depth] = x -> linear(width) -> tanh
block readout = layer -> linear(3)
objective cross_entropy(readout, y)
learn all with backprop
train steps = 2, batch = 64, optimizer = sgd(lr = rate), seed = 1
variant tied { learn all with feedback_alignment(feedback = transpose) }
variant random { learn all with feedback_alignment }
variant early { learn all with predictive_coding(prediction = fixed, iterations = 3) }
variant slow { train optimizer = sgd(lr = rate * rest_of_it) }
variant adam { train optimizer = adam(lr = rate) }
variant moved { train optimizer = sgd(lr = rate, momentum = rest_of_it) }
variant few { train batch = 32 }
variant mono { learn all with mono_forward }
variant turns { learn all with mono_forward train order = sequential }
"""
ROOM = Budget(examples=5, seconds=inf)


def results(claims: str, budget: Budget = ROOM, text: str = TEXT) -> list[ClaimResult]:
    return check_claims(Source("claims.lp", text + claims + "\n"), budget=budget)


@pytest.mark.parametrize(
    "claim",
    [
        "claim base = tied",
        "claim tied = base for width in 1..9, depth in 1..3, batch in 1..5",
        "claim base != random",
        "claim base != random after 2 steps for width in 2..5",
        "claim base = slow up to scale",
        "claim slow = base after 3 steps up to scale",
        "claim base != adam up to scale",
        "claim base = moved after 1 steps",
        "claim base != moved after 2 steps",
        "claim base = slow within 2",
        "claim base != slow within 0.4",
        "claim base = moved as rest_of_it -> 0",
        "claim base = slow as rest_of_it -> 1",
        "claim base = slow within 0.01 as rest_of_it -> 1",
        "claim base != adam as rest_of_it -> 0",
        "claim base != few",
        "claim base = early for depth in 1..2",
    ],
)
def test_what_is_true_holds(claim: str) -> None:
    (found,) = results(claim)
    assert found.verdict == "holds", str(found)
    assert found.counterexample is None


@pytest.mark.parametrize(
    ("claim", "values"),
    [
        ("claim base = random", {}),
        ("claim base = random for depth in 1..4, width in 1..6", {"depth": 1, "width": 1}),
        ("claim base = early for depth in 1..9, width in 2..6", {"depth": 3, "width": 2}),
        ("claim base != tied for width in 3..6", {"width": 3}),
        ("claim base != tied", {}),
        ("claim base = adam up to scale", {}),
        ("claim base != slow up to scale", {}),
        ("claim base = moved", {}),
        ("claim base = moved as rest_of_it -> 1", {}),
        ("claim base = slow within 0.4", {}),
        ("claim base != slow within 0.6", {}),
        ("claim base = slow within 0.0001 as rest_of_it -> 1", {}),
        ("claim base != moved as rest_of_it -> 0", {}),
        ("claim base = few", {}),
        ("claim mono = turns", {}),
    ],
)
def test_what_is_false_is_refuted(claim: str, values: dict[str, int]) -> None:
    (found,) = results(claim)
    assert found.verdict == "refuted", str(found)
    assert found.counterexample is not None and found.counterexample.values == values
    assert claim in str(found) and "Traceback" not in str(found)


def test_a_counterexample_is_shown_as_the_program_would_say_it() -> None:
    """Three iterations carry an error through three blocks, so that the first of four moves too late."""
    (found,) = results("claim base = early for depth in 1..9, batch in 2..16")
    assert found.counterexample is not None and found.counterexample.values == {"depth": 3, "batch": 2}
    shown = found.counterexample.difference
    assert shown is not None
    assert (shown.block, shown.tensor, shown.step) == ("layer_1", shown.tensor, 1)
    assert shown.tensor.startswith("layer_1.linear.") and abs(shown.left - shown.right) == shown.difference > 0
    assert str(found).startswith(
        "claim base = early for depth in 1..9, batch in 2..16\n  refuted at depth = 3, batch = 2: after step 1, "
    )
    assert str(found).endswith("of its movement\n  (batches of 2 and 1 examples; seed = 2)")


def test_a_counterexample_as_a_program() -> None:
    source = Source("claims.lp", TEXT + "claim base = early for depth in 1..9, batch in 2..16\nclaim base = tied\n")
    found, other = check_claims(source, budget=ROOM)
    text = counterexample_program(source, found, budget_s=inf)
    (again,) = check_claims(Source("again.lp", text), budget=Budget(examples=1, seconds=inf), seed=2)
    assert again.verdict == "refuted"
    assert len(text) < len(TEXT) / 2 and "tied" not in text and "early" in text and "batch = 1" in text, text
    assert counterexample_program(source, other) == ""


def test_a_claim_that_two_differ_is_refuted_by_its_own_program() -> None:
    source = Source("claims.lp", TEXT + "claim base != tied for width in 3..6, batch in 5..7\n")
    (found,) = check_claims(source, budget=ROOM)
    text = counterexample_program(source, found)
    assert "let width      = 3\n" in text and "batch = 5," in text and "for width" not in text, text


def test_what_is_tried_is_said() -> None:
    (found,) = results("claim base = random within 0.5 after 1 steps")
    assert found.verdict == "refuted" and (found.steps, found.steps_from) == (1, "after")
    assert found.alone == ("layer_2.feedback_alignment.linear", "readout.feedback_alignment.linear")
    (found,) = results("claim base = slow up to scale")
    assert (found.steps, found.steps_from, found.examples) == (2, "train", 3)
    assert found.factor == pytest.approx(2)
    (found,) = results("claim base = tied", text=TEXT.replace("steps = 2", "epochs = 9"))
    assert (found.steps, found.steps_from, found.line) == (3, "", 21)
    (found,) = results("claim base = moved as rest_of_it -> 0")
    assert found.order == pytest.approx(1, abs=0.05)


def test_more_steps_than_the_program_has() -> None:
    (found,) = results("claim base = moved after 5 steps")
    assert found.verdict == "refuted" and found.counterexample is not None
    assert found.counterexample.rows == ((8, 8, 8, 8, 4),) * 2


def test_batches_of_two_sizes_stay_in_proportion() -> None:
    (found,) = results("claim base = few")
    assert found.counterexample is not None and found.counterexample.rows == ((8, 4), (4, 2))


def test_what_lpc_refuses_is_passed_over() -> None:
    text = TEXT + "variant dropped { train optimizer = sgd(lr = rate, momentum = rest_of_it) }\n"
    (found,) = results("claim moved = dropped for rest_of_it in 0.5..3", text=text)
    assert found.verdict == "holds" and found.passed_over
    assert "passed over: `momentum` of `sgd` must be" in str(found)
    (found,) = results("claim moved = dropped for rest_of_it in 2..3", text=text)
    assert found.verdict == "not tried" and found.reason.startswith("`momentum` of `sgd` must be")
    assert str(found).startswith("claim moved = dropped for rest_of_it in 2..3\n  not tried: ")


BOXED = """network boxed
data x: f32[3], y: class[3] = synthetic()
block sense = x -> opaque("lab:Box", out = [4])
block readout = sense -> linear(3)
objective cross_entropy(readout, y)
learn sense with cascaded_forward
learn readout with backprop
train epochs = 1, batch = 4
variant slow { train optimizer = sgd(lr = 0.1) }
"""


EQUIVALENCES = """network claims
let width = 16
let beta  = 0.1
data image, label = digits(validation = 20%)
block hidden  = image  -> flatten -> linear(width) -> tanh
block readout = hidden -> linear(10)
objective cross_entropy(readout, label)
learn all with backprop
train steps = 3, batch = 8, optimizer = sgd(lr = 0.1), precision = f64, seed = 1
variant tied      { learn all with feedback_alignment(feedback = transpose) }
variant random    { learn all with feedback_alignment }
variant direct    { learn all with direct_feedback_alignment(feedback = transpose) }
variant relaxed   { learn all with predictive_coding(prediction = fixed) }
variant nudged    { learn all with dual_propagation(beta = beta) }
"""


def test_the_equivalences_that_the_language_was_designed_for() -> None:
    claims = (
        "claim base = tied for width in 1..64",
        "claim base = direct for width in 1..64",
        "claim base = relaxed",
        "claim base = nudged as beta -> 0",
        "claim base != random",
    )
    found = results("\n".join(claims), text=EQUIVALENCES)
    assert [one.verdict for one in found] == ["holds"] * 5, "\n".join(map(str, found))


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
@pytest.mark.parametrize("seed", [1, 5])
def test_kinks_do_not_refute_a_limit(activation: str, seed: int) -> None:
    """While a kink is crossed the difference stays; where none is it is nothing."""
    nudged = "variant nudged { learn all with dual_propagation(beta = rate) }\n"
    text = (
        TEXT.replace("-> tanh", f"-> {activation}")
        .replace("sgd(lr = rate)", "sgd(lr = 0.1)")
        .replace("batch = 64", "batch = 8")
    )
    text = text.replace("width = 4", "width = 32")
    (found,) = check_claims(
        Source("claims.lp", text + nudged + "claim base = nudged as rate -> 0\n"), budget=ROOM, seed=seed
    )
    assert found.verdict == "holds", str(found)


def test_something_stands_in_for_a_black_box() -> None:
    text = BOXED.replace("batch = 4", "batch = 4, optimizer = sgd(lr = 0.3)")
    found = results("claim base != slow\nclaim base = slow up to scale", text=text)
    assert [one.verdict for one in found] == ["holds", "holds"], "\n".join(map(str, found))


def test_what_overflows_on_both_sides_is_not_tried() -> None:
    text = (
        TEXT.replace("-> tanh", "-> relu")
        .replace("cross_entropy(readout, y)", "mse(readout, x)")
        .replace("rate = 0.1", "rate = 1e300")
    )
    text = "\n".join(line for line in text.splitlines() if "mono" not in line) + "\n"
    (found,) = results("claim base = moved after 4 steps", text=text)
    assert found.verdict == "not tried" and "beyond all numbers" in found.reason, str(found)


def test_the_budget_counts_values() -> None:
    (found,) = results("claim base = tied for width in 1..50", Budget(examples=7, seconds=inf))
    assert found.examples == 7
    (found,) = results("claim base = tied for width in 1..3", Budget(examples=7, seconds=inf))
    assert found.examples == 3
    assert [
        found.examples for found in results("claim base = tied\nclaim base = tied for width in 1..9", Budget(9, 0))
    ] == [1, 1]


def test_values_from_outside() -> None:
    source = Source("claims.lp", TEXT + "claim base = early\n")
    assert check_claims(source, budget=ROOM, overrides=[("depth", "5")])[0].verdict == "refuted"
    assert check_claims(source, budget=ROOM)[0].verdict == "holds"


def test_claims_of_a_program_with_errors() -> None:
    with pytest.raises(ProgramError, match="LP140"):
        results("claim base = nothing")


def test_the_same_every_time() -> None:
    claims = "claim base = early for depth in 1..9\nclaim base = slow up to scale"
    assert list(map(str, results(claims))) == list(map(str, results(claims)))


# -- ranges -------------------------------------------------------------------------------------------------------


def test_ends_come_first() -> None:
    ranges = [Between("a", 1, 64), Between("b", 2, 3)]
    first = [tuple(point.values()) for point, _ in zip(points(ranges, 1), range(4), strict=False)]
    assert first == [(1, 2), (64, 3), (1, 3), (64, 2)]
    every = [tuple(point.values()) for point in points([Between("a", 1, 4), Between("b", 2, 3)], 1)]
    assert len(set(every)) == len(every) == 8
    assert list(points([], 1)) == [{}]
    assert [point["a"] for point, _ in zip(points([Between("a", 0.1, 0.2)], 1), range(2), strict=False)] == [0.1, 0.2]


@pytest.mark.parametrize(("least", "last"), [(3, 64), (37, 64), (600, 5000), (1, 2)])
def test_the_smallest_is_found(least: int, last: int) -> None:
    ranges = [Between("a", 1, last), Between("b", 0, 9)]
    found = smallest({"a": last, "b": 9}, ranges, lambda point: point["a"] >= least, lambda: True)
    assert found["b"] == 0
    assert found["a"] == least if last < 256 else least <= found["a"] < 2 * least


def test_a_scan_ends_when_it_is_told() -> None:
    found = smallest({"a": 9}, [Between("a", 1, 9)], lambda _: True, lambda: False)
    assert found == {"a": 9}


# -- examples -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [ROOT / "examples" / "claims.lp"], ids=lambda path: path.name)
def test_claims_of_examples_hold(path: Path) -> None:
    assert lpc.check(path).diagnostics == ()
    found = check_claims(Source(path.name, path.read_text(encoding="utf-8")), budget=Budget(examples=4, seconds=inf))
    assert [one.verdict for one in found] == ["holds"] * 5, "\n".join(map(str, found))
