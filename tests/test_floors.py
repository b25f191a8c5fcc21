"""The house: which floor may import which, who may name a rule, what each command loads."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LPC = ROOT / "lpc"

# From the ground up. `runtime` stands beside the house: its modules are inlined into scripts.
FLOORS = (
    "version",
    "plugins",
    "source",
    "diagnostics",
    "render",
    "report_formats",
    "syntax",
    "ir",
    "rules",
    "passes",
    "codegen",
    "interpret",
    "laws",
    "lab",
    "editor",
    "cli",
    "pytest_plugin",
    "__init__",
    "__main__",
)
ABOVE_TORCH = frozenset({"runtime", "interpret", "laws", "lab"})
HOMES = {
    "torch": ABOVE_TORCH,
    "numpy": ABOVE_TORCH,
    "sklearn": ABOVE_TORCH,
    "scipy": frozenset({"lab"}),
    "matplotlib": frozenset({"lab"}),
    "optuna": frozenset({"lab"}),
    "sqlalchemy": frozenset({"lab"}),
    "mlflow": frozenset({"lab"}),
    "hypothesis": frozenset({"laws"}),
    "jinja2": frozenset({"codegen", "lab"}),  # scripts, and pages of reports
    "lark": frozenset({"syntax"}),
    "click": frozenset({"cli"}),
    "networkx": frozenset({"ir", "passes", "codegen", "interpret", "laws", "lab"}),
}
"""Libraries that only some floors may import, even inside a function."""
RUNTIME_MAY_IMPORT = frozenset({"torch", "numpy", "sklearn", "pynvml", "amdsmi", "tqdm"})

RULES = (
    "backprop",
    "mono_forward",
    "forward_forward",
    "cascaded_forward",
    "direct_feedback_alignment",
    "feedback_alignment",
    "predictive_coding",
    "dual_propagation",
    "deep_supervision",
    "random_features",
)
RULE_NAME = re.compile("|".join(re.escape(name) for name in RULES).replace("backprop", "backprop(?!agat)"))
RULE_CLASS = re.compile("|".join(name.replace("_", "") for name in RULES).replace("backprop", "backprop(?!agat)"))
EXAMPLES = frozenset({"bad", "good", "example"})
"""Attributes that hold whole `.lp` programs: documentation, which has to name rules."""


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def floor_of(module: tuple[str, ...]) -> str:
    """The floor of `("lpc", "ir", "types")`: `ir`; of `("lpc",)`: `__init__`."""
    return module[1] if len(module) > 1 else "__init__"


def imported(path: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Line and dotted name, in parts, of every module a file imports, wherever in the file; relative names resolved."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, tuple(alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            base = (*start, *(node.module.split(".") if node.module else ()))
            if base == ("lpc",):  # `from lpc import ir` names a module, `from lpc import check` a function of the face
                for alias in node.names:
                    yield node.lineno, (*base, alias.name) if alias.name in FLOORS else base
            else:
                yield node.lineno, base


def misplaced_imports(path: Path) -> Iterator[str]:
    here = floor_of(path.relative_to(ROOT).with_suffix("").parts)
    if here not in (*FLOORS, "runtime"):
        yield f"{relative(path)}: on no floor; give `{here}` one in {Path(__file__).name}"
        return
    for line, module in imported(path):
        where, top = f"{relative(path)}:{line}", module[0]
        if here not in HOMES.get(top, {here}):
            yield f"{where}: only {', '.join(sorted(HOMES[top]))} may import {top}"
        if here == "runtime":
            if (
                module[:2] != ("lpc", "runtime")
                and top not in RUNTIME_MAY_IMPORT
                and top not in sys.stdlib_module_names
            ):
                yield f"{where}: a script could not take {'.'.join(module)} along"
        elif top == "lpc" and floor_of(module) == "runtime":
            if FLOORS.index(here) < FLOORS.index("interpret"):
                yield f"{where}: {here} imports runtime, which imports torch"
        elif top == "lpc" and FLOORS.index(floor_of(module)) > FLOORS.index(here):
            yield f"{where}: {here} imports {floor_of(module)}, a floor above it"


@pytest.mark.parametrize("path", python_files("lpc"), ids=relative)
def test_imports_go_down_only(path: Path) -> None:
    assert list(misplaced_imports(path)) == []


def test_the_import_test_sees_what_it_should(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    module = tmp_path / "lpc" / "ir" / "network.py"
    module.parent.mkdir(parents=True)
    module.write_text(
        "import networkx\nfrom lpc.source import Span\nfrom . import types\nfrom ..syntax import tree\n"
        "from lpc import rules\nfrom ..passes.pipeline import run\ndef f():\n    import numpy.linalg\nimport lpc.runtime.meter\n"
    )
    assert [complaint.split(": ", 1)[0] for complaint in misplaced_imports(module)] == [
        f"lpc/ir/network.py:{line}" for line in (5, 6, 9, 8)
    ]


def is_documentation(node: ast.AST) -> bool:
    """Docstrings, and what is assigned or passed as a program to show."""
    match node:
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)) | ast.keyword(arg=name):
            return name in EXAMPLES
        case _:
            return False


def rule_names(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of every identifier and string that names a rule, documentation aside."""
    if is_documentation(node):
        return
    line = getattr(node, "lineno", 0)
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and RULE_NAME.search(node.value):
        yield line, node.value
    for field in ("id", "attr", "arg", "name", "module"):
        word = getattr(node, field, None)
        if isinstance(word, str) and RULE_CLASS.search(word.lower().replace("_", "")):
            yield line, word
    for child in ast.iter_child_nodes(node):
        yield from rule_names(child)


NOT_RULES = [path for path in python_files("lpc") if LPC / "rules" not in path.parents and path.stem != "examples"]
"""A module named `examples` holds programs to show."""


@pytest.mark.parametrize("path", NOT_RULES, ids=relative)
def test_rules_are_named_on_their_own_floor_only(path: Path) -> None:
    assert list(rule_names(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_templates_name_no_rule() -> None:
    texts = {relative(path): path.read_text(encoding="utf-8") for path in sorted(LPC.rglob("*.j2"))}
    assert {name: found for name, text in texts.items() if (found := RULE_NAME.findall(text))} == {}


def test_the_rule_name_test_sees_what_it_should() -> None:
    text = '''"""Backprop is backprop."""
class Found:
    """As mono_forward does."""
    bad = "learn all with backprop"
    good: ClassVar[str] = ("learn all " "with backprop")
    entry = Entry(example="learn all with backprop")
    reason: str
    """Why forward_forward."""
    title = "backpropagation is a word, not a rule"
def f(kind, mono_forward=1):
    if kind == "backprop": return PredictiveCoding()
    return f"{kind} and feedback_alignment"
'''
    assert sorted(rule_names(ast.parse(text))) == [
        (10, "mono_forward"),
        (11, "PredictiveCoding"),
        (11, "backprop"),
        (12, " and feedback_alignment"),
    ]


def test_a_file_is_one_idea() -> None:
    files = python_files("lpc", "tests", "benchmarks")
    too_long = {relative(path): n for path in files if (n := len(path.read_text(encoding="utf-8").splitlines())) > 500}
    assert too_long == {}
    catch_alls = {"util", "utils", "helper", "helpers", "common", "misc"}
    assert [relative(path) for path in files if catch_alls & {path.stem, *path.relative_to(ROOT).parts[:-1]}] == []


MODULES_LOADED = """
import runpy, sys
sys.argv[0] = "lpc"
code = 0
try:
    runpy.run_module("lpc", run_name="__main__", alter_sys=True)
except SystemExit as exit:
    code = exit.code
finally:
    sys.stdout.flush()
    print("modules:", *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(code)
"""
GRAPHS_AND_TEMPLATES = frozenset({"networkx", "jinja2", "torch", "numpy", "sklearn", "scipy", "matplotlib"})
TENSORS = frozenset({"torch", "numpy", "sklearn", "scipy", "matplotlib"})


def loaded(arguments: list[str], folder: Path, environment: dict[str, str] | None = None) -> set[str]:
    """The top-level modules in a process that has just done `lpc ARGUMENTS`, which must succeed."""
    done = subprocess.run(
        [sys.executable, "-c", MODULES_LOADED, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **(environment or {})},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return set(done.stderr.rpartition("modules:")[2].split())


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """The folder of a copy of examples/digits.lp."""
    (tmp_path / "digits.lp").write_bytes((ROOT / "examples" / "digits.lp").read_bytes())
    return tmp_path


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["fmt", "--help"], ["fmt", "--check", "digits.lp"]])
def test_start_up_loads_neither_graphs_nor_templates(arguments: list[str], digits: Path) -> None:
    assert loaded(arguments, digits) & GRAPHS_AND_TEMPLATES == set()


def test_completion_loads_neither_graphs_nor_templates(digits: Path) -> None:
    completing = {"_LPC_COMPLETE": "bash_complete", "COMP_WORDS": "lpc ch", "COMP_CWORD": "1"}
    modules = loaded([], digits, completing)
    assert "click" in modules
    assert modules & GRAPHS_AND_TEMPLATES == set()


@pytest.mark.parametrize("arguments", [["check"], ["explain"], ["compile", "-o", "train.py"]])
def test_compiling_loads_no_tensors(arguments: list[str], digits: Path) -> None:
    modules = loaded([*arguments, "digits.lp"], digits)
    assert "lark" in modules
    assert modules & TENSORS == set()
