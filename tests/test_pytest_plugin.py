"""The pytest plug-in: off unless it is asked for, a test a claim, and failures in the program's terms."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import lpc.laws.claims  # noqa: F401 - pytester unloads what a run in this process loads, and NumPy cannot be loaded twice
from lpc import pytest_plugin

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parent.parent
TEXT = """network small
let width = 4
data x: f32[3], y: class[2] = synthetic
block hidden = x -> linear(width) -> tanh
block readout = hidden -> linear(2)
objective cross_entropy(readout, y)
learn all with backprop
train steps = 2, batch = 8, optimizer = sgd(lr = 0.1)
variant tied { learn all with feedback_alignment(feedback = transpose) }
variant random { learn all with feedback_alignment }
"""
CLAIMS = """claim base = tied
    for width in 1..9
claim base = random for width in 2..9
"""
FAST = ("--lp-examples", "2")


@pytest.fixture
def ours(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with a program; the plug-in is loaded by name, whether or not the environment knows its entry point."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p lpc.pytest_plugin -p no:cacheprovider")
    monkeypatch.setattr(pytest_plugin, "SHRINKING", 0.5)
    (pytester.path / "small.lp").write_text(TEXT + CLAIMS, encoding="utf-8")
    return pytester


def test_off_unless_asked_for(ours: pytest.Pytester) -> None:
    assert ours.runpytest_inprocess().ret == pytest.ExitCode.NO_TESTS_COLLECTED
    listed = ours.runpytest_inprocess("--lp", "--collect-only", "-q")
    listed.stdout.fnmatch_lines(
        ["small.lp::claim base = tied for width in 1..9", "small.lp::claim base = random for width in 2..9"]
    )


def test_claims_are_tests(ours: pytest.Pytester) -> None:
    done = ours.runpytest_inprocess("--lp", *FAST)
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(
        [
            "*_ small.lp: claim base = random for width in 2..9 _*",
            "small.lp:13: claim base = random for width in 2..9",
            "  refuted at width = 2: after step 1, `hidden.linear.*` [[]*[]] is * in base and * in random: * apart, * of its movement",
            "  (batches of 8 and 4 examples; seed = 1)",
            "",
            "network small",
            "claim base = random",
        ]
    )
    assert "Traceback" not in done.stdout.str() and "pytest_plugin.py" not in done.stdout.str()


def test_settings(ours: pytest.Pytester) -> None:
    ours.makeini("[pytest]\nlp = true\nlp_examples = 2\nlp_seed = 5\n")
    done = ours.runpytest_inprocess()
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["  (batches of 8 and 4 examples; seed = 5)"])
    ours.makeini("[pytest]\nlp = true\nlp_examples = many\n")
    done = ours.runpytest_inprocess()
    done.stdout.fnmatch_lines(["lp_examples = many: that is no number"])


@pytest.mark.skipif(pytest.version_tuple < (9, 2), reason="pytest before 9.2 takes strings only")
@pytest.mark.parametrize("examples", ["2", '"2"', "2.0"])
def test_settings_in_a_table_of_toml_are_numbers(examples: str, ours: pytest.Pytester) -> None:
    ours.makepyprojecttoml(f"[tool.pytest]\nlp = true\nlp_examples = {examples}\nlp_seconds = 8.5\nlp_seed = 5\n")
    done = ours.runpytest_inprocess()
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["  (batches of 8 and 4 examples; seed = 5)"])


@pytest.mark.skipif(pytest.version_tuple < (9,), reason="pytest before 9 has no such table")
@pytest.mark.parametrize(
    ("examples", "said"),
    [
        ('"many"', "lp_examples = many: that is no number"),
        ('"inf"', "lp_examples = inf: that is no number"),
        ("[3]", "*'lp_examples' expects *, got list: [[]3[]]"),
    ],
)
def test_settings_in_a_table_of_toml_that_are_no_numbers(examples: str, said: str, ours: pytest.Pytester) -> None:
    ours.makepyprojecttoml(f"[tool.pytest]\nlp = true\nlp_examples = {examples}\n")
    done = ours.runpytest_inprocess()
    done.assert_outcomes(failed=2)
    done.stdout.fnmatch_lines([said])
    assert "Traceback" not in done.stdout.str() and "pytest_plugin.py" not in done.stdout.str()


def test_a_program_with_errors_is_one_test_that_says_so(ours: pytest.Pytester) -> None:
    (ours.path / "small.lp").write_text(TEXT.replace("tanh", "tnah") + CLAIMS, encoding="utf-8")
    done = ours.runpytest_inprocess("--lp")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["error[[]LP117[]]: *tnah*", "1 error in small.lp; *"])
    assert "Traceback" not in done.stdout.str()


def test_programs_without_claims_have_no_tests(ours: pytest.Pytester) -> None:
    (ours.path / "small.lp").write_text(TEXT, encoding="utf-8")
    assert ours.runpytest_inprocess("--lp").ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_what_cannot_be_tried_is_skipped_with_a_reason(ours: pytest.Pytester) -> None:
    never = (
        "variant never { train optimizer = sgd(lr = 0.1, momentum = width) }\nclaim base = never for width in 3..4\n"
    )
    (ours.path / "small.lp").write_text(
        TEXT.replace("width = 4", "width = 0.5").replace("(width)", "(4)") + never, encoding="utf-8"
    )
    done = ours.runpytest_inprocess("--lp", "-rs")
    done.assert_outcomes(skipped=1)
    done.stdout.fnmatch_lines(["*not tried: `momentum` of `sgd` must be *"])


def test_claims_twice_have_two_names(ours: pytest.Pytester) -> None:
    (ours.path / "small.lp").write_text(TEXT + "claim base = tied\nclaim base  = tied\n", encoding="utf-8")
    listed = ours.runpytest_inprocess("--lp", "--collect-only", "-q")
    listed.stdout.fnmatch_lines(["small.lp::claim base = tied", "small.lp::claim base = tied (2)"])


def test_it_is_an_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"lpc": "lpc.pytest_plugin"}


def test_loading_it_loads_next_to_nothing() -> None:
    """Every pytest run of an environment with lpc in it pays for this."""
    code = "import sys, pytest; before = set(sys.modules); import lpc.pytest_plugin; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["lpc", "lpc.pytest_plugin", "lpc.version"]
