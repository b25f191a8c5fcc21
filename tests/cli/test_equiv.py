"""`lpc equiv`: the same, or the first difference; what cannot be compared; what is left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lpc.cli import extras
from tests.cli.running import BROKEN, lpc

FIRST = """\
network first

data x: f32[3], y: class[2] = synthetic

block hidden  = x      -> linear(4) -> tanh
block readout = hidden -> linear(2)

objective cross_entropy(readout, y)

learn all with backprop

train epochs = 2, batch = 8, optimizer = sgd(lr = 0.1), seed = 1

variant tied   { learn all with feedback_alignment(feedback = transpose) }
variant random { learn all with feedback_alignment }
variant slow   { train optimizer = sgd(lr = 0.05) }
variant later  { train seed = 2 }
"""


@pytest.fixture(autouse=True)
def first(here: Path) -> None:
    Path("first.lp").write_text(FIRST, encoding="utf-8")


def second(**changes: str) -> None:
    """A program beside the first, with some texts replaced; `_` stands for a blank."""
    text = FIRST
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    Path("second.lp").write_text(text, encoding="utf-8")


def test_two_variants_that_learn_the_same() -> None:
    done = lpc("equiv", "first.lp", "--variants", "base", "tied")
    assert done.status == 0, done.err
    assert done.out == (
        "`base` and `tied` learn the same\n"
        "  tried     5 steps from seeds 1, 2, 3\n"
        "  compared  4 tensors, the largest difference 0 of a movement\n"
    )


def test_two_variants_that_do_not() -> None:
    done = lpc("equiv", "first.lp", "--variants", "random", "base", "--steps", "2")
    assert done.status == 1
    assert done.out.startswith("`random` and `base` do not learn the same\n  differs   after step 1, `hidden.linear.")
    assert "  left out  only in `random`: `readout.feedback_alignment.linear`\n" in done.out
    assert "  tried     2 steps from seed 1\n" in done.out
    assert done.err == ""


def test_two_files_by_match() -> None:
    second(hidden="lower", first="other")
    done = lpc("equiv", "first.lp", "second.lp")
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "lpc: first.lp and second.lp cannot be compared: their blocks do not match: first.lp alone has `hidden`, "
        "second.lp alone has `lower`; --match hidden=lower says that two are one\n"
    )
    done = lpc("equiv", "first.lp", "second.lp", "--match", "hidden=lower")
    assert done.status == 1
    assert "before training, `hidden.linear." in done.out
    assert "`--up-to initialisation` starts the second from the first one's values\n" in done.out
    done = lpc("equiv", "first.lp", "second.lp", "--match", "hidden=lower", "--up-to", "initialisation")
    assert done.status == 0
    assert done.out.startswith("first.lp and second.lp learn the same, up to initialisation\n")


def test_dropout_under_another_name_is_told() -> None:
    """It draws by its block's name, so that a program and itself with a block renamed differ."""
    Path("first.lp").write_text(FIRST.replace("tanh", "tanh -> dropout(0.5)"), encoding="utf-8")
    Path("second.lp").write_text(Path("first.lp").read_text().replace("hidden", "lower"), encoding="utf-8")
    note = (
        "dropout draws by the name of its block, so in `hidden` other numbers are dropped under the other name; "
        "that alone may be the difference"
    )
    renamed = ["equiv", "first.lp", "second.lp", "--match", "hidden=lower"]
    done = lpc(*renamed, "--up-to", "initialisation")
    assert done.status == 1
    assert f" note {note} " in " ".join(done.out.split())
    assert json.loads(lpc(*renamed, "--up-to", "initialisation", "--json").out)["note"] == note
    assert " note " not in lpc(*renamed).out, "initial values differ, and dropout has no part in that"
    done = lpc("equiv", "first.lp", "--variants", "base", "slow", "--json")
    assert (done.status, json.loads(done.out)["note"]) == (1, ""), "nothing is renamed"


def test_a_renamed_block_without_dropout_has_no_note() -> None:
    Path("first.lp").write_text(FIRST.replace("-> linear(2)", "-> dropout(0.5) -> linear(2)"), encoding="utf-8")
    other = Path("first.lp").read_text().replace("hidden", "lower").replace("lr = 0.1", "lr = 0.2")
    Path("second.lp").write_text(other, encoding="utf-8")
    done = lpc("equiv", "first.lp", "second.lp", "--match", "hidden=lower", "--up-to", "initialisation")
    assert done.status == 1 and "after step 1" in done.out
    assert " note " not in done.out


def test_names_of_data_do_not_matter() -> None:
    second(x="features")
    assert lpc("equiv", "first.lp", "second.lp").status == 0


def test_a_chain_is_matched_as_a_whole_or_block_by_block() -> None:
    Path("first.lp").write_text(FIRST.replace("block hidden  =", "block hidden[2] ="), encoding="utf-8")
    second(hidden="lower")
    Path("second.lp").write_text(
        FIRST.replace("block hidden  = x", "block low = x -> linear(4) -> tanh\nblock high = low").replace(
            "= hidden", "= high"
        )
    )
    pairs = ["--match", "hidden[1]=low", "--match", "hidden_2=high", "--up-to", "initialisation"]
    assert lpc("equiv", "first.lp", "second.lp", *pairs).status == 0
    Path("second.lp").write_text(
        FIRST.replace("hidden  =", "lower[2] =").replace("= hidden", "= lower"), encoding="utf-8"
    )
    assert lpc("equiv", "first.lp", "second.lp", "--match", "hidden=lower", "--up-to", "initialisation").status == 0
    done = lpc("equiv", "first.lp", "second.lp", "--match", "hidden=readout")
    assert done.status == 2
    assert "`hidden` of first.lp has 2 blocks, `readout` of second.lp 1" in done.err


def test_up_to_scale() -> None:
    assert lpc("equiv", "first.lp", "--variants", "base", "slow").status == 1
    done = lpc("equiv", "first.lp", "--variants", "base", "slow", "--up-to", "scale")
    assert done.status == 0
    assert "  factor    a step of `base` is 2 times one of `slow`\n" in done.out
    done = lpc("equiv", "first.lp", "--variants", "base", "random", "--up-to", "scale")
    assert done.status == 1
    assert "differs   step 1 changes `" in done.out and "in `random` times " in done.out


def test_tolerance() -> None:
    assert lpc("equiv", "first.lp", "--variants", "base", "slow", "--tolerance", "0.9").status == 0
    assert lpc("equiv", "first.lp", "--variants", "base", "slow", "--tolerance", "0.1").status == 1
    done = lpc("equiv", "first.lp", "--variants", "base", "slow", "--tolerance", "0")
    assert (done.status, done.err.count("\n")) == (2, 1)


def test_seeds() -> None:
    done = lpc("equiv", "first.lp", "--variants", "base", "later")
    assert done.status == 1 and "before training" in done.out
    assert "from seed 1 and 2\n" in done.out
    done = lpc("equiv", "first.lp", "--variants", "base", "later", "--seed", "7")
    assert done.status == 0
    assert "  tried         5 steps from seeds 7, 8, 9\n" in done.out
    assert "  not compared  seed = 1 in `base` and seed = 2 in `later`\n" in done.out


def test_what_the_comparison_does_not_look_at() -> None:
    second(**{"epochs = 2": "epochs = 3", "= synthetic": "= synthetic(examples = 9)"})
    done = lpc("equiv", "first.lp", "second.lp")
    assert done.status == 0
    assert "not compared  epochs = 2 in first.lp and epochs = 3 in second.lp\n" in done.out
    assert "the source of the data, `synthetic" in done.out


def test_shapes_that_differ() -> None:
    done = lpc("equiv", "first.lp", "first.lp")
    assert done.status == 0 and done.out.startswith("first.lp and itself learn the same\n")
    second(**{"linear(4)": "linear(5)"})
    done = lpc("equiv", "first.lp", "second.lp")
    assert done.status == 1
    assert "differs   `hidden.linear.weight` is [4, 3] in first.lp and [5, 3] in second.lp\n" in done.out


def test_values_from_outside_reach_both() -> None:
    done = lpc("equiv", "first.lp", "--variants", "base", "tied", "--set", "hidden.linear.outputs=9", "--json")
    assert done.status == 0
    assert json.loads(done.out)["tensors"] == [
        "hidden.linear.weight",
        "hidden.linear.bias",
        "readout.linear.weight",
        "readout.linear.bias",
    ]


def test_json() -> None:
    done = lpc("equiv", "first.lp", "--variants", "base", "random", "--json")
    assert done.status == 1
    found = json.loads(done.out)
    assert found["version"] == 1 and found["programs"] == ["`base`", "`random`"] and not found["same"]
    difference = found["difference"]
    assert (difference["block"], difference["step"], difference["phase"]) == ("hidden", 1, "train")
    assert abs(difference["values"][0] - difference["values"][1]) == difference["difference"]
    assert found["alone"] == [[], ["readout.feedback_alignment.linear"]]
    assert found["examples"] == [[8, 8, 8, 8, 4]] * 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["first.lp"], "name two programs, or one and two of its variants"),
        (["first.lp", "third.lp"], "cannot read third.lp: no such file"),
        (["first.lp", "--variants", "base", "tide"], "first.lp has no variant `tide`; did you mean `tied`?"),
        (["first.lp", "first.lp", "--match", "hiden=hidden"], "first.lp has no block `hiden`; did you mean `hidden`?"),
        (["first.lp", "first.lp", "--match", "hidden"], "write OLD=NEW"),
        (["first.lp", "first.lp", "--match", "a=b", "--match", "a=c"], "`a` is matched already"),
        (["first.lp", "sound.lp"], "they read other data: first.lp `x: f32[3]`, `y: class[2]`, sound.lp `image: f32[1, 8, 8]`"),
        (["first.lp", "first.lp", "--up-to", "sign"], "sign"),
    ],
)  # fmt: skip
def test_what_is_refused(arguments: list[str], said: str) -> None:
    done = lpc("equiv", *arguments)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1), done.err
    assert said in done.err


def test_programs_with_errors() -> None:
    Path("broken.lp").write_text(BROKEN, encoding="utf-8")
    done = lpc("equiv", "first.lp", "broken.lp")
    assert (done.status, done.out) == (1, "")
    assert "error[LP117]" in done.err


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "hypothesis" else object())
    done = lpc("equiv", "first.lp", "first.lp")
    assert (done.status, done.err) == (2, "lpc: comparing programs needs hypothesis: pip install 'lpc[laws]'\n")
