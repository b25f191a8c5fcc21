"""The package in tests/plugin: an installed package's rule, operation and data source are as good as lpc's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import torch
from hypothesis import given, note, settings
from hypothesis import strategies as st

import lpc
from lpc.interpret.operations import evaluate
from lpc.ir.ops import find
from lpc.ir.types import Tensor
from lpc.laws import check_rule
from lpc.laws.strategies import data_for, legal, programs
from lpc.rules import registry
from lpc.syntax import tree
from lpc.syntax.format import format_file
from tests.laws.translation import batches_of, check, sound

PACKAGE = Path(__file__).resolve().parent.parent / "plugin"
PROGRAM = """network halves

data x, y = moons(examples = 500, noise = 0.1, validation = 20%, test = 50)

block hidden1 = x       -> linear(32) -> hard_tanh
block hidden2 = hidden1 -> linear(32) -> hard_tanh
block readout = hidden2 -> linear(2)

objective cross_entropy(readout, y)

learn all with target_projection

train epochs = 8, batch = 20, optimizer = adam(lr = 1e-2), seed = 1

variant turns { train order = sequential }
"""


@pytest.fixture(autouse=True, scope="module")
def installed() -> None:
    """`make test` installs the package; without it, every test here fails with what to type."""
    missing = "lpc-plugin-example is not installed: pip install --no-deps --no-build-isolation --editable tests/plugin"
    assert any(point.name == "moons" for point in entry_points(group="lpc.data")), missing


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "halves.lp").write_text(PROGRAM, encoding="utf-8")
    return tmp_path


MISSING = """import sys
class Missing:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == {name!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing)
"""


def said(folder: Path, *command: str, status: int = 0, without: str = "") -> str:
    """What a command prints, in a process of its own; `without`: in which a package is as if it were not installed."""
    (folder / "sitecustomize.py").write_text(MISSING.format(name=without) if without else "")
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "NO_COLOR": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


# -- listed, described, checked -----------------------------------------------------------------------------------


def test_its_rule_is_listed_and_described(here: Path) -> None:
    assert "\ntarget_projection " in said(here, "-m", "lpc", "rules")
    page = said(here, "-m", "lpc", "rules", "target_projection")
    for part in ("Direct random target projection", "Frenkel", "scale", "default 1.0", "must be a class label"):
        assert part in page


def test_its_operation_is_listed_and_described(here: Path) -> None:
    assert "\nhard_tanh " in said(here, "-m", "lpc", "ops")
    assert "hard_tanh: x between -1 and 1" in said(here, "-m", "lpc", "ops", "hard_tanh")


def test_names_are_completed(here: Path) -> None:
    completing = (
        "import os; os.environ.update(_LPC_COMPLETE='bash_complete', COMP_WORDS='lpc rules target', COMP_CWORD='2')"
    )
    assert "target_projection" in said(here, "-c", f"{completing}\nfrom lpc.cli import main\nmain()")


@pytest.mark.parametrize(
    ("wrong", "code", "near"),
    [
        ("target_projektion", "LP300", "target_projection"),
        ("hard_tan", "LP117", "hard_tanh"),
        ("moon", "LP500", "moons"),
    ],
)
def test_misspelt_names_are_told_its_own(wrong: str, code: str, near: str) -> None:
    (found,) = lpc.check(PROGRAM.replace(near, wrong, 1), variant="base").errors
    assert found.code == code
    assert found.edit is not None
    assert found.edit.text == near


def test_a_program_of_all_three_is_checked_and_explained(here: Path) -> None:
    assert "no errors in halves.lp" in said(here, "-m", "lpc", "check", "halves.lp")
    text = said(here, "-m", "lpc", "explain", "halves.lp")
    for part in ("moons(examples = 500, noise = 0.1", "seed = 1", "x: f32[2], y: class[2]", "target_projection"):
        assert part in text
    assert lpc.explain(PROGRAM).rule_parameters == 2 * 2 * 32


def test_compiling_loads_no_tensors(here: Path) -> None:
    compiling = "import lpc, pathlib, sys; lpc.compile(pathlib.Path('halves.lp'))"
    assert said(here, "-c", f"{compiling}; print(sorted({{'torch', 'numpy'}} & {{*sys.modules}}))") == "[]\n"


def test_the_documentation_shows_how_its_data_are_read() -> None:
    page = (PACKAGE.parent.parent / "docs" / "design.md").read_text(encoding="utf-8")
    shown = page[page.index("def load_data(") :].partition("```")[0]
    assert f"\n\n\n{shown}\n\n# -- " in lpc.compile(PROGRAM.replace(", test = 50", "")).text


# -- trained ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["base", "turns"])
def test_its_script_trains(here: Path, variant: str) -> None:
    said(here, "-m", "lpc", "run", "halves.lp", "--variant", variant, "--out", "out", "--quiet")
    result = json.loads((here / "out" / "result.json").read_text())
    assert result["data"]["examples"] == {"train": 350, "validation": 100, "test": 50}
    assert result["data"]["source"] == "moons"
    assert result["test"]["accuracy"] > 0.75
    assert result["rules"] == dict.fromkeys(("hidden1", "hidden2", "readout"), "target_projection")
    moved = torch.load(here / "out" / "model.pt", weights_only=True)
    said(here, "-m", "lpc", "run", "halves.lp", "--variant", variant, "--out", "start", "--quiet", "--epochs", "0")
    start = torch.load(here / "start" / "model.pt", weights_only=True)
    assert [name for name, tensor in start.items() if torch.equal(tensor, moved[name])] == []


@pytest.mark.slow
def test_a_script_needs_the_package_for_its_data_alone(here: Path) -> None:
    said(here, "-m", "lpc", "compile", "halves.lp", "-o", "train.py")
    text = said(here, "train.py", "--out", "out", status=2, without="lpc_example")
    assert text == "halves: moons data come with the package lpc-plugin-example: No module named 'lpc_example'\n"
    assert not (here / "out").exists()
    said(here, "train.py", "--data", "synthetic", "--epochs", "1", "--out", "out", "--quiet", without="lpc_example")
    assert (here / "out" / "result.json").exists()
    said(here, "-c", "from train import Network; Network()", without="lpc_example")
    said(here, "train.py", "--epochs", "1", "--out", "more", "--quiet", without="lpc")


# -- what the script does is what the definitions say -------------------------------------------------------------


def test_hard_tanh_is_what_torch_computes_and_its_shape() -> None:
    operation = find("hard_tanh")
    assert operation is not None
    x = torch.tensor([[-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0]], dtype=torch.float64, requires_grad=True)
    made, wanted = evaluate("hard_tanh", {}, [x], {}, training=True), torch.nn.functional.hardtanh(x)
    assert torch.equal(made, wanted)
    assert torch.equal(torch.autograd.grad(made.sum(), x)[0], torch.autograd.grad(wanted.sum(), x)[0])
    assert operation.infer((Tensor((3, 4)),), {}) == Tensor((3, 4))
    assert operation.flops((Tensor((3, 4)),), Tensor((3, 4)), {}) == 12


def test_moons_are_two_half_circles() -> None:
    (point,) = entry_points(group="lpc.data", name="moons")
    module, _, name = point.load().reader.partition(":")
    moons = getattr(__import__(module, fromlist=[name]), name)
    x, y = moons(examples=101, noise=0.0, seed=1)
    assert (x.shape, y.bincount().tolist()) == ((101, 2), [51, 50])
    centres = torch.tensor([[0.0, 0.0], [1.0, 0.5]])
    assert torch.allclose(torch.linalg.vector_norm(x - centres[y], dim=1), torch.ones(101), atol=1e-6)
    noisy = [moons(examples=101, noise=0.2, seed=seed)[0] for seed in (1, 1, 2)]
    assert torch.equal(noisy[0], noisy[1])
    assert not torch.equal(noisy[0], noisy[2])
    assert 0.15 < float((noisy[0] - x).std()) < 0.25


@pytest.mark.parametrize("order", ["simultaneous", "sequential"])
def test_the_program_does_what_the_interpreter_does(order: str) -> None:
    program = sound(PROGRAM.replace("seed = 1\n", f"seed = 1, precision = f64, order = {order}\n"))
    check(program, batches_of(program))


@pytest.mark.parametrize("rules", [["target_projection"], ["target_projection", "mono_forward", "backprop"]])
def test_random_programs_do_what_the_interpreter_does(rules: list[str]) -> None:
    @given(programs(rules=rules, blocks=5), st.data())
    @settings(max_examples=25)
    def property_(file: tree.File, data: st.DataObject) -> None:
        note(format_file(file))
        program = legal(file)
        check(program, data.draw(data_for(program)))

    property_()


@pytest.mark.slow
def test_its_laws_and_those_of_every_program_hold() -> None:
    found = check_rule(registry.find("target_projection"), examples=6)
    assert "no error comes down" in {tried.name for tried in found if tried.examples}


def test_the_rule_is_shown_whole_in_fewer_than_sixty_lines() -> None:
    text = (PACKAGE / "lpc_example" / "rule.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60
    assert text in (PACKAGE.parent.parent / "docs" / "own_rule.md").read_text(encoding="utf-8")


def test_the_rule_is_the_papers_equation() -> None:
    """δ = Y B / n at a hidden block's output, times hard tanh's derivative; the output block has its own error."""
    from lpc.laws.validation import exactly, interpreter_of

    program = sound(PROGRAM.replace("adam(lr = 1e-2)", "sgd(lr = 0.5)"))
    (batch,) = batches_of(program, sizes=[7])
    with exactly(seed=1):
        reference = interpreter_of(program)
        before = {name: tensor.clone() for name, tensor in reference.state.items()}
        reference.step(program.plan.phases[0], batch, 0)
    h, label = batch["x"], torch.eye(2, dtype=torch.float64)[batch["y"]]
    for block in ("hidden1", "hidden2", "readout"):
        weight, bias = before[f"{block}.linear.weight"], before[f"{block}.linear.bias"]
        z = h @ weight.T + bias
        if block == "readout":
            delta = (z.softmax(1) - label) / 7
        else:
            delta = label @ before[f"{block}.target_projection.matrix"] / 7 * (z.abs() < 1)
        for name, tensor, gradient in (("weight", weight, delta.T @ h), ("bias", bias, delta.sum(0))):
            torch.testing.assert_close(reference.state[f"{block}.linear.{name}"], tensor - 0.5 * gradient)
        h = z.clamp(-1, 1)
    bound = (6 / 32) ** 0.5
    matrix = before["hidden1.target_projection.matrix"]
    assert 0.9 * bound < float(matrix.abs().max()) <= bound
    assert torch.equal(reference.state["hidden1.target_projection.matrix"], matrix)


# -- what it may not change ---------------------------------------------------------------------------------------


def test_a_program_that_does_not_name_it_means_what_it_meant() -> None:
    assert "target_projection" in registry.names()
    assert "target_projection" not in registry.general()


def test_lpc_does_not_name_it() -> None:
    words = ("lpc_example", "lpc-plugin-example", "hard_tanh", "moons")
    files = [path for path in Path(lpc.__file__).parent.rglob("*") if path.suffix in {".py", ".j2"}]
    assert [path for path in files if any(word in path.read_text(encoding="utf-8") for word in words)] == []


def test_it_is_short() -> None:
    assert len((PACKAGE / "lpc_example" / "rule.py").read_text(encoding="utf-8").splitlines()) < 60
