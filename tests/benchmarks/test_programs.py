"""Random programs are judged as the command says: what is refused, what agrees, what is a bug, and how it is told."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks import occurrences, programs, tally, verdict
from benchmarks.tally import Tally
from benchmarks.verdict import Bug, judge
from lpc.codegen.script import Script, print_script

TEXT = """network small
data x: f32[3], y: class[2] = csv("examples.csv", validation = 20%)
block hidden[2] = x -> linear(3) -> tanh
block readout   = hidden -> linear(2)
objective cross_entropy(readout, y)
learn all with mono_forward
train epochs = 2, batch = 4, optimizer = sgd(lr = 0.1), precision = f32
variant global { learn all with backprop }
"""
SIZES = (4, 3)


def test_a_program_and_its_variant_are_compared_and_run(tmp_path: Path) -> None:
    found = judge(TEXT, SIZES, 1, tmp_path)
    assert (found.legal, found.codes, found.ended) == (True, (), ["", ""])
    assert found.compared >= 2
    assert [program.variant for program in found.programs] == [None, "global"]


def test_a_refused_program_has_its_codes_and_a_refused_variant_leaves_the_base(tmp_path: Path) -> None:
    assert judge(TEXT.replace("linear(2)", "linear(5)"), SIZES, 1, tmp_path).codes == ("LP202",)
    found = judge(TEXT.replace("all with backprop", "hidden with backprop"), SIZES, 1, tmp_path)
    assert (found.legal, found.codes) == (False, ("LP320",))
    assert [program.variant for program in found.programs] == [None]


def test_a_text_is_as_long_as_its_windows_need(tmp_path: Path) -> None:
    text = TEXT.replace(
        'x: f32[3], y: class[2] = csv("examples.csv", validation = 20%)', 'x, y = text("poems.txt", classes = 200)'
    )
    text = text.replace("x -> linear(3)", "x -> embedding(3)", 1).replace("hidden[2]", "hidden")
    found = judge(text.replace("linear(2)", "linear(200)"), SIZES, 1, tmp_path)
    assert (found.legal, found.codes, found.ended) == (True, (), ["", ""])


HEAD = "network drawn\ndata image: f32[2], other: f32, label: class[2] = synthetic(examples = 20)\n"
TAIL = "block readout = a -> flatten -> linear(2)\nobjective cross_entropy(readout, label)\n"
TRAIN = "train epochs = 1, batch = 4, optimizer = sgd(lr = 0.1), order = {order}, precision = f64\n"


@pytest.mark.parametrize("order", ["simultaneous", "sequential"])
@pytest.mark.parametrize(
    ("block", "learn"),
    [
        ("image", "learn all with forward_forward"),  # nothing is trained in either order, and training has a phase
        ("other", "learn a with cascaded_forward(predictor = least_squares)\nlearn rest with backprop"),
        ("other -> tanh", "learn all with cascaded_forward(blocks = dfa, predictor = least_squares)"),
    ],
)
def test_blocks_without_parameters_and_single_numbers(block: str, learn: str, order: str, tmp_path: Path) -> None:
    found = judge(f"{HEAD}block a = {block}\n{TAIL}{learn}\n{TRAIN.format(order=order)}", SIZES, 1, tmp_path)
    assert (found.legal, found.ended) == (True, [""])


def test_a_black_box_that_breaks_its_word_ends_the_run_in_one_line(tmp_path: Path) -> None:
    text = f'{HEAD}block a = image -> opaque("boxes:Same", out = [OUT])\n{TAIL}learn all with cascaded_forward\n'
    text += TRAIN.format(order="simultaneous")
    kept = judge(text.replace("OUT", "2"), SIZES, 1, tmp_path)
    assert kept.ended == [""]
    assert kept.compared > 0
    (line,) = judge(text.replace("OUT", "3"), SIZES, 1, tmp_path).ended
    assert "the black box Same gave [4, 2], where [4, 3] is declared, in block a (drawn.lp:3), at step 0" in line


def changed(old: str, new: str) -> object:
    """A printer whose scripts are not what the program says."""

    def print_changed(*given: object) -> Script:
        script = print_script(*given)  # type: ignore[arg-type]
        assert old in script.text
        return Script(script.name, script.text.replace(old, new))

    return print_changed


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("torch.tanh(", "torch.sin(", "base disagrees with the interpreter"),
        ("torch.tanh(", "torch.tahn(", "comparing base: AttributeError"),
        ("def load_data(options):\n", "def load_data(options):\n    raise KeyError\n", "running base: KeyError"),
    ],
)
def test_what_is_wrong_with_a_script_is_a_bug(
    old: str, new: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdict, "print_script", changed(old, new))
    with pytest.raises(Bug, match=said):
        judge(TEXT, SIZES, 1, tmp_path)


def test_a_traceback_of_the_compiler_is_a_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(verdict, "check_source", fail)
    with pytest.raises(Bug, match="checking: ZeroDivisionError") as found:
        judge(TEXT, SIZES, 1, tmp_path)
    assert "in fail" in found.value.trace


@pytest.mark.slow
def test_forty_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert programs.main(["--examples", "40", "--chunk", "20", "--jobs", "2", "--seed", "1"]) == 0
    said = capsys.readouterr().out
    assert "40 of 40 after" in said
    assert "| programs drawn | 40, legal " in said
    assert "| **tracebacks, disagreements, crashes** | **0** |" in said
    assert "| operation | " in said


def test_a_chunk_that_crashes_names_itself(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    crashed = {"text": "network a\n", "what": "chunk 3 crashed with status -11", "trace": ""}
    programs.report(3, crashed, tmp_path)
    assert "FAILED in chunk 3: chunk 3 crashed with status -11" in capsys.readouterr().out
    assert (tmp_path / "chunk3.lp").read_text(encoding="utf-8") == "network a\n"


def test_a_run_goes_on_where_it_was_while_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def started(number: int, examples: int, seed: int) -> Tally:
        asked.append(seed)
        failed = number == 1 and len(asked) < 4
        return Tally(drawn=examples, failures=[{"text": "", "what": "no", "trace": ""}] if failed else [])

    monkeypatch.setattr(programs, "started", started)
    monkeypatch.setattr(programs, "version", lambda: "one")
    for again in (False, True):
        assert programs.run(30, 7, 1, 10, tmp_path).drawn == 30
        assert asked == [7_000_000, 7_000_001, 7_000_002, *([7_000_001] if again else [])]  # what failed is tried again
    monkeypatch.setattr(programs, "version", lambda: "two")
    programs.run(30, 7, 1, 10, tmp_path)
    programs.run(30, 8, 1, 10, None)
    assert asked[4:] == [7_000_000, 7_000_001, 7_000_002, 8_000_000, 8_000_001, 8_000_002]


def test_what_is_noted_before_the_line_of_a_failure_is_no_bug(tmp_path: Path) -> None:
    assert (
        verdict._ended(1, "note: the loss of a does not move\ndrawn: the loss is nan at step 3 in block a\n", tmp_path)
        == "drawn: the loss is nan at step 3 in block a"
    )
    with pytest.raises(Bug, match="status 1"):
        verdict._ended(1, "one line\nand another\n", tmp_path)
    with pytest.raises(Bug, match="non-empty"):
        verdict._ended(1, "drawn: stack expects a non-empty TensorList at step 3, drawn.py line 314\n", tmp_path)


def test_a_network_without_any_parameter_runs_to_its_end(tmp_path: Path) -> None:
    text = f"{HEAD}block readout = image\nobjective cross_entropy(readout, label)\nlearn all with backprop\n"
    found = judge(text + TRAIN.format(order="simultaneous"), SIZES, 1, tmp_path)
    assert (found.legal, found.ended) == (True, [""])


def test_tallies_add_up_and_survive_their_file() -> None:
    one, other = Tally(drawn=2, codes=Counter(LP101=1), texts=["a"]), Tally(drawn=3, ended=Counter({"": 2, "no": 1}))
    total = Tally()
    for each in (one, other):
        total.add(tally.read(tally.written(each)))
    assert (total.drawn, total.codes, total.ended, total.texts) == (
        5,
        Counter(LP101=1),
        Counter({"": 2, "no": 1}),
        ["a"],
    )
    assert "- 1 runs: no" in tally.summary(total)
    assert "| LP101 | 1 | 0 |" in tally.summary(total)
    never = tally.summary(total).rpartition("Never given: ")[2]
    assert "LP200" in never and "LP101" not in never


def test_what_never_occurred_is_named() -> None:
    counts = Counter({("loss", "mse"): 3, ("option", "train.epochs"): 2})
    rows = {line.split(" | ")[0].strip("| "): line for line in occurrences.table(counts).splitlines()}
    assert rows["loss"] == "| loss | mse 3 | cross_entropy, binary_cross_entropy |"
    assert "train.epochs 2 |" in rows["option"]
    assert "auto.memory" in rows["option"].rpartition(" | ")[2]


def test_a_file_in_a_folder_is_made_there(tmp_path: Path) -> None:
    text = """network drawn
data image: f32[2], label: class[2] = npz("deep/er/examples.npz")
block readout = image -> linear(2)
objective cross_entropy(readout, label)
learn all with backprop
train epochs = 1, batch = 4, optimizer = sgd(lr = 0.1)
"""
    assert verdict.judge(text, [2], seed=1, folder=tmp_path).ended == [""]
